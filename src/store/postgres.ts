/**
 * The engine for several replicas: Postgres through `pg`, time by the database's clock, LISTEN/NOTIFY as the doorbell.
 * A session that hangs inside a transaction is ended by the server, so a paused replica cannot block the others.
 */
import { randomUUID } from 'node:crypto';
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import type { Clock } from '../clock.ts';
import { atMost, CLOSE_TIMEOUT_MS, guardedPool, isRetryable } from './guarded-pool.ts';
import { createPreparedStatements } from './prepared-statements.ts';
import type { StorageEngine, StoreLog, UnnumberedEvent } from './storage-engine.ts';
import type { Tables } from './tables.ts';

/** Connections a process uses for queries; LISTEN has one more of its own. */
const MAX_CONNECTIONS = 10;
const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 30_000;
/** The client's own limit, for a server that does not answer at all. */
const QUERY_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 2_000;
/** A process that was paused inside a transaction loses its locks after this. */
const IDLE_IN_TRANSACTION_MS = 5_000;
/** Longer than the above: whoever waits for a paused process outlives it. */
const LOCK_TIMEOUT_MS = IDLE_IN_TRANSACTION_MS + 5_000;
const MIGRATION_TIMEOUT_MS = 120_000;
/** Between two tries to get the LISTEN connection back. */
const RELISTEN_MS = 1_000;

const NOTIFY_CHANNEL = 'gateway_doorbell';

/**
 * Connects lazily: a server that cannot be reached shows at the first query.
 * @param url `postgres://user:password@host:port/database`, with the parameters `pg` understands
 */
export function openPostgres({ url, clock, log }: { url: string; clock: Clock; log: StoreLog }): StorageEngine {
  const connection = {
    connectionString: url,
    application_name: 'cxone-gateway',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    types: { getTypeParser },
    // What was accepted is on disk, whatever the server does by default. Options in the URL take the place of this one.
    options: '-c synchronous_commit=on',
  };
  const prepared = createPreparedStatements();
  const pool = new pg.Pool({
    ...connection,
    max: MAX_CONNECTIONS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
  });
  // Without a listener an idle connection that breaks would end the process.
  pool.on('error', (error) => log.warn({ reason: error.message }, 'lost an idle database connection'));

  const processId = randomUUID();
  const stop = new AbortController();
  let listening: Promise<void> | undefined;
  /** Goes out with the commit. */
  const notification = (channels: readonly string[]) =>
    sql`pg_notify(${NOTIFY_CHANNEL}, ${JSON.stringify([processId, ...channels])})`;

  return {
    engine: 'postgres',
    dialect: new PostgresDialect({ pool: guardedPool(pool, prepared) }),
    schema: {
      integer: 'bigint',
      real: 'double precision',
      text: sql`text collate "C"`,
      bytes: 'bytea',
      identity: (column) => column.primaryKey().generatedByDefaultAsIdentity(),
      strict: (table) => table,
    },
    async withMigrationConnection(_db, work) {
      const migrationPool = new pg.Pool({ ...connection, max: 1, statement_timeout: MIGRATION_TIMEOUT_MS });
      migrationPool.on('error', (error) => log.warn({ reason: error.message }, 'lost the migration connection'));
      await using db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: guardedPool(migrationPool) }) });
      return await work(db);
    },
    // Its log is written to disk by a process of its own, after three times wal_writer_delay at the latest: 0.6 s.
    commitLazily: (db, run) =>
      db.transaction().execute(async (tx) => {
        await sql`set local synchronous_commit = off`.execute(tx);
        return await run(tx);
      }),
    async probe(db) {
      await sql`select 1`.execute(db);
    },
    nowMs,
    forUpdate: (query) => query.forUpdate(),
    forKeyShare: (query) => query.forKeyShare(),
    skipLocked: (query) => query.forUpdate().skipLocked(),
    async serialize(tx, name) {
      await sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`.execute(tx);
    },
    async appendEvents(tx, events, channels) {
      const column = (name: keyof UnnumberedEvent) => events.map((event) => event[name]);
      const { rows } = await sql<{ seq: number }>`
        with head as (update event_head set seq = seq + ${events.length} where id = 1 returning seq),
          added as (
            insert into events (seq, at, topic, subject, type, data_json)
            select head.seq - ${events.length} + event.place, ${nowMs()}, event.topic, event.subject, event.type, event.data_json
            from head, unnest(${column('topic')}::text[], ${column('subject')}::text[], ${column('type')}::text[],
              ${column('data_json')}::text[]) with ordinality as event (topic, subject, type, data_json, place)
          )
        select seq${channels.length === 0 ? sql`` : sql`, ${notification(channels)}`} from head`.execute(tx);
      const [head] = rows;
      if (!head) throw new Error('The event log has a head.');
      return head.seq;
    },
    isRetryable,
    async notify(db, channels) {
      await sql`select ${notification(channels)}`.execute(db);
    },
    listen({ onRing, onAll }) {
      const onPayload = (payload: string) => {
        const [from, ...channels] = parseChannels(payload);
        if (from !== processId) for (const channel of channels) onRing(channel);
      };
      listening ??= listenForever({ connection, clock, log, signal: stop.signal, onPayload, onAll });
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await listening;
    },
  };
}

/** Not now(): that is the transaction's beginning, and a lease is judged by the present. */
function nowMs() {
  return sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`;
}

/** int8 (oid 20) comes as a number, or fails loudly; so do sums of it, which are numeric (oid 1700). The rest as `pg` does it. */
function getTypeParser(oid: number, format?: 'text' | 'binary') {
  if (oid === 20 || oid === 1700) return parseNumber;
  // `pg` declares one overload for each format and none for the union of both.
  return pg.types.getTypeParser(oid, format as 'text');
}

function parseNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new RangeError(`The database holds ${text}, which no JavaScript number can.`);
  }
  return value;
}

/** Hears notifications until aborted. A broken connection is replaced; what was missed meanwhile is made up by `onAll`. */
async function listenForever(options: {
  connection: pg.ClientConfig;
  clock: Clock;
  log: StoreLog;
  signal: AbortSignal;
  onPayload: (payload: string) => void;
  onAll: () => void;
}): Promise<void> {
  const { connection, clock, log, signal, onPayload, onAll } = options;
  while (!signal.aborted) {
    const client = new pg.Client({ ...connection, query_timeout: CONNECT_TIMEOUT_MS });
    const ended = Promise.withResolvers<void>();
    const end = () => ended.resolve();
    signal.addEventListener('abort', end, { once: true });
    client.once('end', end);
    client.on('error', (error) => {
      log.warn({ reason: error.message }, 'lost the database connection that listens for news');
      end();
    });
    client.on('notification', ({ payload }) => onPayload(payload ?? ''));
    try {
      await client.connect();
      await client.query(`listen ${NOTIFY_CHANNEL}`);
      onAll();
      await ended.promise;
    } catch (error) {
      log.warn({ reason: String(error) }, 'cannot listen for news from other replicas; polling goes on');
    }
    signal.removeEventListener('abort', end);
    await atMost(CLOSE_TIMEOUT_MS, client.end());
    if (!signal.aborted) await clock.sleep(RELISTEN_MS, signal).catch(() => {});
  }
}

/** What others than this program send on the channel is ignored: a doorbell does no more than make somebody look. */
function parseChannels(payload: string): string[] {
  try {
    const channels: unknown = JSON.parse(payload);
    return Array.isArray(channels) ? channels.filter((channel) => typeof channel === 'string') : [];
  } catch {
    return [];
  }
}
