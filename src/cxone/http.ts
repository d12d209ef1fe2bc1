/**
 * One HTTP exchange with CXone over undici's dispatcher: no redirects, no retries, no decoding; at most 4 MiB of
 * answer, and the socket dies with the signal or when the time is up. What went wrong, and whether anything was sent,
 * is a value.
 */
import { Readable } from 'node:stream';
import { Pool } from 'undici';
import type { Clock } from '../clock.ts';
import { CONNECT_TIMEOUT_MS, MAX_ANSWER_BYTES, MAX_CONNECTIONS } from './limits.ts';
import type { Method } from './request.ts';
import type { FailureOutcome, WireEvents } from './step.ts';

/** Of a body sent in chunks: as much as a socket takes at once, and no copy of the whole. */
const CHUNK_BYTES = 64 * 1024;

export interface HttpRequest {
  method: Method;
  target: string;
  headers: Readonly<Record<string, string>>;
  body: string | undefined;
  /** Whether the body goes in chunks, without its length in front. */
  chunked?: boolean;
  signal: AbortSignal | undefined;
  /** Until when it may take, monotonic milliseconds. */
  endsAt: number | undefined;
  wire: WireEvents | undefined;
}

export interface HttpAnswer {
  kind: 'answer';
  status: number;
  /** Names in lower case; a header that came several times is joined by commas. */
  header(name: string): string | undefined;
  bytes: Buffer;
  latencyMs: number;
}

export interface Http {
  /** Never rejects for what happens on the wire; only for a request that undici finds malformed. */
  exchange(request: HttpRequest): Promise<HttpAnswer | FailureOutcome>;
  /** Destroys all sockets; what is under way ends as a failure. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** @param baseUrl where its path is not empty, it goes before every target */
export function createHttp({ baseUrl, clock }: { baseUrl: string; clock: Clock }): Http {
  const { origin, pathname } = new URL(baseUrl);
  const prefix = pathname.replace(/\/+$/, '');
  const pool = new Pool(origin, {
    connections: MAX_CONNECTIONS,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    // One request on a socket at a time: what an aborted call tears down is its own.
    pipelining: 1,
    allowH2: false,
    // These count idle time only, so a byte now and then would keep a call alive: `endsAt` bounds the whole.
    headersTimeout: 0,
    bodyTimeout: 0,
  });

  return {
    exchange: ({ method, target, headers, body, chunked, signal, endsAt, wire }) =>
      new Promise((resolve, reject) => {
        const startedAt = clock.monotonic();
        let sentAt: number | undefined;
        let abort: ((reason: Error) => void) | undefined;
        let cancelTimeout: (() => void) | undefined;
        let finished = false;
        let status = 0;
        let head: Record<string, string | string[] | undefined> = {};
        const chunks: Buffer[] = [];
        let byteCount = 0;

        function finish(result: HttpAnswer | FailureOutcome): void {
          if (finished) return;
          release();
          resolve(result);
        }
        function release(): void {
          finished = true;
          signal?.removeEventListener('abort', onAbort);
          cancelTimeout?.();
        }
        function fail(
          failure: Pick<FailureOutcome, 'fault' | 'reason' | 'timedOut' | 'lasting' | 'hurried' | 'cause'>,
        ): void {
          const reached = sentAt === undefined ? 'connect' : 'upstream';
          finish({ kind: 'failure', reached, status: status || undefined, latencyMs: elapsedMs(), ...failure });
        }
        const elapsedMs = () => clock.monotonic() - (sentAt ?? startedAt);
        function giveUp(timedOut: boolean): void {
          fail({ fault: 'timeout', reason: timedOut ? 'no answer in time' : 'the call was given up', timedOut });
          abort?.(new Error('given up'));
        }
        const onAbort = () => giveUp(false);

        if (signal?.aborted) {
          onAbort();
          return;
        }
        signal?.addEventListener('abort', onAbort, { once: true });
        if (endsAt !== undefined) cancelTimeout = clock.after(Math.ceil(endsAt - startedAt), () => giveUp(true));

        pool.dispatch(
          {
            path: `${prefix}${target}`,
            method,
            headers,
            ...(body === undefined ? {} : { body: chunked ? inChunks(body) : body }),
          },
          {
            onRequestStart(controller) {
              abort = (reason) => controller.abort(reason);
              // Given up while it waited for a socket: then it is never written.
              if (finished) {
                abort(new Error('given up'));
                return;
              }
              const refusal = wire?.refusal();
              if (refusal) {
                fail({ fault: 'unavailable', hurried: true, ...refusal });
                abort(new Error('not to be sent'));
                return;
              }
              sentAt = clock.monotonic();
              wire?.onSent();
            },
            onResponseStart(_controller, statusCode, responseHeaders) {
              if (statusCode < 200) return;
              status = statusCode;
              head = responseHeaders;
              wire?.onAnswered();
            },
            onResponseData(controller, chunk) {
              byteCount += chunk.length;
              if (byteCount <= MAX_ANSWER_BYTES) {
                chunks.push(chunk);
                return;
              }
              fail({
                fault: 'badResponse',
                reason: `the answer is longer than ${MAX_ANSWER_BYTES} bytes`,
                lasting: true,
              });
              controller.abort(new Error('answer too long'));
            },
            onResponseEnd() {
              const header = (name: string) => {
                const value = head[name];
                return Array.isArray(value) ? value.join(', ') : value;
              };
              finish({
                kind: 'answer',
                status,
                header,
                bytes: chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, byteCount),
                latencyMs: elapsedMs(),
              });
            },
            onResponseError(_controller, error) {
              const code = errorCode(error);
              // A malformed request is our own mistake: it must not look like a failure of CXone.
              if (code === 'UND_ERR_INVALID_ARG') {
                release();
                reject(error);
                return;
              }
              const unreadable = code.startsWith('HPE_') || code === 'UND_ERR_HEADERS_OVERFLOW';
              if (unreadable) {
                fail({ fault: 'badResponse', reason: `the answer is not HTTP (${code})`, cause: error });
                return;
              }
              const reason = connectionReason(code, sentAt !== undefined);
              fail({ fault: 'unavailable', reason, lasting: code === 'UND_ERR_DESTROYED', cause: error });
            },
          },
        );
      }),
    async [Symbol.asyncDispose]() {
      await pool.destroy();
    },
  };
}

function connectionReason(code: string, sent: boolean): string {
  return sent ? `the connection broke before the answer was whole (${code})` : `no connection (${code})`;
}

/** A stream has no length that could be announced. */
function inChunks(body: string): Readable {
  const bytes = Buffer.from(body);
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) chunks.push(bytes.subarray(at, at + CHUNK_BYTES));
  return Readable.from(chunks, { objectMode: false });
}

/** undici's and Node's codes are fixed words; their messages hold addresses and are not shown. */
function errorCode(error: Error): string {
  const code = 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z0-9_]{1,64}$/.test(code) ? code : 'UNKNOWN';
}
