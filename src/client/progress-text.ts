/** How far an import is, as people read it. */
import type { ImportState, ProgressFragment } from './generated/graphql.ts';
import { share } from './number-text.ts';

/** Of the rows that were to be sent, those whose outcome is known. What is completed is all done, also where nothing was sent. */
export function percentDone(state: ImportState, progress: ProgressFragment): string {
  if (state === 'COMPLETED' || state === 'COMPLETED_WITH_FAILURES') return '100 %';
  return share(progress.valid - progress.pending, progress.valid);
}
