/** The limit of subscriptions: `ws` alone, each posted text sent to every socket as it is. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const text = Buffer.concat(chunks);
    for (const socket of sockets.clients) socket.send(text, { binary: false });
    response.writeHead(202, { 'content-length': 0 }).end();
  });
});
server.keepAliveTimeout = 120_000;
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo; // A listener on TCP always has one.
  console.log(`http://127.0.0.1:${port}`);
});
