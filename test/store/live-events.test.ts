import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createEventLog } from '../../src/store/event-log.ts';
import { createLiveEvents } from '../../src/store/live-events.ts';
import { ENGINES, openFreshDatabase } from './open-database.ts';

describe.each(ENGINES)('live events on %s', (engine) => {
  async function open() {
    const opened = await openFreshDatabase(engine);
    const { database } = opened;
    const eventLog = createEventLog({ database, clock: systemClock });
    const stop = new AbortController();
    return {
      eventLog,
      stop,
      live: createLiveEvents({ eventLog }),
      append: (count: number) =>
        database.transaction((tx) =>
          eventLog.appendAll(
            tx,
            Array.from({ length: count }, (_, n) => ({ topic: 'enrichment', subject: 's', type: 'T', data: { n } })),
          ),
        ),
      async [Symbol.asyncDispose]() {
        stop.abort();
        await eventLog[Symbol.asyncDispose]();
        await opened[Symbol.asyncDispose]();
      },
    };
  }

  test('a reader that begins far behind catches up', async () => {
    await using store = await open();
    await store.append(6_000);
    const events = await store.live.follow({ after: 0, signal: store.stop.signal });
    let count = 0;
    for await (const { seq } of events) {
      expect(seq).toBe(++count);
      if (count === 6_000) break;
    }
  });

  test.each([
    ['in the table', 0],
    ['at the end of what is there', 6_000],
    ['behind what is asked for', 300],
  ])('what is followed up to a cursor that moves on ends %s', async (_where, begin) => {
    await using store = await open();
    // Something that reads on, so that there is a ring of the newest events.
    const other = (await store.live.follow({ signal: store.stop.signal }))[Symbol.asyncIterator]();
    const first = other.next();
    await store.append(6_000);
    await first;
    let end = 200;
    const events = await store.live.follow({ after: begin, until: () => end, signal: store.stop.signal });
    const seen: number[] = [];
    for await (const { seq } of events) {
      seen.push(seq);
      if (seq === 150) end = 5_900;
    }
    expect(seen).toEqual(begin === 0 ? Array.from({ length: 5_900 }, (_, index) => index + 1) : []);
  });

  test('an iteration that waits ends when it is aborted or returned', async () => {
    await using store = await open();
    const returned = (await store.live.follow({ signal: store.stop.signal }))[Symbol.asyncIterator]();
    const waiting = returned.next();
    await returned.return?.();
    expect((await waiting).done).toBe(true);
    const aborted = (await store.live.follow({ signal: store.stop.signal }))[Symbol.asyncIterator]();
    const pending = aborted.next();
    store.stop.abort();
    expect((await pending).done).toBe(true);
  });

  test('a cursor that was not given out is refused before the first event', async () => {
    await using store = await open();
    await store.append(1);
    const { signal } = store.stop;
    await expect(store.live.follow({ after: 2, signal })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    await store.eventLog.prune(-1_000);
    await expect(store.live.follow({ after: 0, signal })).rejects.toMatchObject({ code: 'CURSOR_EXPIRED' });
    await expect(store.live.follow({ after: 1, signal })).resolves.toBeDefined();
  });
});
