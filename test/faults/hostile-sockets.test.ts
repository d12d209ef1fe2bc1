/** faults.md, "Client abuse": WebSockets that say nothing, or what no client may say. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Harness, startHarness, until } from '../server/harness.ts';

const MiB = 1024 * 1024;

let harness: Harness;
beforeAll(async () => {
  // What is said takes longer than the default where the machine is busy, and is not what these sockets end for.
  harness = await startHarness({ limits: { connectionInitTimeoutMs: 600_000 } });
});
afterAll(() => harness[Symbol.asyncDispose]());

const hello = async (at = harness) => (await at.post({ query: '{ hello }' })).json();

test('a thousand WebSockets without an init are all gone after its time, and nobody else waits for them', async () => {
  await using impatient = await startHarness({ limits: { connectionInitTimeoutMs: 500 } });
  const codes: number[] = [];
  const open = async () => {
    const socket = new WebSocket(impatient.ws, 'graphql-transport-ws');
    const closed = once(socket, 'close');
    await once(socket, 'open');
    // Within something else: a promise for a promise would be one for its end.
    return { closed: closed.then(([code]) => codes.push(code)) };
  };
  const closings: Promise<unknown>[] = [];
  for (let group = 0; group < 20; group += 1) {
    closings.push(...(await Promise.all(Array.from({ length: 50 }, open))).map(({ closed }) => closed));
    expect(await hello(impatient)).toEqual({ data: { hello: 'hello world' } });
  }
  await Promise.all(closings);
  expect(codes).toEqual(Array(1_000).fill(4408));
  await until(() => impatient.sockets() === 0);
});

interface Heard {
  /** Of the close frame, or undefined where the connection was only cut. */
  readonly code: number | undefined;
}

/** Sends bytes over a WebSocket just opened, as fast as they are taken, and waits for its end. */
async function say(frames: Iterable<Buffer>): Promise<Heard> {
  const socket = connect(harness.server.port, '127.0.0.1');
  socket.on('error', () => undefined);
  const heard: Buffer[] = [];
  socket.on('data', (data) => heard.push(data));
  const closed = once(socket, 'close');
  socket.write(
    'GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n',
  );
  await once(socket, 'data');
  for (const frame of frames) {
    if (socket.destroyed) break;
    if (!socket.write(frame)) await Promise.race([once(socket, 'drain'), closed]);
  }
  await closed;
  const bytes = Buffer.concat(heard);
  const frame = bytes.subarray(bytes.indexOf('\r\n\r\n') + 4);
  return { code: frame[0] === 0x88 ? frame.readUInt16BE(2) : undefined };
}

/** A frame of RFC 6455, masked with zeros. */
function frame(firstByte: number, payload: Buffer, length: bigint = BigInt(payload.length)): Buffer {
  const head = Buffer.alloc(14);
  head[0] = firstByte;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(length, 2);
  return Buffer.concat([head, payload]);
}

const TEXT = 0x81;

test.each([
  ['a frame of 8 MiB', [frame(TEXT, Buffer.alloc(8 * MiB, 'x'))], 1009],
  ['a frame that says it has 2^62 bytes', [frame(TEXT, Buffer.alloc(0), 2n ** 62n)], 1009],
  [
    'a message of 8 MiB in 128 fragments',
    Array.from({ length: 128 }, (_, i) => frame(i === 0 ? 0x01 : 0x00, Buffer.alloc(MiB / 16, 'x'))),
    1009,
  ],
  [
    '20 000 empty fragments',
    Array.from({ length: 20_000 }, (_, i) => frame(i === 0 ? 0x01 : 0x00, Buffer.alloc(0))),
    1008,
  ],
  ['a frame without a mask', [Buffer.from([TEXT, 2, 0x68, 0x69])], 1002],
  ['a reserved bit', [frame(0xc1, Buffer.from('hi'))], 1002],
  ['an opcode there is not', [frame(0x83, Buffer.from('hi'))], 1002],
  ['a ping of more than 125 bytes', [frame(0x89, Buffer.alloc(126))], 1002],
  ['text that is not UTF-8', [frame(TEXT, Buffer.from([0xff]))], 1007],
])('a WebSocket that sends %s is closed with the code for it, and takes no memory', async (_name, frames, code) => {
  const before = process.memoryUsage().rss;
  expect((await say(frames)).code).toBe(code);
  expect(process.memoryUsage().rss - before).toBeLessThanOrEqual(96 * MiB);
  expect(await hello()).toEqual({ data: { hello: 'hello world' } });
});

test('a flood of pongs that nobody asked for costs nothing', async () => {
  const socket = new WebSocket(harness.ws, 'graphql-transport-ws');
  await once(socket, 'open');
  socket.send('{"type":"connection_init"}');
  await once(socket, 'message');
  const before = process.memoryUsage().rss;
  const payload = Buffer.alloc(125);
  for (let sent = 0; sent < 100_000; sent += 1) {
    socket.pong(payload);
    if (sent % 1_000 === 0) await new Promise((resolve) => socket.pong(payload, undefined, resolve));
  }
  socket.send('{"id":"1","type":"subscribe","payload":{"query":"{ hello }"}}');
  const [answer] = await once(socket, 'message');
  expect(JSON.parse(String(answer))).toMatchObject({ type: 'next', payload: { data: { hello: 'hello world' } } });
  expect(process.memoryUsage().rss - before).toBeLessThanOrEqual(96 * MiB);
  socket.close();
  await once(socket, 'close');
});
