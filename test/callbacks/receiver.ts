/** A CRM for tests: remembers what it got, answers as it is told. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedCallback {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers one callback; by default with 204. */
export type Answer = (response: ServerResponse, index: number) => void;

export interface Receiver {
  readonly url: string;
  /** `host:port`. */
  readonly host: string;
  readonly received: readonly ReceivedCallback[];
  answer: Answer;
  /** Resolves when so many have come. @throws when they have not within a minute */
  waitFor(count: number): Promise<readonly ReceivedCallback[]>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const received: ReceivedCallback[] = [];
  const waiting = new Set<() => void>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    received.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() });
    receiver.answer(response, received.length - 1);
    for (const wake of [...waiting]) wake();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // It listens on TCP.

  const receiver: Receiver = {
    url: `http://127.0.0.1:${port}/crm`,
    host: `127.0.0.1:${port}`,
    received,
    answer: (response) => response.writeHead(204).end(),
    waitFor: (count) =>
      new Promise((resolve, reject) => {
        const expiry = setTimeout(() => {
          waiting.delete(look);
          reject(new Error(`${received.length} of ${count} callbacks came.`));
        }, 60_000);
        const look = () => {
          if (received.length < count) return;
          clearTimeout(expiry);
          waiting.delete(look);
          resolve(received);
        };
        waiting.add(look);
        look();
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return receiver;
}

/** Runs `look` until it gives something. @throws when it has given nothing within a minute */
export async function eventually<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const giveUpAt = performance.now() + 60_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > giveUpAt) throw new Error('It did not happen within a minute.');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
