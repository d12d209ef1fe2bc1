/** The requests under way: how many, on which connections, and when the last of them is over. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface RunningRequests {
  /** Counts a request until its response is closed. */
  add(request: IncomingMessage, response: ServerResponse): void;
  /** Notes that a response has no end of its own: a subscription's. */
  markEndless(response: ServerResponse): void;
  count(): number;
  /** Whether an answer has begun on the connection, and not ended. */
  isAnswering(socket: Socket): boolean;
  /** Whether the server has something to do for the connection: a request that is whole, or bytes of one that wait. */
  isBusy(socket: Socket): boolean;
  /** Resolves once there is none. */
  idle(): Promise<void>;
  /** Breaks those off, so that their clients connect again. Ended properly, they would take them as complete. */
  breakOffEndless(): void;
}

export function createRunningRequests(): RunningRequests {
  // Not in a Set: one that many come to and leave is rebuilt all the time, and V8 keeps what was in its earlier forms, a
  // request with all that belongs to it, until it next collects everything.
  let running = 0;
  const endless = new Set<ServerResponse>();
  const bySocket = new WeakMap<Socket, ServerResponse[]>();
  const waiting: (() => void)[] = [];

  return {
    add(request, response) {
      const responses = bySocket.get(request.socket) ?? [];
      responses.push(response);
      bySocket.set(request.socket, responses);
      running++;
      response.once('close', () => {
        running--;
        endless.delete(response);
        responses.splice(responses.indexOf(response), 1);
        if (running === 0) for (const resolve of waiting.splice(0)) resolve();
      });
    },
    markEndless: (response) => void endless.add(response),
    count: () => running,
    isAnswering: (socket) => (bySocket.get(socket) ?? []).some(({ headersSent }) => headersSent),
    isBusy: (socket) => (bySocket.get(socket) ?? []).some(({ req }) => req.complete || req.readableLength > 0),
    idle: () => new Promise((resolve) => (running === 0 ? resolve() : waiting.push(resolve))),
    breakOffEndless() {
      for (const response of endless) response.destroy();
    },
  };
}
