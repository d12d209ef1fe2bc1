/**
 * Brings contacts of one segment that failed in different calls together for their next try: within what the jitter
 * leaves open, each waits for a round that others wait for already; and a round that another follows soon waits for it.
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

/** A round waits for the next of its segment, once, where that comes within so many jitters: a call less for CXone. */
const SOON_JITTERS = 1.5;

/** Somebody waits for it, as long as it is planned. */
interface Round {
  /** Monotonic milliseconds. */
  readonly at: number;
  waiting: number;
  /** One for all: those who wait for it go on in one turn, and so into one call. */
  readonly reached: Promise<void>;
  readonly ended: AbortController;
}

/** @param baseMs the first delay @param random returns 0 to below 1 */
export function createRetryRounds(deps: { baseMs: number; clock: Clock; random: () => number }): RetryRounds {
  const { baseMs, clock, random } = deps;
  const rounds = new Map<string, Set<Round>>();

  function planned(segmentId: string): Set<Round> {
    const ofSegment = rounds.get(segmentId) ?? new Set();
    rounds.set(segmentId, ofSegment);
    return ofSegment;
  }

  /** One that others wait for, or a new one; undefined where it would be too late. */
  function join(segmentId: string, failedTries: number, deadlineAt: number): Round | undefined {
    const { least, jitter } = retryDelayMs(baseMs, failedTries);
    const now = clock.monotonic();
    const earliest = now + least;
    for (const round of rounds.get(segmentId) ?? []) {
      if (round.at >= earliest && round.at <= earliest + jitter && round.at < deadlineAt) return round;
    }
    const at = earliest + jitter * (1 - CHANCE * random());
    if (at >= deadlineAt) return undefined;
    const ended = new AbortController();
    const reached = clock.sleep(Math.ceil(at - now), ended.signal);
    reached.catch(() => {}); // The last of those who waited has gone.
    const round = { at, waiting: 0, reached, ended };
    planned(segmentId).add(round);
    return round;
  }

  function leave(segmentId: string, round: Round): void {
    round.waiting--;
    if (round.waiting > 0) return;
    round.ended.abort();
    const ofSegment = planned(segmentId);
    ofSegment.delete(round);
    if (ofSegment.size === 0) rounds.delete(segmentId);
  }

  /** The first of those that follow soon. */
  function following(segmentId: string, { at }: Round, jitter: number): Round | undefined {
    const soon = [...(rounds.get(segmentId) ?? [])].filter(
      (round) => round.at > at && round.at <= at + SOON_JITTERS * jitter,
    );
    return soon.toSorted((a, b) => a.at - b.at)[0];
  }

  async function untilReached(segmentId: string, round: Round, { signal, tally }: CallContext): Promise<void> {
    const cameAt = clock.monotonic();
    const gaveUp = Promise.withResolvers<never>();
    const onAbort = () => gaveUp.reject(signal?.reason);
    round.waiting++;
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([round.reached, gaveUp.promise]);
    } finally {
      signal?.removeEventListener('abort', onAbort);
      tally.waitedMs += clock.monotonic() - cameAt;
      leave(segmentId, round);
    }
  }

  return {
    async next(segmentId, failedTries, call) {
      const { deadlineAt = Number.POSITIVE_INFINITY, signal } = call;
      signal?.throwIfAborted();
      const round = join(segmentId, failedTries, deadlineAt);
      if (!round) return false;
      await untilReached(segmentId, round, call);
      const later = following(segmentId, round, retryDelayMs(baseMs, failedTries).jitter);
      if (later && later.at < deadlineAt) await untilReached(segmentId, later, call);
      return true;
    },
  };
}
