/**
 * The news of imports, as subscriptions read them: the log from a cursor on, without a gap or a repeat between what is
 * replayed and what is live.
 */
import type { Clock } from '../clock.ts';
import { NotFoundError } from '../errors.ts';
import type { EventLog } from '../store/event-log.ts';
import type { ImportStore } from '../store/import-store.ts';
import type { LiveEvents, LivePlace } from '../store/live-events.ts';
import type { StoredEvent } from '../store/stored-event.ts';
import type { ImportRow } from '../store/tables.ts';
import { coalesceProgress } from './coalesce-progress.ts';
import { IMPORT_TOPIC, type ImportEvent, type ImportEventType, toImportEvent } from './import-events.ts';
import { importGlobalId, isFinal, progressOf } from './model.ts';

export interface ImportFeed {
  /**
   * One import: from `after` on, or beginning with its present state. Ends after its last event; with `until`, only there.
   *
   * @throws NotFoundError; as LiveEvents.follow
   */
  progress(importId: string, place: LivePlace): Promise<AsyncIterable<ImportEvent>>;
  /** All imports, from `after` or from now on. @throws as LiveEvents.follow */
  activity(place: LivePlace): Promise<AsyncIterable<ImportEvent>>;
}

export function createImportFeed(deps: {
  store: ImportStore;
  eventLog: EventLog;
  liveEvents: LiveEvents;
  clock: Clock;
}): ImportFeed {
  const { store, eventLog, liveEvents, clock } = deps;

  async function hasNothingAfter(importId: string, seq: number): Promise<boolean> {
    const following = await eventLog.read({ after: seq, topics: [IMPORT_TOPIC], subject: importId, limit: 1 });
    return following.length === 0;
  }

  /** Ends with the last event, unless somebody retried the import after it. */
  async function* untilLast(events: AsyncIterable<ImportEvent>): AsyncGenerator<ImportEvent> {
    for await (const event of events) {
      yield event;
      if (event.isLast && (await hasNothingAfter(event.importId, event.seq))) return;
    }
  }

  async function known(importId: string): Promise<ImportRow> {
    const row = await store.get(importId);
    if (!row) throw new NotFoundError('There is no such import. Check its id.', importGlobalId(importId));
    return row;
  }

  return {
    async progress(importId, { after, until, signal }) {
      // The place in the log is taken before the state is read: what happens in between is told twice at worst, as the
      // state and as the event, and never lost.
      const head = await liveEvents.head();
      const row = await known(importId);
      const begin = after ?? head;
      const place = { topics: [IMPORT_TOPIC], subject: importId, after: begin, until, signal };
      const events = toImportEvents(await liveEvents.follow(place));
      const news = until ? events : untilLast(events);
      // What is under way will be told of: looked at before the log, which then has what was told meanwhile.
      const isOver = !until && isFinal(row.state) && !(await store.isUnderWay(importId));
      const isThrough = isOver && (await hasNothingAfter(importId, begin));
      return coalesceProgress(
        (async function* () {
          if (after === undefined) yield presentState(row, head, clock.now());
          if (!isThrough) yield* news;
        })(),
        clock,
      );
    },
    activity: async (place) =>
      coalesceProgress(toImportEvents(await liveEvents.follow({ ...place, topics: [IMPORT_TOPIC] })), clock),
  };
}

async function* toImportEvents(stored: AsyncIterable<StoredEvent>): AsyncGenerator<ImportEvent> {
  for await (const event of stored) yield toImportEvent(event);
}

/** What an import's state looks like as an event: the one that led there. */
const LED_BY: Record<ImportRow['state'], ImportEventType> = {
  AWAITING_UPLOAD: 'CREATED',
  RECEIVING: 'CREATED',
  RUNNING: 'STARTED',
  PAUSED: 'PAUSED',
  CONFIRMING: 'CONFIRMING',
  COMPLETED: 'FINISHED',
  COMPLETED_WITH_FAILURES: 'FINISHED',
  CANCELLED: 'CANCELLED',
  FAILED: 'FAILED',
};

function presentState(row: ImportRow, seq: number, nowMs: number): ImportEvent {
  const type = row.state === 'RUNNING' && row.started_at === null ? 'RECEIVED' : LED_BY[row.state];
  return { seq, at: nowMs, type, importId: row.id, progress: progressOf(row, nowMs), batch: null, isLast: false };
}
