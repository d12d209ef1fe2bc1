import { connect as connectTcp } from 'node:net';
import { createClient as createSseClient } from 'graphql-sse';
import { type Client, CloseCode, createClient } from 'graphql-ws';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { INTERNAL_ERROR } from '../../src/errors.ts';
import { createFakeClock } from '../support/clock.ts';
import { type Harness, SECRET, startHarness, until } from './harness.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await startHarness();
});
afterEach(async () => {
  await harness[Symbol.asyncDispose]();
});

interface Result {
  data?: Record<string, unknown> | null | undefined;
  errors?: readonly { message: string; extensions?: Record<string, unknown> }[] | undefined;
}

interface Transport {
  /** All results of the operation; `enough` ends it from the client's side after so many. */
  collect(query: string, enough?: number): Promise<Result[]>;
  close(): void | Promise<void>;
}

const transports: Record<string, () => Transport> = {
  WebSocket() {
    const client = createClient({ url: harness.ws, retryAttempts: 0 });
    return {
      collect: (query, enough) => collect((sink) => client.subscribe({ query }, sink), enough),
      close: () => client.dispose(),
    };
  },
  SSE() {
    const client = createSseClient({ url: harness.graphql, retryAttempts: 0 });
    return {
      collect: (query, enough) => collect((sink) => client.subscribe({ query }, sink), enough),
      close: () => client.dispose(),
    };
  },
};

interface Sink {
  next(result: unknown): void;
  error(error: unknown): void;
  complete(): void;
}

function collect(subscribe: (sink: Sink) => () => void, enough = Number.POSITIVE_INFINITY): Promise<Result[]> {
  const results: Result[] = [];
  return new Promise((resolve, reject) => {
    const stop = subscribe({
      next(result) {
        results.push(result as Result);
        if (results.length >= enough) stop();
      },
      error: (error) => (Array.isArray(error) ? resolve([...results, { errors: error }]) : reject(error)),
      complete: () => resolve(results),
    });
  });
}

for (const [name, open] of Object.entries(transports)) {
  describe(`over ${name}`, () => {
    test('a subscription gives its events in order and ends', async () => {
      const transport = open();
      expect(await transport.collect('subscription { count(to: 3) }')).toEqual(
        [1, 2, 3].map((count) => ({ data: { count } })),
      );
      await transport.close();
    });

    test('queries and mutations are answered', async () => {
      const transport = open();
      expect(await transport.collect('{ hello }')).toEqual([{ data: { hello: 'hello world' } }]);
      expect(
        await transport.collect(
          'mutation { renameThing(input: {id: "1", name: "taken"}) { ... on ConflictError { reason current { id } } } }',
        ),
      ).toEqual([{ data: { renameThing: { reason: 'NAME_TAKEN', current: { id: 'gid://cxone/Thing/other' } } } }]);
      await transport.close();
    });

    test('a source that waits for ever ends when its client has had enough', async () => {
      const transport = open();
      const ended = harness.sourceEnded();
      expect(await transport.collect('subscription { silent }', 1)).toEqual([{ data: { silent: 0 } }]);
      await ended;
      expect(harness.liveSources()).toBe(0);
      await transport.close();
    });

    test.each(['failing', 'refused', 'bug'])(
      'what breaks in %s is masked, with a request id under which the log has it',
      async (field) => {
        const transport = open();
        const results = await transport.collect(field === 'bug' ? '{ bug }' : `subscription { ${field} }`);
        await transport.close();
        const error = results.at(-1)?.errors?.[0];
        expect(error).toMatchObject({
          message: INTERNAL_ERROR,
          extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: expect.any(String) },
        });
        expect(JSON.stringify(results)).not.toContain('hunter2');
        const requestId = String(error?.extensions?.requestId);
        expect(harness.lines.find((line) => line.includes(requestId) && line.includes(SECRET))).toBeDefined();
      },
    );

    test.each([
      ['{', 'GRAPHQL_PARSE_FAILED'],
      ['subscription { nope }', 'GRAPHQL_VALIDATION_FAILED'],
    ])('%s is answered with %s and leaves the connection usable', async (query, code) => {
      const transport = open();
      const [result] = await transport.collect(query);
      expect(result?.errors?.[0]?.extensions).toEqual({ code, requestId: expect.any(String) });
      expect(await transport.collect('{ hello }')).toEqual([{ data: { hello: 'hello world' } }]);
      await transport.close();
    });

    test('what a query costs upstream is told', async () => {
      const transport = open();
      expect(await transport.collect('{ calls }')).toMatchObject([
        { data: { calls: 2 }, extensions: { upstream: { calls: 2 } } },
      ]);
      await transport.close();
    });
  });
}

/** A raw graphql-transport-ws connection: what a client of any making could send. */
async function connect(options: { headers?: Record<string, string>; init?: unknown } = {}) {
  const socket = new WebSocket(harness.ws, 'graphql-transport-ws', { headers: options.headers ?? {} });
  const messages: { type: string; id?: string; payload?: unknown }[] = [];
  const waiting: (() => void)[] = [];
  socket.on('message', (data) => {
    messages.push(JSON.parse(String(data)));
    for (const wake of waiting.splice(0)) wake();
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.on('close', (code, reason) => resolve({ code, reason: String(reason) })),
  );
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const send = (message: unknown) => socket.send(JSON.stringify(message));
  const until = async (found: (message: (typeof messages)[number]) => boolean) => {
    for (;;) {
      const message = messages.find(found);
      if (message) return message;
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  };
  const init = async () => {
    send({ type: 'connection_init', payload: options.init });
    await until((message) => message.type === 'connection_ack');
  };
  const subscribe = (id: string, query: string) => send({ id, type: 'subscribe', payload: { query } });
  return { socket, messages, closed, send, until, init, subscribe };
}

describe('a WebSocket', () => {
  test('closed by its client ends every source on it at once', async () => {
    const connection = await connect();
    await connection.init();
    for (let i = 0; i < 20; i += 1) connection.subscribe(`s${i}`, 'subscription { silent }');
    for (let i = 0; i < 20; i += 1) await connection.until((message) => message.id === `s${i}`);
    expect(harness.liveSources()).toBe(20);
    connection.socket.terminate();
    while (harness.liveSources() > 0) await harness.sourceEnded();
    expect(harness.liveSources()).toBe(0);
  });

  test('an operation whose client completes it while it runs is told by its signal', async () => {
    const connection = await connect();
    await connection.init();
    const hanging = harness.hanging();
    connection.subscribe('q', '{ hang }');
    await hanging;
    connection.send({ id: 'q', type: 'complete' });
    connection.subscribe('after', '{ hello }');
    await connection.until((message) => message.id === 'after');
    expect(harness.abortedHangs()).toBe(1);
    expect(connection.messages.filter((message) => message.id === 'q')).toEqual([]);
    connection.socket.close();
  });

  test('carries 50 subscriptions; the next gets an error and the others go on', async () => {
    const connection = await connect();
    await connection.init();
    for (let i = 0; i < 51; i += 1) connection.subscribe(`s${i}`, 'subscription { silent }');
    const refused = await connection.until((message) => message.type === 'error');
    expect(refused).toMatchObject({ id: 's50', payload: [{ extensions: { code: 'LIMIT_EXCEEDED' } }] });
    expect(harness.liveSources()).toBe(50);
    const ended = harness.sourceEnded();
    connection.send({ id: 's0', type: 'complete' });
    await ended;
    connection.subscribe('again', 'subscription { silent }');
    expect(await connection.until((message) => message.id === 'again')).toMatchObject({ type: 'next' });
    connection.socket.close();
  });

  test('2 000 subscriptions opened and completed again leave nothing behind', async () => {
    const connection = await connect();
    await connection.init();
    for (let i = 0; i < 2_000; i += 1) {
      connection.subscribe(`s${i}`, 'subscription { silent }');
      connection.send({ id: `s${i}`, type: 'complete' });
    }
    connection.subscribe('last', '{ hello }');
    await connection.until((message) => message.id === 'last');
    while (harness.liveSources() > 0) await harness.sourceEnded();
    expect(harness.liveSources()).toBe(0);
    connection.socket.close();
  });

  test.each([
    ['before its init', { id: '1', type: 'subscribe', payload: { query: '{ hello }' } }, CloseCode.Unauthorized],
    ['with a message that is none', { nothing: true }, CloseCode.BadRequest],
  ])('that speaks %s is closed with the code for it', async (_what, message, code) => {
    const connection = await connect();
    connection.send(message);
    expect((await connection.closed).code).toBe(code);
  });

  test('that takes a second init is closed with 4429', async () => {
    const connection = await connect();
    await connection.init();
    connection.send({ type: 'connection_init' });
    expect((await connection.closed).code).toBe(CloseCode.TooManyInitialisationRequests);
  });

  test('of another subprotocol is closed with 4406', async () => {
    const socket = new WebSocket(harness.ws, 'graphql-ws');
    const code = await new Promise((resolve) => {
      socket.on('close', resolve);
      socket.on('error', () => resolve('refused'));
    });
    expect([CloseCode.SubprotocolNotAcceptable, 'refused']).toContain(code);
  });

  test('a message over 1 MiB closes it with 1009; one below is taken', async () => {
    const connection = await connect();
    await connection.init();
    const send = (id: string, filler: string) => {
      const payload = { query: '{ hello }', variables: { filler } };
      connection.socket.send(JSON.stringify({ id, type: 'subscribe', payload }));
    };
    send('ok', 'x'.repeat(1024 * 1024 - 200));
    expect(await connection.until((message) => message.id === 'ok')).toMatchObject({ type: 'next' });
    send('big', 'x'.repeat(1024 * 1024));
    expect((await connection.closed).code).toBe(1009);
  });

  test('text that is not valid Unicode is refused', async () => {
    const connection = await connect();
    await connection.init();
    connection.socket.send(
      '{"id":"1","type":"subscribe","payload":{"query":"query($n:String){hello(name:$n)}","variables":{"n":"\\ud800"}}}',
    );
    expect(await connection.until((message) => message.id === '1')).toMatchObject({
      type: 'error',
      payload: [{ extensions: { code: 'BAD_USER_INPUT' } }],
    });
    connection.socket.close();
  });
});

test('a web page of another origin gets no WebSocket; its own, a named one and a program do', async () => {
  await harness[Symbol.asyncDispose]();
  harness = await startHarness({ allowedOrigins: ['https://crm.example.com'] });
  const open = (origin: string | undefined) =>
    new Promise<number>((resolve) => {
      const socket = new WebSocket(harness.ws, 'graphql-transport-ws', origin === undefined ? {} : { origin });
      socket.on('open', () => {
        socket.close();
        resolve(101);
      });
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
      socket.on('error', () => undefined);
    });
  expect(await open('https://evil.example.com')).toBe(403);
  expect(await open('null')).toBe(403);
  expect(await open('https://crm.example.com.evil.com')).toBe(403);
  expect(await open('https://crm.example.com')).toBe(101);
  expect(await open(harness.server.url)).toBe(101);
  expect(await open(undefined)).toBe(101);
});

describe('readers that are too slow', () => {
  test('a WebSocket whose client sends pings and reads nothing is cut off, its memory bounded', async () => {
    const connection = await connect();
    await connection.init();
    const before = process.memoryUsage().rss;
    connection.socket.pause();
    const payload = { filling: 'x'.repeat(50_000) };
    for (let sent = 0; harness.lines.every((line) => !line.includes('too slow')); sent += 1) {
      connection.send({ type: 'ping', payload });
      if (sent % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    connection.socket.resume();
    const { code } = await connection.closed;
    expect([4290, 1006]).toContain(code);
    expect(process.memoryUsage().rss - before).toBeLessThan(128 * 1024 * 1024);
  });

  test.each(['WebSocket', 'SSE'])(
    'a subscription over %s is not asked for more than its reader takes, and the server goes on',
    async (transport) => {
      const query = 'subscription { flood(bytes: 100000) }';
      let stop: () => void;
      if (transport === 'SSE') {
        const body = JSON.stringify({ query });
        const socket = connectTcp(harness.server.port, '127.0.0.1');
        socket.on('error', () => undefined);
        socket.write(
          `POST /graphql HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        );
        await new Promise((resolve) => socket.once('data', resolve));
        socket.pause();
        stop = () => socket.destroy();
      } else {
        const connection = await connect();
        await connection.init();
        connection.subscribe('f', query);
        await connection.until((message) => message.id === 'f');
        connection.socket.pause();
        stop = () => connection.socket.terminate();
      }
      let floods = harness.floods();
      for (let calm = 0; calm < 50; ) {
        await harness.post({ query: '{ hello }' });
        calm = harness.floods() === floods ? calm + 1 : 0;
        floods = harness.floods();
      }
      expect(floods * 100_000).toBeLessThan(32 * 1024 * 1024);
      stop();
      await until(() => harness.liveSources() === 0);
    },
  );

  test('a WebSocket that does not answer pings is cut off at the second, with the code for slow readers', async () => {
    await harness[Symbol.asyncDispose]();
    const clock = createFakeClock();
    harness = await startHarness({ clock });
    const deaf = new WebSocket(harness.ws, 'graphql-transport-ws', { autoPong: false });
    const hearing = new WebSocket(harness.ws, 'graphql-transport-ws');
    const codes: number[] = [];
    deaf.on('close', (code) => codes.push(code));
    await Promise.all([deaf, hearing].map((socket) => new Promise((resolve) => socket.once('open', resolve))));
    const pinged = Promise.all([deaf, hearing].map((socket) => new Promise((resolve) => socket.once('ping', resolve))));
    await clock.advance(12_000);
    await pinged;
    await harness.post({ query: '{ hello }' });
    await clock.advance(12_000);
    await until(() => codes.length === 1);
    expect(codes).toEqual([4290]);
    expect(hearing.readyState).toBe(WebSocket.OPEN);
    hearing.terminate();
  });
});

test('a WebSocket without its init is closed with 4408 after its time', async () => {
  await harness[Symbol.asyncDispose]();
  harness = await startHarness({ limits: { connectionInitTimeoutMs: 20 } });
  expect((await (await connect()).closed).code).toBe(CloseCode.ConnectionInitialisationTimeout);
});

test('sockets are bounded in number; a place that is left can be taken', async () => {
  await harness[Symbol.asyncDispose]();
  harness = await startHarness({ limits: { maxSockets: 2 } });
  const [first] = [await connect(), await connect()];
  await expect(connect()).rejects.toThrow('503');
  first?.socket.close();
  await first?.closed;
  const again = await connect();
  expect(again.socket.readyState).toBe(WebSocket.OPEN);
});

test('a client of graphql-ws has its actor from its connection parameters', async () => {
  await harness[Symbol.asyncDispose]();
  harness = await startHarness({
    authenticate: async ({ authorization }) => (authorization === 'Bearer k1' ? { name: 'ada', role: 'reader' } : null),
  });
  const whoAmI = async (client: Client) => {
    const results = await collect((sink) => client.subscribe({ query: '{ whoAmI }' }, sink));
    await client.dispose();
    return results[0];
  };
  expect(await whoAmI(createClient({ url: harness.ws, connectionParams: { authorization: 'Bearer k1' } }))).toEqual({
    data: { whoAmI: 'ada' },
  });
  expect(await whoAmI(createClient({ url: harness.ws }))).toMatchObject({
    errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
  });
});
