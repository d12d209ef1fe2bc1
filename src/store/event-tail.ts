/**
 * Live tails of the event log. One loop per process reads new events into a ring; every tail is a cursor on it, and
 * one that has fallen out of the ring reads the table until it has caught up.
 */
import type { Clock } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import type { EventLog } from './event-log.ts';
import { createEventRing, type EventRing } from './event-ring.ts';
import type { StoreLog } from './storage-engine.ts';
import { type EventFilter, toStoredEvent } from './stored-event.ts';
import type { EventRow } from './tables.ts';
import { untilBack } from './until-back.ts';
import { waitForRing } from './wait.ts';

/** How late an event can be when the doorbell was lost, or came from another process on the same SQLite file. */
const POLL_MS = 1_000;
const READER_PAGE_EVENTS = 500;
/** What a tail that has fallen behind holds at most. */
const TAIL_PAGE_EVENTS = 100;
/** How far a tail may fall behind before it costs queries of its own. */
const RING_BOUNDS = { maxEvents: 4_000, maxChars: 8_000_000 };

interface Source {
  readRows(options: EventFilter & { after: number; limit: number }): Promise<EventRow[]>;
  head(): Promise<number>;
  oldest(): Promise<number>;
  /**
   * @param topic of which news are told; undefined for all
   * @returns ends the subscription
   */
  onNews(topic: string | undefined, listener: () => void): () => void;
}

/** The loop that reads for all. */
interface Reader {
  /** Undefined until the log's head is known. */
  ring: EventRing | undefined;
  /** Wakes each tail that waits for the ring to change. */
  readonly waiting: Set<() => void>;
  readonly stop: AbortController;
  /** Makes it read on at once: it is told of the topics that a tail waits for, and reads the others when it looks anyway. */
  bell: PromiseWithResolvers<void>;
  readonly topics: Map<string | undefined, { tails: number; readonly end: () => void }>;
}

type From = EventFilter & { after: number; until?: (() => number) | undefined };

export interface EventTails {
  tail: EventLog['tail'];
  [Symbol.asyncDispose](): Promise<void>;
}

export function createEventTails(deps: { source: Source; clock: Clock; log: StoreLog }): EventTails {
  const { source, clock, log } = deps;
  const openTails = new Set<AbortController>();
  const loops = new Set<Promise<void>>();
  let reader: Reader | undefined;
  let disposed = false;

  function startReader(): Reader {
    const started: Reader = {
      ring: undefined,
      waiting: new Set(),
      stop: new AbortController(),
      bell: Promise.withResolvers(),
      topics: new Map(),
    };
    const loop = readForever(started).finally(() => loops.delete(loop));
    loops.add(loop);
    return started;
  }

  async function readForever(own: Reader): Promise<void> {
    const { signal } = own.stop;
    let failing = false;
    while (!signal.aborted) {
      // Before reading: what rings while it reads is read at once afterwards.
      own.bell = Promise.withResolvers();
      let isMore = false;
      try {
        isMore = await readOn(own);
        failing = false;
      } catch (error) {
        if (!failing) log.warn({ reason: String(error) }, 'cannot read the event log, trying on');
        failing = true;
      }
      if (!isMore) await waitForRing(clock, POLL_MS, own.bell.promise, signal);
    }
  }

  function listen(own: Reader, topic: string | undefined): void {
    const known = own.topics.get(topic);
    if (known) known.tails++;
    else own.topics.set(topic, { tails: 1, end: source.onNews(topic, () => own.bell.resolve()) });
  }

  function unlisten(own: Reader, topic: string | undefined): void {
    const known = own.topics.get(topic);
    if (!known || --known.tails > 0) return;
    known.end();
    own.topics.delete(topic);
  }

  /** @returns whether there may be more to read at once */
  async function readOn(own: Reader): Promise<boolean> {
    own.ring ??= createEventRing(await source.head(), RING_BOUNDS);
    const rows = await source.readRows({ after: own.ring.to, limit: READER_PAGE_EVENTS });
    own.ring.extend(rows);
    const waiting = [...own.waiting];
    own.waiting.clear();
    for (const wake of waiting) wake();
    return rows.length === READER_PAGE_EVENTS;
  }

  async function* follow(from: From, signal: AbortSignal, own: Reader) {
    const { until = () => Number.POSITIVE_INFINITY } = from;
    let cursor = from.after;
    let isChecked = false;
    while (!signal.aborted && cursor < until()) {
      const { ring } = own;
      if (!ring) {
        await nextChange(own, signal);
      } else if (!isChecked || cursor < ring.from) {
        // What has committed up to here is in the table already: a page that is not full has all of it.
        const known = ring.to;
        const rows = await readPage({ ...from, after: cursor }, signal);
        isChecked = true;
        for (const row of rows) {
          if (row.seq > until()) return;
          cursor = row.seq;
          yield toStoredEvent(row);
          if (signal.aborted) return;
        }
        if (rows.length < TAIL_PAGE_EVENTS) cursor = Math.max(cursor, known);
      } else {
        const event = ring.firstAfter(cursor, from);
        if (event && event.seq > until()) return;
        if (event) {
          cursor = event.seq;
          yield event;
        } else {
          cursor = Math.max(cursor, ring.to);
          await nextChange(own, signal);
        }
      }
    }
  }

  /** A database that is away for a while makes the tail late, and does not end it. */
  async function readPage(from: From, signal: AbortSignal): Promise<EventRow[]> {
    const read = async () => {
      const rows = await source.readRows({ ...from, limit: TAIL_PAGE_EVENTS });
      // In this order: pruning announces itself before it deletes, so a page with a gap is never taken for whole.
      if (from.after < (await source.oldest())) {
        throw new GatewayError('CURSOR_EXPIRED', 'Events after this cursor are no longer kept. Start without one.');
      }
      if (rows.length === 0 && from.after > (await source.head())) {
        throw new GatewayError(
          'BAD_USER_INPUT',
          'This cursor is ahead of the event log, which did not give it out. Start without one.',
        );
      }
      return rows;
    };
    return untilBack(read, { clock, signal }).catch((error: unknown) => {
      if (signal.aborted) return [];
      throw error;
    });
  }

  /** While any tail is open the reader runs; the last one to end stops it. */
  async function* attached(from: From, stop: AbortController) {
    if (disposed) return;
    openTails.add(stop);
    reader ??= startReader();
    const own = reader;
    const topics = from.topics ?? [undefined];
    // Before it reads for itself: what is told of earlier, it will find.
    for (const topic of topics) listen(own, topic);
    try {
      yield* follow(from, stop.signal, own);
    } finally {
      stop.abort();
      openTails.delete(stop);
      for (const topic of topics) unlisten(own, topic);
      if (openTails.size === 0) {
        reader?.stop.abort();
        reader = undefined;
      }
    }
  }

  return {
    tail: ({ signal, ...from }) => ({
      [Symbol.asyncIterator]() {
        const stop = new AbortController();
        const events = attached(from, stop);
        const end = () => {
          // The generator's own `return` would first wait for the event it waits for.
          stop.abort();
          return events.return(undefined);
        };
        const onAbort = () => void end();
        stop.signal.addEventListener('abort', () => signal.removeEventListener('abort', onAbort), { once: true });
        signal.addEventListener('abort', onAbort, { once: true });
        if (signal.aborted) onAbort();
        return { next: () => events.next(), return: end };
      },
    }),
    async [Symbol.asyncDispose]() {
      disposed = true;
      for (const stop of openTails) stop.abort();
      reader?.stop.abort();
      await Promise.all(loops);
    },
  };
}

/** Resolves when the ring has changed or `signal` is aborted. */
function nextChange(reader: Reader, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      reader.waiting.delete(wake);
      signal.removeEventListener('abort', wake);
      resolve();
    };
    reader.waiting.add(wake);
    signal.addEventListener('abort', wake, { once: true });
    if (signal.aborted) wake();
  });
}
