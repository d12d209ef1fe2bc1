/** What 429s teach a group: not to send before the time they name, and to send more slowly for a while. */
import type { Clock } from '../clock.ts';

/** From nothing back to the full rate in this time of success, milliseconds. */
const RECOVERY_MS = 15_000;
/** A Retry-After beyond a day is taken for a mistake: after a day the group asks again. */
const LONGEST_PAUSE_MS = 24 * 3_600_000;
/** 429s that others met within so long of our own are the same ones, milliseconds. */
const SAME_MS = 1_000;

export interface Throttle {
  /** What is left of the rate, above 0 to 1. */
  left(): number;
  /** When the pause ends, monotonic milliseconds; in the past where there is none. */
  pausedUntil(): number;
  /**
   * A request sent at `sentAt` was answered 429. Once for all that were under way together: what was sent before the
   * rate was cut says nothing about the cut. Resolves when what that taught was told.
   */
  rateLimited(sentAt: number | undefined, retryAfterMs: number | undefined): Promise<void>;
  /** A request sent at `sentAt` was taken: each second in which that happens gives back the same part of the full rate. */
  succeeded(sentAt: number | undefined): void;
  /** What another process learned: no request for `waitMs`; and slower ones, where it was just now. */
  learn(learned: { waitMs: number; isFresh: boolean }): void;
}

/**
 * @param deps.fullRate requests per second without any 429
 * @param deps.onLearned told what our own 429s taught: not to send for so many milliseconds (0: only to be slower)
 */
export function createThrottle(deps: {
  fullRate: () => number;
  clock: Clock;
  onLearned: (waitMs: number) => Promise<void> | undefined;
}): Throttle {
  const { fullRate, clock, onLearned } = deps;
  let left = 1;
  let cutAt = Number.NEGATIVE_INFINITY;
  let recoveredAt = Number.NEGATIVE_INFINITY;
  let pausedUntil = Number.NEGATIVE_INFINITY;

  /** @returns whether that is longer than was known */
  function pauseFor(ms: number): boolean {
    const until = clock.monotonic() + Math.min(ms, LONGEST_PAUSE_MS);
    const isLonger = until > pausedUntil;
    if (isLonger) pausedUntil = until;
    return isLonger;
  }

  function cut(): void {
    left = Math.max(left / 2, Math.min(1, 1 / fullRate()));
    cutAt = clock.monotonic();
    recoveredAt = cutAt;
  }

  const isSinceCut = (sentAt: number | undefined) => sentAt !== undefined && sentAt > cutAt;

  return {
    left: () => left,
    pausedUntil: () => pausedUntil,
    async rateLimited(sentAt, retryAfterMs) {
      const paused = retryAfterMs !== undefined && pauseFor(retryAfterMs);
      const slowed = isSinceCut(sentAt);
      if (slowed) cut();
      if (paused || slowed) await onLearned(Math.min(retryAfterMs ?? 0, LONGEST_PAUSE_MS));
    },
    succeeded(sentAt) {
      if (left === 1 || !isSinceCut(sentAt)) return;
      const now = clock.monotonic();
      left = Math.min(1, left + Math.min(now - recoveredAt, 1000) / RECOVERY_MS);
      recoveredAt = now;
    },
    learn({ waitMs, isFresh }) {
      if (waitMs > 0) pauseFor(waitMs);
      if (isFresh && clock.monotonic() - cutAt > SAME_MS) cut();
    },
  };
}
