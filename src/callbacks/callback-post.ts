/**
 * One try to deliver a callback: a POST that follows no redirect, has five seconds, and of whose answer nothing but the
 * status and `Retry-After` is looked at.
 */
import { Agent, type Dispatcher, request } from 'undici';
import type { Clock } from '../clock.ts';
import { parseRetryAfter } from '../cxone/retry-after.ts';
import type { AllowedHosts } from './allowed-hosts.ts';
import { createGuardedLookup, PrivateAddressError, type ResolveHost } from './guarded-lookup.ts';
import { checkPublicUrl } from './url-guard.ts';

/** What a receiver has for its answer, in milliseconds (interface.md: "any 2xx within 5 s"). */
export const RECEIPT_TIMEOUT_MS = 5_000;
/** Of an answer's body so much is read away, so that the connection can be used again; a longer one ends the connection. */
const MAX_DISCARDED_BYTES = 16 * 1024;
const CONNECTIONS_PER_ORIGIN = 4;
const KEEP_ALIVE_MS = 10_000;

export type PostOutcome =
  | { kind: 'answer'; status: number; retryAfterMs: number | undefined }
  /** `reason` is a word of ours or a code of the network's: fit for logs. */
  | { kind: 'failure'; reason: string };

export interface CallbackPost {
  /** Never rejects. */
  post(url: string, headers: Readonly<Record<string, string>>, body: string): Promise<PostOutcome>;
  /** Ends all connections. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** @param deps.allowedHosts may be http, on any port, and on private addresses; every other URL passes the guard */
export function createCallbackPost(deps: {
  allowedHosts: AllowedHosts;
  resolve: ResolveHost;
  clock: Clock;
}): CallbackPost {
  const { allowedHosts, resolve, clock } = deps;
  const options: Agent.Options = {
    connections: CONNECTIONS_PER_ORIGIN,
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    // They count idle time only; the whole is bounded by RECEIPT_TIMEOUT_MS.
    headersTimeout: 0,
    bodyTimeout: 0,
  };
  const open = new Agent({ ...options, connect: { timeout: RECEIPT_TIMEOUT_MS } });
  const guarded = new Agent({
    ...options,
    connect: { timeout: RECEIPT_TIMEOUT_MS, lookup: createGuardedLookup(resolve) },
  });

  async function send(
    url: URL,
    dispatcher: Dispatcher,
    message: { headers: Readonly<Record<string, string>>; body: string },
  ): Promise<PostOutcome> {
    const timeout = new AbortController();
    const answered = new AbortController();
    clock.sleep(RECEIPT_TIMEOUT_MS, answered.signal).then(
      () => timeout.abort(),
      () => undefined,
    );
    try {
      const { statusCode, headers, body } = await request(url, {
        ...message,
        method: 'POST',
        dispatcher,
        signal: timeout.signal,
      });
      await body.dump({ limit: MAX_DISCARDED_BYTES, signal: timeout.signal }).catch(() => undefined);
      const told = { date: firstOf(headers.date), now: clock.now() };
      return {
        kind: 'answer',
        status: statusCode,
        retryAfterMs: parseRetryAfter(firstOf(headers['retry-after']), told),
      };
    } catch (error) {
      return { kind: 'failure', reason: timeout.signal.aborted ? 'timeout' : reasonOf(error) };
    } finally {
      answered.abort();
    }
  }

  return {
    async post(text, headers, body) {
      let url: URL;
      try {
        url = checkPublicUrl(text, { allowedHosts, path: ['url'] });
      } catch {
        // It was allowed when it was given; the configuration has changed since.
        return { kind: 'failure', reason: 'not allowed' };
      }
      return await send(url, allowedHosts.names(url) ? open : guarded, { headers, body });
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([open.destroy(), guarded.destroy()]);
    },
  };
}

function firstOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

/** Codes of the network and of undici are fixed words; messages hold addresses. */
function reasonOf(error: unknown): string {
  if (error instanceof PrivateAddressError) return 'private address';
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z0-9_]{1,64}$/.test(code) ? code : 'no connection';
}
