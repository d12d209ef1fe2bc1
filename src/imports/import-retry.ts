/** Sends the failed and unknown rows of a finished import again: they become new batches, and the import runs on. */
import type { CallContext } from '../cxone/call-context.ts';
import { ConflictError, NotFoundError } from '../errors.ts';
import type { Database } from '../store/database.ts';
import type { ImportStore } from '../store/import-store.ts';
import type { Leases } from '../store/leases.ts';
import type { ImportRow, ImportStateColumn } from '../store/tables.ts';
import type { ImportBooks } from './import-books.ts';
import type { ImportIntake } from './import-intake.ts';
import { importGlobalId } from './model.ts';

/** Rows moved in one transaction. */
const ROWS_PER_MOVE = 1000;
/** Somebody else who retries the import is waited for this long: then it runs, or it does not. */
const LEASE = { leaseMs: 10_000, waitMs: 5_000 } as const;
const FINISHED_WITH_FAILURES: readonly ImportStateColumn[] = ['COMPLETED_WITH_FAILURES', 'FAILED'];

export interface ImportRetry {
  /** @throws NotFoundError; ConflictError NOT_IN_THIS_STATE where it has not finished, or nothing of it failed */
  retry(importId: string, actor: string, call: CallContext): Promise<ImportRow>;
}

export function createImportRetry(deps: {
  database: Database;
  store: ImportStore;
  leases: Leases;
  books: ImportBooks;
  intake: ImportIntake;
}): ImportRetry {
  const { database, store, leases, books, intake } = deps;

  async function requeueAll(row: ImportRow, call: CallContext): Promise<void> {
    const makeIntake = await intake.open(row, call);
    let number = await store.lastBatchNumber(row.id);
    for (let after = 0; ; ) {
      const page = await store.retryable(row.id, { first: ROWS_PER_MOVE, after });
      const last = page.at(-1);
      if (!last) return;
      after = last.row;
      const rows = makeIntake(row.header_json === null ? null : JSON.parse(row.header_json), number);
      rows.add(page.map(({ row: number, data_json }) => ({ row: number, record: JSON.parse(data_json) })));
      const { batches, rejections } = rows.take(true);
      // What no longer passes the checks (a consent that has become too old) stays failed.
      const refused = new Set(rejections.map((rejection) => rejection.row));
      const moved = page.filter((rejection) => !refused.has(rejection.row));
      if (moved.length === 0) continue;
      number += batches.length;
      await database.transaction((tx) => store.requeue(tx, row.id, { batches, rows: moved }));
    }
  }

  async function rowToRetry(importId: string): Promise<ImportRow> {
    const row = await store.get(importId);
    if (!row) throw new NotFoundError('There is no such import. Check its id.', importGlobalId(importId));
    if (!FINISHED_WITH_FAILURES.includes(row.state) || !(await store.hasRowsToRetry(importId))) throw notNow(row);
    return row;
  }

  return {
    async retry(importId, actor, call) {
      await rowToRetry(importId);
      return leases.withLease(`retry:${importId}`, { ...LEASE, signal: call.signal }, async () => {
        const row = await rowToRetry(importId);
        await requeueAll(row, call);
        const running = await books.retried(importId, actor, call.requestId);
        if (!running) throw notNow((await store.get(importId)) ?? row);
        return running;
      });
    },
  };
}

function notNow(row: ImportRow): ConflictError {
  const isOver = FINISHED_WITH_FAILURES.includes(row.state) || row.state === 'COMPLETED';
  const what = isOver ? `${row.state}, and has no rows that could be sent again` : row.state;
  return new ConflictError(
    'NOT_IN_THIS_STATE',
    `The import is ${what}. An import can be retried once it is through and some of its rows failed, for as long as its rows are kept.`,
    importGlobalId(row.id),
  );
}
