/**
 * The books of an import: every change of its state or counts is one transaction that also holds the audit entry, the
 * event and the callback that tell of it. What is not in the books did not happen.
 */
import type { Clock } from '../clock.ts';
import { ConflictError } from '../errors.ts';
import type { AuditLog } from '../store/audit-log.ts';
import type { Database, Transaction } from '../store/database.ts';
import type { ReceivedCounts, StagedRejection } from '../store/import-receiving.ts';
import type { StagedBatch } from '../store/import-rows.ts';
import type { BatchCrashes } from '../store/import-sending.ts';
import type { ImportStore } from '../store/import-store.ts';
import type { ImportRow, ImportStateColumn } from '../store/tables.ts';
import type { Fence } from './batch-sender.ts';
import { afterEach, batchEntry, type EntryOfImport, entryAbout, type FinishedBatch } from './finished-batch.ts';
import type { ImportEvents, ImportEventType } from './import-events.ts';
import { importGlobalId, isFinal, optionsOf } from './model.ts';

/** Rung when there may be rows to send. */
export const IMPORTS_CHANNEL = 'imports';

/** What a new import has of its own; all counts begin at nothing. */
export type NewImport = Pick<
  ImportRow,
  | 'id'
  | 'kind'
  | 'state'
  | 'target_id'
  | 'campaign_id'
  | 'format'
  | 'options_json'
  | 'created_by'
  | 'call_key'
  | 'created_at'
  | 'upload_expires_at'
>;

/** As long as idempotency keys (contract.graphql, "Mutations"): after 24 hours the same call is another one. */
const CALLS_KEPT_MS = 24 * 3_600_000;

/** The list's count before and after, as far as CXone told. */
export interface Verification {
  countAfter: number;
  expectedAfter: number;
}

/** Told in the transaction of what it tells; sends nothing itself. */
export interface ImportNotices {
  batchFinished(tx: Transaction, row: ImportRow, outcome: FinishedBatch['outcome'], auditId: number): Promise<void>;
  finished(tx: Transaction, row: ImportRow, auditId: number): Promise<void>;
}

/** What is known of an input once it is there as a whole. */
export interface ReceivedInput {
  bytes: number;
  /** Of a CSV. */
  header: readonly string[] | null;
  encoding: string;
  /** Bytes that were no text in that encoding and were replaced. */
  replacements: number;
  validateOnly: boolean;
}

export interface StagedRows {
  batches: readonly StagedBatch[];
  rejections: readonly StagedRejection[];
  counts: ReceivedCounts;
}

export interface ImportBooks {
  /** A new import that waits for its upload; or the one that the same call made before. */
  created(row: NewImport, requestId: string): Promise<ImportRow>;
  /** A new import whose rows are all there: everything in one transaction, or nothing; or the one made before. */
  createdWithRows(row: NewImport, requestId: string, staged: StagedRows, input: ReceivedInput): Promise<ImportRow>;
  /** The upload is there as a whole: sending may start. @throws ConflictError where another try has taken over */
  received(importId: string, attempt: number, input: ReceivedInput): Promise<void>;
  /** The upload broke off (it may be tried again), or with a `failure` cannot be used. */
  notReceived(importId: string, attempt: number, failure: string | null): Promise<void>;
  /** Nothing was uploaded in time. */
  uploadExpired(importId: string): Promise<void>;
  /** The first batch is about to be sent; `countBefore` is what the target holds. */
  started(importId: string, countBefore: number | null): Promise<void>;
  /** Batches of one lane: all of them, or none. */
  batchesFinished(finished: readonly FinishedBatch[], fence: Fence): Promise<void>;
  /** Every row is sent; CXone's index does not show all of them yet. Returns since when, epoch milliseconds. */
  confirming(importId: string): Promise<number>;
  /** CXone's index shows all that was written to the target. */
  targetShown(importId: string, targetId: string): Promise<void>;
  /** Every row's outcome is known. `problems`: what went wrong at the end, in words. */
  finished(importId: string, verification: Verification | null, problems: readonly string[]): Promise<void>;
  /** The import as a whole cannot go on: what is pending will not be sent. */
  importFailed(importId: string, failure: string): Promise<void>;
  /** Nothing of a batch that was under way took effect. */
  batchReleased(tx: Transaction, batch: BatchCrashes): Promise<void>;
  /** Its failed rows are batches again: it runs on. Undefined where it has not finished with failures. */
  retried(importId: string, actor: string, requestId: string): Promise<ImportRow | undefined>;
  /** A change of state that somebody asked for. Undefined where the import is in none of the states `from`. */
  changeState(change: StateChange): Promise<ImportRow | undefined>;
}

export interface StateChange {
  importId: string;
  from: readonly ImportStateColumn[];
  to: Partial<ImportRow> & { state: ImportStateColumn };
  event: ImportEventType;
  action: string;
  actor: string;
  requestId: string;
}

export function createImportBooks(deps: {
  database: Database;
  store: ImportStore;
  events: ImportEvents;
  audit: AuditLog;
  notices: ImportNotices;
  /** For the metrics: rows whose fate was booked. */
  count: (
    kind: ImportRow['kind'],
    outcome: 'succeeded' | 'skipped' | 'failed' | 'unknown' | 'rejected' | 'duplicate',
    rows: number,
  ) => void;
  clock: Clock;
}): ImportBooks {
  const { database, store, events, audit, notices, count, clock } = deps;

  function countReceived(row: ImportRow): void {
    count(row.kind, 'rejected', row.rejected);
    count(row.kind, 'duplicate', row.duplicates);
  }

  /** An audit entry about the import, in the name of who started it. Returns the entry's id. */
  const note = (tx: Transaction, row: ImportRow, entry: EntryOfImport) => audit.append(tx, entryAbout(row, entry));

  /** Call it last in the transaction, as ImportEvents.append. */
  async function tell(tx: Transaction, type: ImportEventType, row: ImportRow): Promise<void> {
    await events.append(tx, type, row, await isOver(tx, row));
  }

  /** In a final state, and with no call under way that is still to be answered. */
  async function isOver(tx: Transaction, row: ImportRow): Promise<boolean> {
    return isFinal(row.state) && !(await store.isUnderWay(row.id, tx));
  }

  async function fail(tx: Transaction, importId: string, failure: string): Promise<void> {
    const row = await store.update(tx, importId, ['RUNNING', 'PAUSED', 'CONFIRMING'], {
      state: 'FAILED',
      failure,
      finished_at: clock.now(),
    });
    if (!row) return;
    await store.cancelPending(tx, importId);
    await store.setTargetStates(tx, importId, 'CANCELLED');
    if (await isOver(tx, row)) await conclude(tx, row);
    await tell(tx, 'FAILED', row);
  }

  /** One that was ended before it was through, once the last of its calls is answered: what is told of it is final. */
  async function conclude(tx: Transaction, row: ImportRow): Promise<void> {
    const auditId = await note(tx, row, {
      action: 'import.finish',
      outcome: 'FAILED',
      recordCount: row.received,
      detail: { ...countsOf(row), ...(row.failure === null ? {} : { failure: row.failure }) },
    });
    await notices.finished(tx, row, auditId);
  }

  /** Batches of one import. */
  async function bookBatches(tx: Transaction, finished: readonly FinishedBatch[]): Promise<ImportRow> {
    const outcomes = finished.map(({ outcome }) => outcome);
    let row = await store.completeBatches(tx, outcomes, clock.now());
    const discrepancy = finished.findLast((batch) => batch.discrepancy !== undefined)?.discrepancy;
    if (discrepancy !== undefined) row = await store.set(tx, row.id, { discrepancy });
    const auditIds = await audit.appendAll(
      tx,
      finished.map((batch) => batchEntry(row, batch)),
    );
    const rows = afterEach(row, outcomes);
    for (const [index, outcome] of outcomes.entries())
      await notices.batchFinished(tx, rows[index] ?? row, outcome, auditIds[index] ?? 0);
    const isLast = await isOver(tx, row);
    if (isLast) await conclude(tx, row);
    const told = outcomes.map(({ number }, index) => ({ row: rows[index] ?? row, batch: number }));
    await events.batchesFinished(tx, told, isLast);
    const { maxFailures } = optionsOf(row);
    if (maxFailures !== undefined && row.failed > maxFailures)
      await fail(tx, row.id, `CXone refused ${row.failed} rows, more than the ${maxFailures} that were allowed.`);
    return row;
  }

  /** Counts and verification decide how it ended. The event is the caller's, as the last of its transaction. */
  async function finish(
    tx: Transaction,
    before: ImportRow,
    verification: Verification | null,
    problems: readonly string[] = [],
  ): Promise<ImportRow> {
    const mismatch =
      verification && verification.countAfter !== verification.expectedAfter
        ? `The list holds ${verification.countAfter} contacts, ${verification.expectedAfter} were expected.`
        : null;
    const discrepancy = [before.discrepancy, mismatch, ...problems].filter((part) => part !== null).join(' ') || null;
    const failures = before.failed + before.unknown > 0 || discrepancy !== null;
    const now = clock.now();
    const row = await store.set(tx, before.id, {
      state: failures ? 'COMPLETED_WITH_FAILURES' : 'COMPLETED',
      started_at: before.started_at ?? now,
      finished_at: now,
      discrepancy,
      count_after: verification?.countAfter ?? null,
      count_expected: verification?.expectedAfter ?? null,
    });
    // Those that still wait were not shown in time: the others were told of one by one.
    await store.setTargetStates(tx, row.id, 'UNCONFIRMED');
    await store.setTargetStates(tx, row.id, 'COUNTED');
    const auditId = await note(tx, row, {
      action: 'import.finish',
      outcome: failures ? 'FAILED' : 'SUCCEEDED',
      recordCount: row.received,
      detail: { ...countsOf(row), ...(discrepancy === null ? {} : { discrepancy }) },
    });
    await notices.finished(tx, row, auditId);
    return row;
  }

  /** What the same call made before whoever ran it died. */
  async function madeBefore(tx: Transaction, { call_key: callKey }: NewImport): Promise<ImportRow | undefined> {
    if (callKey === null) return undefined;
    const before = await store.byCallKey(tx, callKey);
    if (!before || before.created_at > clock.now() - CALLS_KEPT_MS) return before;
    await store.set(tx, before.id, { call_key: null });
    return undefined;
  }

  async function create(tx: Transaction, given: NewImport, requestId: string): Promise<ImportRow> {
    const row = await store.insert(tx, { ...given, request_id: requestId });
    const detail = { kind: row.kind, target: row.target_id };
    await note(tx, row, { action: 'import.create', outcome: 'SUCCEEDED', detail });
    return row;
  }

  /** Names the targets and lets the sending begin; a validation alone is finished with that. */
  async function seal(tx: Transaction, importId: string, attempt: number, input: ReceivedInput): Promise<ImportRow> {
    const { bytes, header, validateOnly } = input;
    const row = await store.seal(tx, importId, attempt, { state: 'RUNNING', bytes, header });
    if (!row)
      throw new ConflictError(
        'NOT_IN_THIS_STATE',
        'The import was cancelled or received again meanwhile. Look at its state.',
      );
    await note(tx, row, {
      action: 'import.receive',
      outcome: 'SUCCEEDED',
      recordCount: row.received,
      detail: {
        bytes,
        rejected: row.rejected,
        duplicates: row.duplicates,
        encoding: input.encoding,
        replacements: input.replacements,
      },
    });
    if (validateOnly) return finish(tx, row, null);
    await database.ring(tx, IMPORTS_CHANNEL);
    return row;
  }

  return {
    created: (row, requestId) =>
      database.transaction(async (tx) => {
        const before = await madeBefore(tx, row);
        if (before) return before;
        const stored = await create(tx, row, requestId);
        await tell(tx, 'CREATED', stored);
        return stored;
      }),

    async createdWithRows(row, requestId, staged, input) {
      const created = await database.transaction(async (tx) => {
        const before = await madeBefore(tx, row);
        if (before) return before;
        await create(tx, row, requestId);
        await store.stage(tx, row.id, 0, staged);
        const sealed = await seal(tx, row.id, 0, input);
        await tell(tx, 'CREATED', sealed);
        await tell(tx, 'RECEIVED', sealed);
        if (isFinal(sealed.state)) await tell(tx, 'FINISHED', sealed);
        return sealed;
      });
      if (created.id === row.id) countReceived(created);
      return created;
    },

    async received(importId, attempt, input) {
      const received = await database.transaction(async (tx) => {
        const row = await seal(tx, importId, attempt, input);
        await tell(tx, 'RECEIVED', row);
        if (isFinal(row.state)) await tell(tx, 'FINISHED', row);
        return row;
      });
      countReceived(received);
    },

    notReceived: (importId, attempt, failure) =>
      database.transaction(async (tx) => {
        const change =
          failure === null
            ? { state: 'AWAITING_UPLOAD' as const }
            : { state: 'FAILED' as const, failure, finished_at: clock.now() };
        const row = await store.abandon(tx, importId, attempt, change);
        if (!row) return;
        const auditId = await note(tx, row, {
          action: 'import.receive',
          outcome: failure === null ? 'FAILED' : 'REJECTED',
          detail: { failure: failure ?? 'the upload broke off' },
        });
        if (failure === null) return;
        await notices.finished(tx, row, auditId);
        await tell(tx, 'FAILED', row);
      }),

    uploadExpired: (importId) =>
      database.transaction(async (tx) => {
        const failure = 'Nothing was uploaded before the link expired. Create another upload.';
        const change = { state: 'FAILED' as const, failure, finished_at: clock.now() };
        const row = await store.update(tx, importId, ['AWAITING_UPLOAD'], change);
        if (!row) return;
        const auditId = await note(tx, row, { action: 'import.receive', outcome: 'FAILED', detail: { failure } });
        await notices.finished(tx, row, auditId);
        await tell(tx, 'FAILED', row);
      }),

    started: (importId, countBefore) =>
      database.transaction(async (tx) => {
        const row = await store.begin(tx, importId, clock.now(), countBefore);
        if (row) await tell(tx, 'STARTED', row);
      }),

    async batchesFinished(finished, fence) {
      // In one order everywhere: two lanes that book for the same imports do not wait for each other.
      const byImport = [...Map.groupBy(finished, ({ outcome }) => outcome.importId)]
        .toSorted(([one], [other]) => (one < other ? -1 : 1))
        .map(([, some]) => some);
      const booked = await database.transaction(async (tx) => {
        await fence.assertHeld(tx);
        const rows: ImportRow[] = [];
        for (const some of byImport) rows.push(await bookBatches(tx, some));
        return rows;
      });
      booked.forEach(({ kind }, index) => {
        for (const { outcome } of byImport[index] ?? [])
          for (const key of ['succeeded', 'skipped', 'failed', 'unknown'] as const) count(kind, key, outcome[key]);
      });
    },

    confirming: (importId) =>
      database.transaction(async (tx) => {
        const now = clock.now();
        const row = await store.update(tx, importId, ['RUNNING'], { state: 'CONFIRMING', confirming_since: now });
        if (!row) return (await store.lock(tx, importId))?.confirming_since ?? now;
        await store.setTargetStates(tx, importId, 'CONFIRMING');
        await tell(tx, 'CONFIRMING', row);
        return now;
      }),

    targetShown: (importId, targetId) =>
      database.transaction((tx) => store.setTargetStates(tx, importId, 'COUNTED', targetId)),

    finished: (importId, verification, problems) =>
      database.transaction(async (tx) => {
        const before = await store.lock(tx, importId);
        if (before?.state === 'RUNNING' || before?.state === 'CONFIRMING')
          await tell(tx, 'FINISHED', await finish(tx, before, verification, problems));
      }),

    importFailed: (importId, failure) => database.transaction((tx) => fail(tx, importId, failure)),

    async batchReleased(tx, batch) {
      const row = await store.lock(tx, batch.importId);
      await store.releaseBatch(tx, batch);
      // One that goes on sends it again; where it was ended, that was the last of it.
      if (!row || !isFinal(row.state)) return;
      const isLast = await isOver(tx, row);
      if (isLast) await conclude(tx, row);
      await events.batchesFinished(tx, [{ row, batch: batch.number }], isLast);
    },

    retried: (importId, actor, requestId) =>
      database.transaction(async (tx) => {
        const row = await store.update(tx, importId, ['COMPLETED_WITH_FAILURES', 'FAILED'], {
          state: 'RUNNING',
          begun: 0,
          failure: null,
          finished_at: null,
          discrepancy: null,
          count_after: null,
          count_expected: null,
        });
        if (!row) return undefined;
        await store.reopenCancelled(tx, importId);
        await audit.append(tx, {
          actor,
          action: 'import.retry',
          subject: importGlobalId(importId),
          outcome: 'SUCCEEDED',
          requestId,
          detail: {},
        });
        await database.ring(tx, IMPORTS_CHANNEL);
        await tell(tx, 'RETRIED', row);
        return row;
      }),

    changeState: ({ importId, from, to, event, action, actor, requestId }) =>
      database.transaction(async (tx) => {
        const row = await store.update(tx, importId, from, to);
        if (!row) return undefined;
        if (row.state === 'CANCELLED') {
          await store.cancelPending(tx, importId);
          await store.setTargetStates(tx, importId, 'CANCELLED');
        } else await database.ring(tx, IMPORTS_CHANNEL);
        const auditId = await audit.append(tx, {
          actor,
          action,
          subject: importGlobalId(importId),
          outcome: 'SUCCEEDED',
          requestId,
          detail: {},
        });
        if (row.state === 'CANCELLED' && (await isOver(tx, row))) await notices.finished(tx, row, auditId);
        await tell(tx, event, row);
        return row;
      }),
  };
}

/** What the audit keeps of how an import ended. */
function countsOf({ state, succeeded, skipped, failed, unknown, rejected, duplicates }: ImportRow) {
  return { state, succeeded, skipped, failed, unknown, rejected, duplicates };
}
