import { describe, expect, test } from 'vitest';
import { type CallContext, newUpstreamTally } from '../../src/cxone/call-context.ts';
import { UpstreamError } from '../../src/errors.ts';
import type { SegmentClient } from '../../src/segments/client.ts';
import { createIndexLooks } from '../../src/segments/index-looks.ts';
import { createIndexPolls } from '../../src/segments/index-polls.ts';
import { createMemberships } from '../../src/segments/memberships.ts';
import { createFakeClock } from '../support/clock.ts';

const POLL_MS = 2000;
const CONFIRM_MS = 30_000;

/** An index that shows each contact at its own time; `atRefresh` all of them from the refresh on. */
function setUp({ atRefresh = true }: { atRefresh?: boolean } = {}) {
  const clock = createFakeClock();
  const looks: { contactId: string; at: number }[] = [];
  const refreshes: number[] = [];
  const shownAt = new Map<string, number>();
  let failing = false;
  const membership: SegmentClient['membership'] = async (_segmentId, contactId) => {
    looks.push({ contactId, at: clock.monotonic() });
    await clock.sleep(5);
    if (failing) throw new UpstreamError('down', { fault: 'unavailable' });
    const isRefreshed = atRefresh && refreshes.length > 0;
    return { isMember: isRefreshed || clock.monotonic() >= (shownAt.get(contactId) ?? 0), addedAt: null };
  };
  const client = { membership } as SegmentClient; // No other endpoint is asked.
  const memberships = createMemberships({
    polls: createIndexPolls({ client, pollMs: POLL_MS, clock }),
    looks: createIndexLooks({ client, pollMs: POLL_MS, clock }),
    confirmMs: CONFIRM_MS,
    refresh: async () => {
      refreshes.push(clock.monotonic());
      return clock.now();
    },
    clock,
  });
  const writtenAt = clock.now();
  const confirm = (contactIds: string[], waitedMs = 0, rest: Partial<CallContext> = {}) =>
    memberships.confirmImported(
      'one',
      contactIds,
      { writtenAt, waitedMs },
      { requestId: 'import', lane: { kind: 'import', key: 'import' }, tally: newUpstreamTally(), ...rest },
    );
  const setFailing = (value: boolean) => {
    failing = value;
  };
  return { clock, looks, refreshes, shownAt, confirm, setFailing };
}

describe('what an import wrote to a segment', () => {
  test('is waited for until the index shows the last of every batch, newest first, with one look a window', async () => {
    const { clock, looks, refreshes, shownAt, confirm } = setUp();
    shownAt.set('b', 5000).set('a', 9000);
    expect(await clock.advanceUntil(confirm(['c', 'b', 'a']))).toBe(true);
    expect(looks).toEqual([
      { contactId: 'c', at: 0 },
      { contactId: 'b', at: 2000 },
      { contactId: 'b', at: 4000 },
      { contactId: 'b', at: 6000 },
      { contactId: 'a', at: 8000 },
      { contactId: 'a', at: 10_000 },
    ]);
    expect(refreshes).toEqual([]);
  });

  test('is looked at no oftener because several imports wait for the same segment', async () => {
    const { clock, looks, shownAt, confirm } = setUp();
    for (const contactId of ['a', 'b', 'c']) shownAt.set(contactId, 12_000);
    const confirmed = Promise.all([confirm(['a']), confirm(['b']), confirm(['c'])]);
    expect(await clock.advanceUntil(confirmed)).toEqual([true, true, true]);
    const gaps = looks.slice(1).map(({ at }, index) => at - (looks[index]?.at ?? 0));
    expect(Math.min(...gaps)).toBe(POLL_MS);
  });

  test('is brought into the index by one refresh when the time is over', async () => {
    const { clock, refreshes, shownAt, confirm } = setUp();
    shownAt.set('b', Number.POSITIVE_INFINITY);
    expect(await clock.advanceUntil(confirm(['b', 'a']))).toBe(true);
    expect(refreshes).toHaveLength(1);
    expect(refreshes[0]).toBeLessThanOrEqual(CONFIRM_MS + POLL_MS);
  });

  test('counts as not shown where the refresh has not helped either', async () => {
    const { clock, looks, shownAt, confirm } = setUp({ atRefresh: false });
    shownAt.set('b', Number.POSITIVE_INFINITY);
    expect(await clock.advanceUntil(confirm(['b', 'a']))).toBe(false);
    expect(new Set(looks.map(({ contactId }) => contactId))).toEqual(new Set(['b']));
    expect(looks.filter(({ at }) => at > CONFIRM_MS)).toHaveLength(3);
  });

  test('is shown as far as anybody can say when the time is over and nothing was found missing', async () => {
    const { clock, refreshes, shownAt, confirm } = setUp();
    const contactIds = Array.from({ length: 8 }, (_, index) => `c-${index}`);
    shownAt.set('c-0', CONFIRM_MS - 3000);
    expect(await clock.advanceUntil(confirm(contactIds))).toBe(true);
    expect(clock.monotonic()).toBeLessThan(CONFIRM_MS + POLL_MS);
    expect(refreshes).toEqual([]);
  });

  test('is waited for the rest of the time after a restart, and looked at once where there is none', async () => {
    const { clock, looks, refreshes, shownAt, confirm } = setUp();
    shownAt.set('a', 7000);
    expect(await clock.advanceUntil(confirm(['a'], CONFIRM_MS - 5000))).toBe(true);
    expect(refreshes).toEqual([4005]);
    await clock.advance(60_000);
    looks.length = 0;
    expect(await clock.advanceUntil(confirm(['b'], CONFIRM_MS * 2))).toBe(true);
    expect(looks).toHaveLength(1);
  });

  test('is waited for on while CXone fails, and no longer than somebody wants to know', async () => {
    const { clock, confirm, setFailing } = setUp();
    setFailing(true);
    const confirmed = confirm(['a']);
    await clock.advance(7000);
    setFailing(false);
    expect(await clock.advanceUntil(confirmed)).toBe(true);
    const gone = new AbortController();
    setFailing(true);
    const given = confirm(['b'], 0, { signal: gone.signal }).catch((error: Error) => error.message);
    await clock.advance(5000);
    gone.abort(new Error('gone'));
    expect(await given).toBe('gone');
    expect(clock.pendingSleeps).toBe(0);
  });
});
