import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createEventLog } from '../../src/store/event-log.ts';
import { createLiveEvents } from '../../src/store/live-events.ts';
import { createFakeClock } from '../support/clock.ts';
import { ENGINES, openFreshDatabase } from './open-database.ts';

describe.each(ENGINES)('live events on %s', (engine) => {
  async function open() {
    const opened = await openFreshDatabase(engine);
    const { database } = opened;
    const eventLog = createEventLog({ database, clock: systemClock });
    const clock = createFakeClock();
    const stop = new AbortController();
    return {
      eventLog,
      clock,
      stop,
      live: createLiveEvents({ eventLog, clock }),
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

  test('a reader that begins far behind may catch up, however long that takes', async () => {
    await using store = await open();
    await store.append(6_000);
    const events = await store.live.follow({ after: 0, signal: store.stop.signal });
    let count = 0;
    for await (const { seq } of events) {
      expect(seq).toBe(++count);
      if (count % 1_000 === 0) await store.clock.advance(60_000);
      if (count === 6_000) break;
    }
  });

  test('a reader that had caught up and falls thousands behind is ended, and loses nothing by its cursor', async () => {
    await using store = await open();
    const events = (await store.live.follow({ signal: store.stop.signal }))[Symbol.asyncIterator]();
    const first = events.next();
    await store.append(1);
    const { seq } = (await first).value;
    await store.append(6_000);
    // What is known of the head is a second old at most.
    await store.clock.advance(2_000);
    const read: number[] = [seq];
    await expect(
      (async () => {
        for (;;) {
          read.push((await events.next()).value.seq);
          await store.clock.settle();
        }
      })(),
    ).rejects.toMatchObject({ code: 'SLOW_CONSUMER' });
    expect(read.length).toBeLessThan(1_000);
    expect(await events.next()).toEqual({ done: true, value: undefined });

    const resumed = await store.live.follow({ after: read.at(-1), signal: store.stop.signal });
    for await (const event of resumed) {
      read.push(event.seq);
      if (event.seq === 6_001) break;
    }
    expect(read).toEqual(Array.from({ length: 6_001 }, (_, index) => index + 1));
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
