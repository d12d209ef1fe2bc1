/** A plain HTTP client for the tests of the sandbox: nothing of the gateway's, nothing clever. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SANDBOX_CLIENT_ID, SANDBOX_CLIENT_SECRET, type SandboxOptions } from '../../src/sandbox/options.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/server.ts';

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests compare answers with literals, which checks their shape
  body: any;
}

export interface CallOptions {
  body?: unknown;
  /** Sent as it is instead of `body`. */
  raw?: string | Uint8Array<ArrayBuffer> | undefined;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export interface TestSandbox extends Sandbox {
  /** Calls with a valid token and, where there is a body, as JSON. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** As `call`, with an If-Match of the contact's current ETag. */
  put(path: string, body: unknown): Promise<Answer>;
  /** The rules that were broken so far, with how often. */
  violations(): Record<string, number>;
  token(scope?: string): Promise<string>;
}

/** No limits and no index lag, unless the test is about them. */
export async function startTestSandbox(options: SandboxOptions = {}): Promise<TestSandbox> {
  const off = Number.POSITIVE_INFINITY;
  const limits = { addressBooks: off, records: off, outbound: off, enrichment: off, segments: off };
  const sandbox = await startSandbox({ indexLagMs: 0, ...options, limits: { ...limits, ...options.limits } });
  const token = async (scope?: string): Promise<string> => {
    const answer = await send(`${sandbox.url}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: SANDBOX_CLIENT_ID,
        client_secret: SANDBOX_CLIENT_SECRET,
        ...(scope !== undefined && { scope }),
      }),
    });
    return String(answer.body.access_token);
  };
  // The calls' own token outlives any hour a test moves its clock by.
  const { tokenLifetimeSeconds } = sandbox.control.settings();
  sandbox.control.configure({ tokenLifetimeSeconds: 1e9 });
  const bearer = await token();
  sandbox.control.configure({ tokenLifetimeSeconds });
  sandbox.control.resetRequests();
  const call = (method: string, path: string, { body, raw, headers, signal }: CallOptions = {}) => {
    const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    return send(sandbox.url + path, {
      method,
      headers: {
        authorization: `Bearer ${bearer}`,
        ...(payload !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(payload !== undefined && { body: payload }),
      ...(signal && { signal }),
      redirect: 'manual',
    });
  };
  return {
    ...sandbox,
    [Symbol.asyncDispose]: sandbox[Symbol.asyncDispose],
    call,
    put: async (path, body) => {
      const { headers } = await call('GET', path);
      return call('PUT', path, { body, headers: { 'if-match': headers.get('etag') ?? '' } });
    },
    violations: () => Object.fromEntries(sandbox.control.requests().violations.map(({ rule, count }) => [rule, count])),
    token,
  };
}

/** One request; a JSON body is parsed, any other is text. */
export async function send(url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
  return { status: response.status, headers: response.headers, body: isJson && text !== '' ? JSON.parse(text) : text };
}

/** A directory that is gone at the end of the test. */
export async function temporaryDirectory() {
  const path = await mkdtemp(join(tmpdir(), 'sandbox-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
