import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dedupeKey as key } from '../../src/bulk/dedupe-key.ts';
import { createDedupeTable } from '../../src/imports/dedupe-table.ts';
import { createRowIntake } from '../../src/imports/row-intake.ts';

test('a key is new exactly once, in whatever order and number keys come', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 500 })), (numbers) => {
      const table = createDedupeTable();
      const seen = new Set<number>();
      for (const number of numbers) {
        expect(table.add(key(String(number)))).toBe(!seen.has(number));
        seen.add(number);
      }
      expect(table.size).toBe(seen.size);
    }),
  );
});

test('growing forgets nothing', () => {
  const table = createDedupeTable();
  for (let index = 0; index < 100_000; index += 1) expect(table.add(key(`row ${index}`))).toBe(true);
  for (let index = 0; index < 100_000; index += 997) expect(table.add(key(`row ${index}`))).toBe(false);
});

const rows = fc.array(fc.record({ target: fc.constantFrom('a', 'b', 'c'), value: fc.integer({ min: 0, max: 30 }) }));

test('every row is in exactly one batch or one rejection, batches keep to their size and target, and nothing is out of order', () => {
  fc.assert(
    fc.property(
      rows,
      fc.integer({ min: 1, max: 7 }),
      fc.array(fc.integer({ min: 1, max: 10 })),
      (given, maxBatchSize, takes) => {
        const intake = createRowIntake({
          map: (record) => record as Record<string, unknown>,
          check: (row) =>
            row.value === 13
              ? { issues: [{ path: ['value'], code: 'UNLUCKY', message: 'is 13' }] }
              : { item: row.value, target: String(row.target), dedupeKey: key(`${row.target}:${row.value}`) },
          maxBatchSize,
          lastNumber: 0,
          keepRows: true,
        });
        const taken: ReturnType<typeof intake.take>[] = [];
        let from = 0;
        for (const to of [...new Set([...takes, given.length])].toSorted((a, b) => a - b)) {
          intake.add(given.slice(from, to).map((record, index) => ({ row: from + index + 1, record })));
          if (to < given.length) taken.push(intake.take(false));
          from = to;
        }
        const last = intake.take(true);
        taken.push(last);

        const batches = taken.flatMap((part) => part.batches);
        const rejections = taken.flatMap((part) => part.rejections);
        const inBatches = batches.flatMap((batch) => batch.rows);
        const everywhere = [...inBatches, ...rejections.map(({ row }) => row)].sort((a, b) => a - b);
        expect(everywhere).toEqual(given.map((_, index) => index + 1));

        expect(batches.map(({ number }) => number)).toEqual(batches.map((_, index) => index + 1));
        for (const { targetId, size, rows: numbers, items } of batches) {
          expect(size).toBeLessThanOrEqual(maxBatchSize);
          expect(numbers).toHaveLength(size);
          expect(JSON.parse(`[${items.join()}]`)).toEqual(numbers.map((number) => given[number - 1]?.value));
          for (const number of numbers) expect(given[number - 1]?.target).toBe(targetId);
          expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
        }

        const { received, rejected, duplicates, valid } = last.counts;
        expect(received).toBe(given.length);
        expect(received).toBe(rejected + duplicates + valid);
        expect(valid).toBe(inBatches.length);
        expect(rejected).toBe(given.filter(({ value }) => value === 13).length);
      },
    ),
  );
});
