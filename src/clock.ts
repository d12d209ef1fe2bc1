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
}

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
      // setTimeout fires at once for delays beyond 2^31 - 1 ms: such a wait is cut to that (24.8 days).
      const timer = setTimeout(
        () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
        Math.min(ms, 2 ** 31 - 1),
      );
      timer.unref();
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
};
