import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startTestSandbox } from './client.ts';

test('walking the pages meets every entity once, whatever the size of the list and of the page', async () => {
  await using sandbox = await startTestSandbox({ seed: 'empty' });
  let books = 0;
  const lastPages = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 1, max: 5 }), async (size, pageSize) => {
      books += 1;
      const bookId = `book-${books}`;
      sandbox.control.add.addressBook({ id: bookId, name: bookId });
      const expected = Array.from({ length: size }, () => sandbox.control.add.contact({ bookId }));
      const met: string[] = [];
      for (let page = 1; page <= 20; page += 1) {
        const { body } = await sandbox.call(
          'GET',
          `/api/v2/addressbooks/${bookId}/contacts?page=${page}&pageSize=${pageSize}`,
        );
        expect(body.entities?.length ?? 0).toBeLessThanOrEqual(pageSize);
        met.push(...(body.entities ?? []).map((contact: { id: string }) => contact.id));
        if (!body.entities?.length || !body.pagination?.nextPage) {
          lastPages.add([body.entities?.length === 0, Object.keys(body), Object.keys(body.pagination ?? {})].join());
          break;
        }
      }
      expect(met).toEqual(expected);
    }),
    { numRuns: 60 },
  );
  // The forms of a last page differ from list to list: no entities, empty ones, no pagination, an empty or no nextPage.
  expect(lastPages.size).toBeGreaterThanOrEqual(4);
});

test.each(['pageSize=251', 'pageSize=0', 'pageSize=-1', 'pageSize=x', 'page=0', 'page=1.5', 'page='])(
  'a page out of bounds is refused: %s',
  async (query) => {
    await using sandbox = await startTestSandbox();
    const path = `/api/v2/addressbooks/${DEMO_IDS.addressBooks.customers}/contacts?${query}`;
    expect((await sandbox.call('GET', path)).status).toBe(400);
    expect(sandbox.violations()).toEqual({ 'page-bounds': 1 });
  },
);

test('a full page of 250 is given', async () => {
  await using sandbox = await startTestSandbox();
  const path = `/api/v2/addressbooks/${DEMO_IDS.addressBooks.customers}/contacts?page=1&pageSize=250`;
  expect((await sandbox.call('GET', path)).body.entities).toHaveLength(250);
});
