/**
 * One lane to a target of imports, under its lease: first settles what a dead owner left behind, then sends batch after
 * batch, several at a time where the operation allows it.
 */
import type { BulkOperation } from '../bulk/bulk-operation.ts';
import type { ImportKind } from '../bulk/import-kind.ts';
import { UpstreamError } from '../errors.ts';
import type { BatchClass, Lane } from '../store/import-sending.ts';
import type { ImportStore } from '../store/import-store.ts';
import type { ImportRow } from '../store/tables.ts';
import type { BatchSender, Fence } from './batch-sender.ts';
import type { ImportBooks } from './import-books.ts';
import { importCall } from './import-call.ts';
import { optionsOf } from './model.ts';

export interface LaneTenure {
  readonly fence: Fence;
  /** The lease is lost, or the time to stop is over: what is under way is left to whoever has the lane next. */
  readonly signal: AbortSignal;
  /** Takes no further batch, and ends after those that are under way. */
  stopped(): boolean;
}

/**
 * Runs the lane until nothing is due, or it is stopped. Of isolated batches it settles or sends a single one: then there
 * may be something else to do.
 *
 * @returns whether there was anything
 */
export type SendLane = (lane: Lane, which: BatchClass, tenure: LaneTenure) => Promise<boolean>;

export function createSendLane(deps: {
  store: ImportStore;
  books: ImportBooks;
  sender: BatchSender;
  kindOf: (row: ImportRow) => ImportKind;
}): SendLane {
  const { store, books, sender, kindOf } = deps;

  function operationOf(row: ImportRow): BulkOperation<unknown> {
    return kindOf(row).operation({ targetId: row.target_id, campaignId: row.campaign_id }, optionsOf(row));
  }

  /** The import to send of. What a lane needs of it stays as it is, but for whether it has begun. */
  async function nextImport({ kind, targetId }: Lane, which: BatchClass, signal: AbortSignal) {
    const next = await store.nextImport(kind, targetId, which);
    const row = next && (await store.get(next.importId));
    if (!row) return undefined;
    if (next.begun === 0 && !(await begin(row, signal))) return undefined;
    return { importId: row.id, operation: operationOf(row) };
  }

  /** @returns false where it cannot begin, and has failed with that */
  async function begin(row: ImportRow, signal: AbortSignal): Promise<boolean> {
    const { count } = kindOf(row);
    try {
      const countBefore = count && row.target_id ? await count(row.target_id, importCall(row.id, signal)) : null;
      await books.started(row.id, countBefore);
      return true;
    } catch (error) {
      if (signal.aborted || !isLasting(error)) throw error;
      await books.importFailed(row.id, error.message);
      return false;
    }
  }

  /** Finds out what became of the batches that were under way when the lane's last owner died. */
  async function settle(lane: Lane, which: BatchClass, { fence, signal }: LaneTenure): Promise<boolean> {
    const batches = await store.unsettled(lane, which);
    for (const batch of which === 'isolated' ? batches.slice(0, 1) : batches) {
      const row = await store.get(batch.import_id);
      if (row) await sender.resume(batch, operationOf(row), fence, signal);
    }
    return batches.length > 0;
  }

  async function send(lane: Lane, which: BatchClass, { fence, signal, stopped }: LaneTenure): Promise<boolean> {
    const { targetId, number } = lane;
    const underWay = new Set<Promise<void>>();
    const failures: unknown[] = [];
    // One that cannot go on ends; the round that finds its target due again starts another.
    let paused = false;
    let hasWorked = false;
    let current: Awaited<ReturnType<typeof nextImport>>;
    try {
      while (!(stopped() || signal.aborted || paused || failures.length > 0)) {
        const isFresh = current === undefined;
        current ??= await nextImport(lane, which, signal);
        if (!current) break;
        const { importId, operation } = current;
        const most = which === 'isolated' ? 1 : operation.concurrency - underWay.size;
        const from = { importId, targetId, lane: number, which, most };
        const taken = await sender.take(from, operation, fence, signal);
        if (taken.length === 0 && !isFresh) {
          current = undefined;
          continue;
        }
        if (typeof taken === 'string' || taken.length === 0) break;
        hasWorked = true;
        for (const batch of taken) {
          const one = sender
            .send(batch, operation, fence, signal)
            .then(
              (outcome) => {
                if (outcome !== 'booked') paused = true;
              },
              (error: unknown) => void failures.push(error),
            )
            .finally(() => underWay.delete(one));
          underWay.add(one);
        }
        if (which === 'isolated') break;
        if (underWay.size >= operation.concurrency) await Promise.race(underWay);
      }
    } finally {
      // Before the lease is given back: whoever has it next takes what is under way for left behind.
      await Promise.all(underWay);
    }
    if (failures.length > 0) throw failures[0];
    return hasWorked;
  }

  return async (lane, which, tenure) => {
    const hasSettled = await settle(lane, which, tenure);
    if (hasSettled && which === 'isolated') return true;
    return (await send(lane, which, tenure)) || hasSettled;
  };
}

/** CXone's last word, which asking again does not change. */
export function isLasting(error: unknown): error is UpstreamError {
  return error instanceof UpstreamError && !error.retryable;
}
