/**
 * What happens to one HTTP request: its id, its headers, its way to GraphQL, GraphiQL or a route, and an answer
 * whatever goes wrong.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import type { Actor } from '../graphql/context.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { enforceBodyDeadline, enforceBodyPace } from './body-deadline.ts';
import type { ClientAddress } from './client-address.ts';
import { endWithCredentials } from './credential-expiry.ts';
import type { Graphiql } from './graphiql.ts';
import type { GraphQLExchange } from './graphql-http.ts';
import type { ServerLimits } from './limits.ts';
import type { OriginPolicy } from './origins.ts';
import { discardBody, sendError, sendJson } from './respond.ts';
import type { RouteMatch } from './routes.ts';
import type { RunningRequests } from './running-requests.ts';

export const GRAPHQL_PATH = '/graphql';
const GRAPHQL = { kind: 'graphql' } as const;

/** A request id from outside is taken over where it can do no harm in a log or a header. */
const SAFE_REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** Strict, for answers that no browser shows; a route that sends a page sets a policy of its own. */
const SECURITY_HEADERS = new Map([
  ['x-content-type-options', 'nosniff'],
  ['x-frame-options', 'DENY'],
  ['referrer-policy', 'no-referrer'],
  ['cross-origin-opener-policy', 'same-origin'],
  ['content-security-policy', "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"],
  ['cache-control', 'no-store'],
]);

/** Said to whatever still works for a request when its answer is sent or its client gone. Made once: it has a stack. */
const REQUEST_OVER = new DOMException('The request is over.', 'AbortError');

export interface RequestHandlerOptions {
  readonly graphqlHttp: (exchange: GraphQLExchange) => Promise<void>;
  readonly graphiql: Graphiql | undefined;
  readonly findRoute: (method: string, path: string) => RouteMatch;
  readonly origins: OriginPolicy;
  readonly addressOf: ClientAddress;
  readonly running: RunningRequests;
  readonly isDraining: () => boolean;
  readonly limits: ServerLimits;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly clock: Clock;
}

interface RequestState {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly signal: AbortSignal;
  /** The label it gets in the metrics. */
  route: string;
}

/** Answers one request. The promise never rejects. */
export function createRequestHandler(
  options: RequestHandlerOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const { graphqlHttp, graphiql, findRoute, origins, addressOf, running, limits, metrics, log, clock } = options;

  return async (request, response) => {
    const state = begin(request, response);
    try {
      await answer(state);
    } catch (error) {
      if (!(error instanceof GatewayError) && !state.signal.aborted) {
        log.error({ requestId: state.requestId, route: state.route, error }, 'a request failed');
      }
      discardBody(request);
      if (response.headersSent) response.destroy();
      else sendError(response, error, state.requestId);
    }
  };

  function begin(request: IncomingMessage, response: ServerResponse): RequestState {
    const startedAt = clock.monotonic();
    const over = new AbortController();
    const given = request.headers['x-request-id'];
    const requestId = typeof given === 'string' && SAFE_REQUEST_ID.test(given) ? given : randomUUID();
    const state: RequestState = { request, response, requestId, signal: over.signal, route: 'unmatched' };

    running.add(request, response);
    request.on('error', (error) => log.debug({ requestId, error }, 'a request broke'));
    response.once('close', () => {
      over.abort(REQUEST_OVER);
      const durationMs = clock.monotonic() - startedAt;
      const { route } = state;
      metrics.httpRequest(route, response.statusCode, durationMs);
      log.debug({ requestId, method: request.method, route, status: response.statusCode, durationMs }, 'request');
    });
    response
      .setHeaders(SECURITY_HEADERS)
      .setHeaders(new Map(Object.entries(origins.corsHeaders(request))))
      .setHeader('x-request-id', requestId);
    if (options.isDraining()) response.setHeader('connection', 'close');
    return state;
  }

  /** Throws, or rejects, with what is then told as an error. */
  function answer(state: RequestState): Promise<void> | undefined {
    const { request, response, requestId } = state;
    const target = request.url ?? '';
    if (!target.startsWith('/') || target.startsWith('//')) {
      throw new GatewayError('BAD_USER_INPUT', 'The request target must be a path.');
    }
    const [path, queryString] = splitTarget(target);
    const match = path === GRAPHQL_PATH ? GRAPHQL : findRoute(request.method ?? '', path);
    const bodyTimeoutMs = match.kind === 'route' ? match.route.bodyTimeoutMs : undefined;
    if (bodyTimeoutMs === null) enforceBodyPace(state, limits.bodyPace, clock);
    else enforceBodyDeadline(state, bodyTimeoutMs ?? limits.bodyTimeoutMs, clock);

    if (request.method === 'OPTIONS') {
      response.writeHead(204, { allow: 'GET, HEAD, POST, PUT' }).end();
      return undefined;
    }
    if (match.kind === 'graphql') {
      state.route = GRAPHQL_PATH;
      return answerGraphQL(state, queryString);
    }
    if (match.kind === 'route') {
      state.route = match.route.pattern;
      return match.route.handle({
        ...state,
        params: match.params,
        query: new URLSearchParams(queryString),
        remoteAddress: addressOf(request),
        log: log.child({ requestId, route: match.route.pattern }),
      });
    }
    if (match.kind === 'method') {
      discardBody(request);
      response.setHeader('allow', match.allow);
      sendJson(response, 405, {
        error: { code: 'BAD_USER_INPUT', message: `This path takes ${match.allow} only.`, requestId },
      });
      return undefined;
    }
    throw new GatewayError('NOT_FOUND', 'There is nothing at this path. GraphQL is at /graphql, the dashboard at /.');
  }

  function answerGraphQL(state: RequestState, queryString: string): Promise<void> {
    const { request, response, requestId, signal } = state;
    if (graphiql?.isWanted(request)) return graphiql.send(request, response);
    const onSubscription = (actor: Actor | null) => {
      running.markEndless(response);
      endWithCredentials(actor, signal, clock, () => response.destroy());
    };
    const remoteAddress = addressOf(request);
    return graphqlHttp({ request, response, queryString, requestId, signal, remoteAddress, onSubscription });
  }
}

/** A request target's path and its query string. */
export function splitTarget(target: string): [path: string, queryString: string] {
  const index = target.indexOf('?');
  return index === -1 ? [target, ''] : [target.slice(0, index), target.slice(index + 1)];
}
