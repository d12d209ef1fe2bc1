/**
 * Looks at the index of segments for what imports wrote (cxone-api.md, section 6): one contact after the other, and a
 * segment no oftener than once a window, however many imports wait for it.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import type { CallContext } from '../cxone/call-context.ts';
import type { SegmentClient } from './client.ts';

/** Segments whose last look is remembered. */
const MAX_SEGMENTS = 10_000;

export interface IndexLooks {
  /**
   * Looks until the index has shown each of the contacts, in their order, each until it is shown.
   *
   * @param patience.untilMs no look begins after this, monotonic; the first one is made all the same
   * @param patience.looks how many; without it, any number
   * @returns those from the one on that the index did not show; none also where the time was over before it was asked
   *   for the next one: nothing speaks against those
   * @throws the reason of the signal
   */
  untilAllShown(
    segmentId: string,
    contactIds: readonly string[],
    patience: { untilMs: number; looks?: number },
    call: CallContext,
  ): Promise<readonly string[]>;
}

/** @param pollMs the length of a window, milliseconds */
export function createIndexLooks(deps: {
  client: Pick<SegmentClient, 'membership'>;
  pollMs: number;
  clock: Clock;
}): IndexLooks {
  const { client, pollMs, clock } = deps;
  /** When each segment may be looked at again, monotonic. */
  const nextLook = new LRUCache<string, number>({ max: MAX_SEGMENTS });

  /** Waits for the segment's next window. False where that does not begin in time. */
  async function turn(segmentId: string, untilMs: number, signal: AbortSignal | undefined): Promise<boolean> {
    for (;;) {
      signal?.throwIfAborted();
      const now = clock.monotonic();
      const at = nextLook.get(segmentId) ?? now;
      if (at <= now) {
        nextLook.set(segmentId, now + pollMs);
        return true;
      }
      if (at > untilMs) return false;
      await clock.sleep(Math.ceil(at - now), signal);
    }
  }

  async function isShown(segmentId: string, contactId: string, untilMs: number, call: CallContext): Promise<boolean> {
    const deadlineAt = Math.max(untilMs, clock.monotonic() + pollMs);
    try {
      return (await client.membership(segmentId, contactId, { ...call, deadlineAt })).isMember;
    } catch {
      call.signal?.throwIfAborted();
      return false; // Not known now; the next look may tell.
    }
  }

  return {
    async untilAllShown(segmentId, contactIds, { untilMs, looks = Number.POSITIVE_INFINITY }, call) {
      let first = 0;
      let lookedAt = -1;
      for (let looksLeft = looks; looksLeft > 0 && first < contactIds.length; looksLeft--) {
        if (!(await turn(segmentId, untilMs, call.signal))) break;
        lookedAt = first;
        if (await isShown(segmentId, contactIds[first] as string, untilMs, call)) first++;
      }
      return lookedAt === first ? contactIds.slice(first) : [];
    },
  };
}
