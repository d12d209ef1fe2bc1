/** Reads what became of each record from CXone's answer to a batch, and whether its counts bear that out. */
import type { ItemOutcome } from '../../bulk/bulk-operation.ts';
import { discrepancyOf, doubtTaken } from '../../bulk/count-mismatch.ts';
import type { WireRecordsAnswer } from './client.ts';
import { type Notice, readNotices } from './notices.ts';

export interface AnsweredRecords {
  /** `skipped` for duplicates. */
  readonly outcomes: ItemOutcome[];
  readonly discrepancy: string | undefined;
}

/** @param contactIds those of the batch, in its order; no two the same */
export function readRecordsAnswer(answer: WireRecordsAnswer, contactIds: readonly string[]): AnsweredRecords {
  const outcomes = contactIds.map((): ItemOutcome => ({ status: 'created' }));
  const strange: string[] = [];
  for (const notice of readNotices(answer.errors ?? [], contactIds)) {
    if (notice.index === undefined) strange.push('an error names no record of the batch');
    else outcomes[notice.index] = refusalOf(notice);
  }
  const warnings = readNotices(answer.warnings ?? [], contactIds).filter(
    ({ index }) => index === undefined || outcomes[index]?.status === 'created',
  );
  const sure = indexesOf(warnings.filter(({ isDuplicate }) => isDuplicate));
  const named = indexesOf(warnings);

  const created = answer.recordsCreated;
  const takenOf = (duplicates: ReadonlySet<number>) =>
    outcomes.filter(({ status }, index) => status === 'created' && !duplicates.has(index)).length;
  // A warning need not say "duplicate" in words that we know; then the count tells whether it was one.
  const duplicates = created !== takenOf(sure) && created === takenOf(named) ? named : sure;
  const taken = takenOf(duplicates);
  for (const index of duplicates) outcomes[index] = { status: 'skipped' };

  if (created !== taken) {
    strange.push(`${describe(created)} records were created of ${contactIds.length}, where ${taken} were not refused`);
    // Fewer than the unnamed got in, and nothing says which.
    if (!(typeof created === 'number' && created > taken)) {
      doubtTaken(outcomes, 'CXone created fewer records than it did not refuse');
    }
  }
  return { outcomes, discrepancy: discrepancyOf(strange) };
}

export function refusalOf({ path, code, message }: Notice): ItemOutcome {
  return { status: 'failed', issue: { path, code, message } };
}

function indexesOf(notices: readonly Notice[]): Set<number> {
  return new Set(notices.flatMap(({ index }) => index ?? []));
}

/** A number as it is; what else stands there is not repeated. */
function describe(count: unknown): string {
  return typeof count === 'number' ? String(count) : `(${typeof count})`;
}
