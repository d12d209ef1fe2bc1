import { describe, expect, test } from 'vitest';
import type { Database } from '../../src/store/database.ts';
import { createReplicaStore, type Heartbeat, type ReplicasView } from '../../src/store/replicas.ts';
import { createFakeClock } from '../support/clock.ts';
import { startChild } from './child-process.ts';
import { ENGINES, openFreshDatabase } from './open-database.ts';

const TIMES = { liveMs: 5_000, holdMs: 6_000, keepMs: 60_000, settleMs: 1_000 };

const holding = (places: number, ring = false): Heartbeat => ({
  shares: { wants: { outbound: places }, holds: { outbound: places }, keeps: { outbound: 1 } },
  ring,
});

async function viewOf(database: Database, owner: string): Promise<ReplicasView> {
  let seen: ReplicasView | undefined;
  await createReplicaStore({ database }).beat(owner, TIMES, (view) => {
    seen = view;
    return holding(0);
  });
  if (!seen) throw new Error('A heartbeat sees the others.');
  return seen;
}

/** As if so much time had passed since its last heartbeat, by whatever clock the engine has. */
async function age(database: Database, owner: string, ms: number): Promise<void> {
  await database.db
    .updateTable('replicas')
    .set((eb) => ({
      expires_at: eb('expires_at', '-', ms),
      holds_until: eb('holds_until', '-', ms),
      keeps_until: eb('keeps_until', '-', ms),
    }))
    .where('owner', '=', owner)
    .execute();
}

describe.each(ENGINES)('replicas on %s', (engine) => {
  test('each sees what the others have: what they hold, later what they keep, and then nothing', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const store = createReplicaStore({ database });
    await store.beat('b', TIMES, () => holding(7));
    const stages = [
      { isLive: true, has: { outbound: 7 } },
      { isLive: false, has: { outbound: 7 } },
    ];
    for (const [aged, stage] of [
      [0, stages[0]],
      [5_500, stages[1]],
      [1_000, { isLive: false, has: { outbound: 1 } }],
    ] as const) {
      await age(database, 'b', aged);
      expect((await viewOf(database, 'a')).others).toMatchObject([{ owner: 'b', ...stage }]);
    }
    await age(database, 'b', 60_000);
    expect((await viewOf(database, 'a')).others).toEqual([]);
    expect(await database.db.selectFrom('replicas').select('owner').execute()).toEqual([{ owner: 'a' }]);
  });

  test('it is told when the first of the others will have less', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    expect((await viewOf(database, 'a')).nextReleaseMs).toBeUndefined();
    await createReplicaStore({ database }).beat('b', TIMES, () => holding(7));
    await age(database, 'b', 5_700);
    const { nextReleaseMs = 0 } = await viewOf(database, 'a');
    expect(nextReleaseMs).toBeGreaterThan(0);
    expect(nextReleaseMs).toBeLessThanOrEqual(300);
  });

  test('one at a time decides: nobody overlooks what another has just taken', async () => {
    await using opened = await openFreshDatabase(engine);
    const stores = await Promise.all(
      Array.from({ length: 4 }, async () => createReplicaStore({ database: await opened.openAgain() })),
    );
    // Each takes what it sees left of ten places.
    const take = ({ others }: ReplicasView) =>
      holding(Math.min(4, 10 - others.reduce((total, { has }) => total + (has.outbound ?? 0), 0)));
    await Promise.all(stores.map((store, index) => store.beat(`replica ${index}`, TIMES, take)));
    const { others } = await viewOf(opened.database, 'looks');
    expect(others.map(({ has }) => has.outbound).toSorted()).toEqual([0, 2, 4, 4]);
  });

  test('what one still uses when it leaves is its own until it no longer counts, but it is not alive any more', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const store = createReplicaStore({ database });
    await store.beat('a', TIMES, () => holding(1));
    await store.beat('b', TIMES, () => holding(7));
    expect(await store.count()).toBe(2);
    await store.leave('b', { outbound: 3 }, 1_000);
    expect(await store.count()).toBe(1);
    expect((await viewOf(database, 'a')).others).toMatchObject([{ owner: 'b', isLive: false, has: { outbound: 3 } }]);
    await age(database, 'b', 1_000);
    expect((await viewOf(database, 'a')).others).toEqual([]);
    await store.leave('a', { outbound: 0 }, 1_000);
    expect(await database.db.selectFrom('replicas').selectAll().execute()).toEqual([]);
  });

  test('a process of this machine that was killed is waited for only until what it sent no longer counts', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database, url } = opened;
    await using child = startChild('hold-lease.ts', url, 'x');
    const [childOwner = ''] = (await child.nextLine())?.split(' ') ?? [];
    const self = childOwner.replace(/:\d+:[^:]+$/, `:${process.pid}:me`);
    await createReplicaStore({ database }).beat(childOwner, TIMES, () => holding(7));
    expect((await viewOf(database, self)).nextReleaseMs).toBeGreaterThan(5_000);
    child.signal('SIGKILL');
    await child.ended();
    const { others, nextReleaseMs } = await viewOf(database, self);
    expect(others).toMatchObject([{ has: { outbound: 7 } }]);
    expect(nextReleaseMs).toBeLessThanOrEqual(1_000);
    // Looking again does not make it longer.
    await age(database, childOwner, 1_000);
    expect((await viewOf(database, self)).others).toEqual([]);
  });

  test('what another version wrote and this one cannot read counts as nothing', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const store = createReplicaStore({ database });
    for (const json of ['', '[]', '{"holds":{"outbound":-1}}', '{"wants":7}']) {
      await store.beat('b', TIMES, () => holding(7));
      await database.db.updateTable('replicas').set({ shares_json: json }).where('owner', '=', 'b').execute();
      expect((await viewOf(database, 'a')).others).toMatchObject([{ owner: 'b', wants: {}, has: {} }]);
    }
  });

  test('the others are rung when they should look', async () => {
    await using opened = await openFreshDatabase(engine, createFakeClock());
    const { database } = opened;
    const store = createReplicaStore({ database });
    let rings = 0;
    store.onNews(() => rings++);
    // Postgres rings once by itself: when it has begun to listen.
    await expect.poll(() => rings).toBe(engine === 'postgres' ? 1 : 0);
    await store.beat('a', TIMES, () => holding(1, false));
    const quiet = rings;
    await store.beat('a', TIMES, () => holding(1, true));
    expect(rings).toBe(quiet + 1);
    await store.slowDown('outbound', 1_000);
    expect(rings).toBe(quiet + 2);
    await store.leave('a', {}, 1_000);
    expect(rings).toBe(quiet + 3);
  });

  test('of several 429s of a group the longest Retry-After holds', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const store = createReplicaStore({ database });
    await store.slowDown('outbound', 50_000);
    await store.slowDown('outbound', 1_000);
    await store.slowDown('segments', 0);
    const { slowdowns } = await viewOf(database, 'a');
    const outbound = slowdowns.find(({ group }) => group === 'outbound');
    expect(outbound?.waitMs).toBeGreaterThan(40_000);
    expect(outbound?.waitMs).toBeLessThanOrEqual(50_000);
    expect(outbound?.ageMs).toBeLessThan(10_000);
    expect(slowdowns.find(({ group }) => group === 'segments')?.waitMs).toBe(0);
  });
});
