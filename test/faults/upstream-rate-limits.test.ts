/** faults.md, "Upstream faults": 429 in all its forms, as a caller of the gateway meets it. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Fault } from '../../src/sandbox/faults.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { freshDatabaseUrl } from '../support/postgres.ts';
import { pump } from './pump.ts';
import { ask, READS } from './reads.ts';
import { UNLIMITED } from './unlimited.ts';

const CONTACT = READS.find(({ name }) => name === 'contact') ?? fail('there is no such read');
const ROUTE = 'GET /api/v2/addressbooks/{bookId}/contacts/{contactId}';

let clock: FakeClock;
let gateway: TestGateway;
beforeEach(async () => {
  clock = createFakeClock();
  // What the sandbox notes of a request is then its time on the gateway's clock.
  gateway = await startGateway({ ...UNLIMITED, sandbox: { ...UNLIMITED.sandbox, now: clock.now }, clock });
  // A token is had before anything is measured.
  await pump(clock, ask(gateway, CONTACT, 150));
  gateway.sandbox.control.resetRequests();
});
afterEach(() => gateway[Symbol.asyncDispose]());

const limit = (fault: Fault = {}) =>
  gateway.sandbox.control.fail({ method: 'GET', path: CONTACT.path, status: 429, ...fault });

function requestTimes(): number[] {
  return gateway.sandbox.control
    .requestLog()
    .filter(({ route }) => route === ROUTE)
    .map(({ at }) => at);
}

test('Retry-After in seconds: no request before its time, one soon after, and the value', async () => {
  limit({ retryAfter: 3, times: 1 });
  expect(await pump(clock, ask(gateway, CONTACT))).toMatchObject({ code: 'OK' });
  const [first = 0, second = 0, ...more] = requestTimes();
  expect(second - first).toBeGreaterThanOrEqual(3000 - 20);
  expect(second - first).toBeLessThanOrEqual(3000 + 2000);
  expect(more).toEqual([]);
});

test('Retry-After as a date: the same', async () => {
  limit({ retryAfterDateMs: 3000, times: 1, headers: { date: new Date(clock.now()).toUTCString() } });
  expect(await pump(clock, ask(gateway, CONTACT))).toMatchObject({ code: 'OK' });
  const [first = 0, second = 0, ...more] = requestTimes();
  expect(second - first).toBeGreaterThanOrEqual(3000 - 20);
  expect(second - first).toBeLessThanOrEqual(3000 + 2000);
  expect(more).toEqual([]);
});

test.each(['3600', '99999999999999999999'])(
  'Retry-After %s: RATE_LIMITED at once, after one request',
  async (retryAfter) => {
    limit({ retryAfter });
    const startedAt = clock.monotonic();
    // The clock stands still: whoever waited would wait for ever.
    const answer = await gateway.graphql(CONTACT.query(0));
    expect(answer.errors?.[0]?.extensions).toMatchObject({ code: 'RATE_LIMITED' });
    expect(answer.errors?.[0]?.extensions.retryAfterMs).toBeGreaterThanOrEqual(3_600_000);
    expect(clock.monotonic() - startedAt).toBe(0);
    expect(requestTimes()).toHaveLength(1);
  },
);

test.each(['3600', '99999999999999999999'])(
  'Retry-After %s, and the process dies with the answer: the next one starts, and sends nothing before its time',
  async (retryAfter) => {
    await using database = await freshDatabaseUrl('sqlite');
    await using first = await startGateway({ ...UNLIMITED, databaseUrl: database.url });
    first.sandbox.control.fail({ method: 'GET', path: CONTACT.path, status: 429, retryAfter });
    expect(await ask(first, CONTACT)).toMatchObject({ code: 'RATE_LIMITED' });
    // The first one has not been ended: what it has not stored by now would be lost.
    first.sandbox.control.resetRequests();
    await using next = await startGateway({ ...UNLIMITED, databaseUrl: database.url, useSandbox: first.sandbox });
    expect(await ask(next, CONTACT, 1)).toMatchObject({ code: 'RATE_LIMITED' });
    expect(first.sandbox.control.requests().routes[ROUTE]).toBeUndefined();
  },
);

test.each([
  ['0', { retryAfter: 0 }],
  ['a negative number', { retryAfter: -5 }],
  ['a date that is past', { retryAfterDateMs: -60_000 }],
  ['garbage', { retryAfter: 'soon' }],
  ['nothing', {}],
])('Retry-After %s: a backoff of our own, 50 ms at least each, six requests at most', async (_name, fault) => {
  limit(fault);
  expect(await pump(clock, ask(gateway, CONTACT))).toMatchObject({ code: 'RATE_LIMITED' });
  const times = requestTimes();
  expect(times.length).toBeGreaterThan(1);
  expect(times.length).toBeLessThanOrEqual(6);
  for (const [index, at] of times.slice(1).entries()) expect(at - (times[index] ?? 0)).toBeGreaterThanOrEqual(50);
});

describe('three in a row', () => {
  test('stop asking: of 100 reads at most 5 reach CXone, and all are answered at once', async () => {
    limit();
    await pump(clock, ask(gateway, CONTACT));
    gateway.sandbox.control.resetRequests();
    const startedAt = clock.monotonic();
    const answers = await Promise.all(Array.from({ length: 100 }, (_, index) => ask(gateway, CONTACT, index)));
    expect(clock.monotonic() - startedAt).toBe(0);
    expect(answers.every(({ code }) => code === 'RATE_LIMITED')).toBe(true);
    expect(requestTimes().length).toBeLessThanOrEqual(5);
    const { gatewayStatus } = await gateway.data('{ gatewayStatus { upstream { group circuit } } }');
    expect(gatewayStatus.upstream).toContainEqual({ group: 'addressBooks', circuit: 'OPEN' });
  });

  test('are forgotten within three times the cool time once CXone has recovered', async () => {
    limit();
    await pump(clock, ask(gateway, CONTACT));
    const { retryAfterMs } = (await gateway.graphql(CONTACT.query(1))).errors?.[0]?.extensions ?? {};
    gateway.sandbox.control.clearFaults();
    await clock.advance(3 * retryAfterMs);
    expect(await pump(clock, ask(gateway, CONTACT, 2))).toMatchObject({ code: 'OK' });
    const { gatewayStatus } = await gateway.data('{ gatewayStatus { upstream { group circuit } } }');
    expect(gatewayStatus.upstream).toContainEqual({ group: 'addressBooks', circuit: 'CLOSED' });
  });
});

test('a wall clock that jumps by an hour, either way, brings no request before its time', async () => {
  for (const jump of [-3_600_000, 3_600_000]) {
    gateway.sandbox.control.resetRequests();
    const { hits } = limit({ retryAfter: 2, times: 1 });
    expect(hits).toBe(0);
    const answered = ask(gateway, CONTACT, jump > 0 ? 11 : 12);
    await gateway.sandbox.control.waitFor(({ route, status }) => route === ROUTE && status === 429);
    const limitedAt = clock.monotonic();
    clock.jumpWallClock(jump);
    expect(await pump(clock, answered)).toMatchObject({ code: 'OK' });
    expect(clock.monotonic() - limitedAt).toBeGreaterThanOrEqual(2000 - 20);
    gateway.sandbox.control.clearFaults();
  }
});

function fail(message: string): never {
  throw new Error(message);
}
