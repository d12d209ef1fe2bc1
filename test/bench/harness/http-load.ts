/** A closed loop of HTTP requests: each connection sends its next request when its last one is answered. */
import { Pool } from 'undici';

export interface LoadRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
}

export interface LoadResult {
  readonly requests: number;
  /** Answers with another status than 200, or with GraphQL errors in them. */
  readonly failures: number;
  readonly wallMs: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface LoadOptions {
  readonly url: string;
  readonly connections: number;
  /** The load ends after this many requests, or after this time. */
  readonly requests?: number;
  readonly durationMs?: number;
  /** The request with this number, from 0 on. */
  readonly next: (index: number) => LoadRequest;
  /** Whether an answer is what was asked for; called for every one. */
  readonly isGood?: (body: Buffer) => boolean;
}

const hasNoErrors = (body: Buffer) => !body.includes('"errors"');

export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { url, connections, requests = Number.POSITIVE_INFINITY, next, isGood = hasNoErrors } = options;
  const pool = new Pool(url, { connections, pipelining: 1, headersTimeout: 120_000, bodyTimeout: 120_000 });
  const latencies: number[] = [];
  let sent = 0;
  let failures = 0;
  const startedAt = performance.now();
  const endsAt = startedAt + (options.durationMs ?? Number.POSITIVE_INFINITY);

  async function connection(): Promise<void> {
    while (sent < requests && performance.now() < endsAt) {
      const sentAt = performance.now();
      const answer = await exchange(pool, next(sent++));
      latencies.push(performance.now() - sentAt);
      if (answer.status !== 200 || !isGood(answer.body)) failures++;
    }
  }
  try {
    await Promise.all(Array.from({ length: connections }, connection));
    const wallMs = performance.now() - startedAt;
    latencies.sort((a, b) => a - b);
    return {
      requests: latencies.length,
      failures,
      wallMs,
      perSecond: (latencies.length / wallMs) * 1000,
      p50Ms: quantile(latencies, 0.5),
      p99Ms: quantile(latencies, 0.99),
    };
  } finally {
    await pool.destroy();
  }
}

/** One request, answered in full. */
export function exchange(pool: Pool, { method, path, body }: LoadRequest): Promise<{ status: number; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let status = 0;
    pool.dispatch(
      { method, path, headers: body === undefined ? {} : { 'content-type': 'application/json' }, body: body ?? null },
      {
        onRequestStart() {},
        onResponseStart(_controller, statusCode) {
          status = statusCode;
        },
        onResponseData(_controller, chunk) {
          chunks.push(chunk);
        },
        onResponseEnd() {
          resolve({ status, body: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks) });
        },
        onResponseError(_controller, error) {
          reject(error);
        },
      },
    );
  });
}

/** @param sorted ascending */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
