import { expect, test } from 'vitest';
import { createLeases } from '../../src/store/leases.ts';
import { createRetention } from '../../src/store/retention.ts';
import { createFakeClock } from '../support/clock.ts';
import { openFreshDatabase } from './open-database.ts';

const HOUR_MS = 3_600_000;

test('every chore runs at once and then at each interval, whatever becomes of the others', async () => {
  const clock = createFakeClock();
  await using opened = await openFreshDatabase('sqlite', clock);
  const leases = createLeases({ database: opened.database, clock, owner: 'a' });
  const runs = { first: 0, second: 0 };
  const chores = [
    {
      name: 'first',
      run: async () => {
        runs.first++;
        throw new Error('no luck');
      },
    },
    { name: 'second', run: async () => ++runs.second },
  ];
  const warnings: object[] = [];
  const log = { info: () => {}, warn: (details: object) => warnings.push(details) };
  const retention = createRetention({ leases, clock, chores, intervalMs: HOUR_MS, log });
  await expect.poll(() => runs).toEqual({ first: 1, second: 1 });
  await expect.poll(() => clock.pendingSleeps).toBe(1);
  await clock.advance(HOUR_MS);
  await expect.poll(() => runs).toEqual({ first: 2, second: 2 });
  expect(warnings).toEqual(Array.from({ length: 2 }, () => ({ chore: 'first', reason: 'Error: no luck' })));
  await retention[Symbol.asyncDispose]();
  expect(clock.pendingSleeps).toBe(0);
});

test('of several replicas one does it at a time', async () => {
  const clock = createFakeClock();
  await using opened = await openFreshDatabase('sqlite', clock);
  const { database } = opened;
  const finish = Promise.withResolvers<number>();
  let running = 0;
  const chores = [
    {
      name: 'slow',
      run: () => {
        running++;
        return finish.promise;
      },
    },
  ];
  const replicas = ['a', 'b'].map((owner) =>
    createRetention({ leases: createLeases({ database, clock, owner }), clock, chores, intervalMs: HOUR_MS }),
  );
  // The other has found it taken, and sleeps.
  await expect.poll(() => clock.pendingSleeps).toBe(1);
  expect(running).toBe(1);
  finish.resolve(0);
  for (const replica of replicas) await replica[Symbol.asyncDispose]();
});
