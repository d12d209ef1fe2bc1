/**
 * A clock that stands still until a test moves it: due sleeps end in their order, and everything that follows from
 * one (promises, immediates) is done before the next ends.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../src/clock.ts';

export interface FakeClock extends Clock {
  /** Sleeps that have not ended. 0 when nothing was left behind. */
  readonly pendingSleeps: number;
  /** Moves time by `ms`, ending due sleeps in order and letting what follows from each settle. */
  advance(ms: number): Promise<void>;
  /**
   * Jumps from sleep to sleep until `promise` settles, and returns its value or throws its error.
   * While `isBusy` says so (real I/O under way), time stands still and the event loop turns.
   *
   * @throws Error when nothing is left to wait for, or `maxMs` (of this clock, default one day) have passed
   */
  advanceUntil<T>(promise: Promise<T>, options?: { maxMs?: number; isBusy?: () => boolean }): Promise<T>;
  /** Sets the wall clock back or forth; the monotonic one goes on unmoved. */
  jumpWallClock(byMs: number): void;
  /** Lets everything that is already due happen, without moving time. */
  settle(): Promise<void>;
}

interface Sleeper {
  dueAt: number;
  wake: () => void;
}

/** @param startAt the wall clock's first reading, milliseconds since the epoch */
export function createFakeClock(startAt = Date.UTC(2026, 0, 1)): FakeClock {
  let elapsedMs = 0;
  let wallOffsetMs = startAt;
  const sleepers = new Set<Sleeper>();

  function nextSleeper(): Sleeper | undefined {
    let next: Sleeper | undefined;
    for (const sleeper of sleepers) if (!next || sleeper.dueAt < next.dueAt) next = sleeper;
    return next;
  }

  async function settle(): Promise<void> {
    // Each turn drains all microtasks; a few of them, because some code waits for an immediate itself.
    for (let turn = 0; turn < 3; turn++) await nextTurn();
  }

  async function wakeAllDueAt(time: number): Promise<void> {
    elapsedMs = Math.max(elapsedMs, time);
    for (let next = nextSleeper(); next && next.dueAt <= elapsedMs; next = nextSleeper()) {
      sleepers.delete(next);
      next.wake();
    }
    await settle();
  }

  async function advance(ms: number): Promise<void> {
    const target = elapsedMs + ms;
    await settle();
    for (let next = nextSleeper(); next && next.dueAt <= target; next = nextSleeper()) await wakeAllDueAt(next.dueAt);
    elapsedMs = target;
  }

  return {
    now: () => wallOffsetMs + elapsedMs,
    monotonic: () => elapsedMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason);
          return;
        }
        const onAbort = () => {
          sleepers.delete(sleeper);
          reject(signal?.reason);
        };
        const sleeper = {
          dueAt: elapsedMs + Math.max(0, ms),
          wake: () => {
            signal?.removeEventListener('abort', onAbort);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', onAbort, { once: true });
      }),
    after(ms, run) {
      const sleeper = { dueAt: elapsedMs + Math.max(0, ms), wake: run };
      sleepers.add(sleeper);
      return () => void sleepers.delete(sleeper);
    },
    get pendingSleeps() {
      return sleepers.size;
    },
    advance,
    async advanceUntil(promise, { maxMs = 86_400_000, isBusy = () => false } = {}) {
      const endAt = elapsedMs + maxMs;
      let settled = false;
      const done = () => {
        settled = true;
      };
      promise.then(done, done);
      await settle();
      while (!settled) {
        if (isBusy()) {
          await nextTurn();
          continue;
        }
        const next = nextSleeper();
        if (!next) throw new Error('The promise is pending and nothing sleeps: it would never settle.');
        if (next.dueAt > endAt) throw new Error(`The promise is still pending after ${maxMs} ms.`);
        await wakeAllDueAt(next.dueAt);
      }
      return promise;
    },
    jumpWallClock(byMs) {
      wallOffsetMs += byMs;
    },
    settle,
  };
}
