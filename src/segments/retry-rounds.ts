/**
 * Brings contacts of one segment that failed in different calls together for their next try: within what the jitter
 * leaves open, each waits for a round that others wait for already.
 */
import type { Clock } from '../clock.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { retryDelayMs } from './backoff.ts';

export interface RetryRounds {
  /**
   * Waits for the next try.
   *
   * @param failedTries at least 1
   * @returns false, at once, where the caller's deadline comes before it
   * @throws the reason of the caller's signal
   */
  next(segmentId: string, failedTries: number, call: CallContext): Promise<boolean>;
}

/** The part of the jitter that is left to chance: the later a round is, the more of those who fail after it was planned can join it. */
const CHANCE = 0.2;

/** @param baseMs the first delay @param random returns 0 to below 1 */
export function createRetryRounds(deps: { baseMs: number; clock: Clock; random: () => number }): RetryRounds {
  const { baseMs, clock, random } = deps;
  /** When the rounds of each segment are, monotonic milliseconds. */
  const rounds = new Map<string, Set<number>>();

  function roundOf(segmentId: string, failedTries: number): number {
    const { least, jitter } = retryDelayMs(baseMs, failedTries);
    const earliest = clock.monotonic() + least;
    const planned = rounds.get(segmentId) ?? new Set();
    rounds.set(segmentId, planned);
    for (const at of planned) if (at >= earliest && at <= earliest + jitter) return at;
    const at = earliest + jitter * (1 - CHANCE * random());
    planned.add(at);
    return at;
  }

  function forget(segmentId: string, at: number): void {
    const planned = rounds.get(segmentId);
    planned?.delete(at);
    if (planned?.size === 0) rounds.delete(segmentId);
  }

  return {
    async next(segmentId, failedTries, { deadlineAt, signal, tally }) {
      const now = clock.monotonic();
      const at = roundOf(segmentId, failedTries);
      try {
        if (deadlineAt !== undefined && at >= deadlineAt) return false;
        await clock.sleep(Math.ceil(at - now), signal);
        return true;
      } finally {
        tally.waitedMs += clock.monotonic() - now;
        // The first to leave takes the round away; those who wait for it still come at its time.
        forget(segmentId, at);
      }
    },
  };
}
