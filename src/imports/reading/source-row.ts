/**
 * A row as it stood in the file, before any of it is understood.
 */
import type { Issue } from '../../errors.ts';

export interface SourceRow {
  /** 1 is the first data row. Empty lines are not counted. */
  row: number;
  /**
   * Of a CSV: the cells in the header's order; a ragged row has fewer or more. Of NDJSON: the object, or where the
   * line holds none that could be used, its text under UNREAD_LINE_KEY.
   */
  record: readonly string[] | Readonly<Record<string, unknown>>;
  /** The record as JSON, where it stood so in the file. */
  json?: string;
  /** Why the row cannot be used, where it cannot. */
  issues?: Issue[];
}

/** What reads one format. Text comes in pieces of any size; rows come out as they end. */
export interface RowParser {
  /** A CSV's column names once they are known. Null before, and for formats without. */
  readonly header: readonly string[] | null;
  /**
   * @param isLast whether the file ends with this piece
   * @throws UnreadableFileError when the file is not of this format, or nothing behind this place can be relied on
   */
  parse(text: string, isLast: boolean): SourceRow[];
  /** Where the text given so far ends: row 0 is the header, column 1 the first. */
  position(): { row: number; column: number };
}

/**
 * The columns rejections.csv adds to those of the input; the reader drops them. A file that has them all is one that
 * comes back, mended or not.
 */
export const REJECTION_COLUMNS = ['_row', '_stage', '_errors'] as const;

/** Where the text of an NDJSON line stands that could not be read as an object. */
export const UNREAD_LINE_KEY = '_line';

/** Where the cells of a CSV row stand that lie beyond the header's last column. */
export const EXTRA_CELLS_KEY = '_extra';

/** The row as JSON, for the report of what failed: a CSV's cells under the names of their columns. */
export function sourceRowToJson(
  header: readonly string[] | null,
  record: SourceRow['record'],
): Record<string, unknown> {
  if (!isCells(record)) return { ...record };
  const names = header ?? [];
  const entries: [string, unknown][] = [];
  for (const [index, cell] of record.slice(0, names.length).entries()) entries.push([names[index] ?? '', cell]);
  if (record.length > names.length) entries.push([EXTRA_CELLS_KEY, record.slice(names.length)]);
  return Object.fromEntries(entries);
}

export function isCells(record: SourceRow['record']): record is readonly string[] {
  return Array.isArray(record);
}
