import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { type Database, openDatabase } from '../../src/store/database.ts';
import { createEventLog, type EventLog } from '../../src/store/event-log.ts';
import type { NewEvent, StoredEvent } from '../../src/store/stored-event.ts';
import { createFakeClock } from '../support/clock.ts';
import { freshDatabaseUrl } from '../support/postgres.ts';
import { startChild } from './child-process.ts';
import { ENGINES, openFreshDatabase } from './open-database.ts';

const event = (n: number, more: Partial<NewEvent> = {}): NewEvent => ({
  topic: 'import',
  subject: 'imp-1',
  type: 'PROGRESS',
  data: { n },
  ...more,
});

async function append(database: Database, log: EventLog, ...events: NewEvent[]): Promise<number[]> {
  return await database.transaction((tx) => log.appendAll(tx, events));
}

async function take(tail: AsyncIterable<StoredEvent>, count: number): Promise<StoredEvent[]> {
  const taken: StoredEvent[] = [];
  for await (const next of tail) {
    taken.push(next);
    if (taken.length === count) break;
  }
  return taken;
}

const numbers = (events: readonly StoredEvent[]) => events.map(({ data }) => (data as { n: number }).n);

describe.each(ENGINES)('the event log on %s', (engine) => {
  test('gives events back in the order of their appending, by topic and subject', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    await using log = createEventLog({ database, clock: systemClock });
    expect(await log.head()).toBe(0);
    const before = systemClock.now() - 1_000;
    await append(database, log, event(1), event(2, { subject: 'imp-2' }), event(3, { topic: 'enrichment' }));
    const all = await log.read({ after: 0, limit: 10 });
    expect(numbers(all)).toEqual([1, 2, 3]);
    expect(all[0]).toMatchObject({ topic: 'import', subject: 'imp-1', type: 'PROGRESS', data: { n: 1 } });
    expect(all[0]?.at).toBeGreaterThan(before);
    expect(await log.head()).toBe(all[2]?.seq);
    expect(numbers(await log.read({ after: all[0]?.seq ?? 0, limit: 1 }))).toEqual([2]);
    expect(numbers(await log.read({ after: 0, topics: ['import'], limit: 10 }))).toEqual([1, 2]);
    expect(
      numbers(await log.read({ after: 0, topics: ['import', 'enrichment'], subject: 'imp-1', limit: 10 })),
    ).toEqual([1, 3]);
  });

  test('an append of a transaction that fails leaves nothing, not even in the head', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    await using log = createEventLog({ database, clock: systemClock });
    await expect(
      database.transaction(async (tx) => {
        await log.append(tx, event(1));
        throw new Error('changed my mind');
      }),
    ).rejects.toThrow('changed my mind');
    expect(await log.head()).toBe(0);
    expect(await log.read({ after: 0, limit: 10 })).toEqual([]);
  });

  test('a tail replays what was missed and goes on live without a gap or a repeat', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    await using log = createEventLog({ database, clock: systemClock });
    for (let n = 1; n <= 250; n++) await append(database, log, event(n));
    const stop = new AbortController();
    const taken = take(log.tail({ after: 0, signal: stop.signal }), 500);
    for (let n = 251; n <= 500; n++) await append(database, log, event(n));
    expect(numbers(await taken)).toEqual(Array.from({ length: 500 }, (_, index) => index + 1));
    stop.abort();
  });

  test('a transaction that is held open makes later ones wait, so that no reader ever skips its events', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const other = await opened.openAgain();
    await using log = createEventLog({ database, clock: systemClock });
    await using otherLog = createEventLog({ database: other, clock: systemClock });
    const stop = new AbortController();
    const taken = take(log.tail({ after: 0, signal: stop.signal }), 2);
    const appended = Promise.withResolvers<void>();
    const commit = Promise.withResolvers<void>();
    const order: string[] = [];
    const slow = database.transaction(async (tx) => {
      await log.append(tx, event(1));
      appended.resolve();
      await commit.promise;
      order.push('first commits');
    });
    await appended.promise;
    const fast = append(other, otherLog, event(2)).then(() => order.push('second has committed'));
    if (engine === 'postgres') {
      // The second has asked for its number and is waiting for it.
      const waiting = sql<{ n: number }>`select count(*) as n from pg_locks where not granted`;
      await expect.poll(async () => (await waiting.execute(other.db)).rows[0]?.n).toBe(1);
      expect(await log.read({ after: 0, limit: 10 })).toEqual([]);
    }
    commit.resolve();
    await Promise.all([slow, fast]);
    expect(order).toEqual(['first commits', 'second has committed']);
    expect(numbers(await taken)).toEqual([1, 2]);
  });

  test('a lost doorbell costs a poll, not an event', async () => {
    const clock = createFakeClock();
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    await using writer = createEventLog({ database, clock: systemClock });
    await using log = createEventLog({ database: { ...database, onDoorbell: () => () => {} }, clock });
    const stop = new AbortController();
    const taken = take(log.tail({ after: 0, signal: stop.signal }), 1);
    // It has looked, found nothing, and sleeps.
    await expect.poll(() => clock.pendingSleeps).toBe(1);
    await append(database, writer, event(1));
    await clock.advance(999);
    expect(clock.pendingSleeps).toBe(1);
    await clock.advance(1);
    expect(numbers(await taken)).toEqual([1]);
  });

  test('a tail ends at once when aborted or returned, also while it waits, and leaves no loop behind', async () => {
    const clock = createFakeClock();
    await using opened = await openFreshDatabase(engine);
    await using log = createEventLog({ database: opened.database, clock });
    const stop = new AbortController();
    const aborted = log.tail({ after: 0, signal: stop.signal })[Symbol.asyncIterator]();
    const returned = log.tail({ after: 0, signal: stop.signal })[Symbol.asyncIterator]();
    const waiting = [aborted.next(), returned.next()];
    await expect.poll(() => clock.pendingSleeps).toBe(1);
    await returned.return?.();
    expect(await waiting[1]).toEqual({ done: true, value: undefined });
    expect(clock.pendingSleeps).toBe(1);
    stop.abort();
    expect(await waiting[0]).toEqual({ done: true, value: undefined });
    expect(await aborted.next()).toEqual({ done: true, value: undefined });
    expect(clock.pendingSleeps).toBe(0);
  });

  test('a reader that falls far behind the others misses nothing and repeats nothing', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    await using log = createEventLog({ database, clock: systemClock });
    const stop = new AbortController();
    const slow = log.tail({ after: 0, signal: stop.signal })[Symbol.asyncIterator]();
    const quick = take(log.tail({ after: 0, signal: stop.signal }), 9_001);
    await append(database, log, event(0));
    const seen = [(await slow.next()).value];
    for (let start = 1; start <= 9_000; start += 1_500) {
      await append(database, log, ...Array.from({ length: 1_500 }, (_, index) => event(start + index)));
    }
    expect((await quick).length).toBe(9_001);
    while (seen.length < 9_001) seen.push((await slow.next()).value);
    expect(numbers(seen)).toEqual(Array.from({ length: 9_001 }, (_, index) => index));
    stop.abort();
  });

  test('pruning removes the old ones only, and cursors before them are expired', async () => {
    const clock = createFakeClock();
    await using opened = await openFreshDatabase(engine, clock);
    const { database } = opened;
    await using log = createEventLog({ database, clock });
    const seqs = await append(database, log, event(1), event(2), event(3), event(4));
    const { now } = await database.db
      .selectFrom('event_head')
      .select(database.nowMs().as('now'))
      .executeTakeFirstOrThrow();
    await database.db
      .updateTable('events')
      .set({ at: now - 60_000 })
      // The last is young and stands before an old one, as when a clock was set back: it keeps what follows it.
      .where('seq', 'in', [seqs[0] ?? 0, seqs[1] ?? 0, seqs[3] ?? 0])
      .execute();
    expect(await log.prune(30_000)).toBe(2);
    expect(numbers(await log.read({ after: 0, limit: 10 }))).toEqual([3, 4]);
    expect(await log.oldest()).toBe(seqs[1]);
    const { signal } = new AbortController();
    await expect(take(log.tail({ after: seqs[0] ?? 0, signal }), 1)).rejects.toMatchObject({ code: 'CURSOR_EXPIRED' });
    expect(numbers(await take(log.tail({ after: seqs[1] ?? 0, signal }), 2))).toEqual([3, 4]);

    expect(await log.prune(-60_000)).toBe(2);
    expect(await log.oldest()).toBe(await log.head());
    expect(await log.prune(-60_000)).toBe(0);
    const [next] = await append(database, log, event(5));
    expect(next).toBe((seqs[3] ?? 0) + 1);
  });

  test('a cursor ahead of the log is refused, not waited for', async () => {
    await using opened = await openFreshDatabase(engine);
    await using log = createEventLog({ database: opened.database, clock: systemClock });
    const { signal } = new AbortController();
    await expect(take(log.tail({ after: 7, signal }), 1)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });

  test.each([1, 10, 60])(
    'what was acknowledged before kill -9 at acknowledgement %i is there afterwards',
    async (count) => {
      await using fresh = await freshDatabaseUrl(engine);
      await using child = startChild('append-events.ts', fresh.url);
      const acknowledged: string[] = [];
      while (acknowledged.length < count) acknowledged.push((await child.nextLine()) ?? 'ended');
      child.signal('SIGKILL');
      // Written before the kill, read after it.
      acknowledged.push(...(await child.remainingLines()));
      expect(await child.ended()).toBe('SIGKILL');
      await using database = await openDatabase({ url: fresh.url, clock: systemClock });
      await using log = createEventLog({ database, clock: systemClock });
      const stored = await log.read({ after: 0, limit: 1_000_000 });
      const asAcknowledged = stored.map(({ seq, data }) => `${(data as { n: number }).n} ${seq}`);
      expect(asAcknowledged.slice(0, acknowledged.length)).toEqual(acknowledged);
      // At most the one commit whose acknowledgement the kill cut off.
      expect(stored.length - acknowledged.length).toBeLessThanOrEqual(1);
      const [next] = await append(database, log, event(0));
      expect(next).toBe((stored.at(-1)?.seq ?? 0) + 1);
    },
  );
});

describe('the event log on postgres', () => {
  test('a process that is paused with an event half written blocks the others for seconds, not for ever', async () => {
    await using opened = await openFreshDatabase('postgres');
    const { database, url } = opened;
    await using log = createEventLog({ database, clock: systemClock });
    await using child = startChild('hold-event.ts', url);
    expect(await child.nextLine()).toBe('open');
    child.signal('SIGSTOP');
    const [seq] = await append(database, log, event(1));
    child.signal('SIGCONT');
    child.send('commit');
    await expect(child.ended()).rejects.toThrow(/code: 'UNAVAILABLE'/);
    expect((await log.read({ after: 0, limit: 10 })).map((stored) => stored.seq)).toEqual([seq]);
  });
});
