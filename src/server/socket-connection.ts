/**
 * One WebSocket as graphql-ws sees it, with what graphql-ws leaves to us: a reader that is too slow is cut off before
 * what waits for it fills the memory, and the end of an operation reaches what the operation is waiting for.
 */
import type { WebSocket } from 'ws';
import type { Clock } from '../clock.ts';
import type { Log } from '../telemetry/log.ts';
import type { ServerLimits } from './limits.ts';

/**
 * The code a socket is closed with when its client reads too slowly. graphql-ws clients reconnect after it, and go on
 * from their cursors.
 */
export const SLOW_CONSUMER_CODE = 4290;

/** Milliseconds between a socket's close frame and its end, for clients that do not answer the frame. */
const CLOSE_TIMEOUT_MS = 1000;

export interface RunningOperation {
  readonly controller: AbortController;
  readonly isSubscription: boolean;
}

export interface SocketConnection {
  /** What runs on the socket, by the client's ids. */
  readonly operations: Map<string, RunningOperation>;
  /** Sends, or cuts the socket off where its reader is too slow. Resolves when the kernel has taken it, or it is in vain. */
  send(text: string): Promise<void>;
  /** Closes with a code, and for good a second later. */
  close(code: number, reason: string): void;
  /** One round of keeping alive: ends the socket where the last ping was not answered, pings it otherwise. */
  ping(): void;
  /** Aborted once the socket is closed. */
  readonly closed: AbortSignal;
  /** The socket is closed, or as good as that: aborts all that runs on it. */
  ended(): void;
}

export function createSocketConnection(
  socket: WebSocket,
  { limits, clock, log }: { readonly limits: ServerLimits; readonly clock: Clock; readonly log: Log },
): SocketConnection {
  const operations = new Map<string, RunningOperation>();
  const closing = new AbortController();
  let answered = true;

  socket.on('pong', () => {
    answered = true;
  });
  // ws answers pings by itself without looking at what waits: a flood of them would grow without bound.
  socket.on('ping', (data) => {
    if (isOverfull()) cutOff();
    else socket.pong(data);
  });

  const ended = () => {
    closing.abort();
    for (const { controller } of operations.values()) controller.abort();
    operations.clear();
  };
  const isOverfull = () => socket.bufferedAmount > limits.maxBufferedBytes;

  const close = (code: number, reason: string) => {
    ended();
    if (socket.readyState !== socket.OPEN) return;
    socket.close(code, reason);
    void clock.sleep(CLOSE_TIMEOUT_MS).then(() => socket.terminate());
  };
  const cutOff = () => {
    log.info({ bufferedBytes: socket.bufferedAmount }, 'a WebSocket was cut off: its reader is too slow');
    close(SLOW_CONSUMER_CODE, 'SLOW_CONSUMER');
  };

  return {
    operations,
    close,
    send(text) {
      if (socket.readyState !== socket.OPEN) return Promise.resolve();
      if (isOverfull()) {
        cutOff();
        return Promise.resolve();
      }
      return new Promise((resolve) => socket.send(text, () => resolve()));
    },
    ping() {
      if (!answered) {
        socket.terminate();
        return;
      }
      answered = false;
      socket.ping();
    },
    closed: closing.signal,
    ended,
  };
}
