/** What the audit says of shared bulk calls: one entry for each call, and one for each item that did not get in. */
import { errorPolicy, UpstreamError } from '../errors.ts';
import type { AuditLog, NewAuditEntry } from '../store/audit-log.ts';
import type { BulkCallReport } from './bulk-loader.ts';
import type { BulkResult } from './bulk-operation.ts';

/**
 * Audits calls as the loader tells of them. Never throws: what was done upstream stays done, and its callers have to
 * learn of it.
 */
export function createBulkAudit(deps: {
  audit: Pick<AuditLog, 'note'>;
  log: { error(fields: object, message: string): void };
}): (report: BulkCallReport) => Promise<void> {
  const { audit, log } = deps;
  return async (report) => {
    try {
      await audit.note(entriesOf(report));
    } catch (error) {
      log.error({ action: report.action, requestId: report.requestId, error }, 'an audit entry was lost');
    }
  };
}

function entriesOf(report: BulkCallReport): NewAuditEntry[] {
  const { action, subject, bulkCall, requestId, items, end, durationMs } = report;
  const actors = [...new Set(items.map(({ actor }) => actor))];
  const shared = {
    actor: actors.length === 1 ? (actors[0] ?? '') : 'several',
    action,
    subject,
    recordCount: bulkCall.size,
    requestId,
  };
  const about = { bulkCall: bulkCall.id, ids: items.length, ...(actors.length > 1 && { actors }) };
  if ('error' in end) {
    const { error } = end;
    const refusal = error instanceof UpstreamError && error.fault === 'refused';
    const detail = { ...about, code: errorPolicy(error).code };
    return [{ ...shared, outcome: refusal ? 'REJECTED' : 'FAILED', latencyMs: durationMs, detail }];
  }
  const { result } = end;
  const { upstreamRequestId, latencyMs, discrepancy } = result;
  const counts = countsOf(result);
  const allRefused = counts.failed + counts.unknown === bulkCall.size;
  const summary: NewAuditEntry = {
    ...shared,
    outcome: allRefused ? 'FAILED' : 'SUCCEEDED',
    latencyMs,
    upstreamRequestId,
    detail: { ...about, ...counts, ...(discrepancy !== undefined && { discrepancy }) },
  };
  const refused = items.flatMap((item, index): NewAuditEntry[] => {
    const outcome = result.outcomes[index];
    if (!outcome || !('issue' in outcome)) return [];
    const { code, path } = outcome.issue;
    return [
      {
        actor: item.actor,
        action,
        subject,
        outcome: outcome.status === 'failed' ? 'REJECTED' : 'FAILED',
        recordCount: 1,
        requestId: item.requestId,
        upstreamRequestId,
        detail: { bulkCall: bulkCall.id, id: item.id, code, path },
      },
    ];
  });
  return [summary, ...refused];
}

function countsOf({ outcomes }: BulkResult) {
  const counts = { created: 0, updated: 0, skipped: 0, failed: 0, unknown: 0 };
  for (const { status } of outcomes) counts[status]++;
  return counts;
}
