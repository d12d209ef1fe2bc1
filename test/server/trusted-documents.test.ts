import { createHash } from 'node:crypto';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient } from 'graphql-ws';
import { afterEach, describe, expect, test } from 'vitest';
import { createTrustedDocuments, parseManifest } from '../../src/server/trusted-documents.ts';
import { type Harness, startHarness } from './harness.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

const HELLO = 'query Hello($name: String) { hello(name: $name) }';
const RENAME = 'mutation { renameThing(input: {id: "1", name: "new"}) { __typename } }';
const COUNT = 'subscription { count(to: 2) }';
const MANIFEST = { [`sha256:${sha256(HELLO)}`]: HELLO, [sha256(RENAME)]: RENAME, [`sha256:${sha256(COUNT)}`]: COUNT };

let harness: Harness;
afterEach(() => harness[Symbol.asyncDispose]());

async function start(only: boolean) {
  harness = await startHarness({ documents: createTrustedDocuments(MANIFEST, { only }) });
}
const answerTo = async (body: unknown) => {
  const response = await harness.post(body);
  return { status: response.status, ...(await response.json()) };
};
const variables = { name: 'Ada' };

describe('an operation that is named by its hash is run', () => {
  test.each([
    ['documentId, as codegen writes it', { documentId: `sha256:${sha256(HELLO)}` }],
    ['documentId, the hash alone', { documentId: sha256(HELLO) }],
    ['extensions.persistedQuery', { extensions: { persistedQuery: { version: 1, sha256Hash: sha256(HELLO) } } }],
    [
      'extensions.persistedQuery with the text',
      { query: HELLO, extensions: { persistedQuery: { sha256Hash: sha256(HELLO) } } },
    ],
  ])('over HTTP: %s', async (_name, request) => {
    await start(true);
    expect(await answerTo({ ...request, variables })).toMatchObject({ status: 200, data: { hello: 'hello Ada' } });
  });

  test('by GET, and a mutation not even so', async () => {
    await start(true);
    const get = (id: string) =>
      fetch(`${harness.graphql}?documentId=${encodeURIComponent(id)}&variables={"name":"Ada"}`);
    expect(await (await get(`sha256:${sha256(HELLO)}`)).json()).toEqual({ data: { hello: 'hello Ada' } });
    expect((await get(sha256(RENAME))).status).toBe(405);
  });

  test('in an array', async () => {
    await start(true);
    const response = await harness.post([{ documentId: sha256(HELLO) }, { documentId: sha256(RENAME) }]);
    expect(await response.json()).toMatchObject([{ data: { hello: 'hello world' } }, { data: { renameThing: {} } }]);
  });

  test('over WebSocket', async () => {
    await start(true);
    const client = createClient({ url: harness.ws, retryAttempts: 0 });
    const results = [];
    // The protocol has no field for it but the extensions.
    const extensions = { persistedQuery: { sha256Hash: sha256(COUNT) } };
    for await (const result of client.iterate({ query: COUNT, extensions })) results.push(result.data);
    expect(results).toEqual([{ count: 1 }, { count: 2 }]);
    await client.dispose();
  });

  test('over SSE', async () => {
    await start(true);
    const client = createSseClient({ url: harness.graphql, retryAttempts: 0 });
    const results = [];
    for await (const result of client.iterate({ query: COUNT })) results.push(result.data);
    expect(results).toEqual([{ count: 1 }, { count: 2 }]);
    client.dispose();
  });
});

describe('refused', () => {
  test('a hash that is not known, in the words that clients look for', async () => {
    await start(false);
    const unknown = sha256('{ other }');
    for (const request of [
      { documentId: unknown },
      { extensions: { persistedQuery: { version: 1, sha256Hash: unknown } } },
    ]) {
      expect(await answerTo(request)).toMatchObject({
        status: 404,
        errors: [{ message: 'PersistedQueryNotFound', extensions: { code: 'NOT_FOUND' } }],
      });
    }
  });

  test('in an array: the one operation that it is, and its neighbours are run', async () => {
    await start(false);
    const response = await harness.post([{ query: HELLO }, { documentId: sha256('{ other }') }, 7, { query: HELLO }]);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject([
      { data: {} },
      { errors: [{ message: 'PersistedQueryNotFound', extensions: { code: 'NOT_FOUND' } }] },
      { errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] },
      { data: {} },
    ]);
  });

  test('a text with the hash of another', async () => {
    await start(false);
    const extensions = { persistedQuery: { version: 1, sha256Hash: sha256(RENAME) } };
    expect(await answerTo({ query: HELLO, extensions })).toMatchObject({
      status: 400,
      errors: [{ extensions: { code: 'BAD_USER_INPUT' } }],
    });
  });

  test.each(['__proto__', 'constructor', 'sha256:', ':', 'x'.repeat(300)])('the hash %j', async (documentId) => {
    await start(false);
    expect((await answerTo({ documentId })).errors[0].extensions.code).toMatch(/^(NOT_FOUND|BAD_USER_INPUT)$/);
  });

  test('every other text where only known ones are allowed, introspection included', async () => {
    await start(true);
    for (const query of ['{ hello }', '{ __schema { types { name } } }', `${HELLO} `]) {
      expect(await answerTo({ query })).toMatchObject({ status: 403, errors: [{ extensions: { code: 'FORBIDDEN' } }] });
    }
    expect(await answerTo({ query: HELLO })).toMatchObject({ status: 200 });
    const client = createClient({ url: harness.ws, retryAttempts: 0 });
    await expect(client.iterate({ query: '{ hello }' }).next()).rejects.toMatchObject([
      { extensions: { code: 'FORBIDDEN' } },
    ]);
    await client.dispose();
  });
});

test('other texts are run where they are allowed', async () => {
  await start(false);
  expect(await answerTo({ query: '{ hello }' })).toMatchObject({ data: { hello: 'hello world' } });
});

test('without a manifest a hash is not known, and nothing at all is no operation', async () => {
  harness = await startHarness();
  expect(await answerTo({ documentId: sha256(HELLO) })).toMatchObject({ status: 404 });
  expect(await answerTo({})).toMatchObject({ errors: [{ message: '"query" must be given, as a string.' }] });
});

test.each(['', '[]', '{"sha256:12":"{ a }"}', '{"a":1}', `{"${sha256('')}":""}`])('%j is no manifest', async (json) => {
  harness = await startHarness();
  expect(() => parseManifest(json)).toThrow(/is not/);
});
