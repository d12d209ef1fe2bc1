/** The sandbox's own SQLite: everything it stores, so that memory stays flat and a killed sandbox comes back as it was. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';

export interface Database {
  /** The first row, if any. `Row` must describe what the statement selects. */
  one<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined;
  all<Row>(sql: string, ...values: SQLInputValue[]): Row[];
  /** @returns how many rows changed */
  run(sql: string, ...values: SQLInputValue[]): number;
  /** All or nothing. Not nestable. */
  transaction<T>(work: () => T): T;
  close(): void;
}

/**
 * Opens the file, creating the tables where they are missing.
 * @throws Error naming the file when it cannot be opened or is no SQLite file
 */
export function openDatabase(file: string): Database {
  const sqlite = openFile(file);
  // Statements are compiled once. The texts are constants of this folder, so there is a fixed number of them.
  const statements = new Map<string, StatementSync>();
  const prepare = (sql: string): StatementSync => {
    let statement = statements.get(sql);
    if (!statement) {
      statement = sqlite.prepare(sql);
      statements.set(sql, statement);
    }
    return statement;
  };
  return {
    // The casts: a row's shape is decided by the SQL, which stands beside each call that names `Row`.
    one: <Row>(sql: string, ...values: SQLInputValue[]) => prepare(sql).get(...values) as Row | undefined,
    all: <Row>(sql: string, ...values: SQLInputValue[]) => prepare(sql).all(...values) as Row[],
    run: (sql, ...values) => Number(prepare(sql).run(...values).changes),
    transaction: (work) => {
      sqlite.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        sqlite.exec('COMMIT');
        return result;
      } catch (error) {
        sqlite.exec('ROLLBACK');
        throw error;
      }
    },
    close: () => sqlite.close(),
  };
}

function openFile(file: string): DatabaseSync {
  let sqlite: DatabaseSync | undefined;
  try {
    sqlite = new DatabaseSync(file);
    sqlite.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 2000;');
    sqlite.exec(TABLES);
    return sqlite;
  } catch (cause) {
    sqlite?.close();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`The sandbox cannot use ${file} as its SQLite file: ${reason}`, { cause });
  }
}

/**
 * `seq` keeps the order of creation, which is the order of pages.
 * Outbound contacts are stored a batch a row, as they came: SQLite unpacks them when somebody asks.
 */
const TABLES = `
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, scopes_json TEXT NOT NULL, expires_at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS address_books (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE, body_json TEXT NOT NULL, fields_json TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS contacts (
  seq INTEGER PRIMARY KEY, book_id TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, body_json TEXT NOT NULL, UNIQUE (book_id, id));
CREATE INDEX IF NOT EXISTS contacts_by_id ON contacts (id);
CREATE INDEX IF NOT EXISTS contacts_in_order ON contacts (book_id, seq);
CREATE TABLE IF NOT EXISTS contact_terms (
  book_id TEXT NOT NULL, term TEXT NOT NULL, contact_seq INTEGER NOT NULL, PRIMARY KEY (book_id, term, contact_seq)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS contact_terms_by_contact ON contact_terms (contact_seq);
CREATE TABLE IF NOT EXISTS groups (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, kind TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS group_members (
  group_id TEXT NOT NULL, position INTEGER NOT NULL, contact_id TEXT NOT NULL, PRIMARY KEY (group_id, contact_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS groups_of_contact ON group_members (contact_id);
CREATE TABLE IF NOT EXISTS contact_lists (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, contact_count INTEGER NOT NULL, attributes_json TEXT NOT NULL,
  refreshed_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS outbound_batches (
  seq INTEGER PRIMARY KEY, list_id TEXT NOT NULL, size INTEGER NOT NULL, contacts_json TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS outbound_batches_of_list ON outbound_batches (list_id, seq);
CREATE TABLE IF NOT EXISTS records (
  seq INTEGER PRIMARY KEY, list_id TEXT NOT NULL, contact_id TEXT NOT NULL, body_json TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS records_of_contact ON records (list_id, contact_id);
CREATE TABLE IF NOT EXISTS record_phones (
  list_id TEXT NOT NULL, contact_id TEXT NOT NULL, number TEXT NOT NULL, record_seq INTEGER NOT NULL,
  PRIMARY KEY (list_id, contact_id, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS attributes (
  list_id TEXT NOT NULL, contact_id TEXT NOT NULL, attributes_json TEXT NOT NULL, written_at REAL NOT NULL,
  PRIMARY KEY (list_id, contact_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS campaigns (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, status TEXT NOT NULL, max_enrichment_timeout_ms INTEGER NOT NULL, list_id TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS segments (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, type TEXT NOT NULL, refreshed_at REAL);
CREATE TABLE IF NOT EXISTS segment_members (
  segment_id TEXT NOT NULL, contact_id TEXT NOT NULL, added_at REAL NOT NULL, visible_at REAL NOT NULL,
  PRIMARY KEY (segment_id, contact_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS segment_members_by_visibility ON segment_members (segment_id, visible_at);
CREATE TABLE IF NOT EXISTS idempotency_keys (
  key TEXT PRIMARY KEY, segment_id TEXT NOT NULL, body_hash TEXT NOT NULL, status INTEGER NOT NULL, answer_json TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS webhooks (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, url TEXT NOT NULL, events_json TEXT NOT NULL,
  max_retries INTEGER NOT NULL, backoff_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
  seq INTEGER PRIMARY KEY, webhook_id TEXT NOT NULL, message_id TEXT NOT NULL, body TEXT NOT NULL, attempts INTEGER NOT NULL,
  due_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS deliveries_by_due ON deliveries (due_at, seq);
`;

/** The next number of a counter that never gives one out twice, not even after a restart. */
export function nextNumber(db: Database, counter: string): number {
  const row = db.one<{ value: number }>(
    'INSERT INTO counters (name, value) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value',
    counter,
  );
  if (!row) throw new Error('SQLite returned no counter.');
  return row.value;
}
