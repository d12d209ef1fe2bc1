/** What is said of the items of a call whose answer contradicts itself: its counts are not those of whom it names. */
import type { ItemOutcome } from './bulk-operation.ts';

/** Of an answer that contradicts itself, this many contradictions are told. */
const MAX_TOLD = 3;

/** In words for the audit; undefined where nothing was strange. */
export function discrepancyOf(strange: readonly string[]): string | undefined {
  return strange.length > 0 ? `CXone's counts do not add up: ${strange.slice(0, MAX_TOLD).join('; ')}` : undefined;
}

/**
 * Fewer got in than were not refused, and nothing says which: all that seemed taken become `unknown`.
 *
 * @param said what CXone counts, as "CXone added fewer contacts than it did not refuse"
 */
export function doubtTaken(outcomes: ItemOutcome[], said: string): void {
  const message = `${said}, so this one may be missing. Look before sending it again.`;
  outcomes.forEach(({ status }, index) => {
    if (status !== 'created' && status !== 'updated') return;
    outcomes[index] = { status: 'unknown', issue: { path: [], code: 'COUNT_MISMATCH', message } };
  });
}
