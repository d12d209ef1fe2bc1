import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import pg from 'pg';
import { expect, test } from 'vitest';
import { guardedPool } from '../../src/store/guarded-pool.ts';

/** A message of the Postgres protocol: its type, its length, what it says. */
function message(type: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, body]);
}

const AUTHENTICATED = message('R', Buffer.alloc(4));
const READY = message('Z', Buffer.from('I'));
const SHUT_DOWN = message('E', Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0'));

test('a connection that the server ends in the breath in which it made it is a database that is away, not the end of the process', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(Buffer.concat([AUTHENTICATED, READY, SHUT_DOWN])));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A server that listens on a TCP port has an address of this shape.
  const { port } = server.address() as AddressInfo;
  const pool = guardedPool(new pg.Pool({ host: '127.0.0.1', port, user: 'nobody', database: 'none', ssl: false }));
  try {
    const client = await pool.connect();
    await expect(client.query('select 1', [])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    client.release();
  } finally {
    await pool.end();
    server.close();
  }
});
