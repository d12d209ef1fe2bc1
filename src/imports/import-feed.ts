/**
 * The news of imports, as subscriptions read them: the log from a cursor on, without a gap or a repeat between what is
 * replayed and what is live.
 */
import type { Clock } from '../clock.ts';
import { NotFoundError } from '../errors.ts';
import type { EventLog } from '../store/event-log.ts';
import type { ImportStore } from '../store/import-store.ts';
import type { ImportRow } from '../store/tables.ts';
import { coalesceProgress } from './coalesce-progress.ts';
import { IMPORT_TOPIC, type ImportEvent, type ImportEventType, isLastEvent, toImportEvent } from './import-events.ts';
import { importGlobalId, isFinal, progressOf } from './model.ts';

export interface ImportFeed {
  /**
   * One import: from `after` on, or beginning with its present state. Ends after its last event.
   *
   * @throws NotFoundError; GatewayError CURSOR_EXPIRED where events after `after` are no longer kept
   */
  progress(importId: string, after: number | undefined, signal: AbortSignal): AsyncIterable<ImportEvent>;
  /** All imports, from `after` or from now on. */
  activity(after: number | undefined, signal: AbortSignal): AsyncIterable<ImportEvent>;
}

export function createImportFeed(deps: { store: ImportStore; eventLog: EventLog; clock: Clock }): ImportFeed {
  const { store, eventLog, clock } = deps;

  async function* stored(after: number, subject: string | undefined, signal: AbortSignal): AsyncGenerator<ImportEvent> {
    for await (const event of eventLog.tail({ after, topics: [IMPORT_TOPIC], subject, signal }))
      yield toImportEvent(event);
  }

  async function hasNothingAfter(importId: string, seq: number): Promise<boolean> {
    const following = await eventLog.read({ after: seq, topics: [IMPORT_TOPIC], subject: importId, limit: 1 });
    return following.length === 0;
  }

  /** Ends with the last event, unless somebody retried the import after it. */
  async function* untilLast(importId: string, after: number, signal: AbortSignal): AsyncGenerator<ImportEvent> {
    for await (const event of stored(after, importId, signal)) {
      yield event;
      if (isLastEvent(event.type) && (await hasNothingAfter(importId, event.seq))) return;
    }
  }

  async function known(importId: string): Promise<ImportRow> {
    const row = await store.get(importId);
    if (!row) throw new NotFoundError('There is no such import. Check its id.', importGlobalId(importId));
    return row;
  }

  async function* progress(
    importId: string,
    after: number | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<ImportEvent> {
    // The place in the log is taken before the state is read: what happens in between is told twice at worst, as the
    // state and as the event, and never lost.
    const head = await eventLog.head();
    const row = await known(importId);
    if (after === undefined) {
      yield presentState(row, head, clock.now());
      if (isFinal(row.state)) return;
    } else if (isFinal(row.state) && (await hasNothingAfter(importId, after))) return;
    yield* untilLast(importId, after ?? head, signal);
  }

  return {
    progress: (importId, after, signal) => coalesceProgress(progress(importId, after, signal), clock),
    async *activity(after, signal) {
      yield* coalesceProgress(stored(after ?? (await eventLog.head()), undefined, signal), clock);
    },
  };
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
  return { seq, at: nowMs, type, importId: row.id, progress: progressOf(row, nowMs), batch: null };
}
