/**
 * Sends a call again where that is safe and may help, decided by what is known of the last try (design.md, "Calls to
 * CXone"): never before Retry-After, never a write that may have been applied unless it can be repeated safely. What
 * passes upward is an answer; everything else is thrown.
 */
import type { Clock } from '../clock.ts';
import { type GatewayError, OutcomeUnknownError, RateLimitedError, UpstreamError } from '../errors.ts';
import { backoffMs } from './backoff.ts';
import { endOf, endSignal } from './deadline.ts';
import { mayHaveBeenApplied, toError, unknownOutcome } from './failures.ts';
import { MAX_ATTEMPTS } from './limits.ts';
import type { RetryBudget } from './retry-budget.ts';
import { type AnswerOutcome, type Exchange, isThrottled, type Outcome } from './step.ts';

/** What the retry step knows about a call so far. */
interface History {
  retries: number;
  /** A try that may have taken effect, whatever came after. */
  unsettled: Outcome | undefined;
  /** The one replay after a 401. */
  replayed: boolean;
}

/** Makes tries of a call until one is its answer. */
export type Retry = (exchange: Exchange, tryOnce: (exchange: Exchange) => Promise<Outcome>) => Promise<AnswerOutcome>;

/** @param onRetry told of every further try */
export function createRetry(deps: {
  budget: RetryBudget;
  clock: Clock;
  random: () => number;
  onRetry: () => void;
}): Retry {
  const { budget, clock, random, onRetry } = deps;

  return async (exchange, tryOnce) => {
    const history: History = { retries: 0, unsettled: undefined, replayed: false };
    for (;;) {
      let outcome: Outcome;
      try {
        exchange.attempt = history.retries + 1 + Number(history.replayed);
        outcome = await tryOnce(exchange);
      } catch (error) {
        // The limiter or the circuit did not let this try go, or the caller gave up; an earlier one may have worked.
        throw ended(exchange, history, error);
      }
      if (mayHaveBeenApplied(exchange, outcome)) history.unsettled = outcome;
      if (outcome.kind === 'answer' && isAnswer(exchange, outcome)) {
        if (exchange.lane.kind === 'interactive') budget.refund(history.retries);
        return history.unsettled ? { ...outcome, isRepeat: true } : outcome;
      }
      const end = endOf(exchange);
      if (end) throw ended(exchange, history, end.reason);
      if (outcome.kind === 'answer' && outcome.status === 401 && !history.replayed) {
        history.replayed = true;
      } else {
        await pause(exchange, outcome, history);
        history.retries++;
      }
      exchange.tally.retries++;
      onRetry();
    }
  };

  /** Waits for the next try, or throws where there is none. */
  async function pause(exchange: Exchange, outcome: Outcome, history: History): Promise<void> {
    const { lane, group, retryBaseMs, deadlineAt = Number.POSITIVE_INFINITY } = exchange;
    const maxAttempts = Math.min(MAX_ATTEMPTS[lane.kind], exchange.maxAttempts ?? Number.POSITIVE_INFINITY);
    const error = settle(exchange, outcome, history);
    if (!mayTryAgain(exchange, outcome) || history.retries + 1 >= maxAttempts) throw error;
    const told = outcome.kind === 'answer' ? outcome.retryAfterMs : undefined;
    const delayMs = told ?? backoffMs(group, history.retries + 1, retryBaseMs, random);
    const cameAt = clock.monotonic();
    if (cameAt + delayMs >= deadlineAt) throw tooLate(error, exchange, delayMs);
    if (lane.kind === 'interactive' && !budget.spend()) throw error;
    try {
      await clock.sleep(delayMs, endSignal(exchange));
    } catch (reason) {
      throw ended(exchange, history, reason);
    } finally {
      exchange.tally.waitedMs += clock.monotonic() - cameAt;
    }
  }
}

function isAnswer(exchange: Exchange, { status }: AnswerOutcome): boolean {
  if (status >= 200 && status < 300) return true;
  return status >= 400 && status < 500 && status !== 401 && exchange.accept.includes(status);
}

/** Whether another try is safe and may help. */
function mayTryAgain(exchange: Exchange, outcome: Outcome): boolean {
  if (mayHaveBeenApplied(exchange, outcome) && !exchange.repeatable) return false;
  if (outcome.kind === 'answer') return isThrottled(exchange, outcome) || outcome.status >= 500;
  return outcome.reached !== 'token' && !outcome.lasting;
}

/** These speak of the request itself: it was as wrong the first time, so a try before it cannot have been applied. */
const SAID_OF_THE_REQUEST: ReadonlySet<number> = new Set([400, 404, 413, 415, 422]);

/** The error if this is the last word. */
function settle(exchange: Exchange, outcome: Outcome, { unsettled }: History): GatewayError {
  const error = toError(exchange, outcome);
  if (!unsettled || (outcome.kind === 'answer' && SAID_OF_THE_REQUEST.has(outcome.status))) return error;
  return unknownOutcome(exchange, error, unsettled.upstreamRequestId);
}

/** The error where the call ends by something else than an outcome. */
function ended(exchange: Exchange, { unsettled }: History, reason: unknown): unknown {
  return unsettled ? unknownOutcome(exchange, reason, unsettled.upstreamRequestId) : reason;
}

/** A deadline that is nearer than the time CXone names: the caller learns when to come again. */
function tooLate(error: GatewayError, exchange: Exchange, delayMs: number): GatewayError {
  if (error instanceof OutcomeUnknownError || error instanceof UpstreamError) return error;
  return new RateLimitedError(
    `CXone is over its rate limit for ${exchange.method} ${exchange.route}; there is no time left to wait for it. Try again in ${Math.ceil(delayMs / 1000)} s.`,
    Math.ceil(delayMs),
    { cause: error },
  );
}
