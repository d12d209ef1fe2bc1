/** Rows that did not get in, moved back into batches: failed and unknown ones, and what a failed import had not sent yet. */
import type { Database, Transaction } from './database.ts';
import { insertBatches, type StagedBatch } from './import-rows.ts';
import type { ImportRejectionRow } from './tables.ts';

export interface ImportRequeueing {
  /** 0 where there is none. */
  lastBatchNumber(importId: string): Promise<number>;
  /** Whether there are any, or batches that were not sent. */
  hasRowsToRetry(importId: string): Promise<boolean>;
  /** Rows that CXone refused or that were left unknown, by row number. */
  retryable(importId: string, options: { first: number; after: number }): Promise<ImportRejectionRow[]>;
  /** Moves failed and unknown rows of a finished import back into batches. */
  requeue(
    tx: Transaction,
    importId: string,
    requeued: {
      batches: readonly StagedBatch[];
      rows: readonly Pick<ImportRejectionRow, 'row' | 'stage' | 'target_id'>[];
    },
  ): Promise<void>;
  /** Batches that a failed import did not send are to be sent after all. */
  reopenCancelled(tx: Transaction, importId: string): Promise<void>;
}

export function createImportRequeueing({ db }: Database): ImportRequeueing {
  return {
    async lastBatchNumber(importId) {
      const row = await db
        .selectFrom('import_batches')
        .select(({ fn }) => fn.max('number').as('number'))
        .where('import_id', '=', importId)
        .executeTakeFirst();
      return row?.number ?? 0;
    },

    retryable: (importId, { first, after }) =>
      db
        .selectFrom('import_rejections')
        .selectAll()
        .where('import_id', '=', importId)
        .where('stage', 'in', ['UPSTREAM', 'UNKNOWN'])
        .where('row', '>', after)
        .orderBy('row')
        .limit(first)
        .execute(),

    async hasRowsToRetry(importId) {
      const rows = (table: 'import_batches' | 'import_rejections') =>
        db.selectFrom(table).select('import_id').where('import_id', '=', importId).limit(1);
      const refused = rows('import_rejections').where('stage', 'in', ['UPSTREAM', 'UNKNOWN']);
      const unsent = rows('import_batches').where('state', 'in', ['PENDING', 'CANCELLED']);
      return [await refused.executeTakeFirst(), await unsent.executeTakeFirst()].some((row) => row !== undefined);
    },

    async requeue(tx, importId, { batches, rows }) {
      await insertBatches(tx, importId, 0, batches);
      const byTarget = Map.groupBy(rows, ({ target_id }) => target_id ?? '');
      for (const [targetId, some] of byTarget) {
        const failed = some.filter(({ stage }) => stage === 'UPSTREAM').length;
        const unknown = some.length - failed;
        await tx
          .updateTable('import_targets')
          .set((eb) => ({
            state: 'PENDING' as const,
            // Those of the run before have been waited for.
            recent_json: null,
            failed: eb('failed', '-', failed),
            unknown: eb('unknown', '-', unknown),
          }))
          .where('import_id', '=', importId)
          .where('target_id', '=', targetId)
          .execute();
        await tx
          .updateTable('imports')
          .set((eb) => ({ failed: eb('failed', '-', failed), unknown: eb('unknown', '-', unknown) }))
          .where('id', '=', importId)
          .execute();
      }
      await tx
        .updateTable('imports')
        .set((eb) => ({ batches_total: eb('batches_total', '+', batches.length) }))
        .where('id', '=', importId)
        .execute();
      const numbers = rows.map(({ row }) => row);
      await tx.deleteFrom('import_rejections').where('import_id', '=', importId).where('row', 'in', numbers).execute();
    },

    async reopenCancelled(tx, importId) {
      await tx
        .updateTable('import_batches')
        .set({ state: 'PENDING' })
        .where('import_id', '=', importId)
        .where('state', '=', 'CANCELLED')
        .execute();
      await tx
        .updateTable('import_targets')
        .set({ state: 'PENDING', not_before: 0 })
        .where('import_id', '=', importId)
        .where('state', '=', 'CANCELLED')
        .execute();
    },
  };
}
