/**
 * The HTTP server: one listener for GraphQL in all its transports, health, metrics and the routes that are passed in.
 * Every connection, request and answer is bounded in size and time, and `drain` ends it without cutting anybody off
 * in the middle.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { GraphQLSchema } from 'graphql';
import type { Clock } from '../clock.ts';
import type { GraphQLContext } from '../graphql/context.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Authenticate } from './authenticate.ts';
import { createClientAddress } from './client-address.ts';
import { createGraphiql } from './graphiql.ts';
import { type Caller, createGraphQLEngine } from './graphql-engine.ts';
import { createGraphQLHttp } from './graphql-http.ts';
import { createGraphQLSockets } from './graphql-ws.ts';
import { createHealthRoutes, type HealthCheck } from './health.ts';
import { DEFAULT_LIMITS, type ServerLimits } from './limits.ts';
import { createOriginPolicy } from './origins.ts';
import { createRequestHandler, GRAPHQL_PATH, splitTarget } from './request-handler.ts';
import { refuseConnection } from './respond.ts';
import { createRouter, type Route } from './routes.ts';
import { createRunningRequests } from './running-requests.ts';
import { socketsRead } from './sockets-read.ts';
import { createTrustedDocuments, type TrustedDocuments } from './trusted-documents.ts';
import { refuseUnreadable } from './unreadable-requests.ts';

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
  /** Addresses and networks of proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies?: readonly string[] | undefined;
  /** Whether the schema may be asked for, and unknown names are answered with known ones. On unless said otherwise. */
  readonly introspection?: boolean | undefined;
  /** Operations that are known by their hash. Without them there are none, and every text is run. */
  readonly documents?: TrustedDocuments | undefined;
  /** Makes the context of one operation. */
  readonly makeContext: (caller: Caller) => GraphQLContext;
  readonly authenticate: Authenticate;
  readonly routes: readonly Route[];
  /** What must hold for `/health/ready`, by name. */
  readonly healthChecks: Readonly<Record<string, HealthCheck>>;
  /** What is wrong elsewhere, for `/health/ready` to tell. */
  readonly problems?: (() => readonly string[]) | undefined;
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

/** Milliseconds a finished connection waits for its next request; within the 20 s that a silent one may stay. */
const KEEP_ALIVE_TIMEOUT_MS = 15_000;
const CONNECTION_CHECK_INTERVAL_MS = 2_000;

/** Listens. Rejects where the address cannot be had. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { schema, makeContext, authenticate, metrics, log, clock } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const origins = createOriginPolicy(options.allowedOrigins);
  const { documents = createTrustedDocuments({}, { only: false }), introspection = true } = options;
  const engine = createGraphQLEngine({ schema, introspection, limits, makeContext, log, metrics, clock });
  const addressOf = createClientAddress(options.trustedProxies ?? []);
  const sockets = createGraphQLSockets({ engine, authenticate, documents, origins, addressOf, limits, clock, log });
  const running = createRunningRequests();
  let drained: Promise<void> | undefined;
  const isDraining = () => drained !== undefined;

  const handleRequest = createRequestHandler({
    graphqlHttp: createGraphQLHttp({ engine, authenticate, documents, limits, clock }),
    graphiql: options.graphiql ? createGraphiql(options.defaultQuery) : undefined,
    findRoute: createRouter([
      ...createHealthRoutes({
        checks: options.healthChecks,
        problems: options.problems ?? (() => []),
        isDraining,
        clock,
      }),
      metricsRoute(metrics),
      ...options.routes,
    ]),
    origins,
    addressOf,
    running,
    isDraining,
    limits,
    metrics,
    log,
    clock,
  });
  metrics.watchServer(() => ({
    sockets: sockets.count(),
    subscriptions: engine.liveSubscriptions(),
    requests: running.count(),
  }));

  const server = createServer({
    headersTimeout: limits.headersTimeoutMs,
    // Bodies are watched route by route: an upload may take hours.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    connectionsCheckingInterval: Math.min(CONNECTION_CHECK_INTERVAL_MS, limits.headersTimeoutMs),
  });
  server.maxConnections = limits.maxConnections;
  server.on('request', (request, response) => void handleRequest(request, response));
  server.on('connect', (_request, socket) => refuseConnection(socket, '405 Method Not Allowed'));
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    const [path] = splitTarget(request.url ?? '');
    const isWebSocket = request.headers.upgrade?.toLowerCase() === 'websocket';
    if (path === GRAPHQL_PATH && isWebSocket) sockets.upgrade(request, socket, head);
    else refuseConnection(socket, '404 Not Found');
  });
  refuseUnreadable(server, running);
  // Nothing moved for a while: a reader that does not take its answer, a sender that fell silent within a body, or a
  // connection that nobody uses.
  server.setTimeout(limits.stallTimeoutMs, (socket) => {
    if (socket.writableLength > 0) socket.destroy();
    else if (!running.isBusy(socket)) void destroyIfSilent(socket);
  });

  server.listen(options.port, options.host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // A listener on TCP always has one.

  async function drain(timeoutMs: number): Promise<void> {
    log.info({ requests: running.count(), sockets: sockets.count() }, 'draining');
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    sockets.drain();
    running.breakOffEndless();
    // `close` ends the connections that are idle now; those that become idle later would be kept for another request.
    void running.idle().then(() => server.closeIdleConnections());
    const over = new AbortController();
    const timeout = clock.sleep(timeoutMs, over.signal).catch(() => undefined);
    await Promise.race([closed, timeout]);
    over.abort();
    sockets.terminate();
    server.closeAllConnections();
    await closed;
  }

  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    port,
    drain() {
      drained ??= drain(limits.drainTimeoutMs);
      return drained;
    },
    async [Symbol.asyncDispose]() {
      drained ??= drain(0);
      sockets.terminate();
      server.closeAllConnections();
      await drained;
    },
  };
}

/** Whose reader has held a sender up may go on this very moment: what has arrived meanwhile is read first. */
async function destroyIfSilent(socket: Socket): Promise<void> {
  const { bytesRead } = socket;
  await socketsRead();
  if (socket.bytesRead === bytesRead) socket.destroy();
}

/** Without credentials, as scrapers expect it: numbers alone, whose labels are all our own words. */
function metricsRoute(metrics: Metrics): Route {
  return {
    method: 'GET',
    pattern: '/metrics',
    async handle({ response }) {
      const { contentType, text } = await metrics.render();
      response.writeHead(200, { 'content-type': contentType }).end(text);
    },
  };
}
