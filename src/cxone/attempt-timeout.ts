/** Gives each try its time: all of it counts, connecting, waiting for the token and reading alike, not idle time only. */
import type { Clock } from '../clock.ts';
import type { Step } from './step.ts';

/** A try cut by a deadline sooner than this says nothing about CXone, milliseconds. */
const TELLING_MS = 1_000;

/** @param timeoutMs the longest one try may take; less where the deadline is nearer */
export function createAttemptTimeout({ timeoutMs, clock }: { timeoutMs: number; clock: Clock }): Step {
  return (exchange, next) => {
    const now = clock.monotonic();
    const ms = Math.max(0, Math.min(timeoutMs, (exchange.deadlineAt ?? Number.POSITIVE_INFINITY) - now));
    exchange.tryEndsAt = now + ms;
    return next(exchange).then((outcome) => {
      if (outcome.kind === 'answer' || !outcome.timedOut) return outcome;
      return {
        ...outcome,
        reason: `no answer within ${Math.ceil(ms)} ms`,
        hurried: ms < timeoutMs && ms < TELLING_MS,
      };
    });
  };
}
