/**
 * Rejected rows as a CSV of the input's own shape, with the reasons beside them: to be mended in a spreadsheet and
 * uploaded again as it is, for the reader ignores what was added and takes off what was put in front of formulas.
 */
import type { Issue } from '../../errors.ts';
import { MAX_COLUMNS } from './csv-header.ts';
import { guardCell } from './formula-guard.ts';
import { isJsonObject } from './json-record.ts';
import { EXTRA_CELLS_KEY, isCells, REJECTION_COLUMNS, type SourceRow } from './source-row.ts';

export interface RejectedRow {
  /** 1 is the input's first row. */
  row: number;
  stage: string;
  issues: readonly Issue[];
  /** The row as it came: a CSV's cells, a CSV's row by `sourceRowToJson`, or the object. */
  data: SourceRow['record'];
}

/** Characters gathered before they are handed on. */
const PIECE_LENGTH = 32 * 1024;

/**
 * Text in pieces, RFC 4180 with CRLF: the input's columns in their order, then `_row`, `_stage` and `_errors`. Of a
 * ragged row the cells beyond the header follow those, so that it is ragged again when it comes back unmended; of one
 * that was too short the missing cells are empty.
 *
 * @param header the CSV's columns. Null for rows that were JSON: they become columns with dots, in the order in which
 *   they first appear, which takes a pass of its own: values that only later rows have by the time of the second pass
 *   are left out, and so are columns beyond MAX_COLUMNS.
 * @param open gives the rejected rows from the first on, each time it is called
 */
export async function* rejectionsCsv(
  header: readonly string[] | null,
  open: () => AsyncIterable<RejectedRow>,
): AsyncGenerator<string, void, undefined> {
  const columns = header ?? (await collectColumns(open()));
  let piece = formatRow([...columns, ...REJECTION_COLUMNS]);
  for await (const { row, stage, issues, data } of open()) {
    const { cells, extra } = toCells(columns, data);
    piece += formatRow([...cells, String(row), stage, formatIssues(issues), ...extra]);
    if (piece.length >= PIECE_LENGTH) {
      yield piece;
      piece = '';
    }
  }
  if (piece !== '') yield piece;
}

async function collectColumns(rejections: AsyncIterable<RejectedRow>): Promise<string[]> {
  const columns = new Set<string>();
  for await (const { data } of rejections) {
    if (isCells(data)) continue;
    for (const name of flatten(data).keys()) {
      if (columns.size < MAX_COLUMNS) columns.add(name);
    }
  }
  return [...columns];
}

function toCells(columns: readonly string[], data: SourceRow['record']): { cells: string[]; extra: readonly string[] } {
  if (isCells(data)) return { cells: columns.map((_, index) => data[index] ?? ''), extra: data.slice(columns.length) };
  const values = flatten(data);
  const extra = data[EXTRA_CELLS_KEY];
  return {
    cells: columns.map((name) => values.get(name) ?? ''),
    extra: Array.isArray(extra) ? extra.map(formatValue) : [],
  };
}

/** The values of a row by the names of the columns that lead to them. Names no file may have are left out. */
function flatten(row: Readonly<Record<string, unknown>>): Map<string, string> {
  const values = new Map<string, string>();
  const add = (value: unknown, path: string) => {
    if (Array.isArray(value)) for (const [index, item] of value.entries()) add(item, `${path}.${index}`);
    else if (isJsonObject(value)) for (const [key, item] of Object.entries(value)) add(item, `${path}.${key}`);
    else if (!values.has(path)) values.set(path, formatValue(value));
  };
  for (const [key, value] of Object.entries(row)) {
    const name = key.trim();
    if (name !== '' && !RESERVED_NAMES.has(name)) add(value, name);
  }
  return values;
}

const RESERVED_NAMES: ReadonlySet<string> = new Set([...REJECTION_COLUMNS, EXTRA_CELLS_KEY]);

function formatValue(value: unknown): string {
  return value === null || value === undefined ? '' : String(value);
}

function formatIssues(issues: readonly Issue[]): string {
  return issues.map(({ path, message }) => (path.length > 0 ? `${path.join('.')}: ${message}` : message)).join(' ');
}

/** All that could be taken for a delimiter is quoted, so that nobody who looks for the delimiter finds another one. */
const NEEDS_QUOTES = /[",;\t|\r\n]|^\s|\s$/;

function formatRow(cells: readonly string[]): string {
  const formatted = cells.map((cell) => {
    const guarded = guardCell(cell);
    return NEEDS_QUOTES.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
  });
  return `${formatted.join(',')}\r\n`;
}
