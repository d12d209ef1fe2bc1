import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Condition, Database, Transaction } from '../../src/store/database.ts';
import { createLeases, type Lease, LeaseLostError, type Leases } from '../../src/store/leases.ts';
import { keptSetting } from '../../src/store/settings.ts';
import { createFakeClock } from '../support/clock.ts';
import { startChild } from './child-process.ts';
import { ENGINES, openFreshDatabase } from './open-database.ts';

const HOUR_MS = 3_600_000;

/** As if its time had passed, by whatever clock the engine has. */
async function runOut(database: Database, name: string): Promise<void> {
  await database.db.updateTable('leases').set({ expires_at: 1 }).where('name', '=', name).execute();
}

async function expiresAt(database: Database, name: string): Promise<number> {
  const row = await database.db.selectFrom('leases').where('name', '=', name).selectAll().executeTakeFirstOrThrow();
  return row.expires_at;
}

describe.each(ENGINES)('leases on %s', (engine) => {
  test('one holder at a time, also within one process, until it is released', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const a = createLeases({ database, clock: systemClock, owner: 'a' });
    const b = createLeases({ database: await opened.openAgain(), clock: systemClock, owner: 'b' });
    const lease = await a.tryAcquire('x', HOUR_MS);
    expect(lease).toMatchObject({ name: 'x', owner: 'a' });
    expect(await a.tryAcquire('x', HOUR_MS)).toBeNull();
    expect(await b.tryAcquire('x', HOUR_MS)).toBeNull();
    expect(await b.tryAcquire('y', HOUR_MS)).not.toBeNull();
    if (lease) await a.release(lease);
    expect(await b.tryAcquire('x', HOUR_MS)).not.toBeNull();
  });

  test('a lease that ran out passes on with a higher fence, and its former holder can neither renew, write nor release', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const a = createLeases({ database, clock: systemClock, owner: 'a' });
    const b = createLeases({ database, clock: systemClock, owner: 'b' });
    const first = await a.acquire('x', { leaseMs: HOUR_MS, waitMs: 0 });
    await database.transaction((tx) => a.assertHeld(tx, first));
    await runOut(database, 'x');
    // Nobody has taken it, and yet it is lost: who was away for longer than the lease starts anew.
    expect(await a.renew(first, HOUR_MS)).toBe(false);
    await expect(database.transaction((tx) => a.assertHeld(tx, first))).rejects.toThrow(LeaseLostError);

    const second = await b.acquire('x', { leaseMs: HOUR_MS, waitMs: 0 });
    expect(second.fence).toBeGreaterThan(first.fence);
    expect([first.isTakenOver, second.isTakenOver]).toEqual([false, true]);
    expect(await a.renew(first, HOUR_MS)).toBe(false);
    await a.release(first);
    await expect(database.transaction((tx) => a.assertHeld(tx, first))).rejects.toThrow(LeaseLostError);
    await database.transaction((tx) => b.assertHeld(tx, second));
  });

  test('a statement on the condition that the lease is held changes nothing once it ran out or is somebody else’s', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const a = createLeases({ database, clock: systemClock, owner: 'a' });
    const b = createLeases({ database, clock: systemClock, owner: 'b' });
    await keptSetting(database, 'writes', () => '');
    const write = async (by: string, held: Condition) => {
      const change = database.db.updateTable('settings').set({ value: by }).where('name', '=', 'writes').where(held);
      return Number((await change.executeTakeFirstOrThrow()).numUpdatedRows);
    };
    const first = await a.acquire('x', { leaseMs: HOUR_MS, waitMs: 0 });
    expect(await write('a', a.isHeld(first))).toBe(1);
    await runOut(database, 'x');
    expect(await write('a, too late', a.isHeld(first))).toBe(0);
    const second = await b.acquire('x', { leaseMs: HOUR_MS, waitMs: 0 });
    expect(await write('a, overtaken', a.isHeld(first))).toBe(0);
    expect(await write('b', b.isHeld(second))).toBe(1);
    await b.release(second);
    expect(await write('b, afterwards', b.isHeld(second))).toBe(0);
    expect(await keptSetting(database, 'writes', () => '')).toBe('b');
  });

  test('fences go on rising over a lease that was given back', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const leases = createLeases({ database, clock: systemClock, owner: 'a' });
    const first = await leases.acquire('x', { leaseMs: HOUR_MS, waitMs: 0 });
    await runOut(database, 'x');
    const second = await leases.acquire('x', { leaseMs: 60, waitMs: 0 });
    await leases.release(second);
    const { rows } = await sql<{ now: number }>`select ${database.nowMs()} as now`.execute(database.db);
    expect(first.fence).toBeLessThanOrEqual(rows[0]?.now ?? 0);
    expect(second.fence).toBeGreaterThan(first.fence);
  });

  test("waiting ends with the holder's release, long before the next poll", async () => {
    const clock = createFakeClock();
    await using opened = await openFreshDatabase(engine, clock);
    const { database } = opened;
    const a = createLeases({ database, clock, owner: 'a' });
    const other = await opened.openAgain();
    const b = createLeases({ database: engine === 'postgres' ? other : database, clock, owner: 'b' });
    const held = await a.acquire('x', { leaseMs: HOUR_MS, waitMs: 0 });
    const waiting = b.acquire('x', { leaseMs: HOUR_MS, waitMs: 1_000 });
    // The waiter sleeps towards its next poll, on a clock that stands still.
    await expect.poll(() => clock.pendingSleeps).toBe(1);
    await a.release(held);
    expect(await waiting).toMatchObject({ owner: 'b' });
    expect(clock.pendingSleeps).toBe(0);
  });

  test('waiting ends with UNAVAILABLE after its time, and with its reason when aborted', async () => {
    const clock = createFakeClock();
    await using opened = await openFreshDatabase(engine, clock);
    const { database } = opened;
    const a = createLeases({ database, clock, owner: 'a' });
    await a.acquire('x', { leaseMs: HOUR_MS, waitMs: 0 });
    const late = a.acquire('x', { leaseMs: HOUR_MS, waitMs: 600 });
    await expect(
      clock.advanceUntil(late, { maxMs: 601, isBusy: () => clock.pendingSleeps === 0 }),
    ).rejects.toMatchObject({ code: 'UNAVAILABLE' });

    const stop = new AbortController();
    const aborted = a.acquire('x', { leaseMs: HOUR_MS, waitMs: HOUR_MS, signal: stop.signal });
    await expect.poll(() => clock.pendingSleeps).toBe(1);
    stop.abort(new Error('went home'));
    await expect(aborted).rejects.toThrow('went home');
    expect(clock.pendingSleeps).toBe(0);
  });

  test('withLease renews while the work runs, gives the lease back, and leaves no timer behind', async () => {
    const clock = createFakeClock();
    await using opened = await openFreshDatabase(engine, clock);
    const { database } = opened;
    const leases = createLeases({ database, clock, owner: 'a' });
    const work = Promise.withResolvers<string>();
    const started = Promise.withResolvers<void>();
    const done = leases.withLease('x', { leaseMs: 3_000, waitMs: 0 }, (_lease, signal) => {
      started.resolve();
      signal.addEventListener('abort', () => work.reject(signal.reason));
      return work.promise;
    });
    await started.promise;
    for (let renewal = 0; renewal < 5; renewal++) {
      await expect.poll(() => clock.pendingSleeps).toBe(1);
      // The database's own clock may stand still between two renewals: both can fall into one of its milliseconds.
      const sooner = (await expiresAt(database, 'x')) - 1;
      await database.db.updateTable('leases').set({ expires_at: sooner }).where('name', '=', 'x').execute();
      await clock.advance(1_000);
      await expect.poll(() => expiresAt(database, 'x')).toBeGreaterThan(sooner);
    }
    work.resolve('done');
    expect(await done).toBe('done');
    expect(clock.pendingSleeps).toBe(0);
    expect(await leases.tryAcquire('x', HOUR_MS)).not.toBeNull();
  });

  test('withLease tells the work when the lease is lost', async () => {
    const clock = createFakeClock();
    await using opened = await openFreshDatabase(engine, clock);
    const { database } = opened;
    const a = createLeases({ database, clock, owner: 'a' });
    const b = createLeases({ database, clock, owner: 'b' });
    const started = Promise.withResolvers<void>();
    const done = a.withLease('x', { leaseMs: 3_000, waitMs: 0 }, (_lease, signal) => {
      started.resolve();
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
    const outcome = expect(done).rejects.toThrow(LeaseLostError);
    await started.promise;
    await runOut(database, 'x');
    const taken = await b.acquire('x', { leaseMs: HOUR_MS, waitMs: 0 });
    await expect.poll(() => clock.pendingSleeps).toBe(1);
    await clock.advance(1_000);
    await outcome;
    // What was lost is not given back: it is somebody else's.
    await database.transaction((tx) => b.assertHeld(tx, taken));
  });

  test('a database that does not answer counts as a lost lease by the time it runs out, not later', async () => {
    const clock = createFakeClock();
    await using opened = await openFreshDatabase(engine, clock);
    const { database } = opened;
    const leases = createLeases({ database, clock, owner: 'a' });
    const started = Promise.withResolvers<void>();
    let aborted = false;
    const done = leases.withLease('x', { leaseMs: 3_000, waitMs: 0 }, (_lease, signal) => {
      started.resolve();
      return new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => {
          aborted = true;
          resolve();
        });
      });
    });
    await started.promise;
    await expect.poll(() => clock.pendingSleeps).toBe(1);
    const release = Promise.withResolvers<void>();
    // A transaction of somebody else's that holds the row: the renewal waits for it.
    const blocked = database.transaction(async (tx) => {
      await database.forUpdate(tx.selectFrom('leases').selectAll().where('name', '=', 'x')).execute();
      await release.promise;
    });
    await clock.advance(2_999);
    expect(aborted).toBe(false);
    await clock.advance(1);
    expect(aborted).toBe(true);
    release.resolve();
    await blocked;
    await done;
  });

  test('a lease that ran out during the work, or that the work leaves, is not given back: whoever has it next is told', async () => {
    const clock = createFakeClock();
    await using opened = await openFreshDatabase(engine, clock);
    const { database } = opened;
    const a = createLeases({ database, clock, owner: 'a' });
    const b = createLeases({ database, clock, owner: 'b' });
    await a.withLease('left', { leaseMs: 3_000, waitMs: 0 }, async (_lease, _signal, leave) => leave());
    const started = Promise.withResolvers<void>();
    const lost = a.withLease('lost', { leaseMs: 3_000, waitMs: 0 }, (_lease, signal) => {
      started.resolve();
      return new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    });
    await started.promise;
    await expect.poll(() => clock.pendingSleeps).toBe(1);
    await runOut(database, 'lost');
    await clock.advance(1_000);
    await lost;
    await runOut(database, 'left');
    for (const name of ['left', 'lost']) {
      expect(await b.acquire(name, { leaseMs: HOUR_MS, waitMs: 0 })).toMatchObject({ isTakenOver: true });
    }
  });

  test('whoever was paused beyond its lease knows at once that it does not hold it, before any timer has told', async () => {
    const clock = createFakeClock();
    await using opened = await openFreshDatabase(engine, clock);
    const leases = createLeases({ database: opened.database, clock, owner: 'a' });
    expect(leases.currentHold()).toBeUndefined();
    const told: boolean[] = [];
    // A clock that goes on while no timer fires: what a process sees that was stopped and continued.
    let pausedMs = 0;
    const paused = createLeases({
      database: opened.database,
      clock: { ...clock, monotonic: () => clock.monotonic() + pausedMs },
      owner: 'b',
    });
    await paused.withLease('outer', { leaseMs: 9_000, waitMs: 0 }, async () => {
      const outer = paused.currentHold();
      await paused.withLease('inner', { leaseMs: 3_000, waitMs: 0 }, async (_lease, signal) => {
        const inner = paused.currentHold();
        pausedMs = 2_999;
        told.push(inner?.isHeld() ?? false, signal.aborted);
        pausedMs = 3_000;
        told.push(inner?.isHeld() ?? true, signal.aborted, outer?.isHeld() ?? false);
        // Lost is lost.
        pausedMs = 0;
        told.push(inner?.isHeld() ?? true);
      });
      const within = Promise.withResolvers<void>();
      await paused.withLease('short', { leaseMs: 3_000, waitMs: 0 }, async () => {
        // Goes on after its lease was given back, and is bound by the outer one only.
        void within.promise.then(() => told.push(paused.currentHold()?.isHeld() ?? false));
      });
      pausedMs = 5_000;
      within.resolve();
      await within.promise;
      pausedMs = 9_000;
      told.push(paused.currentHold()?.isHeld() ?? true);
    });
    expect(told).toEqual([true, false, false, true, true, false, true, false]);
  });

  test('a lease whose owner was killed is free at once, and one whose owner lives is not', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database, url } = opened;
    await using child = startChild('hold-lease.ts', url, 'x');
    const [childOwner, fence] = (await child.nextLine())?.split(' ') ?? [];
    const self = childOwner?.replace(/:\d+:[^:]+$/, `:${process.pid}:me`) ?? '';
    const leases = createLeases({ database, clock: systemClock, owner: self });
    expect(await leases.tryAcquire('x', HOUR_MS)).toBeNull();
    child.signal('SIGKILL');
    await child.ended();
    const lease = await leases.tryAcquire('x', HOUR_MS);
    expect(lease?.fence).toBe(Number(fence) + 1);
  });

  test('only leases that ran out long ago are forgotten', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const leases = createLeases({ database, clock: systemClock, owner: 'a' });
    for (const name of ['held', 'ran out', 'forgotten']) await leases.tryAcquire(name, HOUR_MS);
    await runOut(database, 'forgotten');
    const ranOut = { expires_at: (await expiresAt(database, 'held')) - 2 * HOUR_MS };
    await database.db.updateTable('leases').set(ranOut).where('name', '=', 'ran out').execute();
    expect(await leases.prune()).toBe(1);
    const left = await database.db.selectFrom('leases').select('name').orderBy('name').execute();
    expect(left.map(({ name }) => name)).toEqual(['held', 'ran out']);
  });

  test('three processes that add to one counter under a lease lose no count', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database, url } = opened;
    await sql`create table counter (value integer not null)`.execute(database.db);
    await sql`insert into counter (value) values (0)`.execute(database.db);
    await using a = startChild('count-under-lease.ts', url, '20');
    await using b = startChild('count-under-lease.ts', url, '20');
    await using c = startChild('count-under-lease.ts', url, '20');
    expect(await Promise.all([a.ended(), b.ended(), c.ended()])).toEqual([0, 0, 0]);
    const { rows } = await sql<{ value: number }>`select value from counter`.execute(database.db);
    expect(rows[0]?.value).toBe(60);
  });
});

describe('leases on postgres', () => {
  test("run by the database's clock, whatever the machine's says", async () => {
    const clock = createFakeClock(0);
    await using opened = await openFreshDatabase('postgres', clock);
    const { database } = opened;
    await createLeases({ database, clock, owner: 'a' }).tryAcquire('x', HOUR_MS);
    const { rows } = await sql<{ now: number }>`select ${database.nowMs()} as now`.execute(database.db);
    expect(Math.abs((await expiresAt(database, 'x')) - HOUR_MS - (rows[0]?.now ?? 0))).toBeLessThan(60_000);
  });

  test.each([
    {
      name: 'asserted it',
      hold: (leases: Leases, lease: Lease) => (tx: Transaction) => leases.assertHeld(tx, lease),
    },
    {
      name: 'changed something on condition of it',
      hold: (leases: Leases, lease: Lease) => async (tx: Transaction) => {
        await tx.updateTable('event_head').set({ seq: 1 }).where(leases.isHeld(lease)).execute();
      },
    },
  ])('nobody takes a lease over while a transaction that $name is open', async ({ hold }) => {
    await using opened = await openFreshDatabase('postgres');
    const { database } = opened;
    const a = createLeases({ database, clock: systemClock, owner: 'a' });
    const b = createLeases({ database: await opened.openAgain(), clock: systemClock, owner: 'b' });
    const lease = await a.acquire('x', { leaseMs: 200, waitMs: 0 });
    const order: string[] = [];
    let takeover: Promise<unknown> | undefined;
    await database.transaction(async (tx) => {
      await hold(a, lease)(tx);
      takeover = b.acquire('x', { leaseMs: HOUR_MS, waitMs: 10_000 }).then(() => order.push('taken over'));
      // The lease runs out while the transaction is open.
      await expect
        .poll(
          async () =>
            (await sql`select 1 where ${database.nowMs()} > ${lease.fence + 300}::bigint`.execute(tx)).rows.length,
        )
        .toBe(1);
      order.push('committed');
    });
    await takeover;
    expect(order).toEqual(['committed', 'taken over']);
  });

  test('whoever writes under a lease keeps its holder neither from renewing it nor from writing something else', async () => {
    await using opened = await openFreshDatabase('postgres');
    const { database } = opened;
    const elsewhere = await opened.openAgain();
    const leases = createLeases({ database, clock: systemClock, owner: 'a' });
    const same = createLeases({ database: elsewhere, clock: systemClock, owner: 'a' });
    const lease = await leases.acquire('x', { leaseMs: HOUR_MS, waitMs: 0 });
    await keptSetting(database, 'writes', () => '');
    await database.transaction(async (tx) => {
      await leases.assertHeld(tx, lease);
      expect(await same.renew(lease, HOUR_MS)).toBe(true);
      await elsewhere.transaction((other) => same.assertHeld(other, lease));
      const write = elsewhere.db.updateTable('settings').set({ value: 'a' }).where('name', '=', 'writes');
      expect((await write.where(same.isHeld(lease)).executeTakeFirstOrThrow()).numUpdatedRows).toBe(1n);
    });
  });
});
