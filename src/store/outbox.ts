/**
 * Messages that must reach somebody's URL: stored in the transaction of what they tell, delivered at least once, and
 * in order within a stream. Who delivers, and when it gives up, is up to the caller.
 */
import type { Database, Transaction } from './database.ts';
import type { OutboxRow } from './tables.ts';

/** Rung when a message becomes due sooner than could be known: enqueued, or now the first of its stream. */
export const OUTBOX_CHANNEL = 'outbox';

export interface NewMessage {
  /** Unique; the receiver sees it on every try. */
  messageId: string;
  /** Messages of one stream are delivered one after another, as the import they tell of. */
  stream: string;
  url: string;
  body: string;
  /** How long delivery may be tried. */
  ttlMs: number;
}

export interface ClaimedMessage {
  readonly id: number;
  readonly messageId: string;
  readonly stream: string;
  readonly url: string;
  readonly body: string;
  /** This one included. */
  readonly attempts: number;
  readonly createdAt: number;
  /** Whether its time is over: this is the last try it should get, if any. */
  readonly isExpired: boolean;
}

export interface Outbox {
  /** Stores it to be delivered; not where its stream is closed. */
  enqueue(tx: Transaction, message: NewMessage): Promise<void>;
  /**
   * Takes up to `limit` messages that are due, of each stream the oldest undelivered one only. Until `leaseMs` have
   * passed nobody else gets them; who has not answered by then is taken for dead and they are tried again.
   */
  claimDue(limit: number, leaseMs: number): Promise<ClaimedMessage[]>;
  /** The receiver has it: the next of its stream is due. */
  delivered(id: number): Promise<void>;
  /** Tries it again after `delayMs`; its stream waits meanwhile. Does nothing when somebody else has claimed it since. */
  retryLater(message: Pick<ClaimedMessage, 'id' | 'attempts'>, delayMs: number): Promise<void>;
  /** Drops it undelivered: the next of its stream is due. */
  giveUp(id: number): Promise<void>;
  /** Closes its stream: drops it and all behind it, and whatever is still enqueued to it. @returns how many were behind it */
  close(id: number): Promise<number>;
  /** Forgets streams that were closed more than `olderThanMs` milliseconds ago. @returns how many */
  prune(olderThanMs: number): Promise<number>;
  /** Milliseconds until the next message is due, 0 when one is, undefined when the outbox is empty. */
  nextDueInMs(): Promise<number | undefined>;
}

/** Not due before all earlier messages of its stream are gone. */
const BEHIND_ANOTHER = Number.MAX_SAFE_INTEGER;

export function createOutbox(deps: { database: Database }): Outbox {
  const { database } = deps;
  const { db } = database;

  /**
   * One change of a stream at a time: so exactly its oldest message is due, and a message never overtakes an earlier
   * one whose transaction is still open.
   */
  async function lockStream(tx: Transaction, stream: string): Promise<void> {
    await database.serialize(tx, `outbox:${stream}`);
  }

  async function remove(id: number): Promise<void> {
    await database.transaction(async (tx) => {
      const message = await tx.selectFrom('outbox').select('stream').where('id', '=', id).executeTakeFirst();
      if (!message) return;
      await lockStream(tx, message.stream);
      await tx.deleteFrom('outbox').where('id', '=', id).execute();
      const { numUpdatedRows } = await tx
        .updateTable('outbox')
        .set({ next_attempt_at: database.nowMs() })
        .where('id', '=', (eb) =>
          eb
            .selectFrom('outbox')
            .select((min) => min.fn.min('id').as('id'))
            .where('stream', '=', message.stream),
        )
        .where('next_attempt_at', '=', BEHIND_ANOTHER)
        .executeTakeFirstOrThrow();
      if (numUpdatedRows > 0n) await database.ring(tx, OUTBOX_CHANNEL);
    });
  }

  return {
    async enqueue(tx, message) {
      await lockStream(tx, message.stream);
      const closed = await tx
        .selectFrom('outbox_closed_streams')
        .select('stream')
        .where('stream', '=', message.stream)
        .execute();
      if (closed.length > 0) return;
      const earlier = await tx
        .selectFrom('outbox')
        .select('id')
        .where('stream', '=', message.stream)
        .limit(1)
        .execute();
      await tx
        .insertInto('outbox')
        .values((eb) => ({
          message_id: message.messageId,
          stream: message.stream,
          url: message.url,
          body: message.body,
          attempts: 0,
          next_attempt_at: earlier.length > 0 ? BEHIND_ANOTHER : database.nowMs(),
          expires_at: eb(database.nowMs(), '+', message.ttlMs),
          created_at: database.nowMs(),
        }))
        .execute();
      await database.ring(tx, OUTBOX_CHANNEL);
    },

    async claimDue(limit, leaseMs) {
      const rows = await db
        .with('due', (cte) =>
          database.skipLocked(
            cte
              .selectFrom('outbox')
              .select('id')
              .where('next_attempt_at', '<=', database.nowMs())
              .orderBy('next_attempt_at')
              .limit(limit),
          ),
        )
        .updateTable('outbox')
        .set((eb) => ({
          attempts: eb('attempts', '+', 1),
          next_attempt_at: eb(database.nowMs(), '+', leaseMs),
        }))
        .where('id', 'in', (eb) => eb.selectFrom('due').select('due.id'))
        .returningAll()
        .returning((eb) => eb('expires_at', '<=', database.nowMs()).as('is_expired'))
        .execute();
      return rows.map((row) => toClaimedMessage(row, Boolean(row.is_expired)));
    },

    delivered: remove,
    giveUp: remove,

    async retryLater({ id, attempts }, delayMs) {
      await db
        .updateTable('outbox')
        .set((eb) => ({ next_attempt_at: eb(database.nowMs(), '+', delayMs) }))
        .where('id', '=', id)
        .where('attempts', '=', attempts)
        .execute();
    },

    close: (id) =>
      database.transaction(async (tx) => {
        const message = await tx.selectFrom('outbox').select('stream').where('id', '=', id).executeTakeFirst();
        if (!message) return 0;
        const { stream } = message;
        await lockStream(tx, stream);
        await tx
          .insertInto('outbox_closed_streams')
          .values({ stream, closed_at: database.nowMs() })
          .onConflict((conflict) => conflict.column('stream').doNothing())
          .execute();
        const { numDeletedRows } = await tx.deleteFrom('outbox').where('stream', '=', stream).executeTakeFirstOrThrow();
        return Number(numDeletedRows) - 1;
      }),

    async prune(olderThanMs) {
      const { numDeletedRows } = await db
        .deleteFrom('outbox_closed_streams')
        .where((eb) => eb('closed_at', '<', eb(database.nowMs(), '-', olderThanMs)))
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    },

    async nextDueInMs() {
      const next = await db
        .selectFrom('outbox')
        .select((eb) => eb('next_attempt_at', '-', database.nowMs()).as('in_ms'))
        .orderBy('next_attempt_at')
        .limit(1)
        .executeTakeFirst();
      return next && Math.max(0, next.in_ms);
    },
  };
}

function toClaimedMessage(row: OutboxRow, isExpired: boolean): ClaimedMessage {
  const { id, message_id, stream, url, body, attempts, created_at } = row;
  return { id, messageId: message_id, stream, url, body, attempts, createdAt: created_at, isExpired };
}
