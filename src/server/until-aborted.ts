/** An async iteration that ends when told to, even while its source waits for something that never comes. */
import { setImmediate } from 'node:timers/promises';

/**
 * Values in a row after which other work gets its turn. A source that always has the next value ready (a replay from
 * the log) would otherwise run on promises alone, and no timer, socket or other client would be served meanwhile.
 */
const TURN = 32;

/**
 * The source's values until it ends or the signal is aborted. On abort, a `next()` that is pending resolves as done at
 * once, and the source is asked to return without being waited for: a generator answers `return()` only after the
 * `await` it stands in, which may be for ever. `onEnd` is called exactly once, however it ends.
 */
export function untilAborted<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal,
  onEnd: () => void,
): AsyncGenerator<T, void> {
  const iterator = source[Symbol.asyncIterator]();
  let ended = false;
  let values = 0;
  let wake: (() => void) | undefined;

  const end = () => {
    if (ended) return;
    ended = true;
    signal.removeEventListener('abort', stop);
    onEnd();
  };
  const stop = () => {
    end();
    wake?.();
    // What it throws on its way out has nobody to be told to: the reader has gone.
    Promise.resolve(iterator.return?.()).catch(() => undefined);
  };
  const done = { done: true, value: undefined } as const;

  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });

  return {
    async next() {
      values += 1;
      if (values % TURN === 0) await setImmediate();
      if (ended) return done;
      // A plain race with a promise that lives as long as the subscription would keep every loser: hence `wake`.
      const woken = new Promise<typeof done>((resolve) => {
        wake = () => resolve(done);
      });
      try {
        const result = await Promise.race([iterator.next(), woken]);
        if (result.done) end();
        return ended ? done : result;
      } catch (error) {
        if (ended) return done;
        end();
        throw error;
      }
    },
    async return() {
      stop();
      return done;
    },
    async throw(error) {
      stop();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      stop();
    },
  };
}
