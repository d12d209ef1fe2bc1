import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createGroupCommit } from '../../src/webhooks/group-commit.ts';
import { createFakeClock } from '../support/clock.ts';

const BOUNDS = { maxGroup: 3, maxWaiting: 5, maxWaitingWeight: 1_000, windowMs: 10 };

function open(commit: (items: readonly number[]) => Promise<readonly number[]>, bounds = BOUNDS) {
  const clock = createFakeClock();
  return { clock, groups: createGroupCommit<number, number>({ commit, weigh: (item) => item, bounds, clock }) };
}

test('what comes within the window is one group, and what gathers meanwhile the next, of at most its size', async () => {
  const seen: number[][] = [];
  const { clock, groups } = open(async (items) => {
    seen.push([...items]);
    return items.map((item) => item * 10);
  });
  const first = [1, 2, 3, 4].map((item) => groups.add(item));
  await clock.advance(9);
  expect(seen).toEqual([]);
  await clock.advance(1);
  expect(seen).toEqual([[1, 2, 3]]);
  const fifth = groups.add(5);
  await clock.advance(10);
  expect(seen).toEqual([
    [1, 2, 3],
    [4, 5],
  ]);
  expect(await Promise.all([...first, fifth])).toEqual([10, 20, 30, 40, 50]);
  expect(clock.pendingSleeps).toBe(0);
});

test('beyond the number or the weight that may wait, an item is refused at once, and those that wait are not', async () => {
  const { clock, groups } = open(async (items) => items);
  const waiting = [1, 2, 3, 4, 5].map((item) => groups.add(item));
  await expect(groups.add(6)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await clock.advance(100);
  expect(await Promise.all(waiting)).toEqual([1, 2, 3, 4, 5]);
  const heavy = groups.add(600);
  await expect(groups.add(401)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  const fits = groups.add(400);
  await clock.advance(100);
  expect(await Promise.all([heavy, fits])).toEqual([600, 400]);
  // What was stored weighs no more.
  const again = groups.add(1_000);
  await clock.advance(100);
  expect(await again).toBe(1_000);
});

test('ending it stores what waits, without waiting for the window', async () => {
  const { clock, groups } = open(async (items) => items);
  const waiting = groups.add(7);
  await groups[Symbol.asyncDispose]();
  expect(await waiting).toBe(7);
  expect(clock.monotonic()).toBe(0);
});

test('each item gets its own outcome, whichever of them cannot be stored', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 30 }), async (storable) => {
      const bounds = { ...BOUNDS, maxWaiting: 100, maxGroup: 7 };
      const { groups } = open(async (items) => {
        if (items.some((item) => !storable[item])) throw new Error('cannot store this');
        return items;
      }, bounds);
      const all = storable.map((_, item) => groups.add(item));
      const settled = Promise.allSettled(all);
      await groups[Symbol.asyncDispose]();
      expect((await settled).map(({ status }) => status === 'fulfilled')).toEqual(storable);
    }),
  );
});
