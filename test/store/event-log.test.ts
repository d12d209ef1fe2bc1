import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Database } from '../../src/store/database.ts';
import { createEventLog, type EventLog } from '../../src/store/event-log.ts';
import type { NewEvent, StoredEvent } from '../../src/store/stored-event.ts';
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
});
