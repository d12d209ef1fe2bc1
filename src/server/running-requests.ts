/** The requests under way: how many, on which connections, and when the last of them is over. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface RunningRequests {
  /** Counts a request until its response is closed. */
  add(request: IncomingMessage, response: ServerResponse): void;
  /** Notes that a response has no end of its own: a subscription's. */
  markEndless(response: ServerResponse): void;
  count(): number;
  isBusy(socket: Socket): boolean;
  /** Resolves once there is none. */
  idle(): Promise<void>;
  /** Breaks those off, so that their clients connect again. Ended properly, they would take them as complete. */
  breakOffEndless(): void;
}

export function createRunningRequests(): RunningRequests {
  const running = new Set<ServerResponse>();
  const endless = new Set<ServerResponse>();
  const bySocket = new WeakMap<Socket, number>();
  const waiting: (() => void)[] = [];

  const change = (socket: Socket, by: number) => bySocket.set(socket, (bySocket.get(socket) ?? 0) + by);

  return {
    add({ socket }, response) {
      running.add(response);
      change(socket, 1);
      response.once('close', () => {
        running.delete(response);
        endless.delete(response);
        change(socket, -1);
        if (running.size === 0) for (const resolve of waiting.splice(0)) resolve();
      });
    },
    markEndless: (response) => void endless.add(response),
    count: () => running.size,
    isBusy: (socket) => (bySocket.get(socket) ?? 0) > 0,
    idle: () => new Promise((resolve) => (running.size === 0 ? resolve() : waiting.push(resolve))),
    breakOffEndless() {
      for (const response of endless) response.destroy();
    },
  };
}
