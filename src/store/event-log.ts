/**
 * The durable log of everything that happened: appended in the transaction of what it tells, read by cursor.
 *
 * A sequence number is given out by changing the one row of `event_head`, whose lock is held until the transaction
 * commits. So the order of the numbers is the order of the commits, and a reader that asks for what comes after the
 * last number it saw can never have skipped an event that committed late. Numbers need not be consecutive.
 */
import type { Clock } from '../clock.ts';
import type { Database, Transaction } from './database.ts';
import { createEventTails } from './event-tail.ts';
import { type StoreLog, silentLog } from './storage-engine.ts';
import { type EventFilter, type NewEvent, type StoredEvent, toStoredEvent } from './stored-event.ts';
import type { EventRow } from './tables.ts';

/** Rung with every event, besides its topic's channel: who waits for one topic is not woken for the others. */
const EVENTS_CHANNEL = 'events';

function channelOf(topic: string): string {
  return `${EVENTS_CHANNEL}:${topic}`;
}

const ROWS_PER_PRUNING = 5_000;

export interface EventLog {
  /**
   * Appends one event. From here to the commit every other writer of events waits, so this comes LAST in a transaction.
   * @returns its sequence number
   */
  append(tx: Transaction, event: NewEvent): Promise<number>;
  /** The same for several, in their order and with no other's between them. @returns their sequence numbers */
  appendAll(tx: Transaction, events: readonly NewEvent[]): Promise<number[]>;
  /** Up to `limit` events after the cursor `after`, oldest first. Does not tell whether some have been pruned. */
  read(options: EventFilter & { after: number; limit: number }): Promise<StoredEvent[]>;
  /** The cursor of the newest event; 0 where there has been none. */
  head(): Promise<number>;
  /** The lowest cursor after which nothing has been pruned: a cursor below it is CURSOR_EXPIRED. */
  oldest(): Promise<number>;
  /**
   * All events after the cursor `after`, gapless, without repeats, going on with those still to come. One reader of the
   * table feeds all tails of the process; a tail that falls behind reads for itself, in pages, when it is asked: a slow
   * reader holds nothing up and gathers nothing. It ends quietly when aborted, also in the middle of a wait, and
   * rides out a database that is away for a while. With `until` it ends once it is past the cursor that this gives, which
   * may grow meanwhile.
   * @throws GatewayError CURSOR_EXPIRED when events after the cursor have been pruned, also later, when it was overtaken;
   *   BAD_USER_INPUT when the cursor is none this log has given out
   */
  tail(
    options: EventFilter & { after: number; until?: (() => number) | undefined; signal: AbortSignal },
  ): AsyncIterable<StoredEvent>;
  /** Deletes events older than `olderThanMs` milliseconds, never one that is newer than another it keeps. @returns how many */
  prune(olderThanMs: number): Promise<number>;
  /** Ends all tails. */
  [Symbol.asyncDispose](): Promise<void>;
}

export function createEventLog(deps: { database: Database; clock: Clock; log?: StoreLog }): EventLog {
  const { database, clock, log = silentLog } = deps;
  const { db } = database;

  async function appendAll(tx: Transaction, events: readonly NewEvent[]): Promise<number[]> {
    if (events.length === 0) return [];
    const last = await database.appendEvents(
      tx,
      events.map(({ topic, subject, type, data }) => ({
        topic,
        subject,
        type,
        data_json: JSON.stringify(data ?? null),
      })),
      [EVENTS_CHANNEL, ...new Set(events.map(({ topic }) => channelOf(topic)))],
    );
    return events.map((_, index) => last - events.length + 1 + index);
  }

  async function readRows(options: EventFilter & { after: number; limit: number }): Promise<EventRow[]> {
    const { after, topics, subject, limit } = options;
    let query = db.selectFrom('events').selectAll().where('seq', '>', after);
    if (topics) query = query.where('topic', 'in', topics);
    if (subject !== undefined) query = query.where('subject', '=', subject);
    return await query.orderBy('seq').limit(limit).execute();
  }

  const readHead = () => db.selectFrom('event_head').selectAll().where('id', '=', 1).executeTakeFirstOrThrow();
  const head = async () => (await readHead()).seq;
  const oldest = async () => (await readHead()).pruned_seq;

  const tails = createEventTails({
    source: {
      readRows,
      head,
      oldest,
      onNews: (topic, listener) =>
        database.onDoorbell(topic === undefined ? EVENTS_CHANNEL : channelOf(topic), listener),
    },
    clock,
    log,
  });

  /** Says first, in a transaction of its own, up to where events will be gone: no reader can miss one unknowingly. */
  async function announcePruning(olderThanMs: number): Promise<number> {
    return await database.transaction(async (tx) => {
      const { seq, pruned_seq } = await database
        .forUpdate(tx.selectFrom('event_head').selectAll().where('id', '=', 1))
        .executeTakeFirstOrThrow();
      const firstKept = await tx
        .selectFrom('events')
        .select('seq')
        .where((eb) => eb('at', '>=', eb(database.nowMs(), '-', olderThanMs)))
        .orderBy('seq')
        .limit(1)
        .executeTakeFirst();
      const upTo = Math.max(pruned_seq, firstKept ? firstKept.seq - 1 : seq);
      if (upTo > pruned_seq) await tx.updateTable('event_head').set({ pruned_seq: upTo }).where('id', '=', 1).execute();
      return upTo;
    });
  }

  return {
    append: async (tx, event) => {
      const [seq] = await appendAll(tx, [event]);
      if (seq === undefined) throw new Error('An appended event has a number.');
      return seq;
    },
    appendAll,
    read: async (options) => (await readRows(options)).map(toStoredEvent),
    head,
    oldest,
    tail: tails.tail,
    async prune(olderThanMs) {
      const upTo = await announcePruning(olderThanMs);
      let pruned = 0;
      for (;;) {
        const { numDeletedRows } = await db
          .deleteFrom('events')
          .where('seq', 'in', (eb) =>
            eb.selectFrom('events').select('seq').where('seq', '<=', upTo).orderBy('seq').limit(ROWS_PER_PRUNING),
          )
          .executeTakeFirstOrThrow();
        pruned += Number(numDeletedRows);
        if (numDeletedRows < ROWS_PER_PRUNING) return pruned;
      }
    },
    [Symbol.asyncDispose]: tails[Symbol.asyncDispose],
  };
}
