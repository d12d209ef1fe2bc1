/** What a callback says (interface.md, "Callback to a CRM"). Computed from the import's row and the batch's outcome alone. */
import type { BatchOutcome } from '../store/import-sending.ts';
import type { ImportRow } from '../store/tables.ts';

export interface CallbackBody {
  event: 'cxone_contact_import_batch_complete' | 'cxone_contact_import_complete';
  /** ISO 8601. */
  timestamp: string;
  importId: string;
  kind: ImportRow['kind'];
  /** Over the import so far. */
  metrics: {
    totalProcessed: number;
    successCount: number;
    failureCount: number;
    /** Two decimals; 0 where nothing was processed. */
    successRatePercent: number;
    /** Of its batches, in milliseconds with two decimals; 0 where none was sent. */
    averageLatencyMs: number;
  };
  auditTrailer: AuditTrailer;
}

/** The audit entry that was stored together with the callback. */
export interface AuditTrailer {
  auditId: string;
  timestamp: string;
  /** The batch's number; at the end the number of batches. */
  batchIndex: number;
  recordCount: number;
  status: 'SUCCEEDED' | 'FAILED';
  latencyMs: number;
  details: Record<string, unknown>;
}

/** Of a finished batch, with the import's row as it is afterwards. */
export function batchCallback(row: ImportRow, outcome: BatchOutcome, auditId: number, nowMs: number): CallbackBody {
  const { number: batch, targetId: target, succeeded, skipped, failed, unknown } = outcome;
  const timestamp = new Date(nowMs).toISOString();
  return {
    event: 'cxone_contact_import_batch_complete',
    timestamp,
    importId: row.id,
    kind: row.kind,
    metrics: metricsOf(row),
    auditTrailer: {
      auditId: String(auditId),
      timestamp,
      batchIndex: batch,
      recordCount: succeeded + skipped + failed + unknown,
      status: failed + unknown > 0 ? 'FAILED' : 'SUCCEEDED',
      latencyMs: twoDecimals(outcome.latencyMs),
      details: { batch, target, succeeded, skipped, failed, unknown },
    },
  };
}

/** Of an import that is over, however it ended. Its latency is the time from its first call to its end. */
export function importCallback(row: ImportRow, auditId: number, nowMs: number): CallbackBody {
  const { state, succeeded, skipped, failed, unknown, rejected, duplicates, failure, discrepancy } = row;
  const timestamp = new Date(nowMs).toISOString();
  const endedAt = row.finished_at ?? nowMs;
  return {
    event: 'cxone_contact_import_complete',
    timestamp,
    importId: row.id,
    kind: row.kind,
    metrics: metricsOf(row),
    auditTrailer: {
      auditId: String(auditId),
      timestamp,
      batchIndex: row.batches_total,
      recordCount: row.received,
      status: state === 'COMPLETED' ? 'SUCCEEDED' : 'FAILED',
      latencyMs: twoDecimals(endedAt - (row.started_at ?? endedAt)),
      details: {
        state,
        succeeded,
        skipped,
        failed,
        unknown,
        rejected,
        duplicates,
        ...(failure === null ? {} : { failure }),
        ...(discrepancy === null ? {} : { discrepancy }),
      },
    },
  };
}

function metricsOf(row: ImportRow): CallbackBody['metrics'] {
  const successCount = row.succeeded + row.skipped;
  const failureCount = row.failed + row.unknown;
  const totalProcessed = successCount + failureCount;
  return {
    totalProcessed,
    successCount,
    failureCount,
    successRatePercent: totalProcessed === 0 ? 0 : twoDecimals((successCount / totalProcessed) * 100),
    averageLatencyMs: row.batches_done === 0 ? 0 : twoDecimals(row.latency_sum_ms / row.batches_done),
  };
}

function twoDecimals(value: number): number {
  return Math.round(value * 100) / 100;
}
