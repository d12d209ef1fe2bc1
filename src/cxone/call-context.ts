/**
 * What travels with every call to CXone from whoever caused it: how long there is, who goes first, and the tally
 * that ends up in `extensions.upstream`, in the logs and in the audit.
 */

/**
 * interactive: somebody waits for the answer; served first.
 * import: background work, served with the rest.
 * `key` (who asks; the import's id) makes several of a kind take turns, however much each of them wants.
 */
export type Lane =
  | { readonly kind: 'interactive'; readonly key?: string | undefined }
  | { readonly kind: 'import'; readonly key: string };

export interface CallContext {
  /** The gateway's id of the request or batch: in every log line and audit entry it causes. */
  readonly requestId: string;
  readonly lane: Lane;
  /** Cancels queueing, waiting and the socket alike. */
  readonly signal?: AbortSignal | undefined;
  /** Until when an answer is of use, in the milliseconds of the injected monotonic clock. Without it: no limit but the attempts. */
  readonly deadlineAt?: number | undefined;
  /** Tries of each call, where they are to be fewer than usual: for who has been trying before. */
  readonly maxAttempts?: number | undefined;
  readonly tally: UpstreamTally;
}

/** Counts what one GraphQL operation or import batch cost upstream. Callers only ever add to it. */
export interface UpstreamTally {
  /** HTTP requests sent, tries and token renewals included. */
  calls: number;
  /** The bulk calls items travelled in. */
  batches: { id: string; size: number }[];
  retries: number;
  /** Milliseconds spent waiting for the rate limiter, a backoff or a circuit. */
  waitedMs: number;
  cacheHits: number;
}

export function newUpstreamTally(): UpstreamTally {
  return { calls: 0, batches: [], retries: 0, waitedMs: 0, cacheHits: 0 };
}
