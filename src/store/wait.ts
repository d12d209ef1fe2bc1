/** Waiting for a ring or for time to pass, whichever comes first, leaving no timer and no listener behind. */
import type { Clock } from '../clock.ts';

/** Ends after `ms`, with `ring`, or (quietly) when aborted. */
export async function waitForRing(clock: Clock, ms: number, ring: Promise<void>, signal?: AbortSignal): Promise<void> {
  const cut = new AbortController();
  const abort = () => cut.abort();
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([ring, clock.sleep(ms, cut.signal).catch(() => {})]);
  } finally {
    signal?.removeEventListener('abort', abort);
    abort();
  }
}
