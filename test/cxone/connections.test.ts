import { once } from 'node:events';
import { createServer } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { MAX_CONNECTIONS } from '../../src/cxone/limits.ts';
import { OutcomeUnknownError } from '../../src/errors.ts';
import { createTestClient, interactive, read, write } from './fixture.ts';
import { hang, json, startScriptedUpstream } from './scripted-upstream.ts';

test('nobody listens: nothing was sent, so even a write is retried, and fails as unavailable', async () => {
  const upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl, { retryBaseMs: { segments: 50, other: 50 } });
  await client.send(read, interactive());
  await upstream[Symbol.asyncDispose]();
  const call = interactive();
  await expect(client.send(write, call)).rejects.toMatchObject({ code: 'UPSTREAM_ERROR', fault: 'unavailable' });
  expect(call.tally).toMatchObject({ retries: 3, calls: 0 });
});

test('a keep-alive socket that the peer closes on reuse: the read comes through, a write that must not be repeated is unknown', async () => {
  // Answers the first request on each connection, and closes it without a word when the second comes.
  const server = createServer((socket) => {
    let seen = 0;
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      seen++;
      const body = bytes.includes('/oauth2/token') ? '{"access_token":"t","expires_in":3600}' : '{"id":"1"}';
      if (seen > 1) socket.destroy();
      else
        socket.write(
          `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        );
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  await using client = createTestClient(`http://127.0.0.1:${port}`, { retryBaseMs: { segments: 50, other: 50 } });
  try {
    await client.send(read, interactive());
    await nextTurn();
    const again = interactive();
    await expect(client.send(read, again)).resolves.toMatchObject({ status: 200 });
    expect(again.tally).toMatchObject({ calls: 2, retries: 1 });
    await nextTurn();
    await expect(client.send(write, interactive())).rejects.toBeInstanceOf(OutcomeUnknownError);
  } finally {
    server.close();
  }
});

test('connections are kept and used again', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  for (let call = 0; call < 5; call++) {
    await client.send(read, interactive());
    await nextTurn();
  }
  // One for tokens, one for the calls.
  expect(upstream.openSockets()).toBe(2);
});

test('a write that is given up while it waits for a socket is never written', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  upstream.script(hang);
  const free = new AbortController();
  const busy = Array.from({ length: MAX_CONNECTIONS }, () => client.send(read, interactive({ signal: free.signal })));
  const ended = Promise.allSettled(busy);
  await upstream.arrived(MAX_CONNECTIONS);
  const cancel = new AbortController();
  const waiting = client.send(write, interactive({ signal: cancel.signal }));
  await nextTurn();
  cancel.abort(new Error('gone'));
  await expect(waiting).rejects.toThrow('gone');
  free.abort(new Error('done'));
  await ended;
  upstream.script(json(200, { id: '1' }));
  await client.send(read, interactive());
  expect(upstream.requests.filter(({ method }) => method === 'POST')).toHaveLength(0);
});

test('at most 15 calls of an address book are under way, however many come at once', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  upstream.script((response, request) => {
    setImmediate(() => json(200, { id: '1' })(response, request));
  });
  const bounded = { ...read, inFlight: { key: 'addressBook:1', max: 15 } };
  await Promise.all(Array.from({ length: 100 }, () => client.send(bounded, interactive())));
  expect(upstream.peakInFlight()).toBeLessThanOrEqual(15);
});
