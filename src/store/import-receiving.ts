/**
 * Taking an import's rows in: staged piece by piece under the number of the try that brings them, and sealed as a
 * whole or removed.
 */
import { sql } from 'kysely';
import type { Database, Transaction } from './database.ts';
import { insertBatches, insertRejections, removeRows, type StagedBatch } from './import-rows.ts';
import type { ImportRow, ImportStateColumn } from './tables.ts';

export interface StagedRejection {
  row: number;
  stage: 'VALIDATION' | 'DUPLICATE';
  targetId: string | null;
  issuesJson: string;
  dataJson: string;
}

/** What receiving has counted so far. received = rejected + duplicates + valid. */
export interface ReceivedCounts {
  received: number;
  rejected: number;
  duplicates: number;
  valid: number;
  batches: number;
  totalFields: number;
  filledFields: number;
}

export interface ImportReceiving {
  /** Starts a try to receive the rows; what an earlier, broken try staged is removed. Null where the state forbids it. */
  beginReceiving(tx: Transaction, importId: string, nowMs: number): Promise<number | null>;
  /** Adds rows of the try `attempt`. False where another try has taken over. */
  stage(
    tx: Transaction,
    importId: string,
    attempt: number,
    staged: { batches: readonly StagedBatch[]; rejections: readonly StagedRejection[]; counts: ReceivedCounts },
  ): Promise<boolean>;
  /** The whole input is there: names the targets. Returns undefined where another try has taken over. */
  seal(
    tx: Transaction,
    importId: string,
    attempt: number,
    sealed: { state: ImportStateColumn; bytes: number; header: readonly string[] | null },
  ): Promise<ImportRow | undefined>;
  /** Forgets the rows of a try that broke or could not be read. Undefined where another try has taken over. */
  abandon(
    tx: Transaction,
    importId: string,
    attempt: number,
    change: Partial<ImportRow> & { state: ImportStateColumn },
  ): Promise<ImportRow | undefined>;
  /** Uploads that are being received, or were when their receiver died. */
  receiving(): Promise<ImportRow[]>;
  /** Uploads that were announced and did not come in time. */
  overdueUploads(nowMs: number): Promise<ImportRow[]>;
}

export function createImportReceiving({ db }: Database): ImportReceiving {
  return {
    async beginReceiving(tx, importId, nowMs) {
      const row = await tx
        .updateTable('imports')
        .set((eb) => ({
          state: 'RECEIVING' as const,
          upload_attempt: eb('upload_attempt', '+', 1),
          received: 0,
          rejected: 0,
          duplicates: 0,
          valid: 0,
          batches_total: 0,
          total_fields: 0,
          filled_fields: 0,
        }))
        .where('id', '=', importId)
        .where('state', 'in', ['AWAITING_UPLOAD', 'RECEIVING'])
        .where((eb) => eb.or([eb('upload_expires_at', 'is', null), eb('upload_expires_at', '>', nowMs)]))
        .returning('upload_attempt')
        .executeTakeFirst();
      if (!row) return null;
      await removeRows(tx, importId);
      return row.upload_attempt;
    },

    async stage(tx, importId, attempt, { batches, rejections, counts }) {
      const { numUpdatedRows } = await tx
        .updateTable('imports')
        .set({
          received: counts.received,
          rejected: counts.rejected,
          duplicates: counts.duplicates,
          valid: counts.valid,
          batches_total: counts.batches,
          total_fields: counts.totalFields,
          filled_fields: counts.filledFields,
        })
        .where('id', '=', importId)
        .where('state', '=', 'RECEIVING')
        .where('upload_attempt', '=', attempt)
        .executeTakeFirst();
      if (numUpdatedRows === 0n) return false;
      await insertBatches(tx, importId, attempt, batches);
      const rows = rejections.map((rejection) => ({
        upload_attempt: attempt,
        row: rejection.row,
        stage: rejection.stage,
        target_id: rejection.targetId,
        issues_json: rejection.issuesJson,
        data_json: rejection.dataJson,
      }));
      await insertRejections(tx, importId, rows);
      return true;
    },

    async seal(tx, importId, attempt, { state, bytes, header }) {
      const row = await tx
        .updateTable('imports')
        .set({ state, bytes, header_json: header ? JSON.stringify(header) : null })
        .where('id', '=', importId)
        .where('state', '=', 'RECEIVING')
        .where('upload_attempt', '=', attempt)
        .returningAll()
        .executeTakeFirst();
      if (!row) return undefined;
      await tx
        .insertInto('import_targets')
        .columns([
          'import_id',
          'target_id',
          'state',
          'valid',
          'succeeded',
          'skipped',
          'failed',
          'unknown',
          'attempts',
          'not_before',
        ])
        .expression((eb) =>
          eb
            .selectFrom('import_batches')
            .where('import_id', '=', importId)
            .groupBy(['import_id', 'target_id'])
            .select((select) => [
              'import_id',
              'target_id',
              sql<'PENDING'>`'PENDING'`.as('state'),
              select.fn.sum<number>('size').as('valid'),
              sql<number>`0`.as('succeeded'),
              sql<number>`0`.as('skipped'),
              sql<number>`0`.as('failed'),
              sql<number>`0`.as('unknown'),
              sql<number>`0`.as('attempts'),
              sql<number>`0`.as('not_before'),
            ]),
        )
        .execute();
      return row;
    },

    async abandon(tx, importId, attempt, change) {
      const row = await tx
        .updateTable('imports')
        .set({ received: 0, rejected: 0, duplicates: 0, valid: 0, batches_total: 0, ...change })
        .where('id', '=', importId)
        .where('state', '=', 'RECEIVING')
        .where('upload_attempt', '=', attempt)
        .returningAll()
        .executeTakeFirst();
      if (row) await removeRows(tx, importId);
      return row;
    },

    receiving: () => db.selectFrom('imports').selectAll().where('state', '=', 'RECEIVING').execute(),

    overdueUploads: (nowMs) =>
      db
        .selectFrom('imports')
        .selectAll()
        .where('state', '=', 'AWAITING_UPLOAD')
        .where('upload_expires_at', '<=', nowMs)
        .execute(),
  };
}
