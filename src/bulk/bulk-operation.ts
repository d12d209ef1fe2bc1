/**
 * The description of a bulk endpoint of CXone: what an item is, how many fit into a call, how to send them and how to
 * read each item's own outcome. Single mutations and imports run on the same description.
 */
import type { CallContext } from '../cxone/call-context.ts';
import type { Issue } from '../errors.ts';

/**
 * What became of one item.
 * created, updated: it is at CXone now because of this call. skipped: it was there before and was left as it was.
 * failed: CXone refused it, and certainly did not take it. unknown: it was sent, and nothing tells whether it was taken.
 */
export type ItemOutcome =
  | { readonly status: 'created' | 'updated' | 'skipped' }
  | {
      readonly status: 'failed' | 'unknown';
      readonly issue: Issue;
      /** The HTTP status with which CXone refused what it says: sending it again would not help. */
      readonly refusedWith?: number | undefined;
    };

export interface BulkResult {
  /** One for each item, in the order they were given. */
  readonly outcomes: readonly ItemOutcome[];
  readonly upstreamRequestId: string | undefined;
  /** From sending to answer, waiting in our queues not counted. */
  readonly latencyMs: number;
  /**
   * Where CXone takes items before it shows them: the place of the one it took last, and when (epoch milliseconds).
   * Without it, nothing of them has to be waited for.
   */
  readonly lastTaken?: { readonly index: number; readonly at: number } | undefined;
  /** What did not add up in CXone's answer, in words for the audit. */
  readonly discrepancy?: string | undefined;
}

/** What is noted durably before a batch is sent, so that whoever comes after a crash can find out what became of it. */
export interface Attempt {
  /** Never used for another batch or another try: becomes the idempotency key where CXone takes one. */
  readonly id: string;
  /** What `checkpoint` returned before the send; JSON. */
  readonly checkpoint: unknown;
}

/**
 * What is known about a batch whose answer never came.
 * settled: each item's outcome could be read back. notApplied: none of it took effect, it may be sent again.
 * unknown: nothing can tell; `reason` says why, for the person who has to look.
 */
export type Settlement =
  | { readonly verdict: 'settled'; readonly result: BulkResult }
  | { readonly verdict: 'notApplied' }
  | { readonly verdict: 'unknown'; readonly reason: string };

export interface BulkOperation<Item> {
  /** Stable, for metrics, audit entries and `bulkCall` ids. */
  readonly name: string;
  /** How many items one call to this target may hold. May ask CXone (a campaign's bound). */
  maxBatchSize(target: string, call: CallContext): Promise<number>;
  /** How many batches for one target may be under way at once. Where settling goes by a count, one. */
  readonly concurrency: number;
  /**
   * What would have to be known after a crash; read before each batch. Where it is there, settling goes by it: it only
   * reads, and has to come before anything else is sent to the target. Else settling may be sending again.
   */
  checkpoint?(target: string, call: CallContext): Promise<unknown>;
  /**
   * Sends one batch and reads each item's outcome. `items` has at most `maxBatchSize` items.
   *
   * @throws RateLimitedError, UpstreamError: nothing of it took effect. OutcomeUnknownError: it may have; settle it.
   */
  send(target: string, items: readonly Item[], attempt: Attempt, call: CallContext): Promise<BulkResult>;
  /** Finds out what became of a batch that was sent without an answer. Throws as `send` does when CXone cannot be asked now. */
  settle(target: string, items: readonly Item[], attempt: Attempt, call: CallContext): Promise<Settlement>;
}
