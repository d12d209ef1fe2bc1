/** An import as its users see it: options, progress, report; computed from its row and from nothing else. */
import { z } from 'zod';
import type { ImportRow, ImportStateColumn } from '../store/tables.ts';

/** The global id of an import (contract.graphql). Its own ids need no encoding. */
export function importGlobalId(importId: string): string {
  return `gid://cxone/Import/${importId}`;
}

/** The types of the things that imports of a kind write to. */
export const TARGET_TYPE: Record<ImportRow['kind'], 'AddressBook' | 'ContactList' | 'Segment'> = {
  CONTACTS: 'AddressBook',
  RECORDS: 'ContactList',
  OUTBOUND_CONTACTS: 'ContactList',
  ATTRIBUTES: 'ContactList',
  SEGMENT_MEMBERS: 'Segment',
};

/** The global id of what an import of this kind writes to, from CXone's own. */
export function targetGlobalId(kind: ImportRow['kind'], targetId: string): string {
  return `gid://cxone/${TARGET_TYPE[kind]}/${encodeURIComponent(targetId)}`;
}

/** The options as they are stored with the import. */
export const importOptions = z.object({
  fieldMapping: z.array(z.object({ source: z.string(), target: z.string() })).default([]),
  onDuplicate: z.enum(['SKIP', 'UPDATE', 'FAIL']),
  defaultCountry: z.string().optional(),
  encoding: z.enum(['UTF_8', 'ISO_8859_1', 'WINDOWS_1252']).default('UTF_8'),
  invalidText: z.enum(['REJECT', 'REPLACE']).default('REJECT'),
  callbackUrl: z.string().optional(),
  maxFailures: z.number().optional(),
  validateOnly: z.boolean().default(false),
});

export type ImportOptions = z.infer<typeof importOptions>;

export function optionsOf(row: Pick<ImportRow, 'options_json'>): ImportOptions {
  return importOptions.parse(JSON.parse(row.options_json));
}

/** States an import does not leave by itself. */
export const FINAL_STATES: readonly ImportStateColumn[] = [
  'COMPLETED',
  'COMPLETED_WITH_FAILURES',
  'CANCELLED',
  'FAILED',
];

export function isFinal(state: ImportStateColumn): boolean {
  return FINAL_STATES.includes(state);
}

/** received = valid + rejected + duplicates; valid = succeeded + skipped + failed + unknown + pending. */
export interface ImportProgress {
  received: number;
  rejected: number;
  duplicates: number;
  valid: number;
  succeeded: number;
  skipped: number;
  failed: number;
  unknown: number;
  pending: number;
  batchesTotal: number;
  batchesDone: number;
  /** Of the valid rows, those whose outcome is known; 100 where there was nothing to do. */
  percent: number;
  rowsPerSecond: number | null;
  etaSeconds: number | null;
}

export function progressOf(row: ImportRow, nowMs: number): ImportProgress {
  const done = row.succeeded + row.skipped + row.failed + row.unknown;
  const pending = row.valid - done;
  const elapsedMs = row.started_at === null ? 0 : (row.finished_at ?? nowMs) - row.started_at;
  const rowsPerSecond = done > 0 && elapsedMs > 0 ? (done / elapsedMs) * 1000 : null;
  const completed = row.state === 'COMPLETED' || row.state === 'COMPLETED_WITH_FAILURES';
  const percent = completed ? 100 : row.valid > 0 ? (done / row.valid) * 100 : 0;
  return {
    received: row.received,
    rejected: row.rejected,
    duplicates: row.duplicates,
    valid: row.valid,
    succeeded: row.succeeded,
    skipped: row.skipped,
    failed: row.failed,
    unknown: row.unknown,
    pending,
    batchesTotal: row.batches_total,
    batchesDone: row.batches_done,
    percent: twoDecimals(percent),
    rowsPerSecond: rowsPerSecond === null ? null : twoDecimals(rowsPerSecond),
    etaSeconds: rowsPerSecond === null || row.state !== 'RUNNING' ? null : twoDecimals(pending / rowsPerSecond),
  };
}

export function twoDecimals(value: number): number {
  return Math.round(value * 100) / 100;
}

export interface ImportReport {
  successRatePercent: number;
  averageBatchLatencyMs: number | null;
  p95BatchLatencyMs: number | null;
  fillRatePercent: number | null;
  totalFields: number | null;
  filledFields: number | null;
  verification: { countBefore: number; countAfter: number; expectedAfter: number; matches: boolean } | null;
}

/**
 * Of a finished import. `p95LatencyMs`: of its batches. Success is what reached CXone or was there already, of all rows
 * that were to be sent; where there were none, that it came to its end.
 */
export function reportOf(row: ImportRow, p95LatencyMs: number | null): ImportReport {
  // A validation alone sends nothing, and so nothing fails.
  const sendable = optionsOf(row).validateOnly ? 0 : row.valid;
  const isEnded = row.state === 'FAILED' || row.state === 'CANCELLED';
  const { count_before: countBefore, count_after: countAfter, count_expected: expectedAfter } = row;
  const countsFields = row.kind === 'ATTRIBUTES';
  return {
    successRatePercent:
      sendable > 0 ? twoDecimals(((row.succeeded + row.skipped) / sendable) * 100) : isEnded ? 0 : 100,
    averageBatchLatencyMs: row.batches_done > 0 ? twoDecimals(row.latency_sum_ms / row.batches_done) : null,
    p95BatchLatencyMs: p95LatencyMs === null ? null : twoDecimals(p95LatencyMs),
    fillRatePercent:
      countsFields && row.total_fields > 0 ? twoDecimals((row.filled_fields / row.total_fields) * 100) : null,
    totalFields: countsFields ? row.total_fields : null,
    filledFields: countsFields ? row.filled_fields : null,
    verification:
      countBefore === null || countAfter === null || expectedAfter === null
        ? null
        : { countBefore, countAfter, expectedAfter, matches: countAfter === expectedAfter },
  };
}
