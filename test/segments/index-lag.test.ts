import { describe, expect, it } from 'vitest';
import { type CallContext, newUpstreamTally } from '../../src/cxone/call-context.ts';
import { UpstreamError } from '../../src/errors.ts';
import type { SegmentClient } from '../../src/segments/client.ts';
import { createIndexLooks } from '../../src/segments/index-looks.ts';
import { createIndexPolls } from '../../src/segments/index-polls.ts';
import { createMemberships } from '../../src/segments/memberships.ts';
import { createFakeClock } from '../support/clock.ts';

const POLL_MS = 2000;
const CONFIRM_MS = 30_000;

/** An index that shows members `lagMs` after time 0, or once it was refreshed; and everything that hangs on it. */
function setUp({ lagMs = Number.POSITIVE_INFINITY, answerMs = 5, canRefresh = true, refreshHelps = true } = {}) {
  const clock = createFakeClock();
  const polls: { contactId: string; at: number }[] = [];
  const refreshes: number[] = [];
  let shownAt = lagMs;
  let failing = false;
  const membership: SegmentClient['membership'] = async (_segmentId, contactId, { tally }) => {
    tally.calls++;
    polls.push({ contactId, at: clock.monotonic() });
    await clock.sleep(answerMs);
    if (failing) throw new UpstreamError('down', { fault: 'unavailable' });
    const isMember = clock.monotonic() >= shownAt;
    return { isMember, addedAt: isMember ? 1 : null };
  };
  const client = { membership } as SegmentClient; // No other endpoint is asked.
  const index = createIndexPolls({ client, pollMs: POLL_MS, clock });
  const memberships = createMemberships({
    polls: index,
    looks: createIndexLooks({ client, pollMs: POLL_MS, clock }),
    confirmMs: CONFIRM_MS,
    refresh: async () => {
      if (!canRefresh) return undefined;
      refreshes.push(clock.monotonic());
      if (refreshHelps) shownAt = clock.monotonic();
      return clock.now();
    },
    clock,
  });
  return {
    clock,
    index,
    memberships,
    polls,
    refreshes,
    setFailing: (value: boolean) => {
      failing = value;
    },
  };
}

function call(rest: Partial<CallContext> = {}): CallContext {
  return { requestId: 'request', lane: { kind: 'interactive' }, tally: newUpstreamTally(), ...rest };
}

function mostInOneWindow(polls: readonly { contactId: string; at: number }[]): number {
  const counts = new Map<string, number>();
  for (const { contactId, at } of polls) {
    const key = `${contactId}/${Math.floor(at / POLL_MS)}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return Math.max(...counts.values());
}

describe('waiting for the index of a segment', () => {
  it('polls a contact at most once a window, for 300 callers on 300 contacts and any who read beside them', async () => {
    const { clock, memberships, polls } = setUp({ lagMs: 9000 });
    const contacts = Array.from({ length: 300 }, (_, index) => `contact-${index}`);
    const confirmed: Promise<{ state: string }>[] = [];
    for (const contactId of contacts) {
      memberships.wrote('one', contactId);
      confirmed.push(memberships.confirm('one', contactId, call()), memberships.confirm('one', contactId, call()));
    }
    await clock.advance(3000);
    for (const contactId of contacts) {
      expect(await memberships.read('one', contactId, call())).toEqual({ state: 'WRITTEN', addedAt: null });
    }
    const states = await clock.advanceUntil(Promise.all(confirmed));
    expect(new Set(states.map(({ state }) => state))).toEqual(new Set(['INDEXED']));
    expect(mostInOneWindow(polls)).toBe(1);
    expect(polls.length).toBe(300 * 6);
  });

  it('never has two polls of a contact under way, however slow the answers are', async () => {
    const { clock, memberships, polls } = setUp({ lagMs: 20_000, answerMs: 5000 });
    memberships.wrote('one', 'a');
    await clock.advanceUntil(memberships.confirm('one', 'a', call()));
    const gaps = polls.slice(1).map(({ at }, index) => at - (polls[index]?.at ?? 0));
    expect(gaps.every((gap) => gap >= 5000)).toBe(true);
  });

  it('asks for one refresh when the time is over, whoever waits, and looks again', async () => {
    const { clock, memberships, refreshes } = setUp();
    const confirmed = ['a', 'b', 'c'].map((contactId) => {
      memberships.wrote('one', contactId);
      return memberships.confirm('one', contactId, call());
    });
    const states = await clock.advanceUntil(Promise.all(confirmed));
    expect(states.map(({ state }) => state)).toEqual(['INDEXED', 'INDEXED', 'INDEXED']);
    expect(refreshes).toEqual([CONFIRM_MS]);
  });

  it('says UNCONFIRMED, then and later, when there is no refresh to be had; and INDEXED once it is seen', async () => {
    const { clock, memberships } = setUp({ lagMs: 100_000, canRefresh: false });
    memberships.wrote('one', 'a');
    expect(await clock.advanceUntil(memberships.confirm('one', 'a', call()))).toEqual({
      state: 'UNCONFIRMED',
      addedAt: null,
    });
    expect(clock.monotonic()).toBe(CONFIRM_MS);
    expect(await clock.advanceUntil(memberships.read('one', 'a', call()))).toMatchObject({ state: 'UNCONFIRMED' });
    await clock.advance(100_000);
    expect(await clock.advanceUntil(memberships.read('one', 'a', call()))).toEqual({ state: 'INDEXED', addedAt: 1 });
  });

  it('looks three more times after a refresh that has not helped', async () => {
    const { clock, memberships, polls } = setUp({ refreshHelps: false });
    memberships.wrote('one', 'a');
    await clock.advanceUntil(memberships.confirm('one', 'a', call()));
    expect(polls.filter(({ at }) => at >= CONFIRM_MS).length).toBe(3);
  });

  it('keeps a confirmed answer for 60 s, and no other', async () => {
    const { clock, memberships, polls } = setUp({ lagMs: 1 });
    const read = () => clock.advanceUntil(memberships.read('one', 'a', call()));
    await read();
    await clock.advance(59_000);
    await read();
    expect(polls.length).toBe(1);
    await clock.advance(2000);
    await read();
    expect(polls.length).toBe(2);
  });

  it('goes on polling when CXone fails meanwhile', async () => {
    const { clock, memberships, setFailing } = setUp({ lagMs: 4000 });
    memberships.wrote('one', 'a');
    setFailing(true);
    const confirmed = memberships.confirm('one', 'a', call());
    await clock.advance(7000);
    setFailing(false);
    expect(await clock.advanceUntil(confirmed)).toMatchObject({ state: 'INDEXED' });
  });

  it('ends with the last who waits', async () => {
    const { clock, memberships, polls } = setUp();
    memberships.wrote('one', 'a');
    const [first, second] = [new AbortController(), new AbortController()];
    const waits = [first, second].map(({ signal }) =>
      memberships.confirm('one', 'a', call({ signal })).catch((error: Error) => error.message),
    );
    await clock.advance(5000);
    first.abort(new Error('gone'));
    await clock.advance(2000);
    expect(polls.length).toBe(4);
    second.abort(new Error('gone too'));
    await clock.advance(10_000);
    expect(polls.length).toBe(4);
    expect(await Promise.all(waits)).toEqual(['gone', 'gone too']);
    expect(clock.pendingSleeps).toBe(0);
  });

  it('waits no longer than the caller’s deadline', async () => {
    const { clock, memberships } = setUp({ canRefresh: false });
    memberships.wrote('one', 'a');
    await clock.advanceUntil(memberships.confirm('one', 'a', call({ deadlineAt: 7000 })));
    expect(clock.monotonic()).toBe(7000);
  });

  it('tells each operation what its polls cost', async () => {
    const { clock, index } = setUp({ lagMs: 3000 });
    const tally = newUpstreamTally();
    await clock.advanceUntil(index.untilShown('one', 'a', { untilMs: CONFIRM_MS }, call({ tally })));
    await clock.advanceUntil(index.untilShown('one', 'a', { untilMs: CONFIRM_MS }, call({ tally })));
    expect(tally).toMatchObject({ calls: 3, cacheHits: 1 });
  });
});
