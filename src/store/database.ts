/**
 * The one way to the database, whichever engine it runs on: migrated when opened, transactions that are retried when
 * the engine undid them only because of another, and a doorbell that rings after the commit.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Expression,
  Kysely,
  type KyselyPlugin,
  type RawBuilder,
  type SelectQueryBuilder,
  type SqlBool,
  type Transaction as Tx,
} from 'kysely';
import type { Clock } from '../clock.ts';
import { isUnavailable } from '../errors.ts';
import { createDoorbell } from './doorbell.ts';
import { migrateToLatest } from './migrate.ts';
import { openPostgres } from './postgres.ts';
import { openSqlite } from './sqlite.ts';
import { type Engine, type StoreLog, silentLog, type UnnumberedEvent } from './storage-engine.ts';
import type { Tables } from './tables.ts';

export type { Engine } from './storage-engine.ts';
export type Transaction = Tx<Tables>;
export type Queryable = Kysely<Tables> | Transaction;
/** Part of a statement that is true or false. */
export type Condition = Expression<SqlBool>;

/** A transaction the engine undoes this often is contended beyond what trying again can mend. */
const MAX_TRANSACTION_ATTEMPTS = 5;

/** Between two tries to reach a database that is not there yet. */
const REACH_MS = 500;

export interface Database {
  readonly engine: Engine;
  /** For single statements. Inside a `transaction` only its `tx` may be used: this one throws there. */
  readonly db: Kysely<Tables>;
  /**
   * Runs `run` in one transaction and commits it, or rolls it back when `run` throws. Serialization failures and
   * deadlocks run it again, five times at most, so `run` must do nothing but query. Keep it short: on SQLite all other
   * queries of the process wait for it, on Postgres a pause of 5 s inside it ends it.
   *
   * @param options.lazily do not wait for the disk: the commit outlives this process at once, but a failure of the
   *   power (of the server) only within a second. A tenth of the time, on SQLite.
   * @throws GatewayError UNAVAILABLE when the database cannot be used; what `run` throws
   */
  transaction<T>(run: (tx: Transaction) => Promise<T>, options?: { lazily?: boolean }): Promise<T>;
  /** Epoch milliseconds as an SQL expression: the database's clock on Postgres, the injected clock on SQLite. */
  nowMs(): RawBuilder<number>;
  /** Locks the rows read until the transaction ends. On SQLite a transaction has locked everything already. */
  forUpdate<DB, TB extends keyof DB, O>(query: SelectQueryBuilder<DB, TB, O>): SelectQueryBuilder<DB, TB, O>;
  /**
   * Keeps others from locking the rows read by `forUpdate`, or deleting them, until the transaction ends; not from this
   * same, nor from changing what is no key.
   */
  forKeyShare<DB, TB extends keyof DB, O>(query: SelectQueryBuilder<DB, TB, O>): SelectQueryBuilder<DB, TB, O>;
  /** The same as `forUpdate`, leaving out rows that somebody else has locked: for claiming work. */
  skipLocked<DB, TB extends keyof DB, O>(query: SelectQueryBuilder<DB, TB, O>): SelectQueryBuilder<DB, TB, O>;
  /** Until `tx` ends, no other transaction gets past this call with the same name. */
  serialize(tx: Transaction, name: string): Promise<void>;
  /** For the event log alone: numbers and inserts events, and rings `channels`. @returns the last number */
  appendEvents(tx: Transaction, events: readonly UnnumberedEvent[], channels: readonly string[]): Promise<number>;
  /** @throws GatewayError UNAVAILABLE when the database does not answer, or nothing can be written to it */
  ping(): Promise<void>;
  /**
   * Calls `listener` whenever `channel` was rung, by this process or another, and after times in which that may have
   * been missed. Rings can be lost: who listens must poll as well.
   * @returns ends the subscription
   */
  onDoorbell(channel: string, listener: () => void): () => void;
  /** Rings `channel` here and in the other processes; within a transaction once, after its commit, and not when it fails. */
  ring(at: Queryable, channel: string): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Opens the database and brings its tables up to date (once, however many processes open it at the same time).
 * @param options.url `file:./data/gateway.db` or `postgres://…`
 * @param options.waitMs how long a server that cannot be reached yet is waited for, in milliseconds; default not at all
 * @throws Error when it cannot be opened or migrated
 */
export async function openDatabase(options: {
  url: string;
  clock: Clock;
  log?: StoreLog;
  waitMs?: number;
}): Promise<Database> {
  const { url, clock, log = silentLog, waitMs = 0 } = options;
  const engine = /^postgres(?:ql)?:/.test(url) ? openPostgres({ url, clock, log }) : openSqlite({ url, clock });
  const unguarded = new Kysely<Tables>({ dialect: engine.dialect });
  const doorbell = createDoorbell();
  const current = new AsyncLocalStorage<{ open: boolean }>();
  /** The channels to ring once the transaction has committed. */
  const pending = new WeakMap<Queryable, Set<string>>();

  const assertOutsideTransaction = () => {
    // It would wait for a connection that its own transaction holds: for ever on SQLite, now and then on Postgres.
    if (current.getStore()?.open) throw new Error('Inside a transaction, query through its `tx` only.');
  };

  async function attemptTransaction<T>(run: (tx: Transaction) => Promise<T>, lazily: boolean): Promise<T> {
    const channels = new Set<string>();
    const scoped = async (tx: Transaction) => {
      pending.set(tx, channels);
      const scope = { open: true };
      try {
        return await current.run(scope, () => run(tx));
      } finally {
        scope.open = false;
      }
    };
    const result = await (lazily ? engine.commitLazily(unguarded, scoped) : unguarded.transaction().execute(scoped));
    for (const channel of channels) doorbell.ring(channel);
    return result;
  }

  const migrate = () => engine.withMigrationConnection(unguarded, (db) => migrateToLatest({ db, engine, log }));
  try {
    await onceReachable(migrate, { clock, log, waitMs });
  } catch (error) {
    await closeAll();
    throw error;
  }

  async function closeAll() {
    await engine[Symbol.asyncDispose]();
    await unguarded.destroy();
  }

  return {
    engine: engine.engine,
    db: unguarded.withPlugin(guardPlugin(assertOutsideTransaction)),
    async transaction(run, { lazily = false } = {}) {
      assertOutsideTransaction();
      for (let attempt = 1; ; attempt++) {
        try {
          return await attemptTransaction(run, lazily);
        } catch (error) {
          if (attempt >= MAX_TRANSACTION_ATTEMPTS || !engine.isRetryable(error)) throw error;
        }
      }
    },
    nowMs: engine.nowMs,
    forUpdate: engine.forUpdate,
    forKeyShare: engine.forKeyShare,
    skipLocked: engine.skipLocked,
    serialize: engine.serialize,
    appendEvents(tx, events, channels) {
      const told = pending.get(tx);
      const untold = channels.filter((channel) => !told?.has(channel));
      for (const channel of untold) told?.add(channel);
      return engine.appendEvents(tx, events, untold);
    },
    ping: () => engine.probe(unguarded),
    onDoorbell(channel, listener) {
      engine.listen({ onRing: doorbell.ring, onAll: doorbell.ringAll });
      return doorbell.on(channel, listener);
    },
    async ring(at, channel) {
      const channels = pending.get(at);
      if (channels) {
        // It goes out with the commit, however early it is said.
        if (!channels.has(channel)) await engine.notify(at, [channel]);
        channels.add(channel);
      } else {
        await engine.notify(at, [channel]);
        doorbell.ring(channel);
      }
    },
    [Symbol.asyncDispose]: closeAll,
  };
}

/** A server may start later than this process, as after a failure of the power or of a whole machine. */
async function onceReachable(
  work: () => Promise<void>,
  { clock, log, waitMs }: { clock: Clock; log: StoreLog; waitMs: number },
): Promise<void> {
  const startedAt = clock.monotonic();
  for (let tries = 1; ; tries++) {
    try {
      await work();
      if (tries > 1) log.info({ waitedMs: Math.round(clock.monotonic() - startedAt) }, 'the database can be reached');
      return;
    } catch (error) {
      if (!isUnavailable(error) || clock.monotonic() - startedAt >= waitMs) throw error;
      if (tries === 1) log.warn({ reason: String(error.cause ?? error), waitMs }, 'waiting for the database');
      await clock.sleep(REACH_MS);
    }
  }
}

/** Looks before each query is compiled, which is before it waits for a connection. */
function guardPlugin(assertAllowed: () => void): KyselyPlugin {
  return {
    transformQuery({ node }) {
      assertAllowed();
      return node;
    },
    transformResult: async ({ result }) => result,
  };
}
