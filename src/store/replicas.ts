/**
 * The processes that serve from this database right now: each keeps a row alive, and counts the rows that are. What is
 * shared out among replicas (the rate of CXone's limits) is shared by this count.
 */
import type { Clock } from '../clock.ts';
import type { Database } from './database.ts';
import { type StoreLog, silentLog } from './storage-engine.ts';
import { waitForRing } from './wait.ts';

/** Rung when a replica comes or goes. */
const REPLICAS_CHANNEL = 'replicas';
const HEARTBEAT_MS = 1_000;
/** A replica that has not beaten for this long is not counted. */
const LIFETIME_MS = 5_000;

export interface Replicas {
  /** Those alive, this one among them, in an order all of them see alike: by owner. One query. */
  list(): Promise<string[]>;
  /** How many there are. One query. */
  count(): Promise<number>;
  /**
   * The same as of the last heartbeat, without a query; empty while this process is not itself counted by the others
   * (before its first heartbeat, without the database, or after a pause): then its share is nothing.
   */
  latest(): readonly string[];
  /** Calls `listener` when what `latest` gives has changed. @returns ends the subscription */
  onChange(listener: () => void): () => void;
  /** Takes itself off the list. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Puts this process on the list and keeps it there until disposed. */
export function createReplicas(deps: { database: Database; clock: Clock; owner: string; log?: StoreLog }): Replicas {
  const { database, clock, owner, log = silentLog } = deps;
  const { db } = database;
  const listeners = new Set<() => void>();
  const stop = new AbortController();
  let seen: { owners: readonly string[]; goodUntil: number } = { owners: [], goodUntil: 0 };

  /** @returns whether this process had not been on the list */
  async function beat(): Promise<boolean> {
    return await database.transaction(async (tx) => {
      const { numDeletedRows } = await tx
        .deleteFrom('replicas')
        .where('expires_at', '<=', database.nowMs())
        .executeTakeFirstOrThrow();
      const { numUpdatedRows } = await tx
        .updateTable('replicas')
        .set((eb) => ({ expires_at: eb(database.nowMs(), '+', LIFETIME_MS) }))
        .where('owner', '=', owner)
        .executeTakeFirstOrThrow();
      const isNew = numUpdatedRows === 0n;
      if (isNew) {
        await tx
          .insertInto('replicas')
          .values((eb) => ({
            owner,
            started_at: database.nowMs(),
            expires_at: eb(database.nowMs(), '+', LIFETIME_MS),
          }))
          .execute();
      }
      if (isNew || numDeletedRows > 0n) await database.ring(tx, REPLICAS_CHANNEL);
      return isNew;
    });
  }

  async function list(): Promise<string[]> {
    const rows = await db
      .selectFrom('replicas')
      .select('owner')
      .where('expires_at', '>', database.nowMs())
      .orderBy('owner')
      .execute();
    return rows.map((row) => row.owner);
  }

  async function keepBeating(): Promise<void> {
    let bell = Promise.withResolvers<void>();
    const unsubscribe = database.onDoorbell(REPLICAS_CHANNEL, () => bell.resolve());
    let failing = false;
    while (!stop.signal.aborted) {
      bell = Promise.withResolvers<void>();
      try {
        const askedAt = clock.monotonic();
        await beat();
        update(await list(), askedAt + LIFETIME_MS);
        failing = false;
      } catch (error) {
        if (!failing) log.warn({ reason: String(error) }, 'cannot tell the other replicas of this one, trying on');
        failing = true;
      }
      await waitForRing(clock, HEARTBEAT_MS, bell.promise, stop.signal);
    }
    unsubscribe();
  }

  function update(owners: readonly string[], goodUntil: number): void {
    const before = latest();
    seen = { owners, goodUntil };
    if (before.join() !== owners.join()) for (const listener of [...listeners]) listener();
  }

  function latest(): readonly string[] {
    return clock.monotonic() < seen.goodUntil ? seen.owners : [];
  }

  const beating = keepBeating();

  return {
    list,
    count: async () => (await list()).length,
    latest,
    onChange(listener) {
      const entry = () => listener();
      listeners.add(entry);
      return () => void listeners.delete(entry);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await beating;
      try {
        await db.deleteFrom('replicas').where('owner', '=', owner).execute();
        await database.ring(db, REPLICAS_CHANNEL);
      } catch (error) {
        log.warn({ reason: String(error) }, 'cannot tell the other replicas that this one stops; they will notice');
      }
    },
  };
}
