/** The batches of imports on their way to CXone: which are due, which are under way, and what became of their rows. */
import { sql } from 'kysely';
import { z } from 'zod';
import { NO_CONTENTS, withContents } from './batch-contents.ts';
import type { Condition, Database, Queryable, Transaction } from './database.ts';
import { insertRejections } from './import-rows.ts';
import type { ImportBatchRow, ImportKindColumn, ImportRow } from './tables.ts';

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
  /** The item that was taken last and when, where it has to be waited for until CXone shows it. */
  taken: TakenItem | null;
}

/** As it was sent, and when CXone took it, epoch milliseconds. */
export interface TakenItem {
  item: unknown;
  at: number;
}

/** A target with rows still to be sent, of an import that is running. */
export interface OpenTarget {
  kind: ImportKindColumn;
  targetId: string;
  importId: string;
  /** Nothing is to be sent to it for so long, by the database's clock; 0 or less where it may be. */
  waitMs: number;
}

/** Last items of so many batches are kept for each target: CXone may have written one after another that it answered later. */
const MAX_TAKEN = 5;

const takenShape = z.array(z.object({ item: z.unknown(), at: z.number() }));

/** What a target's batches took last, newest first. */
export function takenItems(recentJson: string | null): TakenItem[] {
  return recentJson === null ? [] : takenShape.parse(JSON.parse(recentJson));
}

/** One of the lanes that send to a target: each is one process's at a time. */
export interface Lane {
  kind: ImportKindColumn;
  /** CXone's raw id. */
  targetId: string;
  /** 0 is the first, and the one that isolated batches go by; others are there where several replicas send to it. */
  number: number;
}

/** A batch, and what is known of the processes that died while they had it under way. */
export interface BatchCrashes {
  importId: string;
  number: number;
  crashes: number;
  /** Whether it is one of the isolated ones from now on. */
  isolated: boolean;
}

/** What imports have brought into a target so far, and how many more rows of theirs are under way. */
export interface OthersAtTarget {
  created: number;
  underWay: number;
}

/** Which batches: those that are sent as they come, or those that are kept apart as they may be what processes die of. */
export type BatchClass = 'ordinary' | 'isolated';

export interface ImportSending {
  /**
   * The first batch of a run is about to be sent; `count` is what the target holds. Undefined where it has begun
   * already, or may not.
   */
  begin(tx: Transaction, importId: string, nowMs: number, count: number | null): Promise<ImportRow | undefined>;
  /** All other imports to the target of this one. */
  othersAt(row: Pick<ImportRow, 'id' | 'kind' | 'target_id'>): Promise<OthersAtTarget>;
  /** Oldest import first. */
  openTargets(which: BatchClass): Promise<OpenTarget[]>;
  /** Lanes with batches under way: somebody's, or left behind by somebody who died, whatever their import's state. */
  unsettledLanes(which: BatchClass): Promise<Lane[]>;
  /** The batches that were being sent when the sender of the lane died, oldest first. */
  unsettled(lane: Lane, which: BatchClass): Promise<ImportBatchRow[]>;
  /**
   * The import of which something may be sent to the target now. The oldest first: those to the same target go one after
   * another, so that each can be verified.
   */
  nextImport(
    kind: ImportKindColumn,
    targetId: string,
    which: BatchClass,
  ): Promise<{ importId: string; begun: number } | undefined>;
  /**
   * Takes the import's next batches to the target, `most` of them, which nobody else does at the same time, and notes
   * durably that they are about to be sent. By number; none where none is pending, the import has not begun or left the
   * state RUNNING, nothing may be sent to the target now, and where `held` is not true.
   */
  takeBatches(
    at: Queryable,
    from: { importId: string; targetId: string; lane: number; which: BatchClass; most: number },
    attemptJson: string,
    held: Condition,
  ): Promise<ImportBatchRow[]>;
  /** Nothing of it took effect: back to the pending ones. */
  releaseBatch(tx: Transaction, batch: BatchCrashes): Promise<void>;
  /** Nothing of the import is sent to the target for `waitMs`. */
  deferTarget(at: Queryable, target: { importId: string; targetId: string }, waitMs: number): Promise<void>;
  /** Of a batch that was left behind: who has it now. False where `held` is not true. */
  takeOver(batch: BatchCrashes, attemptJson: string, held: Condition): Promise<boolean>;
  /** Changes the note of a batch whose sender lives and gives it up, unless somebody has taken it over. */
  letGo(batch: { importId: string; number: number }, attempt: { fromJson: string; toJson: string }): Promise<void>;
  /** Books the outcomes of batches of one import to one target; returns the import as it is afterwards. */
  completeBatches(tx: Transaction, outcomes: readonly BatchOutcome[], nowMs: number): Promise<ImportRow>;
  /** Running imports of which no row is pending or under way: to be verified and finished. */
  exhausted(): Promise<ImportRow[]>;
  /** Whether calls of the import are under way, or left behind by somebody who died: one that was ended may have some. */
  isUnderWay(importId: string, at?: Queryable): Promise<boolean>;
}

export function createImportSending(database: Database): ImportSending {
  const { db } = database;

  /** The target's last taken items with some more. Batches are booked in another order than CXone took them. */
  async function withTaken(
    tx: Transaction,
    { importId, targetId }: Pick<BatchOutcome, 'importId' | 'targetId'>,
    taken: readonly TakenItem[],
  ): Promise<string> {
    const target = await database
      .forUpdate(
        tx
          .selectFrom('import_targets')
          .select('recent_json')
          .where('import_id', '=', importId)
          .where('target_id', '=', targetId),
      )
      .executeTakeFirstOrThrow();
    const all = [...taken, ...takenItems(target.recent_json)];
    return JSON.stringify(all.toSorted((a, b) => b.at - a.at).slice(0, MAX_TAKEN));
  }

  return {
    begin: (tx, importId, nowMs, count) =>
      tx
        .updateTable('imports')
        .set((eb) => ({
          begun: 1,
          started_at: eb.fn.coalesce('started_at', eb.val(nowMs)),
          // What an earlier run of the import brought in is not part of what was there before it.
          count_before: count === null ? null : eb(eb.val(count), '-', eb.ref('created')),
          // Nothing of theirs is under way: the lane to the target is the caller's.
          others_before:
            count === null
              ? null
              : eb
                  .selectFrom('imports as other')
                  .select(({ fn, val }) => fn.coalesce(fn.sum<number>('other.created'), val(0)).as('created'))
                  .whereRef('other.kind', '=', 'imports.kind')
                  .whereRef('other.target_id', '=', 'imports.target_id')
                  .whereRef('other.id', '!=', 'imports.id'),
        }))
        .where('id', '=', importId)
        .where('state', '=', 'RUNNING')
        .where('begun', '=', 0)
        .returningAll()
        .executeTakeFirst(),

    async othersAt({ id, kind, target_id: targetId }) {
      // In one statement: what is booked meanwhile is in neither sum twice, and in one of them.
      const { created, under_way: underWay } = await db
        .selectNoFrom(({ selectFrom }) => [
          selectFrom('imports')
            .select(({ fn, val }) => fn.coalesce(fn.sum<number>('created'), val(0)).as('created'))
            .where('kind', '=', kind)
            .where('target_id', '=', targetId)
            .where('id', '!=', id)
            .as('created'),
          selectFrom('import_batches as batch')
            .innerJoin('imports as import', 'import.id', 'batch.import_id')
            .select(({ fn, val }) => fn.coalesce(fn.sum<number>('batch.size'), val(0)).as('under_way'))
            .where('import.kind', '=', kind)
            .where('batch.target_id', '=', targetId ?? '')
            .where('batch.import_id', '!=', id)
            .where('batch.state', '=', 'RUNNING')
            .as('under_way'),
        ])
        .executeTakeFirstOrThrow();
      return { created: Number(created), underWay: Number(underWay) };
    },

    async openTargets(which) {
      const rows = await db
        .selectFrom('import_targets as target')
        .innerJoin('imports as import', 'import.id', 'target.import_id')
        .select(['import.kind', 'target.target_id', 'target.import_id'])
        .select((eb) => eb('target.not_before', '-', database.nowMs()).as('wait_ms'))
        .where('import.state', '=', 'RUNNING')
        .where('target.state', 'in', ['PENDING', 'RUNNING'])
        .where(({ exists, selectFrom }) =>
          exists(
            selectFrom('import_batches as batch')
              .select('batch.number')
              .whereRef('batch.import_id', '=', 'target.import_id')
              .whereRef('batch.target_id', '=', 'target.target_id')
              .where('batch.state', '=', 'PENDING')
              .where('batch.isolated', '=', flagOf(which)),
          ),
        )
        .orderBy('target.import_id')
        .execute();
      return rows.map((row) => ({
        kind: row.kind,
        targetId: row.target_id,
        importId: row.import_id,
        waitMs: row.wait_ms,
      }));
    },

    async unsettledLanes(which) {
      const rows = await db
        .selectFrom('import_batches as batch')
        .innerJoin('imports as import', 'import.id', 'batch.import_id')
        .select(['import.kind', 'batch.target_id', ({ fn, val }) => fn.coalesce('batch.lane', val(0)).as('number')])
        .distinct()
        .where('batch.state', '=', 'RUNNING')
        .where('batch.isolated', '=', flagOf(which))
        .execute();
      return rows.map((row) => ({ kind: row.kind, targetId: row.target_id, number: row.number }));
    },

    async unsettled({ kind, targetId, number }, which) {
      const rows = await db
        .selectFrom('import_batches as batch')
        .innerJoin('imports as import', 'import.id', 'batch.import_id')
        .selectAll('batch')
        .where('import.kind', '=', kind)
        .where('batch.target_id', '=', targetId)
        .where('batch.state', '=', 'RUNNING')
        .where('batch.isolated', '=', flagOf(which))
        .where(({ eb, fn, val }) => eb(fn.coalesce('batch.lane', val(0)), '=', number))
        .orderBy('batch.import_id')
        .orderBy('batch.number')
        .execute();
      return rows.map(withContents);
    },

    async nextImport(kind, targetId, which) {
      const row = await db
        .selectFrom('import_targets as target')
        .innerJoin('imports as import', 'import.id', 'target.import_id')
        .select(['target.import_id', 'import.begun'])
        .where('import.kind', '=', kind)
        .where('import.state', '=', 'RUNNING')
        .where('target.target_id', '=', targetId)
        .where('target.state', 'in', ['PENDING', 'RUNNING'])
        .where('target.not_before', '<=', database.nowMs())
        .where(({ exists, selectFrom }) =>
          // One step in an index, however many batches there are.
          exists(
            selectFrom('import_batches as candidate')
              .select('candidate.number')
              .whereRef('candidate.import_id', '=', 'target.import_id')
              .where('candidate.target_id', '=', targetId)
              .where('candidate.state', '=', 'PENDING')
              .where('candidate.isolated', '=', flagOf(which)),
          ),
        )
        .orderBy('target.import_id')
        .limit(1)
        .executeTakeFirst();
      return row && { importId: row.import_id, begun: row.begun };
    },

    async takeBatches(at, { importId, targetId, lane, which, most }, attemptJson, held) {
      const rows = await at
        // Apart, so that it is looked for once: as part of the condition it could be for each row, and lock more.
        .with('next', (next) =>
          database.skipLocked(
            next
              .selectFrom('import_batches')
              .select('number')
              .where('import_id', '=', importId)
              .where('target_id', '=', targetId)
              .where('state', '=', 'PENDING')
              .where('isolated', '=', flagOf(which))
              .orderBy('number')
              .limit(most),
          ),
        )
        .updateTable('import_batches')
        .set((eb) => ({
          state: 'RUNNING' as const,
          attempts: eb('attempts', '+', 1),
          attempt_json: attemptJson,
          lane,
          // What becomes of it may have to be found out before anything else is sent to its target.
          isolated: 0,
        }))
        .where('import_id', '=', importId)
        .where('number', 'in', ({ selectFrom }) => selectFrom('next').select('next.number'))
        .where(held)
        .where(({ exists, selectFrom }) =>
          exists(
            selectFrom('imports')
              .select('id')
              .where('id', '=', importId)
              .where('state', '=', 'RUNNING')
              .where('begun', '=', 1),
          ),
        )
        .where(({ exists, selectFrom }) =>
          exists(
            selectFrom('import_targets')
              .select('target_id')
              .where('import_id', '=', importId)
              .where('target_id', '=', targetId)
              .where('not_before', '<=', database.nowMs()),
          ),
        )
        .returningAll()
        .execute();
      return rows.toSorted((a, b) => a.number - b.number).map(withContents);
    },

    async takeOver({ importId, number, crashes, isolated }, attemptJson, held) {
      const { numUpdatedRows } = await db
        .updateTable('import_batches')
        .set({ attempt_json: attemptJson, crashes, isolated: Number(isolated), ...(isolated ? { lane: 0 } : {}) })
        .where('import_id', '=', importId)
        .where('number', '=', number)
        .where('state', '=', 'RUNNING')
        .where(held)
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },

    async letGo({ importId, number }, { fromJson, toJson }) {
      await db
        .updateTable('import_batches')
        .set({ attempt_json: toJson })
        .where('import_id', '=', importId)
        .where('number', '=', number)
        .where('attempt_json', '=', fromJson)
        .execute();
    },

    async releaseBatch(tx, { importId, number, crashes, isolated }) {
      await tx
        .updateTable('import_batches')
        .set(({ selectFrom }) => ({
          // A scalar subquery could be null by its type; the import is there.
          state: sql<'PENDING'>`${selectFrom('imports')
            .select(sql`case when state in ('CANCELLED', 'FAILED') then 'CANCELLED' else 'PENDING' end`.as('state'))
            .where('id', '=', importId)}`,
          attempt_json: null,
          crashes,
          isolated: Number(isolated),
        }))
        .where('import_id', '=', importId)
        .where('number', '=', number)
        .where('state', '=', 'RUNNING')
        .execute();
    },

    async deferTarget(at, { importId, targetId }, waitMs) {
      await at
        .updateTable('import_targets')
        .set((eb) => ({ not_before: waitMs === 0 ? 0 : eb(database.nowMs(), '+', Math.ceil(waitMs)) }))
        .where('import_id', '=', importId)
        .where('target_id', '=', targetId)
        .execute();
    },

    async completeBatches(tx, outcomes, nowMs) {
      const [first] = outcomes;
      if (!first) throw new Error('There is no outcome to be booked.');
      const { importId, targetId } = first;
      const { numUpdatedRows } = await tx
        .with(BOOKED, () => asTable(outcomes))
        .updateTable('import_batches')
        .from('booked')
        .set(({ ref }) => ({
          state: ref('booked.state'),
          succeeded: ref('booked.succeeded'),
          skipped: ref('booked.skipped'),
          failed: ref('booked.failed'),
          unknown: ref('booked.unknown'),
          attempt_json: null,
          latency_ms: ref('booked.latency_ms'),
          upstream_request_id: ref('booked.upstream_request_id'),
          error: ref('booked.error'),
          finished_at: nowMs,
          ...NO_CONTENTS,
        }))
        .where('import_id', '=', importId)
        .whereRef('import_batches.number', '=', 'booked.number')
        .where('import_batches.state', '=', 'RUNNING')
        .executeTakeFirst();
      if (numUpdatedRows !== BigInt(outcomes.length))
        throw new Error(`one of the batches ${outcomes.map(({ number }) => number).join(', ')} was booked twice`);
      const rejections = outcomes.flatMap((outcome) =>
        outcome.rejections.map((rejection) => ({
          upload_attempt: 0,
          row: rejection.row,
          stage: rejection.stage,
          target_id: targetId,
          issues_json: rejection.issuesJson,
          data_json: rejection.dataJson,
        })),
      );
      await insertRejections(tx, importId, rejections);
      const taken = outcomes.flatMap((outcome) => outcome.taken ?? []);
      const recentJson = taken.length > 0 ? await withTaken(tx, first, taken) : null;
      const sum = (count: (outcome: BatchOutcome) => number) =>
        outcomes.reduce((total, outcome) => total + count(outcome), 0);
      const succeeded = sum((outcome) => outcome.succeeded);
      const skipped = sum((outcome) => outcome.skipped);
      const failed = sum((outcome) => outcome.failed);
      const unknown = sum((outcome) => outcome.unknown);
      await tx
        .updateTable('import_targets')
        .set((eb) => ({
          // One that was cancelled while this was under way stays so.
          state: sql<'RUNNING'>`case when ${eb.ref('state')} = 'PENDING' then 'RUNNING' else ${eb.ref('state')} end`,
          succeeded: eb('succeeded', '+', succeeded),
          skipped: eb('skipped', '+', skipped),
          failed: eb('failed', '+', failed),
          unknown: eb('unknown', '+', unknown),
          attempts: eb('attempts', '+', outcomes.length),
          not_before: 0,
          ...(recentJson === null ? {} : { recent_json: recentJson }),
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
          created: eb(
            'created',
            '+',
            sum((outcome) => outcome.created),
          ),
          batches_done: eb('batches_done', '+', outcomes.length),
          latency_sum_ms: eb(
            'latency_sum_ms',
            '+',
            sum((outcome) => outcome.latencyMs),
          ),
        }))
        .where('id', '=', importId)
        .returningAll()
        .executeTakeFirstOrThrow();
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

    async isUnderWay(importId, at = db) {
      const running = await at
        .selectFrom('import_batches')
        .select('number')
        .where('import_id', '=', importId)
        .where('state', '=', 'RUNNING')
        .limit(1)
        .executeTakeFirst();
      return running !== undefined;
    },
  };
}

/** The columns of `asTable`. */
const BOOKED = 'booked(number, state, succeeded, skipped, failed, unknown, latency_ms, upstream_request_id, error)';

type BookedBatch = Pick<
  ImportBatchRow,
  'number' | 'state' | 'succeeded' | 'skipped' | 'failed' | 'unknown' | 'latency_ms' | 'upstream_request_id' | 'error'
>;

/** Outcomes as a table, so that all are booked by one statement. */
function asTable(outcomes: readonly BatchOutcome[]) {
  const rows = outcomes.map(({ number, succeeded, skipped, failed, unknown, latencyMs, upstreamRequestId, error }) => {
    const state: ImportBatchRow['state'] = succeeded + skipped === 0 && failed + unknown > 0 ? 'FAILED' : 'DONE';
    const counts = [succeeded, skipped, failed, unknown].map((count) => sql`cast(${count} as bigint)`);
    return sql`(cast(${number} as bigint), ${state}, ${sql.join(counts)}, cast(${latencyMs} as double precision),
      cast(${upstreamRequestId} as text), cast(${error} as text))`;
  });
  return sql<BookedBatch>`(values ${sql.join(rows)})`;
}

function flagOf(which: BatchClass): number {
  return which === 'isolated' ? 1 : 0;
}
