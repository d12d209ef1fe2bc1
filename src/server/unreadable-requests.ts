/**
 * Connections on which no whole request came: what is no HTTP, and heads that take too long. A head that has come while
 * the process was busy with others is none of them: it only has not been looked at.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { refuseConnection } from './respond.ts';
import type { RunningRequests } from './running-requests.ts';
import { socketsRead } from './sockets-read.ts';

/** As Node answers by itself; everything else is 400. */
const STATUS_OF = new Map([
  ['ERR_HTTP_REQUEST_TIMEOUT', '408 Request Timeout'],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', '413 Payload Too Large'],
  ['HPE_HEADER_OVERFLOW', '431 Request Header Fields Too Large'],
]);

/** Answers them and ends their connections. */
export function refuseUnreadable(server: Server, running: Pick<RunningRequests, 'isAnswering'>): void {
  const heads = new WeakMap<object, number>();
  const headsOf = (socket: object) => heads.get(socket) ?? 0;
  for (const event of ['request', 'upgrade', 'connect'] as const) {
    server.prependListener(event, ({ socket }) => void heads.set(socket, headsOf(socket) + 1));
  }

  server.on('clientError', async (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
      const before = headsOf(socket);
      await socketsRead();
      if (headsOf(socket) > before) return;
    }
    // An answer that is under way is not to be written into.
    if (!socket.writable || running.isAnswering(socket as Socket))
      socket.destroy(); // What listens is TCP.
    else refuseConnection(socket, STATUS_OF.get(error.code ?? '') ?? '400 Bad Request');
  });
}
