/** Sends an answer: as it is, or spoiled by a programmed fault in every way a network and a server can spoil one. */
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import type { Reply } from './exchange.ts';
import type { Fault } from './faults.ts';
import { isObject } from './formats.ts';

const PAD_CHUNK = Buffer.alloc(64 * 1024, ' ');

/** What goes out: a status, headers and bytes. */
interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

/** Sends the answer as it is. */
export function sendReply(response: ServerResponse, reply: Reply): void {
  const { status, headers, body } = toAnswer(reply);
  response.writeHead(status, headers).end(body);
}

function toAnswer({ status, headers = {}, body }: Reply): Answer {
  if (body === undefined) return { status, headers: { ...headers, 'content-length': '0' }, body: Buffer.alloc(0) };
  const bytes = Buffer.from(JSON.stringify(body));
  return {
    status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(bytes.length),
      ...headers,
    },
    body: bytes,
  };
}

/**
 * Sends what the fault makes of the answer.
 * @param reply the real answer; undefined where the request was not applied
 * @param signal ends every wait, when the client goes away or the sandbox stops
 * @param onSending called when the answer goes out, before its first byte
 */
export async function sendSpoiled(
  response: ServerResponse,
  reply: Reply | undefined,
  fault: Fault,
  nowMs: number,
  signal: AbortSignal,
  onSending: () => void,
): Promise<void> {
  if (fault.delayMs !== undefined) await sleep(fault.delayMs, undefined, { signal });
  if (fault.hang) return;
  onSending();
  if (fault.cut === 'before') {
    response.socket?.resetAndDestroy();
    return;
  }
  if (fault.garbage) {
    response.socket?.end('NONSENSE 999 not http\r\n\r\n');
    return;
  }
  const answer = spoil(reply, fault, nowMs);
  const half = answer.body.subarray(0, Math.ceil(answer.body.length / 2));
  if (fault.cut !== undefined) {
    const isReset = fault.cut === 'middle';
    response.writeHead(answer.status, answer.headers);
    // Only when the half has left is the connection ended: otherwise nothing at all would arrive.
    response.write(half, () => (isReset ? response.socket?.resetAndDestroy() : response.socket?.end()));
  } else if (fault.truncate) {
    response.writeHead(answer.status, { ...answer.headers, 'content-length': String(half.length) }).end(half);
  } else if (fault.slowBodyMs !== undefined || fault.padBytes !== undefined || fault.gzip) {
    await sendStreamed(response, answer, fault, signal);
  } else {
    response.writeHead(answer.status, answer.headers).end(answer.body);
  }
}

/** The answer with its status, headers and body as the fault wants them. */
function spoil(reply: Reply | undefined, fault: Fault, nowMs: number): Answer {
  const { status, json, text, merge, omit, redirectTo, endlessPages } = fault;
  const replaced: Reply | undefined =
    json !== undefined || text !== undefined || status !== undefined || redirectTo !== undefined || !reply
      ? {
          status: status ?? (redirectTo === undefined ? (reply?.status ?? 200) : 307),
          body:
            json !== undefined ? json : { code: 'ProgrammedFault', message: 'The sandbox was told to answer this.' },
        }
      : undefined;
  let { body } = replaced ?? reply ?? {};
  if (merge && isObject(body)) body = { ...body, ...merge };
  if (omit && isObject(body)) body = Object.fromEntries(Object.entries(body).filter(([key]) => !omit.includes(key)));
  if (endlessPages && isObject(body)) body = withNextPage(body);
  const answer = toAnswer({
    status: replaced?.status ?? reply?.status ?? 200,
    headers: replaced ? {} : (reply?.headers ?? {}),
    body,
  });
  if (text !== undefined) {
    answer.body = Buffer.from(text);
    answer.headers['content-type'] = 'text/html; charset=utf-8';
    answer.headers['content-length'] = String(answer.body.length);
  }
  if (redirectTo !== undefined) answer.headers.location = redirectTo;
  if (fault.retryAfter !== undefined) answer.headers['retry-after'] = String(fault.retryAfter);
  if (fault.retryAfterDateMs !== undefined) {
    answer.headers['retry-after'] = new Date(nowMs + fault.retryAfterDateMs).toUTCString();
  }
  for (const [name, value] of Object.entries(fault.headers ?? {})) answer.headers[name.toLowerCase()] = value;
  return answer;
}

/** A page that says there is always another one. */
function withNextPage(body: Record<string, unknown>): Record<string, unknown> {
  const pagination = isObject(body.pagination) ? body.pagination : {};
  const number = typeof pagination.page === 'number' ? pagination.page : 1;
  return {
    entities: [],
    ...body,
    pagination: { page: number, pageSize: 25, ...pagination, nextPage: String(number + 1) },
  };
}

async function sendStreamed(
  response: ServerResponse,
  answer: Answer,
  fault: Fault,
  signal: AbortSignal,
): Promise<void> {
  const { 'content-length': _, ...headers } = answer.headers;
  if (fault.gzip) headers['content-encoding'] = 'gzip';
  response.writeHead(answer.status, headers);
  const body = Readable.from(bodyChunks(answer.body, fault, signal));
  // A client that gives up in the middle ends the pipeline: that is what such a fault is for.
  const sent = fault.gzip ? pipeline(body, createGzip(), response, { signal }) : pipeline(body, response, { signal });
  await sent.catch(() => undefined);
}

async function* bodyChunks(body: Buffer, { padBytes = 0, slowBodyMs }: Fault, signal: AbortSignal) {
  // Blanks before the last character leave JSON as valid as it was.
  const head = body.subarray(0, -1);
  const tail = body.subarray(head.length);
  if (slowBodyMs === undefined) yield head;
  else {
    for (let index = 0; index < head.length; index += 1) {
      yield head.subarray(index, index + 1);
      await sleep(slowBodyMs, undefined, { signal });
    }
  }
  for (let left = padBytes; left > 0; left -= PAD_CHUNK.length) {
    yield left < PAD_CHUNK.length ? PAD_CHUNK.subarray(0, left) : PAD_CHUNK;
  }
  yield tail;
}
