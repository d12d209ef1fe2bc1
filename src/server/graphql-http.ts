/**
 * GraphQL over HTTP: POST and GET with JSON answers, arrays of operations, and streams (SSE) for subscriptions.
 * The plain ways are walked here, next to the socket; so are live subscriptions, which are shared. Other streams are Yoga's.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ExecutionResult, GraphQLError } from 'graphql';
import type { Clock } from '../clock.ts';
import { ERROR_TABLE, type ErrorCode, GatewayError } from '../errors.ts';
import type { Actor } from '../graphql/context.ts';
import type { Authenticate } from './authenticate.ts';
import { drainedOrClosed } from './drained.ts';
import { createEventStreams } from './event-stream.ts';
import type { Caller, GraphQLEngine } from './graphql-engine.ts';
import { brokenText, type GraphQLParams, readJsonParams, readQueryParams } from './graphql-params.ts';
import type { ServerLimits } from './limits.ts';
import { acceptsEventStream, GRAPHQL_RESPONSE, isJsonBody, JSON_RESPONSE, negotiateAnswer } from './media-types.ts';
import { readBody } from './read-body.ts';
import { discardBody, errorHeaders, sendJson, statusOf } from './respond.ts';
import { createStringBound } from './string-bound.ts';
import type { TrustedDocuments } from './trusted-documents.ts';

export interface GraphQLHttpOptions {
  readonly engine: GraphQLEngine;
  readonly authenticate: Authenticate;
  readonly documents: TrustedDocuments;
  readonly limits: ServerLimits;
  readonly clock: Clock;
}

export interface GraphQLExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly queryString: string;
  readonly requestId: string;
  readonly signal: AbortSignal;
  readonly remoteAddress: string;
  /** Told when the answer will be that of a subscription, which has no end of its own, and whose it is. */
  onSubscription(actor: Actor | null): void;
}

/** Codes that, under `application/json`, go with a 200: the request was well formed, its document or variables not. */
const DOCUMENT_FAULTS: ReadonlySet<unknown> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
]);

export function createGraphQLHttp({
  engine,
  authenticate,
  documents,
  limits,
  clock,
}: GraphQLHttpOptions): (exchange: GraphQLExchange) => Promise<void> {
  const answerWithEvents = createEventStreams({ pingIntervalMs: limits.pingIntervalMs, clock });

  async function readParams({
    request,
    queryString,
  }: GraphQLExchange): Promise<GraphQLParams | (GraphQLParams | GatewayError)[]> {
    if (request.method === 'GET') return readQueryParams(queryString, documents);
    if (request.method !== 'POST') {
      throw new HttpRefusal(405, 'GraphQL is sent by POST, or a query by GET.', { allow: 'GET, POST' });
    }
    const encoding = request.headers['content-encoding'];
    if (!isJsonBody(request.headers['content-type']) || (encoding !== undefined && encoding !== 'identity')) {
      throw new HttpRefusal(415, 'Send JSON as application/json in UTF-8, not compressed.', {
        accept: JSON_RESPONSE,
        'accept-encoding': 'identity',
      });
    }
    const isShort = Number(request.headers['content-length'] ?? Number.POSITIVE_INFINITY) <= limits.maxStringBytes;
    const look = isShort ? undefined : createStringBound(limits.maxStringBytes);
    const body = await readBody(request, limits.maxBodyBytes, look);
    return readJsonParams(body, limits.maxBatch, documents);
  }

  async function answer(exchange: GraphQLExchange): Promise<void> {
    const { request, response, requestId, signal, remoteAddress } = exchange;
    const wanted = negotiateAnswer(request.headers.accept);
    if (!wanted) {
      const accept = `${GRAPHQL_RESPONSE}, ${JSON_RESPONSE}, text/event-stream`;
      throw new HttpRefusal(406, `The answer can be one of ${accept}. Accept one of them.`, { accept });
    }
    // Before the body: nobody makes the gateway read megabytes with wrong credentials.
    const actor = await authenticate({ authorization: request.headers.authorization, remoteAddress, requestId });
    const params = await readParams(exchange);
    const caller: Caller = { actor, requestId, signal };

    if (Array.isArray(params)) {
      const results = await Promise.all(params.map((one) => runInBatch(one, caller)));
      sendJson(response, 200, results, `${JSON_RESPONSE}; charset=utf-8`);
      return;
    }
    const prepared = await engine.prepare(params, caller);
    // Bytes that are no text are refused as such (faults.md, "bad UTF-8"), and so is text that is none.
    if (params.isTextBroken && 'errors' in prepared) throw brokenText();
    const type = 'errors' in prepared ? undefined : prepared.type;
    if (type === 'subscription') exchange.onSubscription(actor);
    if (type === 'mutation' && request.method === 'GET') {
      throw new HttpRefusal(405, 'A mutation must be sent by POST.', { allow: 'POST' });
    }
    if (wanted === 'stream' || type === 'subscription') {
      const follow = 'errors' in prepared ? undefined : prepared.follow;
      if (!follow || !acceptsEventStream(request.headers.accept)) await stream(exchange, params, caller);
      else await answerWithEvents({ response, signal, follow, mask: (error) => engine.mask(error, requestId) });
      return;
    }
    if ('errors' in prepared) {
      sendResult(response, prepared, wanted);
      return;
    }
    const result = await prepared.run();
    if (!(Symbol.asyncIterator in result)) sendResult(response, result, wanted);
  }

  async function runInBatch(params: GraphQLParams | GatewayError, caller: Caller): Promise<ExecutionResult> {
    if (params instanceof GatewayError) return { errors: [engine.mask(params, caller.requestId)] };
    const prepared = await engine.prepare(params, caller);
    if ('errors' in prepared) return prepared;
    if (prepared.type === 'subscription') {
      const error = new GatewayError(
        'BAD_USER_INPUT',
        'A subscription cannot be one of an array of operations. Send it alone.',
      );
      return { errors: [engine.mask(error, caller.requestId)] };
    }
    const result = await prepared.run();
    return Symbol.asyncIterator in result ? {} : result; // Only subscriptions are iterable.
  }

  async function stream(exchange: GraphQLExchange, params: GraphQLParams, caller: Caller): Promise<void> {
    const { request, response, signal } = exchange;
    const method = request.method ?? 'POST';
    const answered = await engine.stream(params, caller, { method, accept: request.headers.accept ?? '*/*' });
    response.writeHead(answered.status, streamHeaders(answered));
    if (!answered.body) {
      response.end();
      return;
    }
    const reader = answered.body.getReader();
    const cancel = () => void reader.cancel().catch(() => undefined);
    signal.addEventListener('abort', cancel, { once: true });
    for (let part = await reader.read(); !part.done && !signal.aborted; part = await reader.read()) {
      // Nothing is taken from the source while the client does not take what it was sent.
      if (!response.write(part.value)) await drainedOrClosed(response);
    }
    response.end();
  }

  function refuse({ request, response, requestId, signal }: GraphQLExchange, error: unknown): void {
    if (response.headersSent) response.destroy();
    if (signal.aborted || response.headersSent) return;
    discardBody(request);
    const errors = [engine.mask(error, requestId)];
    const status = error instanceof HttpRefusal ? error.status : statusOf(error);
    const wanted = negotiateAnswer(request.headers.accept);
    const headers = error instanceof HttpRefusal ? error.headers : errorHeaders(error);
    response.setHeaders(new Map(Object.entries(headers)));
    sendJson(response, status, { errors }, contentType(wanted === GRAPHQL_RESPONSE ? wanted : JSON_RESPONSE));
  }

  return (exchange) => answer(exchange).catch((error: unknown) => refuse(exchange, error));
}

/** What HTTP has a status and headers of its own for. */
class HttpRefusal extends GatewayError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>>) {
    super('BAD_USER_INPUT', message);
    this.status = status;
    this.headers = headers;
  }
}

function contentType(mediaType: string): string {
  return `${mediaType}; charset=utf-8`;
}

function sendResult(response: ServerResponse, result: ExecutionResult, mediaType: string): void {
  sendJson(response, statusOfResult(result, mediaType), result, contentType(mediaType));
}

/** An answer with data is a 200. Without, the first error tells; `application/json` hides the document's faults behind a 200. */
function statusOfResult(
  { errors, data }: { errors?: readonly GraphQLError[]; data?: unknown },
  mediaType: string,
): number {
  if (data !== undefined || !errors?.[0]) return 200;
  const code = errors[0].extensions.code;
  if (DOCUMENT_FAULTS.has(code)) return mediaType === JSON_RESPONSE ? 200 : 400;
  return isErrorCode(code) ? ERROR_TABLE[code].httpStatus : 400;
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERROR_TABLE, code);
}

/** Yoga's headers, but for those that Node decides about. */
function streamHeaders(answered: Response): Record<string, string> {
  const own = new Set(['connection', 'content-encoding', 'transfer-encoding']);
  return Object.fromEntries([...answered.headers].filter(([name]) => !own.has(name.toLowerCase())));
}
