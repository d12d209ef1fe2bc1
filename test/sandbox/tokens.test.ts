import { expect, test } from 'vitest';
import { SANDBOX_CLIENT_ID, SANDBOX_CLIENT_SECRET } from '../../src/sandbox/options.ts';
import { send, startTestSandbox } from './client.ts';

const BOOKS = '/api/v2/addressbooks';
const credentials = { client_id: SANDBOX_CLIENT_ID, client_secret: SANDBOX_CLIENT_SECRET };
const grant = { grant_type: 'client_credentials' };

const styles = {
  form: (secret: string) => [
    '/oauth2/token',
    { body: new URLSearchParams({ ...grant, ...credentials, client_secret: secret }) },
  ],
  basic: (secret: string) => [
    '/api/v2/oauth/token',
    {
      headers: { authorization: `Basic ${Buffer.from(`${SANDBOX_CLIENT_ID}:${secret}`).toString('base64')}` },
      body: new URLSearchParams(grant),
    },
  ],
  json: (secret: string) => [
    '/api/v2/oauth2/token',
    {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...grant, ...credentials, client_secret: secret }),
    },
  ],
} satisfies Record<string, (secret: string) => [string, RequestInit]>;

test.each(['form', 'basic', 'json'] as const)(
  'style %s: the right secret gets a token that works, the wrong one 401',
  async (style) => {
    await using sandbox = await startTestSandbox();
    const ask = (secret: string) => {
      const [path, init] = styles[style](secret);
      return send(sandbox.url + path, { method: 'POST', ...init });
    };
    const refused = await ask('wrong');
    expect(refused).toMatchObject({ status: 401, body: { code: 'invalid_client' } });
    const given = await ask(SANDBOX_CLIENT_SECRET);
    expect(given).toMatchObject({ status: 200, body: { expires_in: 3600, token_type: 'Bearer' } });
    const headers = { authorization: `Bearer ${given.body.access_token}` };
    expect(await sandbox.call('GET', BOOKS, { headers })).toMatchObject({ status: 200 });
    expect(sandbox.control.requests().tokens).toEqual({ form: 0, basic: 0, json: 0, [style]: 1 });
  },
);

test.each([
  ['another grant', { ...credentials, grant_type: 'password' }, 'unsupported_grant_type'],
  ['an unknown scope', { ...credentials, ...grant, scope: 'everything' }, 'invalid_scope'],
  ['an unknown field', { ...credentials, ...grant, extra: 'x' }, 'invalid_request'],
])('a token request with %s is refused', async (_, fields, code) => {
  await using sandbox = await startTestSandbox();
  const answer = await send(`${sandbox.url}/oauth2/token`, { method: 'POST', body: new URLSearchParams(fields) });
  expect(answer).toMatchObject({ status: 400, body: { code } });
  expect(sandbox.violations()).toEqual({ 'token-request': 1 });
});

test('a call without a token, with an unknown one or with an expired one gets 401', async () => {
  let nowMs = Date.parse('2025-06-01T00:00:00Z');
  await using sandbox = await startTestSandbox({ now: () => nowMs });
  sandbox.control.configure({ tokenLifetimeSeconds: 30 });
  const headers = { authorization: `Bearer ${await sandbox.token()}` };
  expect((await sandbox.call('GET', BOOKS, { headers: { authorization: '' } })).status).toBe(401);
  expect((await sandbox.call('GET', BOOKS, { headers: { authorization: 'Bearer other' } })).status).toBe(401);
  nowMs += 29_999;
  expect((await sandbox.call('GET', BOOKS, { headers })).status).toBe(200);
  nowMs += 1;
  expect((await sandbox.call('GET', BOOKS, { headers })).status).toBe(401);
});

test('revoked tokens are unknown at once', async () => {
  await using sandbox = await startTestSandbox();
  expect((await sandbox.call('GET', BOOKS)).status).toBe(200);
  sandbox.control.revokeTokens();
  expect((await sandbox.call('GET', BOOKS)).status).toBe(401);
});

test('a 403 names the scope that is missing, for a token that did not ask for it and for a client that may not', async () => {
  await using sandbox = await startTestSandbox();
  const headers = { authorization: `Bearer ${await sandbox.token('segments:read outbound.read')}` };
  expect((await sandbox.call('GET', '/api/v2/segments', { headers })).status).toBe(200);
  const narrow = await sandbox.call('GET', BOOKS, { headers });
  expect(narrow.status).toBe(403);
  expect(narrow.body.message).toContain('addressbook:addressbook:read');
  sandbox.control.configure({ allowedScopes: ['addressbook:addressbook:read'] });
  expect((await sandbox.call('GET', BOOKS)).status).toBe(200);
  const restricted = await sandbox.call('GET', '/api/v2/segments');
  expect(restricted.status).toBe(403);
  expect(restricted.body.message).toContain('segments:read');
});
