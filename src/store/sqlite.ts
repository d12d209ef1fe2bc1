/**
 * The embedded engine: one SQLite file through `node:sqlite`, in WAL mode with every commit on disk before it is
 * acknowledged. One connection per process; its transactions take the write lock at their beginning, so two processes
 * on one file never fail half-way, they take turns.
 */
import { mkdirSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import { GatewayError, isUnavailable } from '../errors.ts';
import type { StorageEngine } from './storage-engine.ts';

/** SQLite waits this long itself, holding up the event loop; beyond it the driver waits asynchronously. */
const BUSY_TIMEOUT_MS = 50;
/** Between two tries to get a lock that another process holds. */
const BUSY_RETRY_MS = 20;
/** After this, writes fail, each at its first try: a healthy process holds the write lock for milliseconds. */
const BUSY_GIVE_UP_MS = 5_000;

/** What was written so lately shows that the disk takes what is written, milliseconds. */
const SURE_MS = 250;

/** Queries that follow each other without I/O between them let the event loop turn after this. */
const MAX_BURST_MS = 10;

/** What must hold of the connection, else an acknowledged commit could be lost or half a change be seen. */
const REQUIRED_PRAGMAS = {
  journal_mode: 'wal',
  /** 2 is FULL: the log is synced at each commit, not only at checkpoints. */
  synchronous: 2,
  foreign_keys: 1,
  busy_timeout: BUSY_TIMEOUT_MS,
} as const;

/** Keeps one statement far below the limit of parameters, 32 766. */
const MAX_ROWS_PER_INSERT = 1_000;

/** Statements that are kept prepared: each takes some kilobytes, and what was bound to it last. */
const MAX_PREPARED = 200;
/** Longer ones are lists of rows, hardly ever of the same length twice; UTF-16 units. */
const MAX_PREPARED_LENGTH = 4_000;

/** What was committed lazily is on disk after this, or as soon as anything else is committed. */
const LAZY_SYNC_MS = 200;

/** https://sqlite.org/rescode.html */
const SQLITE_BUSY = 5;
/** READONLY, IOERR, FULL, CANTOPEN: the disk's trouble, not the query's. */
const SQLITE_UNAVAILABLE: readonly number[] = [8, 10, 13, 14];

/** The file cannot be used: the message names it and says why. */
export class SqliteFileError extends Error {}

/**
 * Opens the file, and makes it and its folder (for this user only: it holds rows with personal data) where missing.
 * @param url `file:./relative`, `file:/absolute` or `file:///absolute`
 * @throws SqliteFileError when the folder or the file cannot be used
 */
export function openSqlite({ url, clock }: { url: string; clock: Clock }): StorageEngine {
  const path = sqlitePath(url);
  const file = openFile(path);

  const lateSync = createLateSync(`${path}-wal`);
  const health = createWriteHealth(file);

  const commitLazily: StorageEngine['commitLazily'] = (db, run) =>
    // The one connection, held from pragma to pragma: what others commit goes to disk at once.
    db.connection().execute(async (own) => {
      await sql`pragma synchronous = normal`.execute(own);
      try {
        return await own.transaction().execute(run);
      } finally {
        await sql`pragma synchronous = full`.execute(own);
        lateSync.soon();
      }
    });

  return {
    engine: 'sqlite',
    dialect: {
      createDriver: () => createDriver(file, health),
      createQueryCompiler: () => new SqliteQueryCompiler(),
      // SQLite's DDL is transactional. Kysely only says otherwise for the sake of what cannot be altered in it; we use
      // none of that, and a migration that is killed half-way must leave nothing behind.
      createAdapter: () => Object.defineProperty(new SqliteAdapter(), 'supportsTransactionalDdl', { value: true }),
      createIntrospector: (db) => new SqliteIntrospector(db),
    },
    schema: {
      integer: 'integer',
      real: 'real',
      text: sql`text`,
      bytes: 'blob',
      identity: (column) => column.primaryKey().autoIncrement(),
      strict: (table) => table.modifyEnd(sql`strict`),
    },
    withMigrationConnection: (db, work) => work(db),
    commitLazily,
    async probe(db) {
      if (health.isSure()) {
        // Only the lock is in question. The one connection, so that nobody else's transaction is ended here.
        await db.connection().execute(async (own) => {
          await sql`begin immediate`.execute(own);
          await sql`rollback`.execute(own);
        });
        return;
      }
      // Another value each time: what changes nothing, SQLite does not write.
      await commitLazily(db, async (tx) => {
        await sql`insert into settings (name, value) values ('disk-probe', hex(randomblob(8)))
                  on conflict (name) do update set value = excluded.value`.execute(tx);
      });
    },
    nowMs: () => sql<number>`${clock.now()}`,
    // Writers are alone in the file from `begin immediate` to their end: rows need no locks of their own.
    forUpdate: (query) => query,
    forKeyShare: (query) => query,
    skipLocked: (query) => query,
    serialize: async () => {},
    async appendEvents(tx, events) {
      const { seq: last } = await tx
        .updateTable('event_head')
        .set((eb) => ({ seq: eb('seq', '+', events.length) }))
        .where('id', '=', 1)
        .returning('seq')
        .executeTakeFirstOrThrow();
      const rows = events.map((event, index) => ({ ...event, seq: last - events.length + 1 + index, at: clock.now() }));
      for (let start = 0; start < rows.length; start += MAX_ROWS_PER_INSERT) {
        await tx
          .insertInto('events')
          .values(rows.slice(start, start + MAX_ROWS_PER_INSERT))
          .execute();
      }
      return last;
    },
    isRetryable: () => false,
    // Other processes on the same file find out by polling.
    notify: async () => {},
    listen: () => {},
    async [Symbol.asyncDispose]() {
      await lateSync[Symbol.asyncDispose]();
    },
  };
}

/** The path a `file:` URL of the configuration names. Relative paths are taken as they are written. */
export function sqlitePath(url: string): string {
  const path = url.startsWith('file://') ? fileURLToPath(url) : url.slice('file:'.length);
  if (!url.startsWith('file:') || path === '') {
    throw new Error(`A SQLite database is named as file:<path>, not as "${url}".`);
  }
  return path;
}

/** @throws SqliteFileError */
function openFile(path: string): DatabaseSync {
  let file: DatabaseSync | undefined;
  try {
    makeFolder(dirname(path));
    file = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true });
    file.exec('pragma journal_mode = wal; pragma synchronous = full');
    assertPragmas(file);
    return file;
  } catch (cause) {
    file?.close();
    throw new SqliteFileError(`${path} cannot be used: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

/** Not by Node's own `recursive`, which tries for ever where the system says of a folder it refuses that it is missing (/proc). */
function makeFolder(path: string): void {
  const isThere = () => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isThere()) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process that starts may have been first.
    if (!isThere()) throw error;
  }
}

/** @throws Error naming the first setting that is not as it must be */
export function assertPragmas(file: DatabaseSync): void {
  for (const [name, required] of Object.entries(REQUIRED_PRAGMAS)) {
    const [actual] = Object.values(file.prepare(`pragma ${name}`).get() ?? {});
    if (actual !== required) {
      throw new Error(`SQLite runs with ${name} = ${actual}, but must run with ${required}`);
    }
  }
}

/**
 * Writes the log (SQLite's `-wal` file) to disk a moment after it is asked to, off the event loop. SQLite holds no lock
 * on this file, so that opening and closing it beside SQLite takes none away.
 */
function createLateSync(walPath: string): { soon(): void } & AsyncDisposable {
  let due: NodeJS.Timeout | undefined;

  async function sync(): Promise<void> {
    due = undefined;
    await using wal = await open(walPath, 'r+');
    await wal.datasync();
  }

  return {
    soon() {
      // A disk that fails is found out by the next commit that has to be on it.
      due ??= setTimeout(() => void sync().catch(() => {}), LAZY_SYNC_MS).unref();
    },
    async [Symbol.asyncDispose]() {
      if (!due) return;
      clearTimeout(due);
      await sync().catch(() => {});
    },
  };
}

/** Kysely gives the one connection to one user at a time (SqliteAdapter.supportsMultipleConnections is false). */
function createDriver(file: DatabaseSync, health: WriteHealth): Driver {
  const whenNotBusy = createBusyWait();
  const letOthersRun = createTurnTaker();
  const prepare = createPreparer(file);
  const connection: DatabaseConnection = {
    async executeQuery<R>(query: CompiledQuery) {
      await letOthersRun();
      return await health.watch(query.sql, () => whenNotBusy(query.sql, () => run<R>(prepare(query.sql), query)));
    },
    async *streamQuery<R>(query: CompiledQuery) {
      // Of its own: another query may be run while this one is under way.
      for (const row of file.prepare(query.sql).iterate(...bindable(query))) {
        // The caller of Kysely states the type of its rows; the driver cannot know it.
        yield { rows: [row as R] };
      }
    },
  };
  const execute = async (statement: string) => {
    await connection.executeQuery(CompiledQuery.raw(statement));
  };
  return {
    init: async () => {},
    acquireConnection: async () => connection,
    // `immediate`: a plain `begin` that reads and then writes fails when another process wrote in between.
    beginTransaction: () => execute('begin immediate'),
    commitTransaction: () => execute('commit'),
    // Some failures (a full disk, for one) have already rolled it back.
    rollbackTransaction: async () => {
      if (file.isTransaction) await execute('rollback');
    },
    releaseConnection: async () => {},
    destroy: async () => file.close(),
  };
}

/**
 * SQLite answers at once, so a loop of queries never waits for anything and would keep timers and sockets from their
 * turn for as long as it lasts. The function returned waits for the next turn when the present one has lasted too long.
 */
function createTurnTaker(): () => Promise<void> | undefined {
  let turn: Promise<void> | undefined;
  let startedAt = 0;
  return () => {
    if (turn !== undefined) return performance.now() - startedAt > MAX_BURST_MS ? turn : undefined;
    startedAt = performance.now();
    turn = new Promise((resolve) => {
      setImmediate(() => {
        turn = undefined;
        resolve();
      });
    });
    return undefined;
  };
}

interface Prepared {
  readonly statement: StatementSync;
  readonly givesRows: boolean;
}

/** Parses and plans what comes again and again once: for a short statement that is half of the work. */
function createPreparer(file: DatabaseSync): (text: string) => Prepared {
  const kept = new LRUCache<string, Prepared>({ max: MAX_PREPARED });
  return (text) => {
    const known = kept.get(text);
    if (known) return known;
    const statement = file.prepare(text);
    const prepared = { statement, givesRows: statement.columns().length > 0 };
    if (text.length <= MAX_PREPARED_LENGTH) kept.set(text, prepared);
    return prepared;
  };
}

function run<R>({ statement, givesRows }: Prepared, query: CompiledQuery): QueryResult<R> {
  if (givesRows) {
    // The caller of Kysely states the type of its rows; the driver cannot know it.
    return { rows: statement.all(...bindable(query)) as R[] };
  }
  const { changes, lastInsertRowid } = statement.run(...bindable(query));
  return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
}

/** The tables' types allow nothing but what SQLite binds; anything else makes `node:sqlite` throw. */
function bindable(query: CompiledQuery): SQLInputValue[] {
  return query.parameters as SQLInputValue[];
}

interface WriteHealth {
  /** Whether something was written just now, and nothing has failed since by the file's or the disk's fault. */
  isSure(): boolean;
  /** Runs one statement and learns from it. */
  watch<T>(statement: string, execute: () => Promise<T>): Promise<T>;
}

/** What another process's lock keeps waiting. */
const TAKES_THE_LOCK = /^\s*(begin|insert|update|delete)\b/i;
const WRITES_NOTHING = /^\s*(select|with|begin|commit|rollback|pragma)\b/i;

function createWriteHealth(file: DatabaseSync): WriteHealth {
  let writtenAt = Number.NEGATIVE_INFINITY;
  /** Something was written that the end of the transaction under way puts on the disk. */
  let hasWritten = false;
  return {
    isSure: () => performance.now() - writtenAt < SURE_MS,
    async watch(statement, execute) {
      try {
        const result = await execute();
        hasWritten ||= !WRITES_NOTHING.test(statement);
        if (file.isTransaction) return result;
        if (hasWritten && !/^\s*rollback\b/i.test(statement)) writtenAt = performance.now();
        hasWritten = false;
        return result;
      } catch (error) {
        if (isUnavailable(error)) writtenAt = Number.NEGATIVE_INFINITY;
        // Some failures end the transaction themselves.
        if (!file.isTransaction) hasWritten = false;
        throw error;
      }
    },
  };
}

/**
 * Runs what the file allows. While another process (or another connection of this one) holds the lock, it is tried
 * again: for so long in all, not for each of those who wait behind each other. That process needs real time to finish,
 * so this waits on the real clock, not on the injected one.
 */
function createBusyWait(): <T>(statement: string, attempt: () => T) => Promise<T> {
  let busySince: number | undefined;
  return async (statement, attempt) => {
    for (;;) {
      try {
        const result = attempt();
        if (TAKES_THE_LOCK.test(statement)) busySince = undefined;
        return result;
      } catch (error) {
        const code = primaryResultCode(error);
        if (code !== SQLITE_BUSY && !(code !== undefined && SQLITE_UNAVAILABLE.includes(code))) throw error;
        if (code === SQLITE_BUSY) busySince ??= performance.now();
        if (code !== SQLITE_BUSY || performance.now() - (busySince ?? 0) >= BUSY_GIVE_UP_MS) {
          throw new GatewayError(
            'UNAVAILABLE',
            "The gateway's database file cannot be used at the moment. Try again in a moment.",
            { cause: error },
          );
        }
        await delay(BUSY_RETRY_MS);
      }
    }
  };
}

/** The low byte of the extended result code says which family it belongs to. */
function primaryResultCode(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode & 0xff
    : undefined;
}
