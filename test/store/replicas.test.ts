import { describe, expect, test } from 'vitest';
import type { Database } from '../../src/store/database.ts';
import { createReplicas } from '../../src/store/replicas.ts';
import { createFakeClock } from '../support/clock.ts';
import { ENGINES, openFreshDatabase } from './open-database.ts';

/** As if this replica had been killed some seconds ago. */
async function silence(database: Database, owner: string): Promise<void> {
  await database.db.updateTable('replicas').set({ expires_at: 1 }).where('owner', '=', owner).execute();
}

describe.each(ENGINES)('replicas on %s', (engine) => {
  test('all see all that live, each other too, and see at once who leaves', async () => {
    const clock = createFakeClock();
    await using opened = await openFreshDatabase(engine, clock);
    const { database } = opened;
    const b = createReplicas({ database, clock, owner: 'b' });
    await using a = createReplicas({ database, clock, owner: 'a' });
    // No heartbeat is due on a clock that stands still: they hear of each other by the doorbell.
    await expect
      .poll(() => [a.latest(), b.latest()])
      .toEqual([
        ['a', 'b'],
        ['a', 'b'],
      ]);
    expect(await a.count()).toBe(2);
    const changed = new Promise<void>((resolve) => a.onChange(resolve));
    await b[Symbol.asyncDispose]();
    await changed;
    expect(a.latest()).toEqual(['a']);
    expect(await a.list()).toEqual(['a']);
  });

  test('one that died is not counted once its time is over, and is cleared away', async () => {
    const clock = createFakeClock();
    await using opened = await openFreshDatabase(engine, clock);
    const { database } = opened;
    await using a = createReplicas({ database, clock, owner: 'a' });
    await expect.poll(() => a.latest()).toEqual(['a']);
    await database.db.insertInto('replicas').values({ owner: 'dead', started_at: 1, expires_at: 1 }).execute();
    expect(await a.count()).toBe(1);
    await expect.poll(() => clock.pendingSleeps).toBe(1);
    await clock.advance(1_000);
    await expect.poll(() => database.db.selectFrom('replicas').select('owner').execute()).toEqual([{ owner: 'a' }]);
  });

  test('one that was paused, and given up by the others, puts itself back on the list with its next heartbeat', async () => {
    const clock = createFakeClock();
    await using opened = await openFreshDatabase(engine, clock);
    const { database } = opened;
    await using a = createReplicas({ database, clock, owner: 'a' });
    await expect.poll(() => clock.pendingSleeps).toBe(1);
    await silence(database, 'a');
    expect(await a.count()).toBe(0);
    await clock.advance(1_000);
    await expect.poll(() => a.count()).toBe(1);
  });

  test('leaves no timer behind', async () => {
    const clock = createFakeClock();
    await using opened = await openFreshDatabase(engine, clock);
    const a = createReplicas({ database: opened.database, clock, owner: 'a' });
    await expect.poll(() => a.latest()).toEqual(['a']);
    await a[Symbol.asyncDispose]();
    expect(clock.pendingSleeps).toBe(0);
    expect(await opened.database.db.selectFrom('replicas').selectAll().execute()).toEqual([]);
  });
});

test('a replica that cannot reach the database has no share', async () => {
  const clock = createFakeClock();
  await using opened = await openFreshDatabase('sqlite', clock);
  const { database } = opened;
  let isAway = false;
  const flaky: Database = {
    ...database,
    transaction: (run) => (isAway ? Promise.reject(new Error('away')) : database.transaction(run)),
  };
  const a = createReplicas({ database: flaky, clock, owner: 'a' });
  await expect.poll(() => a.latest()).toEqual(['a']);
  isAway = true;
  await clock.advance(4_999);
  expect(a.latest()).toEqual(['a']);
  await clock.advance(1);
  expect(a.latest()).toEqual([]);
  isAway = false;
  await clock.advance(1_000);
  expect(a.latest()).toEqual(['a']);
  await a[Symbol.asyncDispose]();
});
