/**
 * Many subscribers in one process, over plain sockets, so that they cost little themselves: they count what they are
 * sent and how late it is, by the microseconds that stand in it behind `"sentAt":`.
 *
 * `node subscribers.ts <bare | websocket | sse> <url> <count> <query>`; says an address when all have subscribed, and
 * answers the message `collect` with what came since the last one.
 */
import { connect, type Socket } from 'node:net';
import { quantile } from '../harness/http-load.ts';

const [protocol = '', address = '', count = '0', query = ''] = process.argv.slice(2);
const { hostname, port } = new URL(address);
const MARK = Buffer.from('"sentAt":');

let delays: number[] = [];
const sockets: Socket[] = [];

function note(payload: Buffer): void {
  const at = payload.indexOf(MARK);
  if (at === -1) return;
  const sentAt = Number.parseInt(payload.toString('latin1', at + MARK.length, at + MARK.length + 20), 10);
  delays.push(performance.timeOrigin + performance.now() - sentAt / 1000);
}

const TEXT = 0x1;
const PING = 0x9;
const PONG = 0xa;

/** A client's frame. The mask must be there, and may be zero. */
function frame(payload: Buffer, opcode = TEXT): Buffer {
  const head =
    payload.length < 126
      ? Buffer.from([0x80 | opcode, 0x80 | payload.length])
      : Buffer.from([0x80 | opcode, 0xfe, payload.length >> 8, payload.length & 0xff]);
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}

/** The payloads of the frames in what has come so far, and what is left. */
function readFrames(bytes: Buffer, take: (payload: Buffer, opcode: number) => void): Buffer {
  let at = 0;
  while (bytes.length >= at + 2) {
    const short = (bytes[at + 1] ?? 0) & 0x7f;
    const start = at + (short === 126 ? 4 : 2);
    if (bytes.length < start) break;
    const length = short === 126 ? bytes.readUInt16BE(at + 2) : short;
    if (bytes.length < start + length) break;
    take(bytes.subarray(start, start + length), (bytes[at] ?? 0) & 0x0f);
    at = start + length;
  }
  return bytes.subarray(at);
}

function subscribeByWebSocket(isBare: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    sockets.push(socket);
    let rest: Buffer = Buffer.alloc(0);
    let isOpen = false;
    socket.write(
      `GET ${isBare ? '/' : '/graphql'} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${isBare ? '' : 'Sec-WebSocket-Protocol: graphql-transport-ws\r\n'}\r\n`,
    );
    socket.on('data', (chunk: Buffer) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      if (!isOpen) {
        const end = rest.indexOf('\r\n\r\n');
        if (end === -1) return;
        if (!rest.subarray(0, end).toString().includes(' 101 ')) reject(new Error(rest.toString().slice(0, 200)));
        isOpen = true;
        rest = rest.subarray(end + 4);
        if (isBare) resolve();
        else socket.write(frame(Buffer.from('{"type":"connection_init"}')));
      }
      rest = readFrames(rest, (payload, opcode) => {
        if (opcode === PING) socket.write(frame(payload, PONG));
        else if (!isBare && payload.includes('connection_ack')) {
          socket.write(frame(Buffer.from(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }))));
          resolve();
        } else note(payload);
      });
    });
    socket.on('error', reject);
  });
}

function subscribeBySse(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    sockets.push(socket);
    const body = JSON.stringify({ query });
    socket.write(
      `POST /graphql HTTP/1.1\r\nHost: ${hostname}\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    let rest: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      resolve();
      for (let end = rest.indexOf('\n\n'); end !== -1; end = rest.indexOf('\n\n')) {
        note(rest.subarray(0, end));
        rest = rest.subarray(end + 2);
      }
    });
    socket.on('error', reject);
  });
}

process.on('message', (message) => {
  if (message !== 'collect') return;
  const sorted = delays.sort((a, b) => a - b);
  process.send?.({ delivered: sorted.length, p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99) });
  delays = [];
});

const CONNECTED_AT_ONCE = 50;
for (let left = Number(count); left > 0; left -= CONNECTED_AT_ONCE) {
  await Promise.all(
    Array.from({ length: Math.min(left, CONNECTED_AT_ONCE) }, () =>
      protocol === 'sse' ? subscribeBySse() : subscribeByWebSocket(protocol === 'bare'),
    ),
  );
}
console.log(`http://127.0.0.1:0 has ${sockets.length} subscribers`);
