/** A segment's index is rebuilt at most once an hour (cxone-api.md, section 6): counted in the store, so for all replicas and over restarts. */
import type { Clock } from '../clock.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { NotFoundError, RateLimitedError, UpstreamError } from '../errors.ts';
import type { IdempotencyKeys } from '../store/idempotency-keys.ts';
import type { SegmentClient } from './client.ts';

/** Section 6. */
const QUOTA_MS = 3_600_000;

export interface RefreshQuota {
  /**
   * Refreshes the segment, unless that was done within the last hour.
   *
   * @returns when it was refreshed last, epoch milliseconds, and whether that was now
   * @throws NotFoundError: no such segment; what the client throws, which uses up nothing unless the outcome is unknown
   */
  refresh(segmentId: string, call: CallContext): Promise<{ refreshedAtMs: number; isNew: boolean; againAtMs: number }>;
}

/**
 * The hour is kept as an idempotency key of the gateway's own: whoever comes within it is given the first one's result.
 * It begins before CXone is asked: a process that dies at it has used it up, as it may have been heard.
 */
export function createRefreshQuota(deps: {
  client: Pick<SegmentClient, 'refresh'>;
  idempotencyKeys: IdempotencyKeys;
  globalId: (type: string, id: string) => string;
  clock: Clock;
}): RefreshQuota {
  const { client, idempotencyKeys, globalId, clock } = deps;
  return {
    async refresh(segmentId, call) {
      const hour = { actor: 'gateway', operation: 'segment.refresh', key: segmentId };
      const { result, replayed } = await idempotencyKeys.run(
        { ...hour, input: null, ttlMs: QUOTA_MS, signal: call.signal },
        async () => ({ refreshedAtMs: clock.now() }),
      );
      if (!replayed) {
        try {
          const { found } = await client.refresh(segmentId, call);
          if (!found) throw new NotFoundError('There is no such segment.', globalId('Segment', segmentId));
        } catch (error) {
          if (wasRefused(error)) await idempotencyKeys.forget(hour);
          throw error;
        }
      }
      return { ...result, isNew: !replayed, againAtMs: result.refreshedAtMs + QUOTA_MS };
    },
  };
}

/** Whether it certainly took no effect. */
function wasRefused(error: unknown): boolean {
  return error instanceof NotFoundError || error instanceof RateLimitedError || error instanceof UpstreamError;
}
