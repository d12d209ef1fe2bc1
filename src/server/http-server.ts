/**
 * The HTTP server: one listener for GraphQL in all its transports, health, metrics and the routes that are passed in.
 * Every connection, request and answer is bounded in size and time, and `drain` ends it without cutting anybody off
 * in the middle.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { GraphQLSchema } from 'graphql';
import type { Clock } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import type { Actor, GraphQLContext } from '../graphql/context.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Authenticate } from './authenticate.ts';
import { createGraphiql } from './graphiql.ts';
import { type Caller, createGraphQLEngine } from './graphql-engine.ts';
import { createGraphQLHttp } from './graphql-http.ts';
import { createGraphQLSockets } from './graphql-ws.ts';
import { createHealthRoutes, type HealthCheck } from './health.ts';
import { DEFAULT_LIMITS, type ServerLimits } from './limits.ts';
import { createOriginPolicy } from './origins.ts';
import { discardBody, sendError, sendJson } from './respond.ts';
import { createRouter, type Route } from './routes.ts';

export interface ServerOptions {
  readonly schema: GraphQLSchema;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Whether browsers that open `/graphql` get GraphiQL. */
  readonly graphiql: boolean;
  /** What stands in GraphiQL's editor at first. */
  readonly defaultQuery?: string | undefined;
  /** Origins whose pages may call the gateway from a browser, beside its own. */
  readonly allowedOrigins: readonly string[];
  /** Makes the context of one operation. */
  readonly makeContext: (caller: Caller) => GraphQLContext;
  readonly authenticate: Authenticate;
  readonly routes: readonly Route[];
  /** What must hold for `/health/ready`, by name. */
  readonly healthChecks: Readonly<Record<string, HealthCheck>>;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly clock: Clock;
  /** Bounds other than the default ones. */
  readonly limits?: Partial<ServerLimits> | undefined;
}

export interface Server extends AsyncDisposable {
  /** Where it listens, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /**
   * Ends it gently: not ready any more, no new connections, sockets closed so that their clients reconnect, running
   * requests given `drainTimeoutMs` to finish. Calling it again gives the same promise. Never rejects.
   */
  drain(): Promise<void>;
}

const GRAPHQL_PATH = '/graphql';

/** A request id from outside is taken over where it can do no harm in a log or a header. */
const SAFE_REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** Milliseconds a finished connection waits for its next request; within the 20 s that a silent one may stay. */
const KEEP_ALIVE_TIMEOUT_MS = 15_000;
const CONNECTION_CHECK_INTERVAL_MS = 2_000;

const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'cache-control': 'no-store',
};

/** Listens. Rejects where the address cannot be had. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { schema, makeContext, authenticate, metrics, log, clock } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const origins = createOriginPolicy(options.allowedOrigins);
  const engine = createGraphQLEngine({ schema, limits, makeContext, log, metrics, clock });
  const graphqlHttp = createGraphQLHttp({ engine, authenticate, limits });
  const sockets = createGraphQLSockets({ engine, authenticate, origins, limits, clock, log });
  const graphiql = options.graphiql ? createGraphiql(options.defaultQuery) : undefined;

  let draining: Promise<void> | undefined;
  /** Requests under way, and how to end those that would not end by themselves. */
  const running = new Set<ServerResponse>();
  const streaming = new Set<ServerResponse>();
  const busySockets = new WeakMap<Socket, number>();
  let onIdle: (() => void) | undefined;

  const findRoute = createRouter([
    ...createHealthRoutes({ checks: options.healthChecks, isDraining: () => draining !== undefined, clock }),
    {
      method: 'GET',
      pattern: '/metrics',
      async handle({ response }) {
        const { contentType, text } = await metrics.render();
        response.writeHead(200, { 'content-type': contentType }).end(text);
      },
    },
    ...options.routes,
  ]);
  metrics.watchServer(() => ({
    sockets: sockets.count(),
    subscriptions: engine.liveSubscriptions(),
    requests: running.size,
  }));

  async function answer(
    request: IncomingMessage,
    response: ServerResponse,
    exchange: { requestId: string; signal: AbortSignal; route: string },
  ): Promise<void> {
    const { requestId, signal } = exchange;
    const remoteAddress = request.socket.remoteAddress ?? 'unknown';
    const target = request.url ?? '';
    const [path = '', queryString = ''] = splitOnce(target, '?');
    const method = request.method ?? '';

    if (!target.startsWith('/') || target.startsWith('//')) {
      throw new GatewayError('BAD_USER_INPUT', 'The request target must be a path.');
    }
    if (method === 'OPTIONS') {
      response.writeHead(204, { allow: 'GET, HEAD, POST, PUT' }).end();
      return;
    }
    if (path === GRAPHQL_PATH) {
      exchange.route = GRAPHQL_PATH;
      watchBody(request, response, limits.bodyTimeoutMs, requestId);
      if (graphiql?.isWanted(request)) await graphiql.send(request, response);
      else {
        const onStream = (actor: Actor | null) => {
          streaming.add(response);
          void endAtExpiry(actor, response, signal);
        };
        await graphqlHttp({ request, response, queryString, requestId, signal, remoteAddress, onStream });
      }
      return;
    }

    const match = findRoute(method, path);
    if (match.kind === 'route') {
      const { route, params } = match;
      exchange.route = route.pattern;
      if (route.bodyTimeoutMs !== null)
        watchBody(request, response, route.bodyTimeoutMs ?? limits.bodyTimeoutMs, requestId);
      const query = new URLSearchParams(queryString);
      const routeLog = log.child({ requestId, route: route.pattern });
      try {
        await route.handle({ request, response, params, query, requestId, signal, remoteAddress, log: routeLog });
      } catch (error) {
        fail(request, response, error, requestId, signal);
      }
      return;
    }
    watchBody(request, response, limits.bodyTimeoutMs, requestId);
    discardBody(request);
    if (match.kind === 'method') {
      response.setHeader('allow', match.allow);
      sendJson(response, 405, { error: { code: 'BAD_USER_INPUT', message: `Use ${match.allow}.`, requestId } });
    } else {
      sendError(response, new GatewayError('NOT_FOUND', 'There is nothing at this path.'), requestId);
    }
  }

  function fail(
    request: IncomingMessage,
    response: ServerResponse,
    error: unknown,
    requestId: string,
    signal: AbortSignal,
  ): void {
    if (!(error instanceof GatewayError) && !signal.aborted) log.error({ requestId, error }, 'a request failed');
    discardBody(request);
    if (response.headersSent) response.destroy();
    else sendError(response, error, requestId);
  }

  /** Cuts off a request whose body has not come in time. */
  function watchBody(request: IncomingMessage, response: ServerResponse, timeoutMs: number, requestId: string): void {
    if (request.complete) return;
    const arrived = new AbortController();
    request.once('end', () => arrived.abort()).once('close', () => arrived.abort());
    const cutOff = () => {
      if (!response.headersSent) {
        response.setHeader('connection', 'close');
        const message = `The body did not arrive within ${timeoutMs} ms.`;
        sendJson(response, 408, { error: { code: 'BAD_USER_INPUT', message, requestId } });
      }
      request.destroy();
    };
    clock.sleep(timeoutMs, arrived.signal).then(cutOff, () => undefined);
  }

  /** A stream lasts no longer than the credentials it was opened with. */
  async function endAtExpiry(actor: Actor | null, response: ServerResponse, signal: AbortSignal): Promise<void> {
    if (actor?.expiresAt === undefined) return;
    try {
      await clock.sleep(Math.max(actor.expiresAt - clock.now(), 0), signal);
      response.destroy();
    } catch {
      // It ended before.
    }
  }

  async function onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = clock.monotonic();
    const gone = new AbortController();
    const given = request.headers['x-request-id'];
    const requestId = typeof given === 'string' && SAFE_REQUEST_ID.test(given) ? given : randomUUID();
    const { socket } = request;
    const exchange = { requestId, signal: gone.signal, route: 'unmatched' };

    running.add(response);
    busySockets.set(socket, (busySockets.get(socket) ?? 0) + 1);
    response.once('close', () => {
      running.delete(response);
      streaming.delete(response);
      busySockets.set(socket, (busySockets.get(socket) ?? 1) - 1);
      gone.abort(new DOMException('The request is over.', 'AbortError'));
      const durationMs = clock.monotonic() - startedAt;
      metrics.httpRequest(exchange.route, response.statusCode, durationMs);
      log.debug(
        { requestId, method: request.method, route: exchange.route, status: response.statusCode, durationMs },
        'request',
      );
      if (running.size === 0) onIdle?.();
    });
    request.on('error', (error) => log.debug({ requestId, error }, 'a request broke'));

    for (const [name, value] of Object.entries({ ...SECURITY_HEADERS, ...origins.corsHeaders(request) })) {
      response.setHeader(name, value);
    }
    response.setHeader('x-request-id', requestId);
    if (await draining) response.setHeader('connection', 'close');
    try {
      await answer(request, response, exchange);
    } catch (error) {
      fail(request, response, error, requestId, gone.signal);
    }
  }

  const server = createServer({
    headersTimeout: limits.headersTimeoutMs,
    // Bodies are watched route by route: an upload may take hours.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    connectionsCheckingInterval: CONNECTION_CHECK_INTERVAL_MS,
  });
  server.maxConnections = limits.maxConnections;
  server.on('request', (request, response) => void onRequest(request, response));
  server.on('connect', (_request, socket) =>
    socket.end('HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\n\r\n'),
  );
  server.on('upgrade', (request, socket: Socket, head) => {
    socket.on('error', () => socket.destroy());
    const [path] = splitOnce(request.url ?? '', '?');
    if (path === GRAPHQL_PATH && request.headers.upgrade?.toLowerCase() === 'websocket')
      sockets.upgrade(request, socket, head);
    else socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  });
  // Nothing moved for a while: a reader that does not take its answer, or a connection that nobody uses.
  server.setTimeout(limits.stallTimeoutMs, (socket) => {
    if (socket.writableLength > 0 || !busySockets.get(socket)) socket.destroy();
  });

  server.listen(options.port, options.host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // A listener on TCP always has one.

  async function drain(): Promise<void> {
    log.info({ requests: running.size, sockets: sockets.count() }, 'draining');
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    sockets.drain();
    // A stream has no end of its own. Broken off, its client connects again; ended properly, it would think it was over.
    for (const response of streaming) response.destroy();
    const idle = new Promise<void>((resolve) => {
      onIdle = resolve;
      if (running.size === 0) resolve();
    });
    const over = new AbortController();
    const timeout = clock.sleep(limits.drainTimeoutMs, over.signal).catch(() => undefined);
    await Promise.race([idle.then(() => closed), timeout]);
    over.abort();
    await sockets[Symbol.asyncDispose]();
    server.closeAllConnections();
    await closed;
  }

  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    port,
    drain() {
      draining ??= drain();
      return draining;
    },
    async [Symbol.asyncDispose]() {
      draining ??= drain();
      server.closeAllConnections();
      await sockets[Symbol.asyncDispose]();
      await draining;
    },
  };
}

function splitOnce(text: string, separator: string): [string, string] {
  const index = text.indexOf(separator);
  return index === -1 ? [text, ''] : [text.slice(0, index), text.slice(index + 1)];
}
