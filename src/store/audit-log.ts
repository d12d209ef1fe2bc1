/** The audit trail: who did what to what, when and how it ended. Entries are added, never changed. */
import { sql } from 'kysely';
import { z } from 'zod';
import type { Database, Queryable } from './database.ts';
import type { AuditEntryRow } from './tables.ts';

export type AuditOutcome = AuditEntryRow['outcome'];

export interface NewAuditEntry {
  /** Who: the name of the API key, the subject of the token, or the gateway itself. */
  actor: string;
  /** As `contact.update`, `import.batch`, `webhook.rejected`. */
  action: string;
  /** The id of what it was done to. */
  subject: string;
  outcome: AuditOutcome;
  recordCount?: number | undefined;
  latencyMs?: number | undefined;
  requestId?: string | undefined;
  upstreamRequestId?: string | undefined;
  /** JSON-able; no secret and no more of a person than their id. */
  detail?: Record<string, unknown> | undefined;
}

export interface AuditEntry extends NewAuditEntry {
  id: number;
  /** Epoch milliseconds. */
  at: number;
  detail: Record<string, unknown>;
}

export interface AuditFilter {
  actor?: string | undefined;
  action?: string | undefined;
  subject?: string | undefined;
  outcome?: AuditOutcome | undefined;
  /** Epoch milliseconds, this one included. */
  sinceMs?: number | undefined;
  /** Epoch milliseconds, this one excluded. */
  untilMs?: number | undefined;
}

export interface AuditPage {
  entries: AuditEntry[];
  hasNextPage: boolean;
}

export interface AuditLog {
  /** Pass the transaction of what is told, so that the one is never stored without the other. @returns the entry's id */
  append(at: Queryable, entry: NewAuditEntry): Promise<number>;
  /** The same for several at once, 1000 at most. @returns their ids, in their order */
  appendAll(at: Queryable, entries: readonly NewAuditEntry[]): Promise<number[]>;
  /**
   * Stores entries, all or none, about what was done elsewhere than in this database, so that whoever did it need not
   * wait for the disk. Once this has resolved they outlive this process, and within a second a failure of the power.
   */
  note(entries: readonly NewAuditEntry[]): Promise<void>;
  /**
   * Up to `first` entries, newest first; those after (older than) the entry `after`, where given. Every page costs the
   * same, however deep it lies. None, when there is no entry `after`.
   */
  page(options: { first: number; after?: number | undefined; filter?: AuditFilter | undefined }): Promise<AuditPage>;
}

/** Keeps one statement far below the engines' limits of parameters. */
const MAX_ROWS_PER_INSERT = 1_000;

const detailSchema = z.record(z.string(), z.unknown());

export function createAuditLog(deps: { database: Database }): AuditLog {
  const { database } = deps;

  const toRow = (entry: NewAuditEntry) => ({
    at: database.nowMs(),
    actor: entry.actor,
    action: entry.action,
    subject: entry.subject,
    outcome: entry.outcome,
    record_count: entry.recordCount ?? null,
    latency_ms: entry.latencyMs ?? null,
    request_id: entry.requestId ?? null,
    upstream_request_id: entry.upstreamRequestId ?? null,
    detail_json: JSON.stringify(entry.detail ?? {}),
  });

  async function appendAll(at: Queryable, entries: readonly NewAuditEntry[]): Promise<number[]> {
    const rows = await at.insertInto('audit_entries').values(entries.map(toRow)).returning('id').execute();
    // They are numbered in the order in which they are given; in which order they are told, no engine promises.
    return rows.map(({ id }) => id).toSorted((a, b) => a - b);
  }

  return {
    async append(at, entry) {
      const [id] = await appendAll(at, [entry]);
      if (id === undefined) throw new Error('An appended entry has an id.');
      return id;
    },

    appendAll,

    async note(entries) {
      await database.transaction(
        async (tx) => {
          for (let start = 0; start < entries.length; start += MAX_ROWS_PER_INSERT) {
            const some = entries.slice(start, start + MAX_ROWS_PER_INSERT);
            await tx.insertInto('audit_entries').values(some.map(toRow)).execute();
          }
        },
        { lazily: true },
      );
    },

    async page({ first, after, filter = {} }) {
      let query = database.db.selectFrom('audit_entries').selectAll();
      for (const column of ['actor', 'action', 'subject', 'outcome'] as const) {
        const wanted = filter[column];
        if (wanted !== undefined) query = query.where(column, '=', wanted);
      }
      if (filter.sinceMs !== undefined) query = query.where('at', '>=', filter.sinceMs);
      if (filter.untilMs !== undefined) query = query.where('at', '<', filter.untilMs);
      if (after !== undefined) {
        query = query.where(sql<boolean>`(at, id) < (select at, id from audit_entries where id = ${after})`);
      }
      const rows = await query
        .orderBy('at', 'desc')
        .orderBy('id', 'desc')
        .limit(first + 1)
        .execute();
      return { entries: rows.slice(0, first).map(toAuditEntry), hasNextPage: rows.length > first };
    },
  };
}

function toAuditEntry(row: AuditEntryRow): AuditEntry {
  return {
    id: row.id,
    at: row.at,
    actor: row.actor,
    action: row.action,
    subject: row.subject,
    outcome: row.outcome,
    recordCount: row.record_count ?? undefined,
    latencyMs: row.latency_ms ?? undefined,
    requestId: row.request_id ?? undefined,
    upstreamRequestId: row.upstream_request_id ?? undefined,
    detail: detailSchema.parse(JSON.parse(row.detail_json)),
  };
}
