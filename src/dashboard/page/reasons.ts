/** Rejected rows by what was wrong with them. */
import type { RejectionStage } from '../../client/generated/graphql.ts';

export interface Reason {
  readonly key: string;
  /** In lower case: also the name of its colour. */
  readonly stage: Lowercase<RejectionStage>;
  /** Where in the row; empty where it is about the row as a whole. */
  readonly field: string;
  readonly message: string;
  readonly count: number;
  readonly firstRows: readonly number[];
}

interface RejectedRow {
  readonly row: number;
  readonly stage: RejectionStage;
  readonly issues: readonly { readonly path: readonly string[]; readonly code: string; readonly message: string }[];
}

const SHOWN_ROWS = 3;

/** The commonest first. A row with several faults counts for each of them. */
export function reasonsOf(rejections: readonly RejectedRow[]): Reason[] {
  const reasons = new Map<string, Reason>();
  for (const { row, stage, issues } of rejections) {
    for (const { path, code, message } of issues) {
      // Two phones of one row are the same reason at different indexes.
      const field = path.filter((part) => !/^\d+$/.test(part)).join('.');
      const key = `${stage} ${field} ${code}`;
      const { count = 0, firstRows = [] } = reasons.get(key) ?? {};
      reasons.set(key, {
        key,
        stage: stage.toLowerCase() as Lowercase<RejectionStage>, // What toLowerCase does, which its type does not say.
        field,
        message,
        count: count + 1,
        firstRows: firstRows.length < SHOWN_ROWS ? [...firstRows, row] : firstRows,
      });
    }
  }
  return [...reasons.values()].sort((a, b) => b.count - a.count);
}
