import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GatewayError, INTERNAL_ERROR } from '../../src/errors.ts';
import type { Route } from '../../src/server/routes.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { type Harness, SECRET, startHarness, until } from './harness.ts';

let harness: Harness;

const ROUTES: Route[] = [
  {
    method: 'GET',
    pattern: '/things/:id/parts/:part',
    handle: async ({ response, params, query, requestId }) => {
      response.end(JSON.stringify({ params, q: query.get('q'), requestId }));
    },
  },
  {
    method: 'PUT',
    pattern: '/uploads/:id',
    bodyTimeoutMs: null,
    async handle({ request, response }) {
      let bytes = 0;
      for await (const chunk of request) bytes += chunk.length;
      response.end(String(bytes));
    },
  },
  {
    method: 'POST',
    pattern: '/slow',
    async handle({ request, response }) {
      for await (const _chunk of request);
      response.end('ok');
    },
  },
  {
    method: 'GET',
    pattern: '/gone',
    handle: async () => {
      throw new GatewayError('CURSOR_EXPIRED', 'This link has expired.');
    },
  },
  {
    method: 'GET',
    pattern: '/bug',
    handle: async () => {
      throw new Error(SECRET);
    },
  },
];

beforeEach(async () => {
  harness = await startHarness({ routes: ROUTES });
});
afterEach(async () => {
  await harness[Symbol.asyncDispose]();
});

/** What comes back for bytes sent as they are, until the connection ends. */
function raw(text: string, port = harness.server.port): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.on('data', (data) => {
      answer += data;
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}

describe('routes', () => {
  test('get the parts of their path, the query string and the request id', async () => {
    const response = await fetch(`${harness.server.url}/things/a%2Fb/parts/2?q=x%20y`, {
      headers: { 'x-request-id': 'r-1' },
    });
    expect(await response.json()).toEqual({ params: { id: 'a/b', part: '2' }, q: 'x y', requestId: 'r-1' });
    expect(response.headers.get('x-request-id')).toBe('r-1');
  });

  test('an unknown path is 404, a known one with another method 405, both in JSON', async () => {
    for (const path of ['/nothing', '/things/1', '/things/1/parts/2/3', '/graphql/x', '/things/%ff/parts/2']) {
      const response = await fetch(`${harness.server.url}${path}`);
      expect(response.status, path).toBe(404);
      expect(await response.json()).toEqual({
        error: { code: 'NOT_FOUND', message: expect.any(String), requestId: expect.any(String) },
      });
    }
    const response = await fetch(`${harness.server.url}/things/1/parts/2`, { method: 'DELETE' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET');
  });

  test('an error of the family has its status and words; anything else is a masked 500', async () => {
    const gone = await fetch(`${harness.server.url}/gone`);
    expect(gone.status).toBe(410);
    expect(await gone.json()).toMatchObject({ error: { code: 'CURSOR_EXPIRED', message: 'This link has expired.' } });
    const bug = await fetch(`${harness.server.url}/bug`);
    expect(bug.status).toBe(500);
    expect(await bug.json()).toMatchObject({ error: { code: 'INTERNAL_SERVER_ERROR', message: INTERNAL_ERROR } });
    expect(harness.lines.some((line) => line.includes(SECRET))).toBe(true);
  });

  test('HEAD is answered like GET, without a body', async () => {
    const response = await fetch(`${harness.server.url}/health/live`, { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('');
  });
});

describe('every answer', () => {
  test('has the security headers', async () => {
    for (const path of ['/graphql?query=%7Bhello%7D', '/health/live', '/nothing']) {
      const { headers } = await fetch(`${harness.server.url}${path}`);
      expect(headers.get('x-content-type-options'), path).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('cache-control')).toBe('no-store');
    }
  });
});

describe('other origins', () => {
  const preflight = (url: string, origin: string) =>
    fetch(url, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
    });
  const corsHeaders = (response: Response) =>
    [...response.headers.keys()].filter((name) => name.startsWith('access-control-'));

  test('get no CORS header by default', async () => {
    expect(corsHeaders(await preflight(harness.graphql, 'https://evil.example.com'))).toEqual([]);
    expect(corsHeaders(await harness.post({ query: '{hello}' }, { origin: 'https://evil.example.com' }))).toEqual([]);
  });

  test('get them where they were named, and never with credentials', async () => {
    await harness[Symbol.asyncDispose]();
    harness = await startHarness({ allowedOrigins: ['https://crm.example.com'] });
    const allowed = await preflight(harness.graphql, 'https://crm.example.com');
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://crm.example.com');
    expect(allowed.headers.has('access-control-allow-credentials')).toBe(false);
    expect(allowed.headers.get('vary')).toContain('Origin');
    const other = await preflight(harness.graphql, 'https://evil.example.com');
    expect(corsHeaders(other)).toEqual([]);
    expect(other.headers.get('vary')).toContain('Origin');
  });
});

describe('requests that are none', () => {
  test.each([
    ['TRACE', 'TRACE /graphql HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
    ['CONNECT', 'CONNECT evil:443 HTTP/1.1\r\nHost: evil\r\n\r\n'],
    ['an absolute target', 'GET http://evil/graphql?query={hello} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
    ['a target with a host', 'GET //evil/graphql?query={hello} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
    ['two lengths', 'POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd'],
    [
      'a length and chunks',
      'POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'a bad chunk',
      'POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n',
    ],
    ['nonsense', 'hello there\r\n\r\n'],
    ['a huge header', `GET /health/live HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`],
  ])('%s: 4xx, and nothing runs', async (_what, text) => {
    const answer = await raw(text);
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(answer).not.toContain('hello world');
  });

  test('an upgrade to anything but GraphQL over WebSocket is refused', async () => {
    const upgrade = (path: string, to: string) =>
      raw(
        `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${to}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
      );
    expect(await upgrade('/other', 'websocket')).toMatch(/^HTTP\/1\.1 404 /);
    expect(await upgrade('/graphql', 'h2c')).toMatch(/^HTTP\/1\.1 404 /);
  });
});

describe('slow clients', () => {
  test('a body that trickles is cut off with 408 after its time; an upload may take longer', async () => {
    const clock = createFakeClock();
    await harness[Symbol.asyncDispose]();
    harness = await startHarness({ routes: ROUTES, clock });
    const head = (method: string, path: string, length: number) =>
      `${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n{`;
    const trickling = [
      raw(head('POST', '/graphql', 50)),
      raw(head('POST', '/slow', 50)),
      raw(head('POST', '/nothing', 50)),
    ];
    await until(() => clock.pendingSleeps === 4); // These three, and the one that keeps sockets alive.

    const upload = fetch(`${harness.server.url}/uploads/1`, {
      method: 'PUT',
      body: new ReadableStream({
        async pull(controller) {
          await Promise.all(trickling);
          controller.enqueue(new Uint8Array(10));
          controller.close();
        },
      }),
      duplex: 'half',
    } as RequestInit); // `duplex` is what fetch needs to stream; the DOM's types do not know it.
    await clock.advance(15_001);
    const [graphql, slow, nothing] = await Promise.all(trickling);
    expect(graphql).toMatch(/^HTTP\/1\.1 408 /);
    expect(slow).toMatch(/^HTTP\/1\.1 408 /);
    expect(nothing).toMatch(/^HTTP\/1\.1 404 /);
    expect(await (await upload).text()).toBe('10');
  });

  /** The body of an upload in the hands of a test, and what its route has read of it. */
  async function openUpload(clock: FakeClock, hold: Promise<void> = Promise.resolve()) {
    const read = { bytes: 0, buffered: () => 0 };
    const route: Route = {
      method: 'PUT',
      pattern: '/paced/:id',
      bodyTimeoutMs: null,
      async handle({ request, response }) {
        read.buffered = () => request.readableLength;
        for await (const chunk of request) {
          read.bytes += chunk.length;
          await hold;
        }
        response.end(String(read.bytes));
      },
    };
    await harness[Symbol.asyncDispose]();
    harness = await startHarness({ routes: [route], clock });
    const socket = connect(harness.server.port, '127.0.0.1');
    let answer = '';
    socket.on('data', (data) => {
      answer += data;
    });
    socket.on('error', () => undefined);
    const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(answer)));
    socket.write('PUT /paced/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n');
    return { socket, closed, read, isOpen: () => !socket.closed && answer === '' };
  }

  test('an upload that trickles is cut off with 408 within 20 seconds', async () => {
    const clock = createFakeClock();
    const { socket, closed, read, isOpen } = await openUpload(clock);
    let seconds = 0;
    for (; isOpen() && seconds < 30; seconds += 1) {
      socket.write('x');
      await until(() => read.bytes > seconds || !isOpen());
      await clock.advance(1_000);
    }
    expect(seconds).toBeGreaterThan(10);
    expect(seconds).toBeLessThanOrEqual(20);
    expect(await closed).toMatch(/^HTTP\/1\.1 408 [\s\S]*Fewer than 8192 bytes/);
  });

  test('an upload that is slow, but not that slow, is taken however long it lasts', async () => {
    const clock = createFakeClock();
    const { socket, closed, read } = await openUpload(clock);
    for (let second = 1; second <= 100; second += 1) {
      socket.write('x'.repeat(1_000));
      await until(() => read.bytes === second * 1_000);
      await clock.advance(1_000);
    }
    expect(await closed).toMatch(/^HTTP\/1\.1 200 [\s\S]*100000$/);
  });

  test('while its reader is behind, no sender is too slow', async () => {
    const clock = createFakeClock();
    const held = Promise.withResolvers<void>();
    const { socket, closed, read } = await openUpload(clock, held.promise);
    socket.write('x');
    await until(() => read.bytes === 1);
    socket.write('y');
    await until(() => read.buffered() === 1);
    await clock.advance(120_000);
    socket.write('x'.repeat(99_998));
    held.resolve();
    expect(await closed).toMatch(/^HTTP\/1\.1 200 [\s\S]*100000$/);
  });

  test('a head that never ends, and a connection that never says anything, are cut off', async () => {
    await harness[Symbol.asyncDispose]();
    harness = await startHarness({ limits: { headersTimeoutMs: 50 } });
    expect(await raw('GET /health/live HTTP/1.1\r\nHost: ')).toMatch(/^HTTP\/1\.1 408 /);
    expect(await raw('')).toMatch(/^(HTTP\/1\.1 408 |$)/);
  });

  test.each([
    ['a head', ''],
    ['a body', 'POST /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n'],
  ])('%s that arrived while the process was busy is read, however long that took', async (_what, before) => {
    await harness[Symbol.asyncDispose]();
    harness = await startHarness({ routes: ROUTES, limits: { headersTimeoutMs: 50, bodyTimeoutMs: 50 } });
    const socket = connect(harness.server.port, '127.0.0.1');
    const answered = text(socket);
    await once(socket, 'connect');
    if (before) socket.write(before);
    for (let turn = 0; turn < 5; turn++) await setImmediate();
    socket.write(before ? 'ok' : 'GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    // Nothing of this process runs meanwhile, and the kernel takes what is sent.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    expect(await answered).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('an upload whose sender falls silent is cut off, and one that only its reader holds up is not', async () => {
    await harness[Symbol.asyncDispose]();
    const held = Promise.withResolvers<void>();
    const slowReader: Route = {
      method: 'PUT',
      pattern: '/held/:id',
      bodyTimeoutMs: null,
      async handle({ request, response }) {
        let bytes = 0;
        for await (const chunk of request) {
          bytes += chunk.length;
          await held.promise;
        }
        response.end(String(bytes));
      },
    };
    harness = await startHarness({ routes: [...ROUTES, slowReader], limits: { stallTimeoutMs: 1_000 } });
    const waiting = fetch(`${harness.server.url}/held/1`, { method: 'PUT', body: new Uint8Array(4_000_000) });
    const head = (path: string) => `PUT ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nabc`;
    expect(await raw(head('/uploads/1')).catch(() => '')).toBe('');
    held.resolve();
    expect(await (await waiting).text()).toBe('4000000');
  });

  test('a reader that takes nothing of its answer is cut off', async () => {
    await harness[Symbol.asyncDispose]();
    harness = await startHarness({ limits: { stallTimeoutMs: 100 } });
    const socket = connect(harness.server.port, '127.0.0.1');
    const body = JSON.stringify({ query: '{ big(bytes: 30000000) }' });
    socket.pause();
    socket.write(
      `POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    socket.on('error', () => undefined);
    await until(() => harness.lines.some((line) => line.includes('"msg":"request"') && line.includes('/graphql')));
    socket.destroy();
  });
});

describe('health', () => {
  test('live while it lives; ready while every check holds, with the reason where one does not', async () => {
    let store: Error | undefined;
    await harness[Symbol.asyncDispose]();
    harness = await startHarness({
      healthChecks: {
        store: async () => {
          if (store) throw store;
        },
        cxone: async () => undefined,
      },
    });
    const get = async (path: string) => {
      const response = await fetch(`${harness.server.url}/health/${path}`);
      return [response.status, await response.json()];
    };
    expect(await get('live')).toEqual([200, { status: 'ok' }]);
    expect(await get('ready')).toEqual([200, { status: 'ok', checks: { store: 'ok', cxone: 'ok' }, problems: [] }]);
    store = new GatewayError('UNAVAILABLE', 'The database does not answer.');
    expect(await get('ready')).toEqual([
      503,
      {
        status: 'unavailable',
        reason: 'Not ready: store.',
        checks: { store: 'The database does not answer.', cxone: 'ok' },
        problems: [],
      },
    ]);
    store = new Error(SECRET);
    expect(await get('ready')).toMatchObject([503, { checks: { store: 'failed' } }]);
    expect(await get('live')).toEqual([200, { status: 'ok' }]);
  });

  test('a check that does not answer has failed after two seconds, and is told so', async () => {
    const clock = createFakeClock();
    let told: AbortSignal | undefined;
    let checked = 0;
    await harness[Symbol.asyncDispose]();
    harness = await startHarness({
      clock,
      healthChecks: {
        store: (signal) => {
          told = signal;
          checked += 1;
          return new Promise(() => undefined);
        },
      },
    });
    const probes = [1, 2, 3].map(() => fetch(`${harness.server.url}/health/ready`));
    await until(() => checked === 1 && harness.requestsRunning() === 3);
    await clock.advance(2_000);
    for (const response of await Promise.all(probes)) expect(response.status).toBe(503);
    expect(told?.aborted).toBe(true);
    expect(checked).toBe(1);
  });
});

test('/metrics tells of requests and operations by labels of our own, whatever clients wrote', async () => {
  await harness.post({ query: 'query Evil$x { hello }' });
  await harness.post({ query: 'query MyOwnName { hello bug }' });
  await harness.post({ query: 'mutation { renameThing(input: {id: "1", name: "xx"}) { __typename } }' });
  await fetch(`${harness.server.url}/things/12345/parts/6`);
  await fetch(`${harness.server.url}/nothing/67890`);
  const text = await (await fetch(`${harness.server.url}/metrics`)).text();
  expect(text).toContain('gateway_graphql_operations_total{type="query",outcome="INTERNAL_SERVER_ERROR"} 1');
  expect(text).toContain('gateway_graphql_operations_total{type="mutation",outcome="OK"} 1');
  expect(text).toContain('gateway_graphql_operations_total{type="unknown",outcome="GRAPHQL_PARSE_FAILED"} 1');
  expect(text).toContain('gateway_http_requests_total{route="/things/:id/parts/:part",status="2xx"} 1');
  expect(text).toContain('gateway_http_requests_total{route="unmatched",status="4xx"} 1');
  expect(text).toContain('nodejs_eventloop_lag_seconds');
  expect(text).not.toMatch(/12345|67890|MyOwnName/);
});

test('GraphiQL is served to browsers where it is on, with nothing from elsewhere, and not where it is off', async () => {
  const open = () => fetch(harness.graphql, { headers: { accept: 'text/html,application/xhtml+xml' } });
  expect((await open()).status).toBe(406);
  await harness[Symbol.asyncDispose]();
  harness = await startHarness({ graphiql: true, defaultQuery: 'query FirstThing { hello }' });
  const response = await open();
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(response.headers.get('content-security-policy')).toContain("connect-src 'self'");
  const html = await response.text();
  expect(html).toContain('query FirstThing { hello }');
  expect(html).not.toMatch(/<(script|link)[^>]+(src|href)="https?:/);
  expect(await (await harness.post({ query: '{hello}' })).json()).toEqual({ data: { hello: 'hello world' } });
});
