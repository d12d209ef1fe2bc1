/** Imports from their first row in the table to the last: made, moved from state to state, cleared when they are old. */
import { sql } from 'kysely';
import type { Database, Transaction } from './database.ts';
import { p95LatencyMs } from './import-reading.ts';
import { removeRows } from './import-rows.ts';
import type { ImportRow, ImportStateColumn, NewImportRow } from './tables.ts';

const NOTHING_YET = {
  begun: 0,
  upload_attempt: 0,
  bytes: 0,
  received: 0,
  rejected: 0,
  duplicates: 0,
  valid: 0,
  succeeded: 0,
  created: 0,
  skipped: 0,
  failed: 0,
  unknown: 0,
  batches_total: 0,
  batches_done: 0,
  latency_sum_ms: 0,
  total_fields: 0,
  filled_fields: 0,
};

type NewImport = Omit<NewImportRow, keyof typeof NOTHING_YET> & Partial<typeof NOTHING_YET>;

export interface ImportStates {
  /** One of which nothing has come yet, where the row does not say otherwise. */
  insert(tx: Transaction, row: NewImport): Promise<ImportRow>;
  /** The import that this call made. */
  byCallKey(tx: Transaction, callKey: string): Promise<ImportRow | undefined>;
  /** Locked until the transaction ends. */
  lock(tx: Transaction, id: string): Promise<ImportRow | undefined>;
  /** Changes an import that is there, whatever its state. */
  set(tx: Transaction, importId: string, change: Partial<ImportRow>): Promise<ImportRow>;
  update(
    tx: Transaction,
    importId: string,
    from: readonly ImportStateColumn[],
    change: Partial<ImportRow>,
  ): Promise<ImportRow | undefined>;
  /**
   * Of those that are not through, or of one of them: what the counts say, or `state`; CONFIRMING where there is
   * something to wait for. UNCONFIRMED is that of those that wait: without failed rows, they end with failures too.
   */
  setTargetStates(
    tx: Transaction,
    importId: string,
    state: 'COUNTED' | 'CANCELLED' | 'CONFIRMING' | 'UNCONFIRMED',
    targetId?: string,
  ): Promise<void>;
  cancelPending(tx: Transaction, importId: string): Promise<void>;
  /** Rows and batches of imports that finished before `finishedBefore` (epoch milliseconds); their reports stay. Returns how many imports. */
  clearFinished(finishedBefore: number, limit: number): Promise<number>;
}

export function createImportStates(database: Database): ImportStates {
  const { db } = database;
  return {
    insert: (tx, row) =>
      tx
        .insertInto('imports')
        .values({ ...NOTHING_YET, ...row })
        .returningAll()
        .executeTakeFirstOrThrow(),

    byCallKey: (tx, callKey) => tx.selectFrom('imports').selectAll().where('call_key', '=', callKey).executeTakeFirst(),

    lock: (tx, id) => database.forUpdate(tx.selectFrom('imports').selectAll().where('id', '=', id)).executeTakeFirst(),

    set: (tx, importId, change) =>
      tx.updateTable('imports').set(change).where('id', '=', importId).returningAll().executeTakeFirstOrThrow(),

    update: (tx, importId, from, change) =>
      tx
        .updateTable('imports')
        .set(change)
        .where('id', '=', importId)
        .where('state', 'in', [...from])
        .returningAll()
        .executeTakeFirst(),

    async setTargetStates(tx, importId, state, targetId) {
      let update = tx
        .updateTable('import_targets')
        .set({
          state:
            state === 'COUNTED' || state === 'UNCONFIRMED'
              ? sql`case when failed + unknown = 0 then ${state === 'COUNTED' ? 'COMPLETED' : 'COMPLETED_WITH_FAILURES'} when succeeded + skipped = 0 then 'FAILED' else 'COMPLETED_WITH_FAILURES' end`
              : state,
        })
        .where('import_id', '=', importId)
        .where('state', 'in', state === 'UNCONFIRMED' ? ['CONFIRMING'] : ['PENDING', 'RUNNING', 'CONFIRMING']);
      if (state === 'CONFIRMING') update = update.where('recent_json', 'is not', null);
      if (targetId !== undefined) update = update.where('target_id', '=', targetId);
      await update.execute();
    },

    async cancelPending(tx, importId) {
      await tx
        .updateTable('import_batches')
        .set({ state: 'CANCELLED' })
        .where('import_id', '=', importId)
        .where('state', '=', 'PENDING')
        .execute();
    },

    async clearFinished(finishedBefore, limit) {
      const old = await db
        .selectFrom('imports')
        .select('id')
        .where('finished_at', '<', finishedBefore)
        .where(({ or, exists, selectFrom }) =>
          or([
            exists(selectFrom('import_batches').select('import_id').whereRef('import_id', '=', 'imports.id')),
            exists(selectFrom('import_rejections').select('import_id').whereRef('import_id', '=', 'imports.id')),
          ]),
        )
        .limit(limit)
        .execute();
      for (const { id } of old) {
        await database.transaction(async (tx) => {
          const p95 = await p95LatencyMs(tx, id);
          await tx.updateTable('imports').set({ p95_latency_ms: p95 }).where('id', '=', id).execute();
          await removeRows(tx, id);
        });
      }
      return old.length;
    },
  };
}
