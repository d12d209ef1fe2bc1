/** The rows of imports in their tables: batches of those to be sent, and those that were left out. */
import { type BatchContents, packContents } from './batch-contents.ts';
import type { Transaction } from './database.ts';
import type { ImportRejectionRow } from './tables.ts';

export interface StagedBatch extends BatchContents {
  number: number;
  targetId: string;
  size: number;
}

/** A row that was left out, without the import it is of. */
export type LeftOutRow = Omit<ImportRejectionRow, 'import_id'>;

/** Rows a statement inserts at once: SQLite takes at most 32 766 parameters, seven to a row. */
const ROWS_PER_INSERT = 400;
/** Batches a statement inserts at once: one that comes again and again is planned once (prepared-statements.ts). */
const BATCHES_PER_INSERT = 20;

/** @param attempt the try to receive them; 0 for those that were made later */
export async function insertBatches(
  tx: Transaction,
  importId: string,
  attempt: number,
  batches: readonly StagedBatch[],
): Promise<void> {
  for (let from = 0; from < batches.length; from += BATCHES_PER_INSERT) {
    const rows = batches.slice(from, from + BATCHES_PER_INSERT).map((batch) => ({
      import_id: importId,
      number: batch.number,
      upload_attempt: attempt,
      target_id: batch.targetId,
      state: 'PENDING' as const,
      size: batch.size,
      succeeded: 0,
      skipped: 0,
      failed: 0,
      unknown: 0,
      attempts: 0,
      crashes: 0,
      isolated: 0,
      contents: packContents(batch),
    }));
    await tx.insertInto('import_batches').values(rows).execute();
  }
}

export async function insertRejections(
  tx: Transaction,
  importId: string,
  rejections: readonly LeftOutRow[],
): Promise<void> {
  for (let from = 0; from < rejections.length; from += ROWS_PER_INSERT) {
    const rows = rejections.slice(from, from + ROWS_PER_INSERT).map((row) => ({ import_id: importId, ...row }));
    await tx.insertInto('import_rejections').values(rows).execute();
  }
}

/** Batches and rejections. What the import and its targets count stays. */
export async function removeRows(tx: Transaction, importId: string): Promise<void> {
  await tx.deleteFrom('import_batches').where('import_id', '=', importId).execute();
  await tx.deleteFrom('import_rejections').where('import_id', '=', importId).execute();
}
