import fc from 'fast-check';
import { expect, test } from 'vitest';
import { apportion, type Claim, reserveOf } from '../../src/replicas/apportion.ts';

const claims = fc
  .uniqueArray(
    fc.record({
      owner: fc.string({ minLength: 1, maxLength: 4 }),
      wants: fc.integer({ min: 0, max: 120 }),
      holds: fc.integer({ min: 0, max: 60 }),
    }),
    { selector: ({ owner }) => owner, minLength: 1, maxLength: 8 },
  )
  .map((list): Claim[] => list);
const places = fc.integer({ min: 0, max: 100 });
const turn = fc.integer({ min: 0, max: 1_000_000 });

const partsOf = (count: number, wants: readonly number[], turnNumber = 0, holds: readonly number[] = []) => [
  ...apportion(
    count,
    wants.map((each, index) => ({ owner: `replica ${index}`, wants: each, holds: holds[index] ?? 0 })),
    turnNumber,
  ).values(),
];

test('the parts are exactly what there is, whoever wants how much', () => {
  fc.assert(
    fc.property(places, claims, turn, (count, list, number) => {
      const parts = apportion(count, list, number);
      expect([...parts.keys()].sort()).toEqual(list.map(({ owner }) => owner).sort());
      expect([...parts.values()].reduce((total, part) => total + part, 0)).toBe(count);
    }),
  );
});

test('everybody has the reserve, and who wants more than it gets has no less than anybody else but for one place', () => {
  fc.assert(
    fc.property(places, claims, turn, (count, list, number) => {
      const parts = apportion(count, list, number);
      const most = Math.max(...parts.values());
      for (const { owner, wants } of list) {
        const part = parts.get(owner) ?? 0;
        expect(part).toBeGreaterThanOrEqual(reserveOf(count, list.length));
        if (part < wants) expect(part).toBeGreaterThanOrEqual(most - 1);
      }
    }),
  );
});

test('all replicas come to the same, in whatever order they see each other', () => {
  fc.assert(
    fc.property(places, claims, turn, (count, list, number) => {
      expect(apportion(count, list.toReversed(), number)).toEqual(apportion(count, list, number));
    }),
  );
});

test('one alone has everything; one that is busy has what idle ones do not need, but for their reserve', () => {
  expect(partsOf(50, [0])).toEqual([50]);
  expect(partsOf(50, [50, 1, 1])).toEqual([34, 8, 8]);
  expect(partsOf(50, [50, 50, 1])).toEqual([21, 21, 8]);
  expect(partsOf(10, [10, 10, 10])).toEqual([4, 3, 3]);
});

test('with fewer places than replicas that want one, everybody has a turn; with enough, nothing moves', () => {
  const turns = [0, 1, 2].map((number) => partsOf(1, [1, 1, 1], number));
  expect(turns).toEqual([
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ]);
  expect(partsOf(10, [10, 10, 10], 1)).toEqual(partsOf(10, [10, 10, 10], 2));
});

test('a place that nobody wants stays where it is', () => {
  expect(partsOf(1, [0, 0, 0], 5, [0, 1, 0])).toEqual([0, 1, 0]);
  expect(partsOf(10, [1, 1, 1], 0, [3, 3, 4])).toEqual([3, 3, 4]);
});
