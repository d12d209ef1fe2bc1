/** How long to wait before a try of our own choosing: exponential, jittered, bounded on both sides. */
import { backoffFactor, MAX_BACKOFF_MS, MIN_BACKOFF_MS } from './limits.ts';
import type { EndpointGroup } from './request.ts';

/**
 * Milliseconds before retry number `retry` (1 for the first), at least 50 and at most 30 000 (plus jitter).
 * Segments have the form CXone asks for (delay plus up to half the base, which is 0 to 1 s at 2 s: cxone-api.md,
 * section 6); the others full jitter, so that callers that failed together do not come back together.
 *
 * @param random returns 0 to below 1
 */
export function backoffMs(group: EndpointGroup, retry: number, baseMs: number, random: () => number): number {
  const ceiling = Math.min(baseMs * backoffFactor(group) ** (retry - 1), MAX_BACKOFF_MS);
  if (group === 'segments') return Math.max(MIN_BACKOFF_MS, Math.round(ceiling + (baseMs / 2) * random()));
  return Math.round(MIN_BACKOFF_MS + Math.max(0, ceiling - MIN_BACKOFF_MS) * random());
}
