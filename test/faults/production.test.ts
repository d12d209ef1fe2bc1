/** A gateway as it stands in production: only its own clients' operations, nothing of the schema told, one page let in. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { startGateway, type TestGateway } from '../support/gateway.ts';

const MANIFEST = resolve(import.meta.dirname, '../../src/client/generated/persisted-documents.json');
const ORIGIN = 'https://crm.example.com';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({
    env: {
      GATEWAY_PERSISTED_OPERATIONS: MANIFEST,
      GATEWAY_PERSISTED_ONLY: 'on',
      GATEWAY_GRAPHIQL: 'off',
      GATEWAY_ALLOWED_ORIGINS: ORIGIN,
    },
  });
});
afterAll(() => gateway[Symbol.asyncDispose]());

const post = (body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

test('the operations of codegen’s manifest are run by their hashes and by their texts', async () => {
  const manifest = Object.entries<string>(JSON.parse(readFileSync(MANIFEST, 'utf8')));
  const queries = manifest.filter(([, text]) => /\bquery Imports\(/.test(text));
  expect(queries).toHaveLength(1);
  for (const [hash, text] of queries) {
    for (const named of [{ documentId: hash }, { query: text }])
      expect(await (await post({ ...named, variables: { first: 1 } })).json()).toMatchObject({ data: { imports: {} } });
  }
});

test('nothing else is run, GraphiQL is not there', async () => {
  expect((await post({ query: '{ gatewayStatus { version } }' })).status).toBe(403);
  expect((await post({ query: '{ __schema { types { name } } }' })).status).toBe(403);
  const page = await fetch(`${gateway.url}/graphql`, { headers: { accept: 'text/html' } });
  expect(await page.text()).not.toMatch(/graphiql/i);
});

describe('pages of other origins', () => {
  test('the one that was named gets CORS headers, without credentials; others none', async () => {
    const named = await post({ query: '{ __typename }' }, { origin: ORIGIN });
    expect(named.headers.get('access-control-allow-origin')).toBe(ORIGIN);
    expect(named.headers.get('access-control-allow-credentials')).toBeNull();
    const other = await post({ query: '{ __typename }' }, { origin: 'https://evil.example.com' });
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
  });

  test.each([
    [ORIGIN, 101],
    ['https://evil.example.com', 403],
    ['null', 403],
  ])('a WebSocket of %s: %i', async (origin, status) => {
    const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', { origin });
    const outcome = await new Promise<number | undefined>((done) => {
      socket.on('upgrade', ({ statusCode }) => done(statusCode));
      socket.on('unexpected-response', (_request, { statusCode }) => done(statusCode));
      socket.on('error', () => undefined);
    });
    socket.terminate();
    expect(outcome).toBe(status);
  });
});

test.each([
  ['that is not there', '/nowhere/persisted.json'],
  ['that is no manifest', resolve(import.meta.dirname, 'unlimited.ts')],
])('a manifest %s ends the start with a line that names the variable', async (_name, file) => {
  await expect(startGateway({ env: { GATEWAY_PERSISTED_OPERATIONS: file } })).rejects.toThrow(
    /GATEWAY_PERSISTED_OPERATIONS: /,
  );
});
