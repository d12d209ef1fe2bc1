import { expect, test } from 'vitest';
import { OutcomeUnknownError, UpstreamError } from '../../src/errors.ts';
import { changeableShare, createTestClient, interactive, read, write } from './fixture.ts';
import { json, startScriptedUpstream } from './scripted-upstream.ts';

test('a call whose caller lost its lease while it waited is not sent, and not repeated', async () => {
  await using upstream = await startScriptedUpstream();
  let isHeld = true;
  await using client = createTestClient(upstream.baseUrl, { currentHold: () => ({ isHeld: () => isHeld }) });
  await client.send(write, interactive());
  isHeld = false;
  const error = await client.send(write, interactive()).catch((reason: unknown) => reason);
  // Not OutcomeUnknownError: it certainly took no effect.
  expect(error).toBeInstanceOf(UpstreamError);
  expect(error).not.toBeInstanceOf(OutcomeUnknownError);
  expect(upstream.requests).toHaveLength(1);
  expect(client.status()[0]).toMatchObject({ requests: 1, circuit: 'CLOSED', inFlight: 0 });
});

test('what a caller must hold is what it held when its call began', async () => {
  await using upstream = await startScriptedUpstream();
  let hold: { isHeld(): boolean } | undefined;
  await using client = createTestClient(upstream.baseUrl, { currentHold: () => hold });
  const call = client.send(write, interactive());
  hold = { isHeld: () => false };
  expect(await call).toMatchObject({ status: 200 });
});

test('reading needs no lease: it may be what finds out how a write ended', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl, { currentHold: () => ({ isHeld: () => false }) });
  expect(await client.send(read, interactive())).toMatchObject({ status: 200 });
});

test('a call that was paused until its place was somebody else’s waits for another place', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl, { retryBaseMs: { segments: 1, other: 1 } });
  const share = changeableShare(1);
  let looks = 0;
  client.sharedLimits[0]?.setShare({
    ...share,
    allowed: () => 1,
    // Nothing is left of it when the first try has its socket.
    held: () => (looks++ === 0 ? 0 : 1),
  });
  upstream.script(json(200, { id: '1' }));
  expect(await client.send(read, interactive())).toMatchObject({ status: 200 });
  expect(looks).toBe(2);
  expect(client.status()[0]).toMatchObject({ requests: 1, retries: 1 });
});
