import { expect, test } from 'vitest';
import type { Http } from '../../src/cxone/http.ts';
import { SCOPES } from '../../src/cxone/limits.ts';
import { createTokens } from '../../src/cxone/token.ts';
import { createRandom } from '../../src/samples/random.ts';
import { createFakeClock } from '../support/clock.ts';
import {
  createStillClient,
  createTestClient,
  exchangeOf,
  interactive,
  mostInAnyWindow,
  read,
  SECRET,
  write,
} from './fixture.ts';
import { hang, json, type Reply, startScriptedUpstream } from './scripted-upstream.ts';

const tokenFor = (expires_in: unknown): Reply => json(200, { access_token: 'short', expires_in, token_type: 'Bearer' });

/** Refuses every token but `token`. */
const onlyFor =
  (token: string): Reply =>
  (response, request) =>
    json(request.headers.authorization === `Bearer ${token}` ? 200 : 401, { id: '1' })(response, request);

test('the three styles of asking for a token', async () => {
  await using upstream = await startScriptedUpstream();
  for (const style of ['form', 'basic', 'json'] as const) {
    await using client = createTestClient(upstream.baseUrl, {
      credentials: { clientId: 'client-7', clientSecret: 's3cr&t', style },
    });
    await client.send(read, interactive());
  }
  const [form, basic, asJson] = upstream.tokenRequests;
  expect(form).toMatchObject({ method: 'POST', url: '/oauth2/token' });
  expect(Object.fromEntries(new URLSearchParams(form?.body))).toEqual({
    grant_type: 'client_credentials',
    client_id: 'client-7',
    client_secret: 's3cr&t',
    scope: SCOPES.join(' '),
  });
  expect(form?.headers['content-type']).toBe('application/x-www-form-urlencoded');
  expect(basic).toMatchObject({ method: 'POST', url: '/api/v2/oauth/token', body: 'grant_type=client_credentials' });
  expect(basic?.headers.authorization).toBe(`Basic ${Buffer.from('client-7:s3cr&t').toString('base64')}`);
  expect(asJson).toMatchObject({ method: 'POST', url: '/api/v2/oauth2/token' });
  expect(JSON.parse(asJson?.body ?? '')).toEqual({
    grant_type: 'client_credentials',
    client_id: 'client-7',
    client_secret: 's3cr&t',
  });
  expect(asJson?.headers['content-type']).toBe('application/json');
});

test('a path in the base URL goes before every target, the token endpoint too', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(`${upstream.baseUrl}/behind/a/gateway/`);
  await client.send(read, interactive());
  expect(upstream.tokenRequests[0]?.url).toBe('/behind/a/gateway/oauth2/token');
  expect(upstream.requests[0]?.url).toBe('/behind/a/gateway/api/v2/addressbooks/1');
});

test('50 callers at once share one token request', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  await Promise.all(Array.from({ length: 50 }, () => client.send(read, interactive())));
  expect(upstream.tokenRequests).toHaveLength(1);
  expect(upstream.requests).toHaveLength(50);
});

test('a token revoked under 50 calls is renewed once, and all 50 are served', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  await client.send(read, interactive());
  upstream.script(onlyFor('token-2'));
  const answers = await Promise.all(Array.from({ length: 50 }, () => client.send(read, interactive())));
  expect(answers).toHaveLength(50);
  expect(upstream.tokenRequests).toHaveLength(2);
  expect(upstream.requests).toHaveLength(1 + 100);
});

test('a write that was answered 401 is sent again under a new token', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  upstream.script(json(401), json(201, { id: '1' }));
  expect(await client.send(write, interactive())).toMatchObject({ status: 201, body: { id: '1' } });
  expect(upstream.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer token-1', 'Bearer token-2']);
});

test('401 for ever: one renewal, two requests, and a clear error', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  upstream.script(json(401));
  await expect(client.send(read, interactive())).rejects.toMatchObject({
    code: 'UPSTREAM_ERROR',
    fault: 'auth',
    status: 401,
    message:
      'CXone: GET /api/v2/addressbooks/{id} was answered 401 with a new token too. The operator should check CXONE_CLIENT_ID and CXONE_CLIENT_SECRET.',
  });
  expect(upstream.requests).toHaveLength(2);
  expect(upstream.tokenRequests).toHaveLength(2);
});

test('while every token is refused, calls do not ask for one each', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  upstream.script(json(401));
  for (let call = 0; call < 10; call++) await client.send(read, interactive()).catch(() => {});
  expect(upstream.tokenRequests).toHaveLength(2);
});

test('a token that was accepted is past doubt: its successor is renewed again when it is revoked', async () => {
  await using upstream = await startScriptedUpstream();
  await using still = createStillClient(upstream.baseUrl);
  const call = () => still.settled(still.client.send(read, interactive()));
  await call();
  upstream.script(json(401), json(200, { id: '1' }));
  await call();
  // The second token ends by itself; the third is revoked at its first use.
  await still.clock.advance(3_600_000);
  upstream.script(json(401), json(200, { id: '1' }));
  await expect(call()).resolves.toMatchObject({ status: 200 });
  expect(upstream.tokenRequests).toHaveLength(4);
});

test('a replay waits for its place under the limit like every request', async () => {
  await using upstream = await startScriptedUpstream();
  await using still = createStillClient(upstream.baseUrl, {
    limits: { addressBooks: 1, records: 1, outbound: 1, enrichment: 1, segments: 1 },
  });
  upstream.script(json(401), json(200, { id: '1' }));
  await still.settled(still.client.send(read, interactive()));
  expect(still.clock.monotonic()).toBeGreaterThanOrEqual(1000);
  // A second after the answer came, not after the slower allowance for requests without one.
  expect(still.clock.monotonic()).toBeLessThan(1050);
});

test('503 twice at the token endpoint costs nobody an error', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  upstream.scriptToken(json(503), json(503), tokenFor(3600));
  const answers = await Promise.all(Array.from({ length: 20 }, () => client.send(read, interactive())));
  expect(answers).toHaveLength(20);
  expect(upstream.tokenRequests).toHaveLength(3);
});

/** A token endpoint that is down, in time that stands still. */
function setUpDown(random: () => number) {
  const clock = createFakeClock();
  const state = { asked: 0, up: false };
  const http: Http = {
    async exchange() {
      state.asked++;
      const [status, body] = state.up ? [200, JSON.stringify({ access_token: 't', expires_in: 3600 })] : [503, ''];
      return { kind: 'answer', status, header: () => undefined, bytes: Buffer.from(body), latencyMs: 1 };
    },
    async [Symbol.asyncDispose]() {},
  };
  const credentials = { clientId: 'client-7', clientSecret: SECRET, style: 'form' } as const;
  const tokens = createTokens({ http, credentials, timeoutMs: 30_000, clock, random });
  return { clock, state, call: () => clock.advanceUntil(Promise.resolve(tokens.take(exchangeOf()))) };
}

test('a token endpoint that keeps failing is asked four times, then once after each pause, which grows', async () => {
  const { clock, state, call } = setUpDown(() => 0.5);
  expect(await call()).toMatchObject({ kind: 'failure', reached: 'token', fault: 'unavailable', status: 503 });
  expect(await call()).toMatchObject({ kind: 'failure', reached: 'token', fault: 'unavailable' });
  expect(state.asked).toBe(4);
  for (const [index, pauseMs] of [1250, 2500, 5000, 10_000, 10_000].entries()) {
    await clock.advance(pauseMs - 1);
    await call();
    expect(state.asked).toBe(4 + index);
    await clock.advance(1);
    await call();
    expect(state.asked).toBe(5 + index);
  }
  state.up = true;
  await clock.advance(10_000);
  expect(await call()).toMatchObject({ value: 't' });
});

test('many gateways that start while the token endpoint is down ask it a few times a second, and not in step', async () => {
  const arrivals: number[] = [];
  for (let gateway = 0; gateway < 40; gateway++) {
    const { clock, state, call } = setUpDown(createRandom(gateway));
    while (clock.monotonic() < 60_000) {
      const before = state.asked;
      await call();
      if (clock.monotonic() > 20_000 && state.asked > before) arrivals.push(clock.monotonic());
      await clock.advance(100);
    }
  }
  // Each asks every 8 to 12 s.
  expect(arrivals.length / 40).toBeLessThan(5);
  expect(mostInAnyWindow(arrivals)).toBeLessThan(20);
});

test('the token endpoint too is left alone for as long as its Retry-After says', async () => {
  await using upstream = await startScriptedUpstream();
  await using still = createStillClient(upstream.baseUrl);
  upstream.scriptToken(json(429, undefined, { 'retry-after': '120' }), tokenFor(3600));
  const call = () => still.settled(still.client.send(read, interactive()));
  await expect(call()).rejects.toMatchObject({ fault: 'unavailable' });
  await still.clock.advance(119_000);
  await expect(call()).rejects.toMatchObject({ fault: 'unavailable' });
  expect(upstream.tokenRequests).toHaveLength(1);
  await still.clock.advance(1000);
  await expect(call()).resolves.toMatchObject({ status: 200 });
});

test('wrong credentials: one request, an error that names endpoint, status and OAuth word, and no secret', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  upstream.scriptToken(json(401, { error: 'invalid_client', error_description: `no client with ${SECRET}` }));
  const error = await client.send(read, interactive()).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: 'UPSTREAM_ERROR',
    fault: 'auth',
    message:
      'CXone: GET /api/v2/addressbooks/{id} failed: the token endpoint POST /oauth2/token answered 401 (invalid_client). The operator should check CXONE_CLIENT_ID and CXONE_CLIENT_SECRET.',
  });
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain(SECRET);
  expect(upstream.tokenRequests).toHaveLength(1);
});

test.each([
  ['an hour: 60 s before its end', 3600, 3_540_000],
  ['a text', '3600', 3_540_000],
  ['100 s: half its life', 100, 50_000],
  ['a second: believed to be 30 s, renewed at half', 1, 15_000],
  ['nothing, so 30 s', undefined, 30_000],
  ['0, so 30 s', 0, 30_000],
  ['negative, so 30 s', -5, 30_000],
  ['nonsense, so 30 s', 'soon', 30_000],
  ['more than a day, so a day', 1e12, 86_340_000],
])('renewal, when expires_in is %s', async (_name, expiresIn, renewedAfterMs) => {
  await using upstream = await startScriptedUpstream();
  await using still = createStillClient(upstream.baseUrl);
  upstream.scriptToken(tokenFor(expiresIn));
  await still.settled(still.client.send(read, interactive()));
  await still.clock.advance(renewedAfterMs - still.clock.monotonic() - 1);
  await still.settled(still.client.send(read, interactive()));
  expect(upstream.tokenRequests).toHaveLength(1);
  await still.clock.advance(1);
  await still.settled(still.client.send(read, interactive()));
  await expect.poll(() => upstream.tokenRequests.length).toBe(2);
});

test('nobody waits for a renewal while the token is still good, and a failed one does no harm', async () => {
  await using upstream = await startScriptedUpstream();
  await using still = createStillClient(upstream.baseUrl);
  await still.settled(still.client.send(read, interactive()));
  upstream.scriptToken(hang);
  await still.clock.advance(3_540_000);
  await still.settled(still.client.send(read, interactive()));
  expect(upstream.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer token-1', 'Bearer token-1']);
});

test.each([
  ['no token', { expires_in: 3600 }],
  ['a token that is no header value', { access_token: 'a\r\nx-evil: 1', expires_in: 3600 }],
  ['an empty token', { access_token: '', expires_in: 3600 }],
])('an answer with %s is no token', async (_name, body) => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  upstream.scriptToken(json(200, body));
  await expect(client.send(read, interactive())).rejects.toMatchObject({
    code: 'UPSTREAM_ERROR',
    fault: 'badResponse',
  });
  expect(upstream.requests).toHaveLength(0);
});

test('a token endpoint that hangs ends with the caller, not later', async () => {
  await using upstream = await startScriptedUpstream();
  await using still = createStillClient(upstream.baseUrl);
  upstream.scriptToken(hang);
  const call = still.client.send(write, interactive());
  call.catch(() => {});
  await expect.poll(() => upstream.tokenRequests.length).toBe(1);
  await still.clock.advance(9000);
  // Nothing was sent but the question for a token, so the write is not in doubt.
  await expect(call).rejects.toMatchObject({ code: 'UPSTREAM_ERROR', fault: 'timeout' });
});
