/** Reading for who would rather be told late than not at all. */
import type { Clock } from '../clock.ts';
import { isUnavailable } from '../errors.ts';

/** A database that is away is tried again this often, milliseconds. */
const TRY_AGAIN_MS = 1_000;

/**
 * What `read` gives, however often the database was away meanwhile.
 *
 * @throws what `read` throws otherwise; when aborted, that the database is away
 */
export async function untilBack<T>(
  read: () => Promise<T>,
  { clock, signal }: { clock: Clock; signal: AbortSignal | undefined },
): Promise<T> {
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (!isUnavailable(error) || signal?.aborted) throw error;
      await clock.sleep(TRY_AGAIN_MS, signal).catch(() => {});
      if (signal?.aborted) throw error;
    }
  }
}
