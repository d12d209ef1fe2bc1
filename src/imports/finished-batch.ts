/** Batches of an import whose rows' fates are known: what the audit tells of them, and how the import stood after each. */
import type { NewAuditEntry } from '../store/audit-log.ts';
import type { BatchOutcome } from '../store/import-sending.ts';
import type { ImportRow } from '../store/tables.ts';
import { importGlobalId } from './model.ts';

export interface FinishedBatch {
  outcome: BatchOutcome;
  /** What did not add up in CXone's answer, in words. */
  discrepancy: string | undefined;
}

/** Of an audit entry, what the import does not know by itself. */
export type EntryOfImport = Omit<NewAuditEntry, 'actor' | 'subject' | 'requestId'>;

/** An audit entry about the import, in the name of who started it. */
export function entryAbout(row: ImportRow, entry: EntryOfImport): NewAuditEntry {
  return {
    actor: row.created_by,
    subject: importGlobalId(row.id),
    requestId: row.request_id ?? undefined,
    ...entry,
  };
}

/** What the audit tells of a batch. */
export function batchEntry(row: ImportRow, { outcome, discrepancy }: FinishedBatch): NewAuditEntry {
  const { succeeded, skipped, failed, unknown } = outcome;
  return entryAbout(row, {
    action: 'import.batch',
    outcome: failed + unknown > 0 || discrepancy ? 'FAILED' : 'SUCCEEDED',
    recordCount: succeeded + skipped + failed + unknown,
    latencyMs: outcome.latencyMs,
    upstreamRequestId: outcome.upstreamRequestId ?? undefined,
    detail: {
      batch: outcome.number,
      target: outcome.targetId,
      succeeded,
      skipped,
      failed,
      unknown,
      ...(discrepancy === undefined ? {} : { discrepancy }),
    },
  });
}

/** The import as it was after each of the batches, from how it is after the last of them. */
export function afterEach(last: ImportRow, outcomes: readonly BatchOutcome[]): ImportRow[] {
  let row = last;
  return outcomes
    .toReversed()
    .map((outcome) => {
      const after = row;
      row = {
        ...row,
        succeeded: row.succeeded - outcome.succeeded,
        skipped: row.skipped - outcome.skipped,
        failed: row.failed - outcome.failed,
        unknown: row.unknown - outcome.unknown,
        created: row.created - outcome.created,
        batches_done: row.batches_done - 1,
        latency_sum_ms: row.latency_sum_ms - outcome.latencyMs,
      };
      return after;
    })
    .reverse();
}
