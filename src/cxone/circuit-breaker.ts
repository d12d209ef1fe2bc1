/**
 * The circuit breaker of one endpoint group: while CXone refuses or fails in a row, it is left alone, and then asked by
 * one call at a time. Terms as in cockatiel, which this is not: it can neither tell 429s from other failures nor let
 * some callers wait for the half-open circuit while others fail at once.
 */
import type { Clock } from '../clock.ts';
import { GatewayError, RateLimitedError, UpstreamError } from '../errors.ts';
import { endOf, endSignal } from './deadline.ts';
import { CIRCUIT, MAX_WAITING } from './limits.ts';
import type { EndpointGroup } from './request.ts';
import { type Exchange, isThrottled, type Outcome } from './step.ts';

export type CircuitState = 'CLOSED' | 'OPEN' | 'HALF_OPEN';

export interface CircuitBreaker {
  /** Lets a try go on: at once, or when the promise resolves. Rejects where it must not. */
  enter(exchange: Exchange): Promise<void> | undefined;
  /** The try has ended, with this outcome or with none. */
  leave(exchange: Exchange, outcome: Outcome | undefined): void;
  state(): CircuitState;
  /** When an open circuit lets its next probe through, monotonic milliseconds; in the past where it is not open. */
  openUntil(): number;
  /** Resolves when a call would be let through; rejects with the signal's reason. */
  whenClosable(signal: AbortSignal | undefined): Promise<void>;
}

/** How long somebody new waits for a probe that is under way, milliseconds: a page of reads then comes through whole. */
const PROBE_PATIENCE_MS = 300;

/** What a call that waited for its place is turned away with when the circuit opens: it is to enter once more. */
export const TURNED_AWAY = new GatewayError('UNAVAILABLE', 'The circuit opened while the call waited.');

type Verdict = 'success' | 'rateLimit' | 'failure' | 'none';

/** @param turnAway empties the limiter's line: whoever waits there has not been sent and must not be, once it is open */
export function createCircuitBreaker(deps: {
  group: EndpointGroup;
  clock: Clock;
  turnAway: (reason: Error) => void;
}): CircuitBreaker {
  const { group, clock, turnAway } = deps;
  let state: CircuitState = 'CLOSED';
  let openedBy: 'rateLimit' | 'failure' = 'failure';
  let openUntil = Number.NEGATIVE_INFINITY;
  let openMs: number = CIRCUIT.firstOpenMs;
  let rateLimits = 0;
  let failures = 0;
  /** Counts the changes of state: what was sent before the last one says nothing about the present one. */
  let era = 0;
  let waiting = 0;
  let changed = Promise.withResolvers<void>();

  function change(to: CircuitState): void {
    state = to;
    era++;
    changed.resolve();
    changed = Promise.withResolvers();
  }

  function open(by: 'rateLimit' | 'failure', retryAfterMs: number | undefined): void {
    openUntil = clock.monotonic() + Math.max(openMs, retryAfterMs ?? 0);
    openMs = Math.min(openMs * 2, CIRCUIT.longestOpenMs);
    openedBy = by;
    rateLimits = 0;
    failures = 0;
    change('OPEN');
    turnAway(TURNED_AWAY);
  }

  function close(): void {
    openMs = CIRCUIT.firstOpenMs;
    change('CLOSED');
  }

  function record(verdict: Verdict, retryAfterMs: number | undefined): void {
    if (state === 'HALF_OPEN') {
      if (verdict === 'success') close();
      else if (verdict === 'none') change('OPEN');
      else open(verdict, retryAfterMs);
      return;
    }
    if (verdict === 'success') rateLimits = failures = 0;
    if (verdict === 'rateLimit' && ++rateLimits >= CIRCUIT.rateLimitFailures) open(verdict, retryAfterMs);
    if (verdict === 'failure') {
      rateLimits = 0;
      if (++failures >= CIRCUIT.otherFailures) open(verdict, retryAfterMs);
    }
  }

  function refusal(): GatewayError {
    const ms = Math.max(1, Math.ceil(openUntil - clock.monotonic()));
    const when = `The next try is in ${Math.ceil(ms / 1000)} s.`;
    if (openedBy === 'rateLimit')
      return new RateLimitedError(
        `CXone keeps refusing calls for ${group} as too many, so none are sent for now. ${when}`,
        ms,
      );
    return new UpstreamError(`Calls to CXone for ${group} keep failing, so none are sent for now. ${when}`, {
      fault: 'unavailable',
    });
  }

  /** Resolves at a change of state or at `until`, whichever is first. */
  async function changeOr(until: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const timer = new AbortController();
    const onAbort = () => timer.abort(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const sleep = clock.sleep(Math.ceil(until - clock.monotonic()), timer.signal);
      await Promise.race([changed.promise, sleep]);
    } finally {
      signal?.removeEventListener('abort', onAbort);
      timer.abort(null);
    }
  }

  /** Until when this call may wait: somebody new not at all, a retry till its deadline, an import as long as it takes. */
  function patience({ lane, attempt, deadlineAt = Number.POSITIVE_INFINITY }: Exchange, now: number): number {
    if (lane.kind === 'import' || attempt > 1) return deadlineAt;
    return state === 'HALF_OPEN' ? Math.min(deadlineAt, now + PROBE_PATIENCE_MS) : now;
  }

  /** Waits until the call may go. */
  async function wait(exchange: Exchange): Promise<void> {
    let until: number | undefined;
    for (;;) {
      if (state === 'CLOSED') break;
      const now = clock.monotonic();
      if (state === 'OPEN' && now >= openUntil) {
        change('HALF_OPEN');
        break;
      }
      until ??= patience(exchange, now);
      if (now >= until || (state === 'OPEN' && openUntil > until) || waiting >= MAX_WAITING) throw refusal();
      waiting++;
      try {
        await changeOr(state === 'OPEN' ? openUntil : until, endSignal(exchange));
      } finally {
        waiting--;
        exchange.tally.waitedMs += clock.monotonic() - now;
      }
    }
    exchange.era = era;
  }

  return {
    enter(exchange) {
      if (state !== 'CLOSED') return wait(exchange);
      exchange.era = era;
      return undefined;
    },
    leave(exchange, outcome) {
      if (exchange.era !== era) return;
      record(
        outcome ? judge(outcome, exchange) : 'none',
        outcome?.kind === 'answer' ? outcome.retryAfterMs : undefined,
      );
    },
    state: () => state,
    openUntil: () => (state === 'OPEN' ? openUntil : Number.NEGATIVE_INFINITY),
    async whenClosable(signal) {
      while (state === 'HALF_OPEN' || (state === 'OPEN' && clock.monotonic() < openUntil)) {
        await changeOr(state === 'OPEN' ? openUntil : Number.POSITIVE_INFINITY, signal);
      }
    },
  };
}

/** What an outcome says about CXone: nothing where the caller gave up, had no time, or there was no token. */
function judge(outcome: Outcome, exchange: Exchange): Verdict {
  if (outcome.kind === 'answer') {
    if (isThrottled(exchange, outcome)) return 'rateLimit';
    return outcome.status >= 500 ? 'failure' : 'success';
  }
  if (outcome.reached === 'token' || outcome.hurried || endOf(exchange)) return 'none';
  return 'failure';
}
