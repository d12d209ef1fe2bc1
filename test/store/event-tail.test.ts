import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createEventRing } from '../../src/store/event-ring.ts';
import { createEventTails } from '../../src/store/event-tail.ts';
import { silentLog } from '../../src/store/storage-engine.ts';
import type { EventRow } from '../../src/store/tables.ts';
import { createFakeClock } from '../support/clock.ts';

const row = (seq: number, topic = 't', subject = 's'): EventRow => ({
  seq,
  at: 0,
  topic,
  subject,
  type: 'N',
  data_json: `${seq}`,
});

describe('the ring of recent events', () => {
  test('gives after any cursor it covers exactly the events that follow and fit, within its bounds', () => {
    const batches = fc.array(
      fc.array(fc.record({ step: fc.integer({ min: 1, max: 3 }), topic: fc.constantFrom('t', 'u') }), { maxLength: 9 }),
    );
    fc.assert(
      fc.property(
        batches,
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 30 }),
        (steps, maxEvents, maxChars) => {
          const ring = createEventRing(5, { maxEvents, maxChars });
          const all: EventRow[] = [];
          let seq = 5;
          for (const batch of steps) {
            const rows = batch.map(({ step, topic }) => {
              seq += step;
              return row(seq, topic);
            });
            ring.extend(rows);
            all.push(...rows);
            expect(ring.to).toBe(seq);
            const kept = all.filter((each) => each.seq > ring.from);
            expect(kept.length).toBeLessThanOrEqual(maxEvents);
            expect(kept.reduce((sum, each) => sum + each.data_json.length, 0)).toBeLessThanOrEqual(maxChars);
            for (let cursor = ring.from; cursor <= ring.to; cursor++) {
              for (const filter of [{}, { topics: ['u'] }, { subject: 's' }, { subject: 'other' }]) {
                const expected = all.find(
                  (each) =>
                    each.seq > cursor &&
                    (filter.topics?.includes(each.topic) ?? true) &&
                    (filter.subject ?? 's') === 's',
                );
                expect(ring.firstAfter(cursor, filter)?.seq).toBe(expected?.seq);
              }
            }
          }
        },
      ),
    );
  });
});

function fakeSource() {
  const rows: EventRow[] = [];
  const listeners = new Set<{ topic: string | undefined; listener: () => void }>();
  let reads = 0;
  return {
    append(...more: EventRow[]) {
      rows.push(...more);
      for (const { topic, listener } of [...listeners])
        if (topic === undefined || more.some((each) => each.topic === topic)) listener();
    },
    get reads() {
      return reads;
    },
    get listeners() {
      return listeners.size;
    },
    source: {
      async readRows({ after, limit, subject }: { after: number; limit: number; subject?: string | undefined }) {
        reads++;
        return rows
          .filter(({ seq, ...each }) => seq > after && (subject ?? each.subject) === each.subject)
          .slice(0, limit);
      },
      head: async () => rows.at(-1)?.seq ?? 0,
      oldest: async () => 0,
      onNews(topic: string | undefined, listener: () => void) {
        const entry = { topic, listener };
        listeners.add(entry);
        return () => void listeners.delete(entry);
      },
    },
  };
}

describe('tails', () => {
  test('any number of live ones cost the reads of one', async () => {
    const clock = createFakeClock();
    const fake = fakeSource();
    await using tails = createEventTails({ source: fake.source, clock, log: silentLog });
    const stop = new AbortController();
    const received = Array.from({ length: 200 }, () => 0);
    const following = received.map(async (_, index) => {
      for await (const event of tails.tail({ after: 0, signal: stop.signal })) received[index] = event.seq;
    });
    await clock.settle();
    const before = fake.reads;
    for (let seq = 1; seq <= 50; seq++) {
      fake.append(row(seq));
      await clock.settle();
    }
    expect(received).toEqual(received.map(() => 50));
    expect(fake.reads - before).toBeLessThanOrEqual(51);
    stop.abort();
    await Promise.all(following);
    await clock.settle();
    expect([clock.pendingSleeps, fake.listeners]).toEqual([0, 0]);
  });

  test('what nobody waits for is not read at once, but with what somebody does, or when the log is looked at anyway', async () => {
    const clock = createFakeClock();
    const fake = fakeSource();
    await using tails = createEventTails({ source: fake.source, clock, log: silentLog });
    const { signal } = new AbortController();
    const open = (topics: string[]) => tails.tail({ after: 0, topics, signal })[Symbol.asyncIterator]();
    const wanted = open(['wanted']);
    const first = wanted.next();
    await clock.settle();
    const before = fake.reads;
    for (let seq = 1; seq <= 30; seq++) {
      fake.append(row(seq, 'other'));
      await clock.settle();
    }
    expect(fake.reads).toBe(before);
    fake.append(row(31, 'wanted'));
    expect((await first).value?.seq).toBe(31);
    expect(fake.reads).toBe(before + 1);

    // Whoever joins finds what was told of before, and from then on is told at once.
    fake.append(row(32, 'other'));
    const others = open(['other', 'wanted']);
    for (const seq of Array.from({ length: 32 }, (_, index) => index + 1)) {
      expect((await others.next()).value?.seq).toBe(seq);
    }
    const live = others.next();
    await clock.settle();
    fake.append(row(33, 'other'));
    expect((await live).value?.seq).toBe(33);
    await Promise.all([wanted.return?.(), others.return?.()]);
    await clock.settle();
    expect(fake.listeners).toBe(0);
  });

  test('one that nobody reads from gathers nothing and holds nobody up', async () => {
    const clock = createFakeClock();
    const fake = fakeSource();
    await using tails = createEventTails({ source: fake.source, clock, log: silentLog });
    const { signal } = new AbortController();
    const idle = tails.tail({ after: 0, signal })[Symbol.asyncIterator]();
    const busy = tails.tail({ after: 0, signal })[Symbol.asyncIterator]();
    fake.append(row(1));
    expect((await idle.next()).value?.seq).toBe(1);
    fake.append(...Array.from({ length: 20_000 }, (_, index) => row(index + 2)));
    for (let seq = 1; seq <= 20_001; seq++) expect((await busy.next()).value?.seq).toBe(seq);
    const before = fake.reads;
    expect((await idle.next()).value?.seq).toBe(2);
    expect(fake.reads - before).toBe(1);
    await Promise.all([idle.return?.(), busy.return?.()]);
  });

  test('deliver what they should whenever readers stop, go on and change places', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.record({ append: fc.integer({ min: 1, max: 700 }), subject: fc.constantFrom('s', 'x') }),
            fc.record({ take: fc.integer({ min: 1, max: 300 }), reader: fc.integer({ min: 0, max: 2 }) }),
          ),
          { maxLength: 25 },
        ),
        async (steps) => {
          const fake = fakeSource();
          const clock = createFakeClock();
          const tails = createEventTails({ source: fake.source, clock, log: silentLog });
          const { signal } = new AbortController();
          const expected: number[][] = [[], [], []];
          const readers = [undefined, 's', 'x'].map((subject) =>
            tails.tail({ after: 0, subject, signal })[Symbol.asyncIterator](),
          );
          let seq = 0;
          for (const step of steps) {
            if ('append' in step) {
              const rows = Array.from({ length: step.append }, () => row(++seq, 't', step.subject));
              fake.append(...rows);
              for (const { seq } of rows) {
                expected[0]?.push(seq);
                expected[step.subject === 's' ? 1 : 2]?.push(seq);
              }
            } else {
              const due = expected[step.reader]?.splice(0, step.take) ?? [];
              for (const each of due) expect((await readers[step.reader]?.next())?.value?.seq).toBe(each);
            }
          }
          for (const reader of readers) await reader.return?.();
          await tails[Symbol.asyncDispose]();
          expect([clock.pendingSleeps, fake.listeners]).toEqual([0, 0]);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('end when the log is closed, and start no more', async () => {
    const clock = createFakeClock();
    const fake = fakeSource();
    const tails = createEventTails({ source: fake.source, clock, log: silentLog });
    const { signal } = new AbortController();
    const waiting = tails.tail({ after: 0, signal })[Symbol.asyncIterator]().next();
    await clock.settle();
    await tails[Symbol.asyncDispose]();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await tails.tail({ after: 0, signal })[Symbol.asyncIterator]().next()).toEqual({
      done: true,
      value: undefined,
    });
    expect([clock.pendingSleeps, fake.listeners]).toEqual([0, 0]);
  });
});
