/** What is known of memberships: what was written here, what the index shows, and waiting for the one to follow the other. */
import { LRUCache } from 'lru-cache';
import { agesBy, type Clock } from '../clock.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { entriesAtMost } from '../entry-bound.ts';
import type { IndexLooks } from './index-looks.ts';
import type { IndexPolls } from './index-polls.ts';
import type { Membership, MembershipState } from './model.ts';

/** How long a write is remembered that the index does not show, milliseconds: by then it has been rebuilt. */
const WRITTEN_TTL_MS = 3_600_000;
const MAX_WRITTEN = 50_000;
/** After a refresh the index is looked at so many more times, for this long at most (milliseconds), however busy CXone is. */
const POLLS_AFTER_REFRESH = 3;
const LONGEST_AFTER_REFRESH_MS = 10_000;

type Known = Pick<Membership, 'state' | 'addedAt'>;

export interface Memberships {
  /** CXone has accepted it, or had it already. */
  wrote(segmentId: string, contactId: string): void;
  /** As far as it is known now: from the index, and from what was written here. */
  read(segmentId: string, contactId: string, call: CallContext): Promise<Known>;
  /**
   * Waits for the index to show a membership that was written: INDEXED, or UNCONFIRMED when the time and one refresh
   * of the index were not enough. @throws the reason of the signal
   */
  confirm(segmentId: string, contactId: string, call: CallContext): Promise<Known>;
  /**
   * The same for what an import wrote: true once the index shows all of `contactIds`, the last ones written, newest
   * first.
   *
   * @param since.writtenAt when the newest was written, epoch milliseconds
   * @param since.waitedMs for how long they have been waited for already, before a restart
   */
  confirmImported(
    segmentId: string,
    contactIds: readonly string[],
    since: { writtenAt: number; waitedMs: number },
    call: CallContext,
  ): Promise<boolean>;
}

/**
 * @param confirmMs how long the index is polled before a refresh is asked for
 * @param refresh refreshes the index where the hour's quota allows; when that was done last, epoch milliseconds
 */
export function createMemberships(deps: {
  polls: IndexPolls;
  looks: IndexLooks;
  confirmMs: number;
  refresh: (segmentId: string, call: CallContext) => Promise<number | undefined>;
  clock: Clock;
}): Memberships {
  const { polls, looks, confirmMs, refresh, clock } = deps;
  const written = new LRUCache<string, { state: MembershipState; at: number }>({
    ...entriesAtMost(MAX_WRITTEN),
    ttl: WRITTEN_TTL_MS,
    ...agesBy(clock),
  });
  /** Callers whose time is over together ask for one refresh. */
  const refreshing = new Map<string, Promise<number | undefined>>();
  const keyOf = (segmentId: string, contactId: string) => JSON.stringify([segmentId, contactId]);

  function refreshOnce(segmentId: string, call: CallContext): Promise<number | undefined> {
    let refreshed = refreshing.get(segmentId);
    if (!refreshed) {
      refreshed = refresh(segmentId, { ...call, signal: undefined }).finally(() => refreshing.delete(segmentId));
      refreshing.set(segmentId, refreshed);
    }
    return refreshed;
  }

  return {
    wrote(segmentId, contactId) {
      written.set(keyOf(segmentId, contactId), { state: 'WRITTEN', at: clock.now() });
    },

    async read(segmentId, contactId, call) {
      const { isMember, addedAt } = await polls.read(segmentId, contactId, call);
      if (isMember) return { state: 'INDEXED', addedAt };
      return { state: written.get(keyOf(segmentId, contactId))?.state ?? 'NOT_MEMBER', addedAt: null };
    },

    async confirm(segmentId, contactId, call) {
      const key = keyOf(segmentId, contactId);
      const writtenAt = written.get(key)?.at ?? clock.now();
      const untilShown = (ms: number, patience: { polls?: number } = {}) => {
        const untilMs = Math.min(clock.monotonic() + ms, call.deadlineAt ?? Number.POSITIVE_INFINITY);
        return polls.untilShown(segmentId, contactId, { ...patience, untilMs }, call);
      };
      let shown = await untilShown(confirmMs);
      if (!shown) {
        const refreshedAt = await refreshOnce(segmentId, call);
        // A refresh from before the write has not helped it.
        if (refreshedAt !== undefined && refreshedAt >= writtenAt) {
          shown = await untilShown(LONGEST_AFTER_REFRESH_MS, { polls: POLLS_AFTER_REFRESH });
        }
      }
      if (shown) return { state: 'INDEXED', addedAt: shown.addedAt };
      written.set(key, { state: 'UNCONFIRMED', at: writtenAt });
      return { state: 'UNCONFIRMED', addedAt: null };
    },

    async confirmImported(segmentId, contactIds, { writtenAt, waitedMs }, call) {
      const untilMs = clock.monotonic() + Math.max(0, confirmMs - waitedMs);
      const hidden = await looks.untilAllShown(segmentId, contactIds, { untilMs }, call);
      if (hidden.length === 0) return true;
      const refreshedAt = await refreshOnce(segmentId, call);
      if (refreshedAt !== undefined && refreshedAt >= writtenAt) {
        const patience = { untilMs: clock.monotonic() + LONGEST_AFTER_REFRESH_MS, looks: POLLS_AFTER_REFRESH };
        if ((await looks.untilAllShown(segmentId, hidden, patience, call)).length === 0) return true;
      }
      const [contactId] = hidden;
      if (contactId !== undefined) written.set(keyOf(segmentId, contactId), { state: 'UNCONFIRMED', at: writtenAt });
      return false;
    },
  };
}
