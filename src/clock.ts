/**
 * Time as a dependency, so that tests can move it. Waits use the monotonic clock: a wall clock that is set
 * back or forth by an hour must neither shorten nor lengthen a wait.
 */
export interface Clock {
  /** Milliseconds since the epoch: for what is stored or shown. */
  now(): number;
  /** Milliseconds on a clock that is never set: for measuring and for deadlines. */
  monotonic(): number;
  /** Resolves after `ms`, rejects with the signal's reason when aborted. A pending sleep does not keep the process alive. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /**
   * Calls `run` after `ms`, unless the function that it returns is called before. For limits of what is usually over
   * long before: a sleep that is aborted costs a promise and an event. Does not keep the process alive either.
   */
  after(ms: number, run: () => void): () => void;
}

/** setTimeout fires at once for longer delays: such a wait is cut to this (24.8 days). */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(
        () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
        Math.min(ms, LONGEST_TIMEOUT_MS),
      );
      timer.unref();
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(ms, LONGEST_TIMEOUT_MS)).unref();
    return () => clearTimeout(timer);
  },
};

/**
 * How an `lru-cache` tells the age of what it holds: by this clock, to the millisecond. The library takes a start of 0
 * for "no age", and the monotonic clock of a process may begin there.
 */
export function agesBy(clock: Clock): { ttlResolution: number; perf: { now(): number } } {
  return { ttlResolution: 0, perf: { now: () => clock.monotonic() + 1 } };
}
