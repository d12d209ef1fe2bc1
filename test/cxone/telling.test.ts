import { expect, test } from 'vitest';
import type { AttemptReport } from '../../src/cxone/observe.ts';
import { changeableShare, createStillClient, createTestClient, interactive, read, SECRET, write } from './fixture.ts';
import { json, reset, startScriptedUpstream } from './scripted-upstream.ts';

test('every try is told, by route and not by id, without secret, body or query', async () => {
  await using upstream = await startScriptedUpstream();
  const reports: AttemptReport[] = [];
  const lines: object[] = [];
  await using still = createStillClient(upstream.baseUrl, {
    onAttempt: (report) => reports.push(report),
    log: { debug: (fields) => lines.push(fields) },
  });
  upstream.script(reset, json(503), json(200, { id: '1' }, { 'x-request-id': 'up-1' }));
  const path = ['api', 'v2', 'addressbooks', 'book-77', 'contacts', 'jane'];
  await still.settled(still.client.send({ ...read, path, query: { filter: 'secret-filter' } }, interactive()));
  const common = { requestId: 'request-1', group: 'addressBooks', method: 'GET', lane: 'interactive' };
  const route = '/api/v2/addressbooks/{id}/contacts/{id}';
  expect(reports).toMatchObject([
    { ...common, route, attempt: 1, status: undefined, fault: 'unavailable' },
    { ...common, route, attempt: 2, status: 503, fault: undefined },
    { ...common, route, attempt: 3, status: 200, fault: undefined, upstreamRequestId: 'up-1' },
  ]);
  expect(lines).toHaveLength(3);
  expect(JSON.stringify([reports, lines])).not.toMatch(new RegExp(`book-77|jane|secret-filter|token-1|${SECRET}`));
});

test('the tally of a call counts requests with tries and tokens, retries and waiting', async () => {
  await using upstream = await startScriptedUpstream();
  await using still = createStillClient(upstream.baseUrl);
  upstream.script(json(429, undefined, { 'retry-after': '2' }), json(200, { id: '1' }));
  const call = interactive();
  await still.settled(still.client.send(read, call));
  expect(call.tally).toMatchObject({ calls: 3, retries: 1, waitedMs: 2000 });
});

test('the status counts by group', async () => {
  await using upstream = await startScriptedUpstream();
  await using still = createStillClient(upstream.baseUrl);
  upstream.script(json(429, undefined, { 'retry-after': '1' }), json(200, { id: '1' }));
  await still.settled(still.client.send(read, interactive()));
  await still.settled(still.client.send({ ...read, group: 'segments' }, interactive()));
  const status = Object.fromEntries(still.client.status().map(({ group, ...rest }) => [group, rest]));
  expect(Object.keys(status)).toEqual(['addressBooks', 'records', 'outbound', 'enrichment', 'segments']);
  expect(status.addressBooks).toMatchObject({
    circuit: 'CLOSED',
    inFlight: 0,
    queued: 0,
    requests: 2,
    retries: 1,
    rateLimited: 1,
  });
  expect(status.addressBooks?.limitPerSecond).toBeLessThan(500);
  expect(status.segments).toMatchObject({ requests: 1, retries: 0, rateLimited: 0, limitPerSecond: 500 });
});

test('each limit can be shared: every rate, and the calls in flight per address book', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  expect(client.sharedLimits.map(({ name, places }) => [name, places])).toEqual([
    ['addressBooks', 500],
    ['records', 500],
    ['outbound', 500],
    ['enrichment', 500],
    ['segments', 500],
    ['addressBooks in flight', 15],
  ]);
  for (const limit of client.sharedLimits) limit.setShare(changeableShare(3));
  expect(client.status().map(({ limitPerSecond }) => limitPerSecond)).toEqual(Array(5).fill(3));
});

test('a body goes in chunks where that is asked for, and is the same', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  const body = Array.from({ length: 20_000 }, (_, index) => ({ externalId: `ä-${index}` }));
  await client.send({ ...write, body, chunked: true }, interactive());
  await client.send({ ...write, body }, interactive());
  const [chunked, whole] = upstream.requests;
  expect(chunked?.headers).toMatchObject({ 'transfer-encoding': 'chunked' });
  expect(chunked?.headers['content-length']).toBeUndefined();
  expect(whole?.headers['content-length']).toBeDefined();
  expect(JSON.parse(chunked?.body ?? '')).toEqual(body);
  expect(chunked?.body).toBe(whole?.body);
});

test('what is sent: the token, JSON both ways, uncompressed; ready-made JSON as it is', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  await client.send({ ...write, body: { json: '[ {"a":1} ]' }, headers: { 'idempotency-key': 'k-1' } }, interactive());
  await client.send({ ...write, body: { json: '7', more: 1 } }, interactive());
  await client.send(read, interactive());
  const [ready, plain, reading] = upstream.requests;
  expect(ready?.body).toBe('[ {"a":1} ]');
  expect(ready?.headers).toMatchObject({
    authorization: 'Bearer token-1',
    accept: 'application/json',
    'accept-encoding': 'identity',
    'content-type': 'application/json',
    'idempotency-key': 'k-1',
  });
  expect(plain?.body).toBe('{"json":"7","more":1}');
  expect(reading?.body).toBe('');
  expect(reading?.headers['content-type']).toBeUndefined();
});

test('an answer carries its ETag, its request id and its latency', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  upstream.script(json(200, { id: '1' }, { etag: '"v7"', 'x-request-id': 'up-1' }));
  const answer = await client.send(read, interactive());
  expect(answer).toMatchObject({ etag: '"v7"', upstreamRequestId: 'up-1' });
  expect(answer.latencyMs).toBeGreaterThan(0);
});
