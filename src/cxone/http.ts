/**
 * One HTTP exchange with CXone over undici's dispatcher: no redirects, no retries, no decoding; at most 4 MiB of
 * answer, and the socket dies with the signal or when the time is up. What went wrong, and whether anything was sent,
 * is a value.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { type Dispatcher, Pool } from 'undici';
import type { Clock } from '../clock.ts';
import { CONNECT_TIMEOUT_MS, MAX_ANSWER_BYTES, MAX_CONNECTIONS } from './limits.ts';
import type { Method } from './request.ts';
import type { FailureOutcome, WireEvents } from './step.ts';

/** Of a body sent in chunks: as much as a socket takes at once, and no copy of the whole. */
const CHUNK_BYTES = 64 * 1024;

export interface HttpRequest {
  readonly method: Method;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** Whether the body goes in chunks, without its length in front. */
  readonly chunked?: boolean;
  readonly signal: AbortSignal | undefined;
  /** Until when it may take, monotonic milliseconds. */
  readonly tryEndsAt: number | undefined;
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
  exchange<Request extends HttpRequest>(
    request: Request,
    wire?: WireEvents<Request>,
  ): Promise<HttpAnswer | FailureOutcome>;
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
    exchange: (request, wire) =>
      new Promise((resolve, reject) => {
        const transfer = new Transfer(request, wire, clock, resolve, reject);
        if (!transfer.begin()) return;
        const { method, target, headers, body, chunked } = request;
        const content = body === undefined ? null : chunked ? inChunks(body) : body;
        pool.dispatch({ path: `${prefix}${target}`, method, headers, body: content }, transfer);
      }),
    async [Symbol.asyncDispose]() {
      await pool.destroy();
    },
  };
}

const ONCE = { once: true } as const;

/** One exchange as undici tells of it. A class, because the closures that it would take are a kilobyte of every call. */
class Transfer<Request extends HttpRequest> implements Dispatcher.DispatchHandler {
  readonly #request: Request;
  readonly #wire: WireEvents<Request> | undefined;
  readonly #clock: Clock;
  readonly #resolve: (result: HttpAnswer | FailureOutcome) => void;
  readonly #reject: (error: Error) => void;
  readonly #startedAt: number;
  #sentAt: number | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #cancelTimeout: (() => void) | undefined;
  #onAbort: (() => void) | undefined;
  #finished = false;
  #status = 0;
  #head: IncomingHttpHeaders = {};
  readonly #chunks: Buffer[] = [];
  #byteCount = 0;

  constructor(
    request: Request,
    wire: WireEvents<Request> | undefined,
    clock: Clock,
    resolve: (result: HttpAnswer | FailureOutcome) => void,
    reject: (error: Error) => void,
  ) {
    this.#request = request;
    this.#wire = wire;
    this.#clock = clock;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#startedAt = clock.monotonic();
  }

  /** @returns whether there is still somebody who waits for it */
  begin(): boolean {
    const { signal, tryEndsAt } = this.#request;
    if (signal?.aborted) {
      this.#giveUp(false);
      return false;
    }
    if (signal) {
      // A function, not `this` with a `handleEvent`: Node wraps those in a function that V8 puts into its old generation,
      // from where it keeps all of the call alive until everything is collected.
      const onAbort = () => this.#giveUp(false);
      signal.addEventListener('abort', onAbort, ONCE);
      this.#onAbort = onAbort;
    }
    if (tryEndsAt !== undefined) {
      this.#cancelTimeout = this.#clock.after(Math.ceil(tryEndsAt - this.#startedAt), () => this.#giveUp(true));
    }
    return true;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Given up while it waited for a socket: then it is never written.
    if (this.#finished) {
      controller.abort(new Error('given up'));
      return;
    }
    const refusal = this.#wire?.refusal(this.#request);
    if (refusal) {
      this.#fail({ fault: 'unavailable', hurried: true, ...refusal });
      controller.abort(new Error('not to be sent'));
      return;
    }
    this.#sentAt = this.#clock.monotonic();
    this.#wire?.onSent(this.#request);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200 || this.#finished) return;
    this.#status = status;
    this.#head = headers;
    this.#wire?.onAnswered(this.#request);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#byteCount += chunk.length;
    if (this.#byteCount <= MAX_ANSWER_BYTES) {
      this.#chunks.push(chunk);
      return;
    }
    const reason = `the answer is longer than ${MAX_ANSWER_BYTES} bytes`;
    this.#fail({ fault: 'badResponse', reason, lasting: true });
    controller.abort(new Error('answer too long'));
  }

  onResponseEnd(): void {
    const head = this.#head;
    const chunks = this.#chunks;
    this.#finish({
      kind: 'answer',
      status: this.#status,
      header(name) {
        const value = head[name];
        return Array.isArray(value) ? value.join(', ') : value;
      },
      bytes: chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, this.#byteCount),
      latencyMs: this.#elapsedMs(),
    });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const code = errorCode(error);
    // A malformed request is our own mistake: it must not look like a failure of CXone.
    if (code === 'UND_ERR_INVALID_ARG') {
      this.#release();
      this.#reject(error);
      return;
    }
    const unreadable = code.startsWith('HPE_') || code === 'UND_ERR_HEADERS_OVERFLOW';
    if (unreadable) {
      this.#fail({ fault: 'badResponse', reason: `the answer is not HTTP (${code})`, cause: error });
      return;
    }
    const reason = connectionReason(code, this.#sentAt !== undefined);
    this.#fail({ fault: 'unavailable', reason, lasting: code === 'UND_ERR_DESTROYED', cause: error });
  }

  #giveUp(timedOut: boolean): void {
    this.#fail({ fault: 'timeout', reason: timedOut ? 'no answer in time' : 'the call was given up', timedOut });
    this.#controller?.abort(new Error('given up'));
  }

  #fail(failure: Pick<FailureOutcome, 'fault' | 'reason' | 'timedOut' | 'lasting' | 'hurried' | 'cause'>): void {
    const reached = this.#sentAt === undefined ? 'connect' : 'upstream';
    const status = this.#status || undefined;
    this.#finish({ kind: 'failure', reached, status, latencyMs: this.#elapsedMs(), ...failure });
  }

  #finish(result: HttpAnswer | FailureOutcome): void {
    if (this.#finished) return;
    this.#release();
    this.#resolve(result);
  }

  #release(): void {
    this.#finished = true;
    if (this.#onAbort) this.#request.signal?.removeEventListener('abort', this.#onAbort);
    this.#cancelTimeout?.();
  }

  /** Since it was sent; where it was not, since it began. */
  #elapsedMs(): number {
    return this.#clock.monotonic() - (this.#sentAt ?? this.#startedAt);
  }
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
