import { createClient as createSseClient } from 'graphql-sse';
import { createClient } from 'graphql-ws';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import type { Authenticate, Credentials } from '../../src/server/authenticate.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { type Harness, startHarness, until } from './harness.ts';

let harness: Harness;
let clock: FakeClock;
let asked: Credentials[];

/** `Bearer ada` is Ada, a writer for an hour; `Bearer eve` is wrong; without anything one is nobody. */
const authenticate: Authenticate = async (credentials) => {
  asked.push(credentials);
  if (credentials.authorization === undefined) return null;
  if (credentials.authorization === 'Bearer ada')
    return { name: 'ada', role: 'writer', expiresAt: clock.now() + 3_600_000 };
  throw new GatewayError('UNAUTHENTICATED', 'This key is not known.');
};

beforeEach(async () => {
  clock = createFakeClock();
  asked = [];
  harness = await startHarness({ authenticate, clock });
});
afterEach(async () => {
  await harness[Symbol.asyncDispose]();
});

describe('over HTTP', () => {
  test('the actor is whose key is in the header, and where from is known', async () => {
    const response = await harness.post({ query: '{ whoAmI }' }, { authorization: 'Bearer ada' });
    expect(await response.json()).toEqual({ data: { whoAmI: 'ada' } });
    expect(asked).toEqual([
      { authorization: 'Bearer ada', remoteAddress: '127.0.0.1', requestId: response.headers.get('x-request-id') },
    ]);
  });

  test('wrong credentials are 401 and nothing runs; none are UNAUTHENTICATED at each field', async () => {
    const wrong = await harness.post({ query: '{ __typename }' }, { authorization: 'Bearer eve' });
    expect(wrong.status).toBe(401);
    expect(await wrong.json()).toMatchObject({
      errors: [{ message: 'This key is not known.', extensions: { code: 'UNAUTHENTICATED' } }],
    });
    const none = await harness.post({ query: '{ whoAmI }' });
    expect(none.status).toBe(200);
    expect(await none.json()).toMatchObject({ data: null, errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
  });

  test('a key never stands in the log', async () => {
    await harness.post({ query: '{ whoAmI }' }, { authorization: 'Bearer ada-secret-key' });
    expect(harness.lines.join('')).not.toContain('ada-secret-key');
  });
});

describe('over WebSocket', () => {
  const subscribe = (connectionParams: Record<string, unknown> | undefined) => {
    const closed: { code: number; reason: string }[] = [];
    const seen: unknown[] = [];
    const client = createClient({
      url: harness.ws,
      retryAttempts: 0,
      ...(connectionParams && { connectionParams }),
      on: { closed: (event) => closed.push(event as { code: number; reason: string }) },
    });
    client.subscribe(
      { query: 'subscription { silent }' },
      { next: (value) => seen.push(value), error: (error) => seen.push(error), complete: () => undefined },
    );
    return { client, closed, seen };
  };

  test('wrong credentials close it with 4401, for good', async () => {
    const { closed, client } = subscribe({ authorization: 'Bearer eve' });
    await until(() => closed.length > 0);
    expect(closed[0]).toMatchObject({ code: 4401, reason: 'This key is not known.' });
    await client.dispose();
  });

  test('without credentials a subscription is refused, the socket kept', async () => {
    const { client, seen, closed } = subscribe(undefined);
    await until(() => seen.length > 0);
    expect(seen[0]).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
    expect(harness.liveSources()).toBe(0);
    expect(closed).toEqual([]);
    await client.dispose();
  });

  test('it ends when the credentials end, its sources with it', async () => {
    const { client, seen, closed } = subscribe({ authorization: 'Bearer ada' });
    await until(() => seen.length === 1);
    await clock.advance(3_600_000);
    await until(() => closed.length > 0);
    expect(closed[0]).toMatchObject({ code: 4403 });
    expect(harness.liveSources()).toBe(0);
    await client.dispose();
  });
});

test('one actor cannot take all sockets: those beyond its part are closed with 1013, others come in', async () => {
  await harness[Symbol.asyncDispose]();
  const names: Authenticate = async ({ authorization = '' }) => ({ name: authorization, role: 'reader' });
  harness = await startHarness({ authenticate: names, clock, limits: { maxSockets: 10, maxSocketsPerActor: 2 } });
  const connect = async (authorization: string) => {
    const outcome = Promise.withResolvers<number | 'connected'>();
    const client = createClient({
      url: harness.ws,
      lazy: false,
      retryAttempts: 0,
      connectionParams: { authorization },
      onNonLazyError: () => undefined,
      on: {
        connected: () => outcome.resolve('connected'),
        closed: (event) => outcome.resolve((event as { code: number }).code),
      },
    });
    return { outcome: await outcome.promise, close: () => client.dispose() };
  };
  const [first, , third, other] = [
    await connect('greedy'),
    await connect('greedy'),
    await connect('greedy'),
    await connect('modest'),
  ];
  expect([first?.outcome, third?.outcome, other?.outcome]).toEqual(['connected', 1013, 'connected']);
  await first?.close();
  // A place that is left can be taken, once the server has seen that it is.
  let again = await connect('greedy');
  while (again.outcome !== 'connected') again = await connect('greedy');
});

test('an SSE subscription ends when the credentials end', async () => {
  const client = createSseClient({ url: harness.graphql, headers: { authorization: 'Bearer ada' }, retryAttempts: 0 });
  const seen: string[] = [];
  client.subscribe(
    { query: 'subscription { silent }' },
    { next: () => seen.push('next'), error: () => seen.push('error'), complete: () => seen.push('complete') },
  );
  await until(() => seen.length === 1);
  await clock.advance(3_599_999);
  expect(seen).toEqual(['next']);
  await clock.advance(1);
  await until(() => seen.length === 2);
  expect(seen).toEqual(['next', 'error']);
  expect(harness.liveSources()).toBe(0);
  client.dispose();
});
