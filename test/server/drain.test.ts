import { createClient as createSseClient } from 'graphql-sse';
import { createClient } from 'graphql-ws';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createShutdown } from '../../src/server/shutdown.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { createFakeClock } from '../support/clock.ts';
import { type Harness, startHarness, until } from './harness.ts';

const open: Harness[] = [];
async function start(options?: Parameters<typeof startHarness>[0]): Promise<Harness> {
  const harness = await startHarness(options);
  open.push(harness);
  return harness;
}
afterEach(async () => {
  for (const harness of open.splice(0)) await harness[Symbol.asyncDispose]();
});

const silent = createLog({ level: 'silent' });

describe('a server that drains', () => {
  test('is not ready, lets running requests finish, takes no new connections, and is then gone', async () => {
    const harness = await start();
    const hanging = harness.hanging();
    const running = harness.post({ query: '{ hang }' });
    await hanging;
    let drained = false;
    const draining = harness.server.drain().then(() => {
      drained = true;
    });
    await expect(fetch(`${harness.server.url}/health/ready`)).rejects.toThrow();
    expect(drained).toBe(false);
    harness.release();
    const response = await running;
    expect(await response.json()).toEqual({ data: { hang: 'released' } });
    await draining;
  });

  test('says on connections that are still open that it is not ready, and that they end', async () => {
    const harness = await start();
    const hanging = harness.hanging();
    const running = harness.post({ query: '{ hang }' });
    await hanging;
    const socket = await import('node:net').then(({ connect }) => connect(harness.server.port, '127.0.0.1'));
    let answer = '';
    socket.on('data', (data) => {
      answer += data;
    });
    // A request whose head has begun is under way: the connection is not idle.
    socket.write('GET /health/ready HTTP/1.1\r\nHost: x\r\n');
    await until(() => socket.bytesWritten > 0);
    const closed = new Promise((resolve) => socket.on('close', resolve));
    await harness.post({ query: '{ hello }' });
    const draining = harness.server.drain();
    socket.write('\r\n');
    await closed;
    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
    expect(answer.toLowerCase()).toContain('connection: close');
    expect(answer).toContain('draining');
    harness.release();
    await running;
    await draining;
  });

  test('gives running requests ten seconds, then ends them', async () => {
    const clock = createFakeClock();
    const harness = await start({ clock });
    const hanging = harness.hanging();
    const running = harness.post({ query: '{ hang }' }).then(
      () => 'answered',
      () => 'cut off',
    );
    await hanging;
    const draining = harness.server.drain();
    await clock.advance(9_999);
    const early = await Promise.race([draining.then(() => 'drained'), clock.settle().then(() => 'waiting')]);
    expect(early).toBe('waiting');
    await clock.advance(1);
    await draining;
    expect(await running).toBe('cut off');
  });

  test('gives the same promise to whoever calls it again', async () => {
    const harness = await start();
    expect(harness.server.drain()).toBe(harness.server.drain());
    await harness.server.drain();
  });

  test('closes sockets with 1001, those with a running mutation once it is answered', async () => {
    const harness = await start();
    const connectAs = async (query: string, answered: (message: { type: string; payload?: unknown }) => void) => {
      const socket = new WebSocket(harness.ws, 'graphql-transport-ws');
      const closed = new Promise<number>((resolve) => socket.on('close', resolve));
      await new Promise((resolve) => socket.once('open', resolve));
      await new Promise<void>((resolve) => {
        socket.on('message', (data) => {
          const message = JSON.parse(String(data));
          if (message.type === 'connection_ack') resolve();
          else answered(message);
        });
        socket.send('{"type":"connection_init"}');
      });
      socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }));
      return { closed };
    };
    const events: unknown[] = [];
    const subscriber = await connectAs('subscription { silent }', (message) => events.push(message));
    await until(() => events.length === 1);
    const answers: unknown[] = [];
    const hanging = harness.hanging();
    const busy = await connectAs('{ hang }', (message) => answers.push(message));
    await hanging;

    const draining = harness.server.drain();
    expect(await subscriber.closed).toBe(1001);
    expect(answers).toEqual([]);
    harness.release();
    expect(await busy.closed).toBe(1001);
    expect(answers).toMatchObject([{ type: 'next', payload: { data: { hang: 'released' } } }, { type: 'complete' }]);
    await draining;
    expect(harness.liveSources()).toBe(0);
  });

  test.each(['WebSocket', 'SSE'])(
    'makes a %s client go on at the next server, without an error or an end',
    async (transport) => {
      const first = await start();
      const subscribe = (
        url: () => string,
        sink: { next(value: unknown): void; error(error: unknown): void; complete(): void },
      ) => {
        if (transport === 'SSE') {
          const client = createSseClient({ url, retryAttempts: 5, retry: async () => undefined });
          client.subscribe({ query: 'subscription { silent }' }, sink);
          return () => client.dispose();
        }
        const client = createClient({
          url: () => url().replace('http', 'ws'),
          retryAttempts: 5,
          retryWait: async () => undefined,
        });
        client.subscribe({ query: 'subscription { silent }' }, sink);
        return () => client.dispose();
      };
      const seen: string[] = [];
      let current = first;
      const stop = subscribe(() => current.graphql, {
        next: () => seen.push('next'),
        error: () => seen.push('error'),
        complete: () => seen.push('complete'),
      });
      await until(() => seen.length === 1);
      current = await start();
      await first.server.drain();
      await until(() => seen.length === 2);
      expect(seen).toEqual(['next', 'next']);
      expect(current.liveSources()).toBe(1);
      await stop();
    },
  );
});

describe('a shutdown', () => {
  test('runs its steps in order, whatever becomes of each, once', async () => {
    const clock = createFakeClock();
    const ran: string[] = [];
    const shutdown = createShutdown(
      [
        { name: 'fails', timeoutMs: 1_000, run: async () => Promise.reject(new Error('no')) },
        { name: 'hangs', timeoutMs: 1_000, run: () => new Promise(() => ran.push('hangs')) },
        { name: 'last', timeoutMs: 1_000, run: async () => void ran.push('last') },
      ],
      { log: silent, clock },
    );
    const first = shutdown();
    expect(shutdown()).toBe(first);
    await clock.settle();
    expect(ran).toEqual(['hangs']);
    await clock.advance(1_000);
    expect(await first).toBe(false);
    expect(ran).toEqual(['hangs', 'last']);
    expect(clock.pendingSleeps).toBe(0);
  });

  test('in which every step went well says so', async () => {
    const shutdown = createShutdown([{ name: 'one', timeoutMs: 1, run: async () => undefined }], {
      log: silent,
      clock: createFakeClock(),
    });
    expect(await shutdown()).toBe(true);
  });
});
