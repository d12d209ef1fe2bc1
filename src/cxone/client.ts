/**
 * The client every call to CXone goes through, and the one place where the order of its steps stands. It knows no
 * resource: what is asked and how the answer is checked comes with each request.
 */
import type { z } from 'zod';
import type { Clock } from '../clock.ts';
import { GatewayError, UpstreamError, ValidationError } from '../errors.ts';
import { createAttemptTimeout } from './attempt-timeout.ts';
import type { CallContext } from './call-context.ts';
import { type CircuitState, createCircuitBreaker, TURNED_AWAY } from './circuit-breaker.ts';
import { createDeadline } from './deadline.ts';
import { unknownOutcome } from './failures.ts';
import { createHttp, type HttpAnswer } from './http.ts';
import { missingRetryAfterMs } from './limits.ts';
import { type AttemptReport, reportOf } from './observe.ts';
import { createPages, type Pages } from './pages.ts';
import { createRateLimiter } from './rate-limiter.ts';
import { readAnswer } from './read-answer.ts';
import type { CxoneReply, CxoneRequest, EndpointGroup } from './request.ts';
import { requestTarget, routeTemplate } from './request-target.ts';
import { createRetry } from './retry.ts';
import { createRetryBudget } from './retry-budget.ts';
import type { SharedLimit } from './shared-limit.ts';
import {
  type AnswerOutcome,
  type Exchange,
  type FailureOutcome,
  type Hold,
  isWrite,
  type Outcome,
  type Token,
  type WireEvents,
  type WireRefusal,
} from './step.ts';
import { type Credentials, createTokens } from './token.ts';

export type { CxoneAnswer, CxoneRefusal, CxoneReply, CxoneRequest, EndpointGroup } from './request.ts';

export interface UpstreamGroupStatus {
  group: EndpointGroup;
  circuit: CircuitState;
  inFlight: number;
  /** Waiting for their place under the rate limit. */
  queued: number;
  /** Requests sent since the start. */
  requests: number;
  retries: number;
  /** Answers 429. */
  rateLimited: number;
  /** As it is now: this process's share, less what 429s took. */
  limitPerSecond: number;
}

export interface CxoneClient extends Pages {
  /**
   * Sends one call, with all waiting and retrying that is safe.
   *
   * @throws ValidationError nothing was sent: an id or a header is malformed
   * @throws RateLimitedError not applied: CXone's limit, or our queue, or the circuit that 429s opened
   * @throws UpstreamError not applied: CXone refused or failed (see `fault`)
   * @throws OutcomeUnknownError a write that may have been applied: read back
   * @throws the reason of `call.signal`, where it aborted and nothing can have been applied
   */
  send<T, Accepted extends number = never>(
    request: CxoneRequest<T, Accepted>,
    call: CallContext,
  ): Promise<CxoneReply<T, NoInfer<Accepted>>>;
  status(): UpstreamGroupStatus[];
  /** Resolves when a call of this group would be let through: circuit and Retry-After have passed. For work that parks. */
  whenAvailable(group: EndpointGroup, signal?: AbortSignal): Promise<void>;
  /** The monotonic time, milliseconds, before which a call of this group is not sent; in the past where it is. */
  availableAt(group: EndpointGroup): number;
  /** CXone's limits as several processes share them: each group's requests a second, and the calls in flight per address book. */
  readonly sharedLimits: readonly SharedLimit[];
  /** What another process learned from a 429: no request of the group for `waitMs`; and slower ones, where it was just now. */
  slowDown(group: EndpointGroup, learned: { waitMs: number; isFresh: boolean }): void;
  /** Ends every call under way and all sockets. Let calls finish first: a write that is cut has an unknown outcome. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface CxoneClientOptions {
  /** See `cxoneHost`. */
  baseUrl: string;
  credentials: Credentials;
  /** Requests per second. */
  limits: Readonly<Record<EndpointGroup, number>>;
  /** Longest one try may take, milliseconds. */
  timeoutMs: number;
  /** First backoff, milliseconds. */
  retryBaseMs: { segments: number; other: number };
  clock: Clock;
  /** 0 to below 1. */
  random: () => number;
  log?: { debug(fields: object, message: string): void };
  /** Told of every try that ended, for metrics. */
  onAttempt?: (report: AttemptReport) => void;
  /**
   * Told what a 429 taught, for the other processes: not to send for so many milliseconds (0: only to be slower). The
   * call that met it waits for the promise.
   */
  onSlowDown?: (group: EndpointGroup, waitMs: number) => Promise<void>;
  /** Asked as each call begins: what its caller must still have when it is sent, where it is a write. */
  currentHold?: () => Hold | undefined;
}

const HOLD_LOST: WireRefusal = {
  reason: 'the gateway was interrupted for so long that others may have taken over',
  lasting: true,
};

export function createCxoneClient(options: CxoneClientOptions): CxoneClient {
  const { baseUrl, credentials, limits, timeoutMs, retryBaseMs, clock, random, log, onAttempt, onSlowDown } = options;
  const tokenHttp = createHttp({ baseUrl, clock });
  const deadline = createDeadline({ clock });
  const tokens = createTokens({ http: tokenHttp, credentials, timeoutMs, clock, random });
  const attemptTimeout = createAttemptTimeout({ timeoutMs, clock });
  const observe = (report: AttemptReport) => {
    log?.debug(report, 'CXone was called');
    onAttempt?.(report);
  };

  function createGroup(group: EndpointGroup) {
    const counts = { requests: 0, retries: 0, rateLimited: 0 };
    const http = createHttp({ baseUrl, clock });
    const limiter = createRateLimiter({
      group,
      limit: limits[group],
      clock,
      onSlowDown: (waitMs) => onSlowDown?.(group, waitMs),
    });
    const breaker = createCircuitBreaker({ group, clock, turnAway: limiter.turnAway });
    const retry = createRetry({
      budget: createRetryBudget(),
      clock,
      random,
      onRetry: () => {
        counts.retries++;
      },
    });

    const wire: WireEvents<Exchange> = {
      refusal(exchange) {
        // Reading does no harm, and may be what finds out how a write ended.
        return isWrite(exchange) && exchange.hold?.isHeld() === false ? HOLD_LOST : limiter.refusal(exchange);
      },
      onSent(exchange) {
        counts.requests++;
        exchange.tally.calls++;
        limiter.onSent(exchange);
      },
      onAnswered: limiter.onAnswered,
    };

    function send(exchange: Exchange, token: Token | FailureOutcome): Promise<HttpAnswer | FailureOutcome> {
      if ('kind' in token) return Promise.resolve(token);
      exchange.token = token;
      exchange.headers.authorization = `Bearer ${token.value}`;
      return http.exchange(exchange, wire);
    }

    function sendWithToken(exchange: Exchange): Promise<HttpAnswer | FailureOutcome> {
      const token = tokens.take(exchange);
      return token instanceof Promise ? token.then((taken) => send(exchange, taken)) : send(exchange, token);
    }

    /** What the end of a try means, which is also told to whoever is to know. */
    function conclude(exchange: Exchange, end: HttpAnswer | FailureOutcome): Outcome {
      const { token, accept, missingRetryAfterMs } = exchange;
      let outcome = end.kind === 'answer' ? readAnswer(end, missingRetryAfterMs, clock) : end;
      if (outcome.status === 429 && !accept.includes(429)) counts.rateLimited++;
      if (outcome.kind === 'failure') outcome = attemptTimeout.explain(exchange, outcome);
      else if (token) tokens.note(token, outcome.status);
      observe(reportOf(exchange, outcome));
      return outcome;
    }

    /** One try: in by this order, out by the opposite one. */
    async function tryOnce(exchange: Exchange): Promise<Outcome> {
      for (;;) {
        const closed = breaker.enter(exchange);
        if (closed !== undefined) await closed;
        let outcome: Outcome | undefined;
        try {
          const turn = limiter.enter(exchange);
          if (turn !== undefined) await turn;
          try {
            attemptTimeout.begin(exchange);
            outcome = conclude(exchange, await sendWithToken(exchange));
          } finally {
            const told = limiter.leave(exchange, outcome);
            if (told !== undefined) await told;
          }
          return outcome;
        } catch (error) {
          if (error !== TURNED_AWAY) throw error;
        } finally {
          breaker.leave(exchange, outcome);
        }
      }
    }

    function call(exchange: Exchange): Promise<AnswerOutcome> {
      deadline.begin(exchange);
      return retry(exchange, tryOnce);
    }
    return { call, counts, http, limiter, breaker };
  }

  const groups = {
    addressBooks: createGroup('addressBooks'),
    records: createGroup('records'),
    outbound: createGroup('outbound'),
    enrichment: createGroup('enrichment'),
    segments: createGroup('segments'),
  } satisfies Record<EndpointGroup, unknown>;

  async function send<T, Accepted extends number = never>(
    request: CxoneRequest<T, Accepted>,
    context: CallContext,
  ): Promise<CxoneReply<T, Accepted>> {
    const exchange = toExchange(request, context, { retryBaseMs, hold: options.currentHold?.() });
    const answer = await groups[request.group].call(exchange);
    if (answer.status < 300) answer.body = checkBody(request.answer, exchange, answer);
    // The status says which of the two forms it is; TypeScript cannot follow a number through a conditional type.
    return answer as unknown as CxoneReply<T, Accepted>;
  }

  const availableAt = (group: EndpointGroup) =>
    Math.max(groups[group].breaker.openUntil(), groups[group].limiter.pausedUntil());

  return {
    send,
    ...createPages({ send, clock }),
    status: () =>
      Object.entries(groups).map(([group, { counts, limiter, breaker }]) => ({
        // Object.entries loses the type of the keys.
        group: group as EndpointGroup,
        circuit: breaker.state(),
        ...limiter.status(),
        ...counts,
      })),
    availableAt,
    async whenAvailable(group, signal) {
      for (;;) {
        await groups[group].breaker.whenClosable(signal);
        const waitMs = availableAt(group) - clock.monotonic();
        if (waitMs <= 0) return;
        await clock.sleep(Math.ceil(waitMs), signal);
      }
    },
    sharedLimits: [
      ...Object.values(groups).map(({ limiter }) => limiter.limits.rate),
      groups.addressBooks.limiter.limits.inFlight,
    ],
    slowDown: (group, learned) => groups[group].limiter.slowDown(learned),
    async [Symbol.asyncDispose]() {
      deadline.endAll(new GatewayError('UNAVAILABLE', 'The gateway is stopping. Try again in a moment.'));
      const all = Object.values(groups);
      for (const { limiter } of all) limiter[Symbol.dispose]();
      await Promise.all([tokenHttp, ...all.map(({ http }) => http)].map((http) => http[Symbol.asyncDispose]()));
    },
  };
}

function toExchange(
  request: CxoneRequest<unknown, number>,
  { requestId, lane, signal, deadlineAt, maxAttempts, tally }: CallContext,
  { retryBaseMs, hold }: Pick<CxoneClientOptions, 'retryBaseMs'> & Pick<Exchange, 'hold'>,
): Exchange {
  const { group, method, path, query, accept = [], inFlight } = request;
  const body = toBody(request.body);
  return {
    requestId,
    group,
    method,
    target: requestTarget(path, query),
    route: routeTemplate(path),
    headers: toHeaders(request.headers, body !== undefined),
    body,
    chunked: request.chunked ?? false,
    repeatable: (request.repeatable ?? (method === 'GET' ? 'always' : 'never')) === 'always',
    accept,
    inFlight,
    retryBaseMs: request.retryBaseMs ?? (group === 'segments' ? retryBaseMs.segments : retryBaseMs.other),
    missingRetryAfterMs: request.missingRetryAfterMs ?? missingRetryAfterMs(group),
    lane,
    tally,
    signal,
    maxAttempts,
    hold,
    stopped: undefined,
    deadlineAt,
    attempt: 1,
    era: 0,
    place: undefined,
    tryMs: 0,
    tryEndsAt: undefined,
    token: undefined,
  };
}

function toBody(body: unknown): string | undefined {
  if (body === undefined) return undefined;
  if (typeof body === 'object' && body !== null && 'json' in body && typeof body.json === 'string') {
    if (Object.keys(body).length === 1) return body.json;
  }
  return JSON.stringify(body);
}

function toHeaders(own: Readonly<Record<string, string>> = {}, hasBody: boolean): Record<string, string> {
  const headers: Record<string, string> = {
    accept: 'application/json',
    // What is not compressed cannot be a bomb.
    'accept-encoding': 'identity',
  };
  if (hasBody) headers['content-type'] = 'application/json';
  for (const [name, value] of Object.entries(own)) {
    if (!/^[\x20-\x7e]{0,1024}$/.test(value)) {
      const message = `The header ${name} takes at most 1024 printable ASCII characters.`;
      throw new ValidationError([{ path: [], code: 'INVALID_HEADER', message }]);
    }
    headers[name] = value;
  }
  return headers;
}

/** Names the paths that did not fit, never what stood there. */
function checkBody<T>(schema: z.ZodType<T>, exchange: Exchange, { body, status, upstreamRequestId }: AnswerOutcome): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.slice(0, 3).map(({ path, code, message }) => {
    // Keys that a schema does not know come from outside: only their place is told.
    const what = code === 'unrecognized_keys' ? 'unknown keys' : message;
    return `${path.map(String).join('.') || 'the body'}: ${what}`;
  });
  const error = new UpstreamError(
    `CXone's answer to ${exchange.method} ${exchange.route} does not fit: ${faults.join('; ')}.`,
    { fault: 'badResponse', status, upstreamRequestId },
  );
  throw isWrite(exchange) ? unknownOutcome(exchange, error, upstreamRequestId) : error;
}
