/** Imports as they are read: pages of them, of their targets, batches and rejections, by key and so as fast at the end as at the beginning. */
import { sql } from 'kysely';
import { withContents } from './batch-contents.ts';
import type { Database, Queryable } from './database.ts';
import type {
  ImportBatchRow,
  ImportKindColumn,
  ImportRejectionRow,
  ImportRow,
  ImportStateColumn,
  ImportTargetRow,
} from './tables.ts';

export interface ImportPageFilter {
  kind?: ImportKindColumn | undefined;
  states?: readonly ImportStateColumn[] | undefined;
  targetId?: string | undefined;
}

export interface ImportReading {
  get(id: string): Promise<ImportRow | undefined>;
  /** Newest first. `after` is the id of the last import seen. */
  page(options: { first: number; after?: string | undefined; filter?: ImportPageFilter }): Promise<ImportRow[]>;
  countByState(states: readonly ImportStateColumn[]): Promise<number>;
  targets(importId: string): Promise<ImportTargetRow[]>;
  batch(importId: string, number: number): Promise<ImportBatchRow | undefined>;
  /** By number, without the rows' contents. */
  batches(importId: string, options: { first: number; after?: number | undefined }): Promise<ImportBatchRow[]>;
  rejections(importId: string, options: { first: number; after?: number | undefined }): Promise<ImportRejectionRow[]>;
  /** What 95 of 100 batches took at most, in milliseconds; null where none was sent. */
  p95LatencyMs(importId: string): Promise<number | null>;
}

export function createImportReading({ db }: Database): ImportReading {
  return {
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

    async batch(importId, number) {
      const row = await db
        .selectFrom('import_batches')
        .selectAll()
        .where('import_id', '=', importId)
        .where('number', '=', number)
        .executeTakeFirst();
      return row && withContents(row);
    },

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

    p95LatencyMs: (importId) => p95LatencyMs(db, importId),
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
  'crashes',
  'isolated',
  'lane',
  'attempt_json',
  'latency_ms',
  'upstream_request_id',
  'error',
  'finished_at',
] as const;

/** What 95 of 100 batches of the import took at most, in milliseconds; null where none was sent. */
export async function p95LatencyMs(at: Queryable, importId: string): Promise<number | null> {
  const timed = at.selectFrom('import_batches').where('import_id', '=', importId).where('latency_ms', 'is not', null);
  const { count } = await timed.select(({ fn }) => fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
  const place = Math.max(0, Math.ceil(Number(count) * 0.95) - 1);
  const row = await timed.select('latency_ms').orderBy('latency_ms').limit(1).offset(place).executeTakeFirst();
  return row?.latency_ms ?? null;
}
