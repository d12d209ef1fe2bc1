/**
 * What a database engine must bring so that everything else in this room can be written once. Two exist:
 * `sqlite.ts` (embedded) and `postgres.ts` (several replicas).
 */
import type {
  ColumnDataType,
  ColumnDefinitionBuilder,
  CreateTableBuilder,
  Dialect,
  Expression,
  Kysely,
  RawBuilder,
  SelectQueryBuilder,
  Transaction,
} from 'kysely';
import type { EventRow, Tables } from './tables.ts';

export type Engine = 'sqlite' | 'postgres';

/** The part of a logger this room needs. Nothing secret and no row is ever passed to it. */
export interface StoreLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

export const silentLog: StoreLog = { info: () => {}, warn: () => {} };

/** How the migrations spell what the engines spell differently. */
export interface SchemaDialect {
  /** Integers up to 2^53 - 1. */
  readonly integer: ColumnDataType;
  /** Fractional numbers. */
  readonly real: ColumnDataType;
  /** Text that is compared byte by byte, whatever the locale of the database. */
  readonly text: Expression<unknown>;
  readonly bytes: ColumnDataType;
  /** Makes an integer column the primary key the engine numbers by itself, never giving a number twice. */
  identity(column: ColumnDefinitionBuilder): ColumnDefinitionBuilder;
  /** Makes the engine refuse values of another type than the column's. */
  strict<T extends string>(table: CreateTableBuilder<T>): CreateTableBuilder<T>;
}

/** A row of the event log before it has its number and its time. */
export type UnnumberedEvent = Omit<EventRow, 'seq' | 'at'>;

export interface StorageEngine {
  readonly engine: Engine;
  readonly dialect: Dialect;
  readonly schema: SchemaDialect;
  /** Runs `work` on a connection whose statements may take as long as a migration takes. */
  withMigrationConnection<T>(db: Kysely<Tables>, work: (db: Kysely<Tables>) => Promise<T>): Promise<T>;
  /**
   * Runs `run` in one transaction. Its commit outlives this process at once, but a failure of the power (of the server)
   * only once it has been written to disk, which is seen to within a second and not waited for.
   */
  commitLazily<T>(db: Kysely<Tables>, run: (tx: Transaction<Tables>) => Promise<T>): Promise<T>;
  /** @throws GatewayError UNAVAILABLE where the database does not answer or, as far as can be known, nothing can be written */
  probe(db: Kysely<Tables>): Promise<void>;
  nowMs(): RawBuilder<number>;
  forUpdate<DB, TB extends keyof DB, O>(query: SelectQueryBuilder<DB, TB, O>): SelectQueryBuilder<DB, TB, O>;
  forKeyShare<DB, TB extends keyof DB, O>(query: SelectQueryBuilder<DB, TB, O>): SelectQueryBuilder<DB, TB, O>;
  skipLocked<DB, TB extends keyof DB, O>(query: SelectQueryBuilder<DB, TB, O>): SelectQueryBuilder<DB, TB, O>;
  /** Until the transaction ends, nobody else passes this point with the same name. */
  serialize(tx: Kysely<Tables>, name: string): Promise<void>;
  /** Whether the engine undid the transaction only because of another one: running it again may well succeed. */
  isRetryable(error: unknown): boolean;
  /**
   * Numbers the events and inserts them. Whoever does so next waits until the transaction ends: on Postgres it is one
   * round trip, so that they do not wait for this process's event loop in the middle of it.
   * @param channels the other processes are told of it as by `notify`; none where they are told already
   * @returns the last number
   */
  appendEvents(tx: Kysely<Tables>, events: readonly UnnumberedEvent[], channels: readonly string[]): Promise<number>;
  /** Tells the other processes, once and when the transaction of `db` (if it is one) commits. */
  notify(db: Kysely<Tables>, channels: readonly string[]): Promise<void>;
  /** Starts to hear what other processes notify. After a lost connection `onAll` is called: anything may have been missed. */
  listen(listener: { onRing: (channel: string) => void; onAll: () => void }): void;
  /** Ends what `listen` started. The connections are ended with the Kysely instance. */
  [Symbol.asyncDispose](): Promise<void>;
}
