/** What becomes of rows, in the order and the colours in which the page shows it everywhere. */
import type { ProgressFragment } from '../../client/generated/graphql.ts';

export interface RowCount {
  /** The name of its colour in style.css. */
  readonly tone: 'succeeded' | 'skipped' | 'failed' | 'unknown' | 'rejected' | 'duplicate';
  readonly name: string;
  readonly meaning: string;
  readonly count: number;
}

export function rowCounts(progress: ProgressFragment): RowCount[] {
  return [
    { tone: 'succeeded', name: 'succeeded', meaning: 'Taken by CXone', count: progress.succeeded },
    { tone: 'skipped', name: 'skipped', meaning: 'Already there, left as it was', count: progress.skipped },
    { tone: 'failed', name: 'failed', meaning: 'Refused by CXone', count: progress.failed },
    {
      tone: 'unknown',
      name: 'unknown',
      meaning: 'Sent without an answer: look before sending it again',
      count: progress.unknown,
    },
    { tone: 'rejected', name: 'rejected', meaning: 'Not valid, not sent', count: progress.rejected },
    {
      tone: 'duplicate',
      name: progress.duplicates === 1 ? 'duplicate' : 'duplicates',
      meaning: 'Repeats an earlier row of the file',
      count: progress.duplicates,
    },
  ];
}
