/**
 * The tables of imports: every change that moves a row from one count to another is one transaction here, so that the
 * counts add up at every moment and after a crash.
 */
import { type ExpressionBuilder, type ExpressionWrapper, type SqlBool, sql } from 'kysely';
import type { Database, Transaction } from './database.ts';
import type {
  ImportBatchRow,
  ImportKindColumn,
  ImportRejectionRow,
  ImportRow,
  ImportStateColumn,
  ImportTargetRow,
  NewImportRow,
  Tables,
} from './tables.ts';

export interface StagedBatch {
  number: number;
  targetId: string;
  size: number;
  rowsJson: string;
  itemsJson: string;
  sourcesJson: string;
}

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

export interface BatchOutcome {
  importId: string;
  number: number;
  targetId: string;
  succeeded: number;
  /** Of the succeeded ones, those that were not there before. */
  created: number;
  skipped: number;
  failed: number;
  unknown: number;
  latencyMs: number;
  upstreamRequestId: string | null;
  error: string | null;
  rejections: readonly { row: number; stage: 'UPSTREAM' | 'UNKNOWN'; issuesJson: string; dataJson: string }[];
  /** The last row that got in, as it was sent; null where none did. */
  lastItemJson: string | null;
}

export interface ImportPageFilter {
  kind?: ImportKindColumn | undefined;
  states?: readonly ImportStateColumn[] | undefined;
  targetId?: string | undefined;
}

/** A target with rows still to be sent, of an import that is running. */
export interface OpenTarget {
  kind: ImportKindColumn;
  targetId: string;
  importId: string;
  /** Nothing is to be sent to it for so long, by the database's clock; 0 or less where it may be. */
  waitMs: number;
}

/** Rows a statement inserts at once: SQLite takes at most 32 766 parameters, seven to a row. */
const ROWS_PER_INSERT = 400;

export interface ImportStore {
  insert(tx: Transaction, row: NewImportRow): Promise<ImportRow>;
  /** Locked until the transaction ends. */
  lock(tx: Transaction, id: string): Promise<ImportRow | undefined>;
  get(id: string): Promise<ImportRow | undefined>;
  /** Newest first. `after` is the id of the last import seen. */
  page(options: { first: number; after?: string | undefined; filter?: ImportPageFilter }): Promise<ImportRow[]>;
  countByState(states: readonly ImportStateColumn[]): Promise<number>;
  targets(importId: string): Promise<ImportTargetRow[]>;
  batch(importId: string, number: number): Promise<ImportBatchRow | undefined>;
  /** By number, without the rows' contents. */
  batches(importId: string, options: { first: number; after?: number | undefined }): Promise<ImportBatchRow[]>;
  rejections(importId: string, options: { first: number; after?: number | undefined }): Promise<ImportRejectionRow[]>;
  latencies(importId: string): Promise<number[]>;
  /** 0 where there is none. */
  lastBatchNumber(importId: string): Promise<number>;

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
  /** Uploads that were announced and did not come in time. */
  overdueUploads(nowMs: number): Promise<ImportRow[]>;

  /**
   * The first batch of a run is about to be sent; `count` is what the target holds. Undefined where it has begun
   * already, or may not.
   */
  begin(tx: Transaction, importId: string, nowMs: number, count: number | null): Promise<ImportRow | undefined>;
  /** Oldest import first. */
  openTargets(only?: { kind: ImportKindColumn; targetId: string }): Promise<OpenTarget[]>;
  /** Targets with batches under way: somebody's, or left behind by somebody who died, whatever their import's state. */
  unsettledTargets(): Promise<{ kind: ImportKindColumn; targetId: string }[]>;
  /** The batches of a target that were being sent when their sender died, oldest first. */
  unsettled(kind: ImportKindColumn, targetId: string): Promise<ImportBatchRow[]>;
  nextPending(importId: string, targetId: string, except: readonly number[]): Promise<ImportBatchRow | undefined>;
  /** Notes durably that the batch is about to be sent. False where the import has left the state RUNNING. */
  markSending(tx: Transaction, batch: { importId: string; number: number }, attemptJson: string): Promise<boolean>;
  /** Nothing of it took effect: back to the pending ones. Nothing is sent to its target for `waitMs`. */
  releaseBatch(
    tx: Transaction,
    batch: { importId: string; number: number; targetId: string },
    waitMs: number,
  ): Promise<void>;
  /** Books the outcome of a batch; returns the import as it is afterwards. */
  completeBatch(tx: Transaction, outcome: BatchOutcome, nowMs: number): Promise<ImportRow>;
  /** Changes an import that is there, whatever its state. */
  set(tx: Transaction, importId: string, change: Partial<ImportRow>): Promise<ImportRow>;
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
  /** Rows and batches of imports that finished before `finishedBefore` (epoch milliseconds); their reports stay. Returns how many imports. */
  clearFinished(finishedBefore: number, limit: number): Promise<number>;
  /** Running imports of which no row is pending or under way: to be verified and finished. */
  exhausted(): Promise<ImportRow[]>;
  update(
    tx: Transaction,
    importId: string,
    from: readonly ImportStateColumn[],
    change: Partial<ImportRow>,
  ): Promise<ImportRow | undefined>;
  /** Of those that are not through: what the counts say, or `state`. */
  setTargetStates(tx: Transaction, importId: string, state: 'COUNTED' | 'CANCELLED' | 'CONFIRMING'): Promise<void>;
  cancelPending(tx: Transaction, importId: string): Promise<void>;
}

export function createImportStore(database: Database): ImportStore {
  const { db } = database;

  async function insertBatches(tx: Transaction, importId: string, attempt: number, batches: readonly StagedBatch[]) {
    for (const batch of batches) {
      const row = {
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
        rows_json: batch.rowsJson,
        items_json: batch.itemsJson,
        sources_json: batch.sourcesJson,
      };
      await tx.insertInto('import_batches').values(row).execute();
    }
  }

  async function removeStaged(tx: Transaction, importId: string): Promise<void> {
    await tx.deleteFrom('import_batches').where('import_id', '=', importId).execute();
    await tx.deleteFrom('import_rejections').where('import_id', '=', importId).execute();
    await tx.deleteFrom('import_targets').where('import_id', '=', importId).execute();
  }

  return {
    insert: (tx, row) => tx.insertInto('imports').values(row).returningAll().executeTakeFirstOrThrow(),

    lock: (tx, id) => database.forUpdate(tx.selectFrom('imports').selectAll().where('id', '=', id)).executeTakeFirst(),

    get: (id) => db.selectFrom('imports').selectAll().where('id', '=', id).executeTakeFirst(),

    page({ first, after, filter = {} }) {
      let query = db.selectFrom('imports').selectAll().orderBy('id', 'desc').limit(first);
      if (after !== undefined) query = query.where('id', '<', after);
      if (filter.kind) query = query.where('kind', '=', filter.kind);
      if (filter.states) query = query.where('state', 'in', [...filter.states]);
      if (filter.targetId !== undefined) query = query.where('target_id', '=', filter.targetId);
      return query.execute();
    },

    async countByState(states) {
      const row = await db
        .selectFrom('imports')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('state', 'in', [...states])
        .executeTakeFirstOrThrow();
      return Number(row.count);
    },

    targets: (importId) =>
      db.selectFrom('import_targets').selectAll().where('import_id', '=', importId).orderBy('target_id').execute(),

    batch: (importId, number) =>
      db
        .selectFrom('import_batches')
        .selectAll()
        .where('import_id', '=', importId)
        .where('number', '=', number)
        .executeTakeFirst(),

    batches(importId, { first, after = 0 }) {
      return db
        .selectFrom('import_batches')
        .select(BATCH_COLUMNS)
        .select([sql<null>`null`.as('rows_json'), sql<null>`null`.as('items_json'), sql<null>`null`.as('sources_json')])
        .where('import_id', '=', importId)
        .where('number', '>', after)
        .orderBy('number')
        .limit(first)
        .execute();
    },

    rejections: (importId, { first, after = 0 }) =>
      db
        .selectFrom('import_rejections')
        .selectAll()
        .where('import_id', '=', importId)
        .where('row', '>', after)
        .orderBy('row')
        .limit(first)
        .execute(),

    async latencies(importId) {
      const rows = await db
        .selectFrom('import_batches')
        .select('latency_ms')
        .where('import_id', '=', importId)
        .where('latency_ms', 'is not', null)
        .orderBy('latency_ms')
        .execute();
      return rows.map((row) => row.latency_ms ?? 0);
    },

    async lastBatchNumber(importId) {
      const row = await db
        .selectFrom('import_batches')
        .select(({ fn }) => fn.max('number').as('number'))
        .where('import_id', '=', importId)
        .executeTakeFirst();
      return row?.number ?? 0;
    },

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
      await removeStaged(tx, importId);
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
      for (let from = 0; from < rejections.length; from += ROWS_PER_INSERT) {
        const rows = rejections.slice(from, from + ROWS_PER_INSERT).map((rejection) => ({
          import_id: importId,
          upload_attempt: attempt,
          row: rejection.row,
          stage: rejection.stage,
          target_id: rejection.targetId,
          issues_json: rejection.issuesJson,
          data_json: rejection.dataJson,
        }));
        await tx.insertInto('import_rejections').values(rows).execute();
      }
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
      if (row) await removeStaged(tx, importId);
      return row;
    },

    overdueUploads: (nowMs) =>
      db
        .selectFrom('imports')
        .selectAll()
        .where('state', '=', 'AWAITING_UPLOAD')
        .where('upload_expires_at', '<=', nowMs)
        .execute(),

    begin: (tx, importId, nowMs, count) =>
      tx
        .updateTable('imports')
        .set((eb) => ({
          begun: 1,
          started_at: eb.fn.coalesce('started_at', eb.val(nowMs)),
          // What an earlier run of the import brought in is not part of what was there before it.
          count_before: count === null ? null : eb(eb.val(count), '-', eb.ref('created')),
        }))
        .where('id', '=', importId)
        .where('state', '=', 'RUNNING')
        .where('begun', '=', 0)
        .returningAll()
        .executeTakeFirst(),

    async openTargets(only) {
      let query = db
        .selectFrom('import_targets as target')
        .innerJoin('imports as import', 'import.id', 'target.import_id')
        .select(['import.kind', 'target.target_id', 'target.import_id'])
        .select((eb) => eb('target.not_before', '-', database.nowMs()).as('wait_ms'))
        .where('import.state', '=', 'RUNNING')
        .where('target.state', 'in', ['PENDING', 'RUNNING'])
        .where(hasRowsLeft)
        .orderBy('target.import_id');
      if (only) query = query.where('import.kind', '=', only.kind).where('target.target_id', '=', only.targetId);
      const rows = await query.execute();
      return rows.map((row) => ({
        kind: row.kind,
        targetId: row.target_id,
        importId: row.import_id,
        waitMs: row.wait_ms,
      }));
    },

    async unsettledTargets() {
      const rows = await db
        .selectFrom('import_batches as batch')
        .innerJoin('imports as import', 'import.id', 'batch.import_id')
        .select(['import.kind', 'batch.target_id'])
        .distinct()
        .where('batch.state', '=', 'RUNNING')
        .execute();
      return rows.map((row) => ({ kind: row.kind, targetId: row.target_id }));
    },

    unsettled: (kind, targetId) =>
      db
        .selectFrom('import_batches as batch')
        .innerJoin('imports as import', 'import.id', 'batch.import_id')
        .selectAll('batch')
        .where('import.kind', '=', kind)
        .where('batch.target_id', '=', targetId)
        .where('batch.state', '=', 'RUNNING')
        .orderBy('batch.import_id')
        .orderBy('batch.number')
        .execute(),

    nextPending(importId, targetId, except) {
      let query = db
        .selectFrom('import_batches')
        .selectAll()
        .where('import_id', '=', importId)
        .where('target_id', '=', targetId)
        .where('state', '=', 'PENDING');
      if (except.length > 0) query = query.where('number', 'not in', [...except]);
      return query.orderBy('number').limit(1).executeTakeFirst();
    },

    async markSending(tx, { importId, number }, attemptJson) {
      const { numUpdatedRows } = await tx
        .updateTable('import_batches')
        .set((eb) => ({ state: 'RUNNING' as const, attempts: eb('attempts', '+', 1), attempt_json: attemptJson }))
        .where('import_id', '=', importId)
        .where('number', '=', number)
        .where('state', 'in', ['PENDING', 'RUNNING'])
        .where(({ exists, selectFrom }) =>
          exists(selectFrom('imports').select('id').where('id', '=', importId).where('state', '=', 'RUNNING')),
        )
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },

    async releaseBatch(tx, { importId, number, targetId }, waitMs) {
      await tx
        .updateTable('import_batches')
        .set(({ selectFrom }) => ({
          // A scalar subquery could be null by its type; the import is there.
          state: sql<'PENDING'>`${selectFrom('imports')
            .select(sql`case when state in ('CANCELLED', 'FAILED') then 'CANCELLED' else 'PENDING' end`.as('state'))
            .where('id', '=', importId)}`,
          attempt_json: null,
        }))
        .where('import_id', '=', importId)
        .where('number', '=', number)
        .where('state', '=', 'RUNNING')
        .execute();
      await tx
        .updateTable('import_targets')
        .set((eb) => ({ not_before: waitMs === 0 ? 0 : eb(database.nowMs(), '+', Math.ceil(waitMs)) }))
        .where('import_id', '=', importId)
        .where('target_id', '=', targetId)
        .execute();
    },

    async completeBatch(tx, outcome, nowMs) {
      const { importId, number, targetId, succeeded, skipped, failed, unknown } = outcome;
      const { numUpdatedRows } = await tx
        .updateTable('import_batches')
        .set({
          state: succeeded + skipped === 0 && failed + unknown > 0 ? 'FAILED' : 'DONE',
          succeeded,
          skipped,
          failed,
          unknown,
          attempt_json: null,
          latency_ms: outcome.latencyMs,
          upstream_request_id: outcome.upstreamRequestId,
          error: outcome.error,
          finished_at: nowMs,
          rows_json: null,
          items_json: null,
          sources_json: null,
        })
        .where('import_id', '=', importId)
        .where('number', '=', number)
        .where('state', '=', 'RUNNING')
        .executeTakeFirst();
      if (numUpdatedRows === 0n) throw new Error(`batch ${number} was booked twice`);
      for (let from = 0; from < outcome.rejections.length; from += ROWS_PER_INSERT) {
        const rows = outcome.rejections.slice(from, from + ROWS_PER_INSERT).map((rejection) => ({
          import_id: importId,
          upload_attempt: 0,
          row: rejection.row,
          stage: rejection.stage,
          target_id: targetId,
          issues_json: rejection.issuesJson,
          data_json: rejection.dataJson,
        }));
        await tx.insertInto('import_rejections').values(rows).execute();
      }
      await tx
        .updateTable('import_targets')
        .set((eb) => ({
          state: 'RUNNING' as const,
          succeeded: eb('succeeded', '+', succeeded),
          skipped: eb('skipped', '+', skipped),
          failed: eb('failed', '+', failed),
          unknown: eb('unknown', '+', unknown),
          attempts: eb('attempts', '+', 1),
          not_before: 0,
          ...(outcome.lastItemJson === null ? {} : { last_item_json: outcome.lastItemJson }),
        }))
        .where('import_id', '=', importId)
        .where('target_id', '=', targetId)
        .execute();
      return tx
        .updateTable('imports')
        .set((eb) => ({
          succeeded: eb('succeeded', '+', succeeded),
          skipped: eb('skipped', '+', skipped),
          failed: eb('failed', '+', failed),
          unknown: eb('unknown', '+', unknown),
          created: eb('created', '+', outcome.created),
          batches_done: eb('batches_done', '+', 1),
          latency_sum_ms: eb('latency_sum_ms', '+', outcome.latencyMs),
        }))
        .where('id', '=', importId)
        .returningAll()
        .executeTakeFirstOrThrow();
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

    async clearFinished(finishedBefore, limit) {
      const old = await db
        .selectFrom('imports')
        .select('id')
        .where('finished_at', '<', finishedBefore)
        .where(({ or, exists, selectFrom }) =>
          or([
            exists(selectFrom('import_targets').select('import_id').whereRef('import_id', '=', 'imports.id')),
            exists(selectFrom('import_rejections').select('import_id').whereRef('import_id', '=', 'imports.id')),
          ]),
        )
        .limit(limit)
        .execute();
      for (const { id } of old) await database.transaction((tx) => removeStaged(tx, id));
      return old.length;
    },

    exhausted: () =>
      db
        .selectFrom('imports')
        .selectAll()
        .where('state', 'in', ['RUNNING', 'CONFIRMING'])
        .where(({ eb, ref }) =>
          eb(
            ref('valid'),
            '=',
            sql<number>`${ref('succeeded')} + ${ref('skipped')} + ${ref('failed')} + ${ref('unknown')}`,
          ),
        )
        .execute(),

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

    async setTargetStates(tx, importId, state) {
      await tx
        .updateTable('import_targets')
        .set({
          state:
            state === 'COUNTED'
              ? sql`case when failed + unknown = 0 then 'COMPLETED' when succeeded + skipped = 0 then 'FAILED' else 'COMPLETED_WITH_FAILURES' end`
              : state,
        })
        .where('import_id', '=', importId)
        .where('state', 'in', ['PENDING', 'RUNNING', 'CONFIRMING'])
        .execute();
    },

    async cancelPending(tx, importId) {
      await tx
        .updateTable('import_batches')
        .set({ state: 'CANCELLED' })
        .where('import_id', '=', importId)
        .where('state', '=', 'PENDING')
        .execute();
    },
  };
}

const BATCH_COLUMNS = [
  'import_id',
  'number',
  'upload_attempt',
  'target_id',
  'state',
  'size',
  'succeeded',
  'skipped',
  'failed',
  'unknown',
  'attempts',
  'attempt_json',
  'latency_ms',
  'upstream_request_id',
  'error',
  'finished_at',
] as const;

type TargetAndImport = Tables & { target: Tables['import_targets']; import: Tables['imports'] };

function hasRowsLeft(
  eb: ExpressionBuilder<TargetAndImport, 'target' | 'import'>,
): ExpressionWrapper<TargetAndImport, 'target' | 'import', SqlBool> {
  const { ref } = eb;
  return eb(
    ref('target.valid'),
    '>',
    sql<number>`${ref('target.succeeded')} + ${ref('target.skipped')} + ${ref('target.failed')} + ${ref('target.unknown')}`,
  );
}
