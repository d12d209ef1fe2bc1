import { expect, test } from 'vitest';
import { z } from 'zod';
import { createStillClient, createTestClient, interactive } from './fixture.ts';
import { json, type Reply, startScriptedUpstream } from './scripted-upstream.ts';

const entity = z.object({ id: z.string() });
const books = { group: 'addressBooks', path: ['api', 'v2', 'addressbooks'], entity } as const;

const page = (ids: string[], nextPage: unknown = undefined, total?: number): Reply =>
  json(200, { entities: ids.map((id) => ({ id })), pagination: { page: 1, pageSize: 250, nextPage, total } });

async function readAll(replies: Reply[]) {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  upstream.script(...replies);
  const ids: string[] = [];
  for await (const { entities } of client.pages(books, interactive())) ids.push(...entities.map(({ id }) => id));
  return { ids, urls: upstream.requests.map(({ url }) => url) };
}

test('pages are asked for one after another, as large as they may be', async () => {
  const { ids, urls } = await readAll([page(['a', 'b'], 2), page(['c'], '3'), page(['d'])]);
  expect(ids).toEqual(['a', 'b', 'c', 'd']);
  expect(urls).toEqual([1, 2, 3].map((number) => `/api/v2/addressbooks?page=${number}&pageSize=250`));
});

test.each([
  ['no entities', json(200, { pagination: { page: 2, pageSize: 250, nextPage: 3 } })],
  ['empty entities', page([], 3)],
  ['no pagination', json(200, { entities: [{ id: 'b' }] })],
  ['null for both', json(200, { entities: null, pagination: null })],
  ['an empty nextPage', page(['b'], '')],
  ['a null nextPage', page(['b'], null)],
  ['no nextPage', page(['b'])],
])('a last page with %s ends the list', async (_name, last) => {
  const { ids, urls } = await readAll([page(['a'], 2), last, page(['never'])]);
  expect(ids[0]).toBe('a');
  expect(ids).not.toContain('never');
  expect(urls).toHaveLength(2);
});

test('an upstream that always gives the same page ends the list, without its entities twice', async () => {
  const { ids, urls } = await readAll([page(['a', 'b'], 2)]);
  expect(ids).toEqual(['a', 'b']);
  expect(urls).toHaveLength(2);
});

test('an upstream that goes round in a circle ends the list too', async () => {
  const { ids } = await readAll([page(['a'], 2), page(['b'], 3), page(['a'], 4), page(['never'], 5)]);
  expect(ids).toEqual(['a', 'b']);
});

test('a list of more than 1000 pages is an error, because it was not read whole', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl, {
    limits: { addressBooks: 1e6, records: 1, outbound: 1, enrichment: 1, segments: 1 },
  });
  upstream.script((response, request) => page([request.url], 'more')(response, request));
  let count = 0;
  const reading = (async () => {
    for await (const { entities } of client.pages(books, interactive({ deadlineAt: performance.now() + 60_000 }))) {
      count += entities.length;
    }
  })();
  await expect(reading).rejects.toMatchObject({ code: 'UPSTREAM_ERROR', fault: 'badResponse' });
  expect(count).toBe(1000);
});

test('one page: what it holds, whether there is more, and the total and the size of pages where they are told', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  upstream.script(page(['a'], 8, 71), page(['b'], 8, -1));
  const query = { filter: "name eq 'x'" };
  expect(await client.page({ ...books, query, page: 7, pageSize: 10 }, interactive())).toEqual({
    entities: [{ id: 'a' }],
    hasMore: true,
    total: 71,
    pageSize: 250,
  });
  expect(upstream.requests[0]?.url).toBe("/api/v2/addressbooks?filter=name%20eq%20'x'&page=7&pageSize=10");
  expect(await client.page({ ...books, pageSize: 5000 }, interactive())).toMatchObject({ total: undefined });
  expect(upstream.requests[1]?.url).toContain('pageSize=250');
});

test('no match may be a 404, where the caller says so', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  upstream.script(json(404, { code: 'NotFound' }));
  expect(await client.page({ ...books, emptyOn404: true }, interactive())).toEqual({
    entities: [],
    hasMore: false,
    total: 0,
    pageSize: undefined,
  });
  await expect(client.page(books, interactive())).rejects.toMatchObject({ fault: 'refused', status: 404 });
});

test('one entity that does not fit makes the page unusable, and says where', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  upstream.script(json(200, { entities: [{ id: 'a' }, { id: 7 }] }));
  await expect(client.page(books, interactive())).rejects.toThrow('entities.1.id');
});

test('somebody who waits waits 9 s for all pages together, not for each', async () => {
  await using upstream = await startScriptedUpstream();
  await using still = createStillClient(upstream.baseUrl);
  const later = json(429, undefined, { 'retry-after': '5' });
  upstream.script(later, page(['a'], 2), later, page(['b']));
  const ids: string[] = [];
  const reading = (async () => {
    for await (const { entities } of still.client.pages(books, interactive()))
      ids.push(...entities.map(({ id }) => id));
  })();
  await expect(still.settled(reading)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  expect(ids).toEqual(['a']);
});

test('all pages together have one deadline', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  let number = 0;
  upstream.script((response, request) => {
    number++;
    if (number < 3) page([String(number)], number + 1)(response, request);
  });
  const reading = (async () => {
    for await (const _ of client.pages(books, interactive({ deadlineAt: performance.now() + 300 })));
  })();
  await expect(reading).rejects.toMatchObject({ fault: 'timeout' });
  expect(number).toBe(3);
});
