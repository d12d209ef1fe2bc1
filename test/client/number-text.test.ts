import fc from 'fast-check';
import { expect, test } from 'vitest';
import { counted, share } from '../../src/client/number-text.ts';

test('a share is told with one decimal', () => {
  expect(share(1, 3)).toBe('33.3 %');
  expect(share(1, 2)).toBe('50 %');
  expect(share(0, 0)).toBe('0 %');
});

test('100 % is said of all alone, and 0 % of none', () => {
  expect(share(24_999, 25_000)).toBe('99.9 %');
  expect(share(1, 25_000)).toBe('0.1 %');
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e9 }), fc.integer({ min: 0, max: 1e9 }), (total, some) => {
      const part = Math.min(some, total);
      expect(share(part, total) === '100 %').toBe(part === total);
      expect(share(part, total) === '0 %').toBe(part === 0);
    }),
  );
});

test('one is one', () => {
  expect(counted(1, 'duplicate')).toBe('1 duplicate');
  expect(counted(0, 'duplicate')).toBe('0 duplicates');
  expect(counted(1200, 'batch', 'batches')).toBe('1,200 batches');
});
