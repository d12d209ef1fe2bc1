/**
 * One WebSocket as graphql-ws sees it, with what graphql-ws leaves to us: a reader that is too slow is cut off before
 * what waits for it fills the memory, and the end of an operation reaches what the operation is waiting for.
 */
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Clock } from '../clock.ts';
import type { Log } from '../telemetry/log.ts';
import { drainedOrClosed } from './drained.ts';
import type { ServerLimits } from './limits.ts';

/**
 * The code a socket is closed with when its client reads too slowly. graphql-ws clients reconnect after it, and go on
 * from their cursors.
 */
export const SLOW_CONSUMER_CODE = 4290;

/** Milliseconds between a socket's close frame and its end, for clients that do not answer the frame. */
const CLOSE_TIMEOUT_MS = 1000;

/** The same for a slow reader, which has what it was sent before to read until it comes to the frame. */
const SLOW_CLOSE_TIMEOUT_MS = 30_000;

export interface RunningOperation {
  readonly controller: AbortController;
  readonly isSubscription: boolean;
}

export interface SocketConnection {
  /** What runs on the socket, by the client's ids. */
  readonly operations: Map<string, RunningOperation>;
  /** Sends, or cuts the socket off where its reader is too slow. Resolves when the kernel has taken it, or it is in vain. */
  send(text: string): Promise<void>;
  /** Sends them in one write, whatever waits already. */
  tell(texts: readonly string[]): void;
  /** Whether something waits for the client. */
  isBusy(): boolean;
  /** Resolves when the client has taken all that waits, or is gone. Only to be asked for while it is busy. */
  drained(): Promise<void>;
  /** Closes with the code for readers that are too slow, which comes after what they were sent before. */
  cutOff(): void;
  /** Closes with a code, and for good a second later. */
  close(code: number, reason: string): void;
  /** One round of keeping alive: pings the socket, or cuts it off where the last ping was not answered. */
  ping(): void;
  /** Aborted once the socket is closed. */
  readonly closed: AbortSignal;
  /** The socket is closed, or as good as that: aborts all that runs on it. */
  ended(): void;
}

/** @param transport what the WebSocket itself is sent over */
export function createSocketConnection(
  socket: WebSocket,
  transport: Duplex,
  { limits, clock, log }: { readonly limits: ServerLimits; readonly clock: Clock; readonly log: Log },
): SocketConnection {
  const operations = new Map<string, RunningOperation>();
  const closing = new AbortController();
  let answered = true;
  let draining: Promise<void> | undefined;

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

  const close = (code: number, reason: string, timeoutMs = CLOSE_TIMEOUT_MS) => {
    ended();
    if (socket.readyState !== socket.OPEN) return;
    socket.close(code, reason);
    void clock.sleep(timeoutMs).then(() => socket.terminate());
  };
  const cutOff = () => {
    if (closing.signal.aborted) return;
    log.info({ bufferedBytes: socket.bufferedAmount }, 'a WebSocket was cut off: its reader is too slow');
    close(SLOW_CONSUMER_CODE, 'SLOW_CONSUMER', SLOW_CLOSE_TIMEOUT_MS);
  };

  return {
    operations,
    close,
    cutOff,
    tell(texts) {
      if (socket.readyState !== socket.OPEN) return;
      transport.cork();
      for (const text of texts) socket.send(text);
      transport.uncork();
    },
    isBusy: () => transport.writableNeedDrain,
    drained() {
      // One listener, however many subscriptions wait for the same socket.
      draining ??= drainedOrClosed(transport).then(() => {
        draining = undefined;
      });
      return draining;
    },
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
        cutOff();
        return;
      }
      answered = false;
      socket.ping();
    },
    closed: closing.signal,
    ended,
  };
}
