/** Small answers, written in one way: JSON, with its length, and errors in one shape. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { errorPolicy, INTERNAL_ERROR, RateLimitedError } from '../errors.ts';
import { BodyTooLargeError } from './read-body.ts';

/** Answers with JSON. Headers that were set on the response before stay. */
export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  contentType = 'application/json; charset=utf-8',
): void {
  // Text rather than bytes: Node sends it in one piece with the head.
  const body = JSON.stringify(value);
  const length = Buffer.byteLength(body);
  response.writeHead(status, { 'content-type': contentType, 'content-length': length });
  // ASCII is the same bytes in Latin-1, as which Node need not look at each character again.
  endWithOthers({ response, body, encoding: length === body.length ? 'latin1' : 'utf8' });
}

interface Ending {
  readonly response: ServerResponse;
  readonly body: string;
  readonly encoding: BufferEncoding;
}

let endings: Ending[] = [];

/**
 * Ends an answer together with the others that are ready in this turn of the event loop. Each write by itself wakes up
 * a client who sleeps again before the next one, which took a fifth of the time of a small answer; where there is no
 * other answer, it is written no later than before.
 */
function endWithOthers(ending: Ending): void {
  if (endings.push(ending) === 1) setImmediate(endAll);
}

function endAll(): void {
  const all = endings;
  endings = [];
  for (const { response, body, encoding } of all) response.end(body, encoding);
}

/** The HTTP status of an error. */
export function statusOf(error: unknown): number {
  if (error instanceof BodyTooLargeError) return 413;
  return errorPolicy(error).httpStatus;
}

/** What HTTP itself wants to be told with an error's status: how to sign in (RFC 9110, 11.6.1), when to come back. */
export function errorHeaders(error: unknown): Record<string, string> {
  if (errorPolicy(error).code === 'UNAUTHENTICATED') return { 'www-authenticate': 'Bearer' };
  if (error instanceof RateLimitedError && error.retryAfterMs !== undefined)
    return { 'retry-after': String(Math.max(Math.ceil(error.retryAfterMs / 1000), 1)) };
  return {};
}

/** Answers with an error outside GraphQL: `{"error": {code, message, requestId}}`. What is not for clients is not in it. */
export function sendError(response: ServerResponse, error: unknown, requestId: string): void {
  const { code, clientVisible } = errorPolicy(error);
  const message = clientVisible && error instanceof Error ? error.message : INTERNAL_ERROR;
  response.setHeaders(new Map(Object.entries(errorHeaders(error))));
  sendJson(response, statusOf(error), { error: { code, message, requestId } });
}

/** Bytes of a refused body that are still read, so that its sender gets to see the answer. */
const MAX_DISCARDED_BYTES = 8 * 1024 * 1024;

/**
 * Makes an answer that comes before the body's end reach its sender: what still arrives is read and thrown away, up to
 * a bound. A socket that is closed with unread bytes in it is reset, and takes the answer with it.
 */
export function discardBody(request: IncomingMessage): void {
  if (request.complete) return;
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_DISCARDED_BYTES) request.destroy();
  });
  request.resume();
}

/** Answers on a connection that wanted to become something else than HTTP, and ends it. */
export function refuseConnection(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
