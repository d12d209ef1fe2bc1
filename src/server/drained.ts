/** Waiting for who reads what was written. */
import type { Writable } from 'node:stream';

/** Resolves when nothing is left that waits to be taken, or nobody is there to take it. */
export function drainedOrClosed(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done).off('close', done);
      resolve();
    };
    stream.on('drain', done).on('close', done);
    if (stream.destroyed) done();
  });
}
