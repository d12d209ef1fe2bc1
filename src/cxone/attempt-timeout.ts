/** Gives each try its time: all of it counts, connecting, waiting for the token and reading alike, not idle time only. */
import type { Clock } from '../clock.ts';
import type { Exchange, FailureOutcome } from './step.ts';

/** A try cut by a deadline sooner than this says nothing about CXone, milliseconds. */
const TELLING_MS = 1_000;

export interface AttemptTimeout {
  /** Says until when this try may take: its time, or less where the deadline is nearer. */
  begin(exchange: Exchange): void;
  /** The failure with what is to be said of it where the try took all its time. */
  explain(exchange: Exchange, failure: FailureOutcome): FailureOutcome;
}

/** @param deps.timeoutMs the longest one try may take */
export function createAttemptTimeout({ timeoutMs, clock }: { timeoutMs: number; clock: Clock }): AttemptTimeout {
  return {
    begin(exchange) {
      const now = clock.monotonic();
      exchange.tryMs = Math.max(0, Math.min(timeoutMs, (exchange.deadlineAt ?? Number.POSITIVE_INFINITY) - now));
      exchange.tryEndsAt = now + exchange.tryMs;
    },
    explain({ tryMs }, failure) {
      if (!failure.timedOut) return failure;
      return {
        ...failure,
        reason: `no answer within ${Math.ceil(tryMs)} ms`,
        hurried: tryMs < timeoutMs && tryMs < TELLING_MS,
      };
    },
  };
}
