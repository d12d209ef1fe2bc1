import { expect, test } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startTestSandbox } from './client.ts';

const SEGMENT = `/api/v2/segments/${DEMO_IDS.segments.summerInvitees}`;

test('counts tell each route, its answers and the sizes of its batches', async () => {
  await using sandbox = await startTestSandbox();
  const sizes = [3, 1, 3];
  for (const [index, size] of sizes.entries()) {
    const body = Array.from({ length: size }, (_, item) => `${index}-${item}`);
    await sandbox.call('POST', `${SEGMENT}/contacts`, { body, headers: { 'idempotency-key': `k${index}` } });
  }
  await sandbox.call('GET', SEGMENT);
  await sandbox.call('GET', '/api/v2/segments/none');
  const { total, routes, idempotencyKeys } = sandbox.control.requests();
  expect(total).toBe(5);
  expect(routes).toEqual({
    'POST /api/v2/segments/{segmentId}/contacts': {
      requests: 3,
      statuses: { 201: 3 },
      items: 7,
      batchSizes: { 1: 1, 3: 2 },
    },
    'GET /api/v2/segments/{segmentId}': { requests: 2, statuses: { 200: 1, 404: 1 }, items: 0, batchSizes: {} },
  });
  expect(idempotencyKeys).toEqual({ k0: 1, k1: 1, k2: 1 });
});

test('the peak is the most requests within any one second, not within a second of the clock', async () => {
  let nowMs = Date.parse('2025-06-01T00:00:00Z');
  await using sandbox = await startTestSandbox({ now: () => nowMs });
  const ask = async (times: number) => {
    for (let index = 0; index < times; index += 1) await sandbox.call('GET', SEGMENT);
  };
  nowMs += 900;
  await ask(2);
  nowMs += 200;
  await ask(3);
  nowMs += 900;
  await ask(1);
  expect(sandbox.control.requests().peakPerSecond).toMatchObject({ segments: 5, outbound: 0 });
});

test('a reset forgets everything that was counted', async () => {
  await using sandbox = await startTestSandbox();
  await sandbox.call('GET', SEGMENT);
  await sandbox.call('GET', '/api/v2/nothing');
  sandbox.control.resetRequests();
  expect(sandbox.control.requests()).toMatchObject({
    total: 0,
    routes: {},
    violations: [],
    peakPerSecond: { segments: 0 },
    peakInFlight: { total: 0, byAddressBook: {} },
  });
  expect(sandbox.control.requestLog()).toEqual([]);
});

test('a request can be waited for before and after it comes, and the wait has an end', async () => {
  await using sandbox = await startTestSandbox();
  const coming = sandbox.control.waitFor(({ status }) => status === 200);
  await sandbox.call('GET', SEGMENT);
  const met = { method: 'GET', url: SEGMENT, route: 'GET /api/v2/segments/{segmentId}', status: 200 };
  expect(await coming).toMatchObject(met);
  expect(await sandbox.control.waitFor(({ url }) => url === SEGMENT)).toMatchObject(met);
  await expect(sandbox.control.waitFor(() => false, { timeoutMs: 1 })).rejects.toThrow('within 1 ms');
});

test('a held answer is given when it is let go, and its write has happened before', async () => {
  await using sandbox = await startTestSandbox();
  const hold = sandbox.control.hold({ method: 'POST', path: '/api/v2/segments/*/contacts' });
  let isAnswered = false;
  const call = sandbox
    .call('POST', `${SEGMENT}/contacts`, { body: ['a'], headers: { 'idempotency-key': 'k' } })
    .finally(() => {
      isAnswered = true;
    });
  await sandbox.control.waitFor(({ idempotencyKey }) => idempotencyKey === 'k');
  await sandbox.call('GET', SEGMENT);
  expect(isAnswered).toBe(false);
  expect(hold.held()).toBe(1);
  expect(sandbox.control.state.segment(DEMO_IDS.segments.summerInvitees).written).toBe(1);
  hold.release();
  expect((await call).status).toBe(201);
  expect(hold.held()).toBe(0);
});

test('stopping ends held answers, hanging ones and waits', async () => {
  const sandbox = await startTestSandbox();
  sandbox.control.fail({ path: '/api/v2/segments', hang: true });
  sandbox.control.hold({ path: SEGMENT });
  const calls = [sandbox.call('GET', '/api/v2/segments'), sandbox.call('GET', SEGMENT)];
  const wait = sandbox.control.waitFor(() => false);
  const settled = Promise.allSettled([...calls, wait]);
  await sandbox.control.waitFor(({ number }) => number === 2);
  await sandbox[Symbol.asyncDispose]();
  expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
});
