/** What imports tell: appended to the event log in the transaction of what they tell, read back by subscriptions. */
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { Transaction } from '../store/database.ts';
import type { EventLog } from '../store/event-log.ts';
import type { StoredEvent } from '../store/stored-event.ts';
import type { ImportRow } from '../store/tables.ts';
import { progressOf } from './model.ts';

export const IMPORT_TOPIC = 'import';

export const IMPORT_EVENT_TYPES = [
  'CREATED',
  'RECEIVED',
  'STARTED',
  'BATCH_FINISHED',
  'CONFIRMING',
  'FINISHED',
  'PAUSED',
  'RESUMED',
  'CANCELLED',
  'FAILED',
  'RETRIED',
] as const;

export type ImportEventType = (typeof IMPORT_EVENT_TYPES)[number];

/** What events end with that do not say themselves whether they are the last. */
const LAST_TYPES: ReadonlySet<string> = new Set<ImportEventType>(['FINISHED', 'CANCELLED', 'FAILED']);

const importProgress = z.object({
  received: z.number(),
  rejected: z.number(),
  duplicates: z.number(),
  valid: z.number(),
  succeeded: z.number(),
  skipped: z.number(),
  failed: z.number(),
  unknown: z.number(),
  pending: z.number(),
  batchesTotal: z.number(),
  batchesDone: z.number(),
  percent: z.number(),
  rowsPerSecond: z.number().nullable(),
  etaSeconds: z.number().nullable(),
});

const importEventContent = z.object({
  progress: importProgress,
  batch: z.number().nullable(),
  isLast: z.boolean().optional(),
});

export interface ImportEvent {
  /** Null on the one that tells the state at subscription, where the log is still empty. */
  seq: number;
  at: number;
  type: ImportEventType;
  importId: string;
  /** As it was when the event happened. */
  progress: z.infer<typeof importProgress>;
  /** The number of the batch that finished. */
  batch: number | null;
  /** Nothing follows, unless somebody retries the import. One that was ended is told of until its last call is answered. */
  isLast: boolean;
}

export interface ImportEvents {
  /** Call it last in the transaction, with the import as it is after the change. */
  append(tx: Transaction, type: ImportEventType, row: ImportRow, isLast: boolean): Promise<void>;
  /** The same for batches that finished, each with the import as it is after that batch. `isLast`: of the last of them. */
  batchesFinished(
    tx: Transaction,
    finished: readonly { row: ImportRow; batch: number }[],
    isLast: boolean,
  ): Promise<void>;
}

export function createImportEvents(deps: { eventLog: EventLog; clock: Clock }): ImportEvents {
  const eventOf = (type: ImportEventType, row: ImportRow, batch: number | null, isLast: boolean) => ({
    topic: IMPORT_TOPIC,
    subject: row.id,
    type,
    data: { progress: progressOf(row, deps.clock.now()), batch, isLast },
  });
  return {
    async append(tx, type, row, isLast) {
      await deps.eventLog.append(tx, eventOf(type, row, null, isLast));
    },
    async batchesFinished(tx, finished, isLast) {
      const last = finished.length - 1;
      await deps.eventLog.appendAll(
        tx,
        finished.map(({ row, batch }, index) => eventOf('BATCH_FINISHED', row, batch, isLast && index === last)),
      );
    },
  };
}

export function toImportEvent(stored: StoredEvent): ImportEvent {
  const { progress, batch, isLast } = importEventContent.parse(stored.data);
  const type = z.enum(IMPORT_EVENT_TYPES).parse(stored.type);
  const { seq, at, subject: importId } = stored;
  return { seq, at, type, importId, progress, batch, isLast: isLast ?? LAST_TYPES.has(type) };
}
