/** Who may come in, as clients meet it: over HTTP, SSE and WebSocket, with keys and tokens. */
import { createClient as createSseClient } from 'graphql-sse';
import { createClient } from 'graphql-ws';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createFakeClock } from '../support/clock.ts';
import { type Data, startGateway, type TestGateway, type TestGatewayOptions } from '../support/gateway.ts';
import { AUDIENCE, ISSUER, type Issuer, startIssuer } from './issuer.ts';

const KEYS = 'dashboard:reader:reader-key-1,crm:writer:writer-key-1,ops:admin:admin:key:1';
const KEY = { reader: 'reader-key-1', writer: 'writer-key-1', admin: 'admin:key:1' };

const CREATE = `mutation { createAddressBook(input: {name: "Doors"}) {
  ... on CreateAddressBookPayload { addressBook { id } } ... on Error { message } } }`;
const DELETE = `mutation { deleteAddressBook(input: {id: "gid://cxone/AddressBook/none"}) {
  __typename } }`;
const AUDIT = '{ auditEntries(first: 50) { nodes { actor action subject outcome requestId detail } } }';

let cleanup = new AsyncDisposableStack();
afterEach(async () => {
  await cleanup.disposeAsync();
  cleanup = new AsyncDisposableStack();
});

async function guarded(options: TestGatewayOptions = {}): Promise<TestGateway> {
  return cleanup.use(
    await startGateway({ ...options, env: { GATEWAY_AUTH: '', GATEWAY_API_KEYS: KEYS, ...options.env } }),
  );
}

async function withTokens(options: TestGatewayOptions = {}): Promise<{ gateway: TestGateway; issuer: Issuer }> {
  const issuer = cleanup.use(await startIssuer(options.clock?.now));
  const env = {
    GATEWAY_API_KEYS: KEYS,
    GATEWAY_JWKS_URL: issuer.jwksUrl,
    GATEWAY_JWT_ISSUER: ISSUER,
    GATEWAY_JWT_AUDIENCE: AUDIENCE,
    ...options.env,
  };
  return { issuer, gateway: await guarded({ ...options, env }) };
}

const bearer = (credential: string) => ({ authorization: `Bearer ${credential}` });

async function codeOf(gateway: TestGateway, query: string, headers: Record<string, string> = {}): Promise<string> {
  const { errors } = await gateway.graphql(query, {}, headers);
  return errors?.[0]?.extensions.code ?? 'OK';
}

async function post(gateway: TestGateway, headers: Record<string, string>): Promise<Response> {
  return fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: '{"query":"{ gatewayStatus { version } }"}',
  });
}

describe('roles', () => {
  test('each may do what interface.md says, and no more', async () => {
    const gateway = await guarded();
    const table: Record<string, Record<string, string>> = {};
    for (const [role, key] of Object.entries(KEY)) {
      table[role] = {};
      for (const [name, query] of Object.entries({
        read: '{ gatewayStatus { version } }',
        CREATE,
        DELETE,
        AUDIT,
      }))
        table[role][name] = await codeOf(gateway, query, bearer(key));
    }
    expect(table).toEqual({
      reader: { read: 'OK', CREATE: 'FORBIDDEN', DELETE: 'FORBIDDEN', AUDIT: 'FORBIDDEN' },
      writer: { read: 'OK', CREATE: 'OK', DELETE: 'FORBIDDEN', AUDIT: 'FORBIDDEN' },
      admin: { read: 'OK', CREATE: 'OK', DELETE: 'OK', AUDIT: 'OK' },
    });
  });

  test('without credentials every field is UNAUTHENTICATED, and CXone is asked nothing', async () => {
    const gateway = await guarded();
    for (const query of ['{ gatewayStatus { version } }', '{ addressBooks { nodes { id } } }', CREATE, DELETE, AUDIT])
      expect(await codeOf(gateway, query)).toBe('UNAUTHENTICATED');
    expect(gateway.sandbox.control.requests().total).toBe(0);
  });

  test('a mutation that is not allowed leaves its neighbours alone', async () => {
    const gateway = await guarded();
    const { data, errors } = await gateway.graphql(
      `mutation { first: createAddressBook(input: {name: "A"}) { __typename }
         refused: deleteAddressBook(input: {id: "gid://cxone/AddressBook/none"}) { __typename }
         last: createAddressBook(input: {name: "B"}) { __typename } }`,
      {},
      bearer(KEY.writer),
    );
    const made = { __typename: 'CreateAddressBookPayload' };
    expect(data).toEqual({ first: made, refused: null, last: made });
    expect(errors).toMatchObject([{ path: ['refused'], extensions: { code: 'FORBIDDEN' } }]);
  });

  test('the actor stands in the audit', async () => {
    const { gateway, issuer } = await withTokens();
    await gateway.graphql(CREATE, {}, bearer(KEY.writer));
    await gateway.graphql(CREATE, {}, bearer(await issuer.token({ sub: 'grace', scope: 'cxone:write' })));
    const { data } = await gateway.graphql(AUDIT, {}, bearer(KEY.admin));
    expect(data.auditEntries.nodes.map(({ actor, action }: Data) => [actor, action])).toEqual([
      ['grace', 'addressBook.create'],
      ['crm', 'addressBook.create'],
    ]);
  });
});

describe('wrong credentials', () => {
  test.each([
    ['another key', 'Bearer reader-key-2'],
    ['part of a key', 'Bearer reader-key-'],
    ['a key and more', 'Bearer reader-key-1x'],
    ['a key’s name', 'Bearer dashboard'],
    ['the whole entry', 'Bearer dashboard:reader:reader-key-1'],
    ['nothing', 'Bearer '],
    ['another scheme', 'Basic cmVhZGVyLWtleS0x'],
    ['a key alone', 'reader-key-1'],
    ['two keys', 'Bearer reader-key-1, Bearer writer-key-1'],
    ['a token, where none is taken', 'Bearer eyJhbGciOiJub25lIn0.e30.AAAA'],
  ])('%s: 401, and how to do it right', async (_name, authorization) => {
    const gateway = await guarded();
    const response = await post(gateway, { authorization });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
  });

  test('are refused before the body is looked at', async () => {
    const gateway = await guarded();
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...bearer('wrong') },
      body: 'no JSON',
    });
    expect(response.status).toBe(401);
  });

  test('a token without any of the scopes is FORBIDDEN', async () => {
    const { gateway, issuer } = await withTokens();
    const response = await post(gateway, bearer(await issuer.token({ scope: 'openid' })));
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN' } }] });
  });

  test('a token that cannot be checked is UNAVAILABLE, and no failed attempt', async () => {
    const { gateway, issuer } = await withTokens();
    issuer.answerWith(500);
    const token = await issuer.token();
    for (let i = 0; i < 12; i += 1) expect((await post(gateway, bearer(token))).status).toBe(503);
    issuer.answerWith(undefined);
    expect((await post(gateway, bearer(token))).status).toBe(200);
  });
});

describe('guessing', () => {
  const guess = (gateway: TestGateway, number: number) => post(gateway, bearer(`guess-number-${number}`));

  test('is over after ten wrong ones in a minute: 429, and when it may go on', async () => {
    const clock = createFakeClock();
    const gateway = await guarded({ clock });
    const statuses = [];
    for (let i = 0; i < 12; i += 1) statuses.push((await guess(gateway, i)).status);
    expect(statuses).toEqual([...Array(10).fill(401), 429, 429]);
    const limited = await guess(gateway, 12);
    expect(limited.headers.get('retry-after')).toBe('60');
    expect(await limited.json()).toMatchObject({
      errors: [{ extensions: { code: 'RATE_LIMITED', retryAfterMs: 60_000 } }],
    });
    // The one guess that would have hit does not.
    expect((await post(gateway, bearer(KEY.admin))).status).toBe(429);
    await clock.advance(60_000);
    expect((await post(gateway, bearer(KEY.admin))).status).toBe(200);
  });

  test('shuts nobody out who shares the address: keys that were used from there, and tokens, still count', async () => {
    const { gateway, issuer } = await withTokens();
    expect((await post(gateway, bearer(KEY.writer))).status).toBe(200);
    for (let i = 0; i < 10; i += 1) await guess(gateway, i);
    expect((await guess(gateway, 10)).status).toBe(429);
    expect((await post(gateway, bearer(KEY.writer))).status).toBe(200);
    expect((await post(gateway, bearer(await issuer.token()))).status).toBe(200);
    expect((await post(gateway, bearer(KEY.reader))).status).toBe(429);
  });

  test('behind a trusted proxy it is counted for each client, and over WebSocket too', async () => {
    const gateway = await guarded({ env: { GATEWAY_TRUSTED_PROXIES: '127.0.0.0/8' } });
    const from = (address: string, number: number) =>
      post(gateway, { ...bearer(`guess-number-${number}`), 'x-forwarded-for': `192.0.2.99, ${address}` });
    for (let i = 0; i < 10; i += 1) await from('198.51.100.4', i);
    expect((await from('198.51.100.4', 10)).status).toBe(429);
    expect((await from('198.51.100.5', 11)).status).toBe(401);
    const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
      headers: { 'x-forwarded-for': '198.51.100.4' },
    });
    socket.on('open', () => socket.send('{"type":"connection_init","payload":{"authorization":"Bearer guess"}}'));
    expect(await new Promise((resolve) => socket.once('close', resolve))).toBe(1013);
    const { data } = await gateway.graphql(AUDIT, {}, bearer(KEY.admin));
    expect(new Set(data.auditEntries.nodes.map(({ subject }: Data) => subject))).toEqual(
      new Set(['198.51.100.4', '198.51.100.5']),
    );
  });

  test('is audited, without what was guessed', async () => {
    const gateway = await guarded();
    await gateway.graphql('{ __typename }', {}, bearer(KEY.admin));
    const requestIds: unknown[] = [];
    for (let i = 0; i < 15; i += 1) requestIds.push((await guess(gateway, i)).headers.get('x-request-id'));
    const { data } = await gateway.graphql(AUDIT, {}, bearer(KEY.admin));
    expect(data.auditEntries.nodes).toEqual(
      requestIds
        .slice(0, 10)
        .reverse()
        .map((requestId) => ({
          actor: 'unknown',
          action: 'auth.failed',
          subject: '127.0.0.1',
          outcome: 'REJECTED',
          requestId,
          detail: { reason: 'unknownKey' },
        })),
    );
    expect(JSON.stringify([data, gateway.log])).not.toMatch(/guess-number/);
  });
});

describe('an open gateway', () => {
  test('with keys all the same: without credentials one is an administrator, with them oneself, wrong ones are refused', async () => {
    const gateway = await guarded({ env: { GATEWAY_AUTH: 'none' } });
    await gateway.graphql(CREATE);
    await gateway.graphql(CREATE, {}, bearer(KEY.writer));
    expect(await codeOf(gateway, CREATE, bearer(KEY.reader))).toBe('FORBIDDEN');
    expect(await codeOf(gateway, CREATE, bearer('wrong-key-1'))).toBe('UNAUTHENTICATED');
    const { auditEntries } = await gateway.data(AUDIT);
    expect(auditEntries.nodes.map(({ actor }: Data) => actor)).toEqual(['unknown', 'crm', 'anonymous']);
  });

  test('without any keys has nothing to hold credentials against', async () => {
    const gateway = cleanup.use(await startGateway());
    expect(await codeOf(gateway, AUDIT, bearer('whatever'))).toBe('OK');
  });
});

describe('over WebSocket', () => {
  const STATUS = '{ gatewayStatus { version } }';
  const ACTIVITY = 'subscription { importActivity { cursor } }';

  function connect(gateway: TestGateway, connectionParams: Record<string, unknown>) {
    const closed = Promise.withResolvers<{ code: number; reason: string }>();
    const client = createClient({
      url: `${gateway.url.replace('http', 'ws')}/graphql`,
      connectionParams,
      retryAttempts: 0,
      on: { closed: (event) => closed.resolve(event as { code: number; reason: string }) },
    });
    cleanup.defer(() => client.dispose());
    const run = async (query: string): Promise<Data> => {
      for await (const result of client.iterate({ query })) return result;
    };
    return { client, closed: closed.promise, run };
  }

  test.each(['authorization', 'Authorization'])('the key comes as %s of the connection parameters', async (name) => {
    const gateway = await guarded();
    const { run } = connect(gateway, { [name]: `Bearer ${KEY.reader}` });
    expect(await run(STATUS)).toMatchObject({ data: { gatewayStatus: {} } });
    expect(await run(CREATE)).toMatchObject({
      data: { createAddressBook: null },
      errors: [{ extensions: { code: 'FORBIDDEN' } }],
    });
  });

  test('a wrong key closes it with 4401, a token without scopes with 4403, too many wrong ones with 1013', async () => {
    const { gateway, issuer } = await withTokens();
    const closing = async (authorization: string) => {
      const { closed, run } = connect(gateway, { authorization });
      await run(STATUS).catch(() => undefined);
      return (await closed).code;
    };
    expect(await closing('Bearer wrong-key-1')).toBe(4401);
    expect(await closing(`Bearer ${await issuer.token({ scope: 'openid' })}`)).toBe(4403);
    for (let i = 0; i < 9; i += 1) expect(await closing(`Bearer wrong-key-${i}`)).toBe(4401);
    expect(await closing('Bearer wrong-key-1')).toBe(1013);
  });

  test('without credentials queries, mutations and subscriptions are UNAUTHENTICATED', async () => {
    const gateway = await guarded();
    const { run } = connect(gateway, {});
    for (const query of [STATUS, CREATE, ACTIVITY])
      expect(await run(query)).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
  });

  test('the socket ends when its token does', async () => {
    const clock = createFakeClock();
    const ends: number[] = [];
    const { gateway, issuer } = await withTokens({ clock });
    // Sooner than the first ping, which nothing answers while the clock stands still.
    const token = await issuer.token({ exp: clock.now() / 1000 + 10 });
    const { client, closed, run } = connect(gateway, { authorization: `Bearer ${token}` });
    client.on('closed', (event) => ends.push((event as { code: number }).code));
    const ended = client.iterate({ query: ACTIVITY }).next();
    expect(await run(STATUS)).toMatchObject({ data: {} });
    await clock.advance(9_999);
    expect(ends).toEqual([]);
    await clock.advance(1);
    await closed;
    expect(ends).toEqual([4403]);
    await expect(ended).rejects.toBeDefined();
  });
});

describe('over SSE', () => {
  const listen = (gateway: TestGateway, headers: Record<string, string>) => {
    const ended = Promise.withResolvers<Data>();
    const client = createSseClient({ url: `${gateway.url}/graphql`, headers, retryAttempts: 0 });
    cleanup.defer(() => client.dispose());
    client.subscribe(
      { query: 'subscription { importActivity { cursor } }' },
      { next: ended.resolve, error: ended.resolve, complete: () => ended.resolve('complete') },
    );
    return ended.promise;
  };

  test('a wrong key is refused, none is UNAUTHENTICATED', async () => {
    const gateway = await guarded();
    expect(await listen(gateway, bearer('wrong-key-1'))).toMatchObject({ response: { status: 401 } });
    expect(await listen(gateway, {})).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
  });
});

describe('links with tokens need no header', () => {
  test('and none of them opens without its own', async () => {
    const gateway = await guarded();
    const { data } = await gateway.graphql(
      `mutation { createImportUpload(input: {kind: OUTBOUND_CONTACTS, targetId: "gid://cxone/ContactList/list-import-trial", format: NDJSON}) {
         ... on CreateImportUploadPayload { url import { rejectionsUrl } } } }`,
      {},
      bearer(KEY.writer),
    );
    const upload = new URL(data.createImportUpload.url);
    const rejections = new URL(data.createImportUpload.import.rejectionsUrl);
    const bare = (url: URL) => `${url.origin}${url.pathname}`;
    const body = '{"externalId":"1","email":"ada@example.com","doNotCall":false,"doNotEmail":false}\n';
    expect((await fetch(bare(upload), { method: 'PUT', body })).status).toBe(401);
    expect((await fetch(bare(upload), { method: 'PUT', body, headers: bearer(KEY.admin) })).status).toBe(401);
    expect((await fetch(`${bare(upload)}${rejections.search}`, { method: 'PUT', body })).status).toBe(401);
    expect((await fetch(bare(rejections))).status).toBe(401);
    expect((await fetch(rejections)).status).toBe(200);
    expect((await fetch(upload, { method: 'PUT', body })).status).toBe(200);
  });
});
