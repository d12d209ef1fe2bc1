/**
 * What passes between the steps of a call: the exchange on its way down, the outcome on its way up. A step decides
 * about one thing, before the steps behind it and after them; what goes wrong upstream is an outcome, and only what ends
 * the call here is thrown. A call has one exchange, on which a step notes what it found. Copies of it, and a promise for
 * each step that merely passes on what the next one says, would add half as much again to the memory of a call under way.
 */
import type { UpstreamFault } from '../errors.ts';
import type { Lane, UpstreamTally } from './call-context.ts';
import type { EndpointGroup, Method } from './request.ts';

export interface Exchange {
  readonly requestId: string;
  readonly group: EndpointGroup;
  readonly method: Method;
  /** Path and query, encoded. */
  readonly target: string;
  /** The path with its ids left out: for logs, metrics and messages. */
  readonly route: string;
  /** The token's among them, once there is one. */
  readonly headers: Record<string, string>;
  readonly body: string | undefined;
  /** Whether the body goes in chunks, without its length in front. */
  readonly chunked: boolean;
  /** Whether it may be sent again when nobody knows whether it took effect. */
  readonly repeatable: boolean;
  readonly accept: readonly number[];
  readonly inFlight: { readonly key: string; readonly max: number } | undefined;
  /** First backoff, milliseconds. */
  readonly retryBaseMs: number;
  readonly missingRetryAfterMs: number | undefined;
  readonly lane: Lane;
  readonly tally: UpstreamTally;
  /** The caller gives up: ends every wait and the socket. */
  readonly signal: AbortSignal | undefined;
  /** Fewer tries than the lane's. */
  readonly maxAttempts: number | undefined;
  /** What the caller must still have for a write to be sent: a lease. */
  readonly hold: Hold | undefined;
  /** The client ends: so does every wait. */
  stopped: AbortSignal | undefined;
  /** Milliseconds of the monotonic clock. */
  deadlineAt: number | undefined;
  /** 1 for the first try. */
  attempt: number;
  /** The breaker's, of this try. */
  era: number;
  /** The limiter's, of this try, from its turn to its end. */
  place: Place | undefined;
  /** How long this try may take, milliseconds, and until when, in the same milliseconds as the deadline. */
  tryMs: number;
  tryEndsAt: number | undefined;
  /** The token this try was sent with. */
  token: Token | undefined;
}

/** A place under the rate limit, from a request's turn until the second after its arrival is over. */
export interface Place {
  /** Whose it is; undefined for an import's. */
  readonly caller: string | undefined;
  stage: 'unsent' | 'sent' | 'answered' | 'free';
  sentAt: number | undefined;
  /** When it comes free, as far as that is known. */
  freeAt: number;
}

/** An access token, and what is known of it. Times are monotonic milliseconds. */
export interface Token {
  readonly value: string;
  readonly fetchedAt: number;
  readonly renewAt: number;
  readonly endsAt: number;
  /** Its predecessor was refused, and itself it was not accepted so far. */
  doubtful: boolean;
}

/** Something that is lost by mere time, so that a process that was paused must look before it writes. */
export interface Hold {
  /** Looks at the monotonic clock, and asks nobody. */
  isHeld(): boolean;
}

/** What HTTP tells of a request while it is under way. */
export interface WireEvents<Request> {
  /** Asked when a socket is there, right before anything is written to it. */
  refusal(request: Request): WireRefusal | undefined;
  /** The request is being written to a connected socket. */
  onSent(request: Request): void;
  /** The head of its answer is here, so it surely had arrived. */
  onAnswered(request: Request): void;
}

/** Why a request is not written after all: the process was paused, and what it had was given to others meanwhile. */
export interface WireRefusal {
  readonly reason: string;
  /** Trying again would bring the same. */
  readonly lasting: boolean;
}

/** Whether an outcome says that the group is over its limit. A 429 that the call accepts speaks of the thing it asked for alone. */
export function isThrottled(exchange: Exchange, outcome: Outcome): boolean {
  return outcome.kind === 'answer' && outcome.status === 429 && !exchange.accept.includes(429);
}

/** CXone answered with a whole HTTP message. */
export interface AnswerOutcome {
  kind: 'answer';
  status: number;
  /** Parsed JSON; undefined where there was none. */
  body: unknown;
  etag: string | undefined;
  upstreamRequestId: string | undefined;
  /** Above 0; undefined where it was missing, unreadable or past. */
  retryAfterMs: number | undefined;
  latencyMs: number;
  /** Set where an earlier try of the call may have taken effect. */
  isRepeat?: true;
}

/** No usable answer. */
export interface FailureOutcome {
  kind: 'failure';
  fault: Exclude<UpstreamFault, 'refused'>;
  /** How far the try got: `token` and `connect`: the request was certainly not sent. `upstream`: it may have been applied. */
  reached: 'token' | 'connect' | 'upstream';
  /** What happened, as a clause: "the connection was reset". Holds nothing that came from upstream. */
  reason: string;
  status?: number | undefined;
  upstreamRequestId?: string | undefined;
  /** The try took all the time it had. */
  timedOut?: boolean | undefined;
  /** Trying again would bring the same. */
  lasting?: boolean | undefined;
  /** Cut short on our side, for want of time or because it must not be sent any more: says nothing about CXone. */
  hurried?: boolean | undefined;
  latencyMs: number;
  cause?: unknown;
}

export type Outcome = AnswerOutcome | FailureOutcome;

/** Whether the call changes something upstream. */
export function isWrite(exchange: Exchange): boolean {
  return exchange.method !== 'GET';
}
