import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readWindow } from '../../src/cxone/page-window.ts';

/** A list of `length` numbers, given in pages of at most `cap`, whatever is asked for; it may say so or not. */
function listOf({ length, cap = 250, says = true }: { length: number; cap?: number; says?: boolean }) {
  const asked: { page: number; pageSize: number }[] = [];
  return {
    asked,
    async readPage(page: number, pageSize: number) {
      asked.push({ page, pageSize });
      const size = Math.min(pageSize, cap);
      const entities = Array.from({ length }, (_, index) => index).slice((page - 1) * size, page * size);
      return { entities, hasMore: page * size < length, pageSize: says ? size : undefined };
    },
  };
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

test('any window of any list is exactly its items, also where pages are smaller than asked for', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(900),
      fc.nat(900),
      fc.integer({ min: 1, max: 250 }),
      fc.integer({ min: 1, max: 250 }),
      async (length, offset, first, cap) => {
        const { readPage } = listOf({ length, cap });
        const { items, hasNextPage } = await readWindow(readPage, { offset, first });
        const end = Math.min(offset + first, length);
        expect(items).toEqual(offset < end ? numbers(offset, end) : []);
        expect(hasNextPage).toBe(offset + first < length);
      },
    ),
  );
});

test('a walk meets every item once where CXone does not say that its pages are smaller', async () => {
  const list = listOf({ length: 500, cap: 50, says: false });
  const seen: number[] = [];
  for (let hasNextPage = true; hasNextPage; ) {
    const window = await readWindow(list.readPage, { offset: seen.length, first: 120 });
    seen.push(...window.items);
    ({ hasNextPage } = window);
  }
  expect(seen).toEqual(numbers(0, 500));
});

test('no more is asked for than the window takes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(900), fc.nat(900), fc.integer({ min: 1, max: 250 }), async (length, offset, first) => {
      const { readPage, asked } = listOf({ length });
      await readWindow(readPage, { offset, first });
      expect(asked.length).toBeLessThanOrEqual(offset % first === 0 || offset + first <= 250 ? 1 : 2);
    }),
  );
});

test('an upstream that never comes to an end ends with the window', async () => {
  let calls = 0;
  const endless = async () => ({ entities: [calls++], hasMore: true, pageSize: 250 });
  const { items, hasNextPage } = await readWindow(endless, { offset: 3, first: 10 });
  expect(hasNextPage).toBe(true);
  expect(items).toHaveLength(10);
  expect(calls).toBe(11);
});
