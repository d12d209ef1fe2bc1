import { expect, test } from 'vitest';
import { OutcomeUnknownError } from '../../src/errors.ts';
import { createStillClient, createTestClient, importCall, interactive, read, write } from './fixture.ts';
import { drip, hang, json, startScriptedUpstream } from './scripted-upstream.ts';

test('somebody who waits gets UPSTREAM timeout after 9 s, and no socket is left', async () => {
  await using upstream = await startScriptedUpstream();
  await using still = createStillClient(upstream.baseUrl);
  upstream.script(hang);
  const call = still.client.send(read, interactive());
  call.catch(() => {});
  await upstream.arrived(1);
  await still.clock.advance(8999);
  expect(still.client.status()[0]?.inFlight).toBe(1);
  await still.clock.advance(1);
  await expect(call).rejects.toMatchObject({ code: 'UPSTREAM_ERROR', fault: 'timeout', retryable: true });
  await upstream.quiet();
  expect(upstream.requests).toHaveLength(1);
});

test('a byte now and then does not keep a call alive', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl, { timeoutMs: 200 });
  upstream.script(drip(20));
  const call = client.send({ ...read }, importCall('a', { deadlineAt: performance.now() + 250 }));
  await expect(call).rejects.toMatchObject({ fault: 'timeout' });
  await upstream.quiet();
});

test('one try has its own limit, after which an import tries again', async () => {
  await using upstream = await startScriptedUpstream();
  await using still = createStillClient(upstream.baseUrl);
  upstream.script(hang, json(200, { id: '1' }));
  const call = still.client.send(read, importCall());
  await upstream.arrived(1);
  await still.clock.advance(30_000);
  await upstream.quiet();
  expect(await still.settled(call)).toMatchObject({ status: 200 });
});

test('a write that gets no answer in time has an unknown outcome', async () => {
  await using upstream = await startScriptedUpstream();
  await using still = createStillClient(upstream.baseUrl);
  upstream.script(hang);
  const call = still.client.send(write, interactive());
  call.catch(() => {});
  await upstream.arrived(1);
  await still.clock.advance(9000);
  await expect(call).rejects.toBeInstanceOf(OutcomeUnknownError);
});

test('a deadline that is already past sends nothing', async () => {
  await using upstream = await startScriptedUpstream();
  await using still = createStillClient(upstream.baseUrl);
  await still.clock.advance(1000);
  await expect(still.settled(still.client.send(write, interactive({ deadlineAt: 999 })))).rejects.toMatchObject({
    code: 'UPSTREAM_ERROR',
    fault: 'timeout',
  });
  expect(upstream.requests).toHaveLength(0);
});

test('a caller that gives up ends the socket at once: a read with its reason, a write that was sent as unknown', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  upstream.script(hang);
  const gone = new Error('client went away');
  const cancel = new AbortController();
  const reading = client.send(read, interactive({ signal: cancel.signal }));
  const writing = client.send(write, interactive({ signal: cancel.signal }));
  await upstream.arrived(2);
  cancel.abort(gone);
  await expect(reading).rejects.toBe(gone);
  await expect(writing).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN', cause: gone });
  await upstream.quiet();
  expect(client.status()[0]).toMatchObject({ inFlight: 0, circuit: 'CLOSED' });
});

test('a caller that gave up before the call makes no call', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  await expect(client.send(write, interactive({ signal: AbortSignal.abort(new Error('gone')) }))).rejects.toThrow(
    'gone',
  );
  expect(upstream.requests).toHaveLength(0);
  expect(upstream.tokenRequests).toHaveLength(0);
});

test('giving up during a backoff ends it', async () => {
  await using upstream = await startScriptedUpstream();
  await using still = createStillClient(upstream.baseUrl);
  upstream.script(json(429, undefined, { 'retry-after': '5' }));
  const cancel = new AbortController();
  const call = still.client.send(write, interactive({ signal: cancel.signal }));
  await upstream.arrived(1);
  await upstream.quiet();
  await expect.poll(() => still.client.status()[0]?.inFlight).toBe(0);
  cancel.abort(new Error('gone'));
  await expect(call).rejects.toThrow('gone');
});

test('disposing leaves no timer behind', async () => {
  await using upstream = await startScriptedUpstream();
  const { client, clock } = createStillClient(upstream.baseUrl, {
    limits: { addressBooks: 1, records: 1, outbound: 1, enrichment: 1, segments: 1 },
  });
  upstream.script(hang);
  const calls = Promise.allSettled([client.send(read, importCall()), client.send(read, importCall())]);
  await upstream.arrived(1);
  expect(clock.pendingSleeps).toBeGreaterThan(0);
  await client[Symbol.asyncDispose]();
  await calls;
  expect(clock.pendingSleeps).toBe(0);
});

test('disposing ends all that is under way, waiting or sent, and all that comes later', async () => {
  await using upstream = await startScriptedUpstream();
  const client = createTestClient(upstream.baseUrl, {
    limits: { addressBooks: 1, records: 1, outbound: 1, enrichment: 1, segments: 1 },
  });
  upstream.script(hang);
  const calls = [client.send(read, importCall()), client.send(read, importCall()), client.send(write, importCall())];
  const results = Promise.allSettled(calls);
  await upstream.arrived(1);
  await client[Symbol.asyncDispose]();
  expect((await results).map((result) => result.status === 'rejected' && result.reason.code)).toEqual(
    Array(3).fill('UNAVAILABLE'),
  );
  await expect(client.send(read, interactive())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await expect.poll(() => upstream.openSockets()).toBe(0);
});
