import { expect, test } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startTestSandbox, type TestSandbox } from './client.ts';

test('walking the pages meets every entity once, in whatever form the last page comes', async () => {
  await using sandbox = await startTestSandbox({ seed: 'empty' });
  const forms = new Set<string>();
  const tellsTotal = new Set<boolean>();
  for (let size = 0; size <= 8; size += 1) {
    for (let pageSize = 1; pageSize <= 4; pageSize += 1) {
      const bookId = `book-${size}-${pageSize}`;
      sandbox.control.add.addressBook({ id: bookId, name: bookId });
      const expected = Array.from({ length: size }, () => sandbox.control.add.contact({ bookId }));
      const { ids, form, total } = await walk(sandbox, `/api/v2/addressbooks/${bookId}/contacts`, pageSize);
      expect(ids).toEqual(expected);
      forms.add(form);
      tellsTotal.add(total !== undefined);
      expect(total ?? size).toBe(size);
    }
  }
  expect([...forms].sort()).toEqual([
    'empty entities',
    'empty nextPage',
    'no entities',
    'no nextPage',
    'no pagination',
  ]);
  expect(tellsTotal.size).toBe(2);
});

/** Reads pages until the list ends, and tells by which of the contract's forms it did. */
async function walk(sandbox: TestSandbox, path: string, pageSize: number) {
  const ids: string[] = [];
  let total: number | undefined;
  for (let page = 1; page <= 20; page += 1) {
    const { body } = await sandbox.call('GET', `${path}?page=${page}&pageSize=${pageSize}`);
    const { entities, pagination } = body;
    total = pagination?.total ?? total;
    if (!entities) return { ids, total, form: 'no entities' };
    expect(entities.length).toBeLessThanOrEqual(pageSize);
    ids.push(...entities.map(({ id }: { id: string }) => id));
    if (page > 1 && entities.length === 0) return { ids, total, form: 'empty entities' };
    if (!pagination) return { ids, total, form: 'no pagination' };
    if (!pagination.nextPage)
      return { ids, total, form: pagination.nextPage === '' ? 'empty nextPage' : 'no nextPage' };
  }
  throw new Error('The pages do not end.');
}

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
