/**
 * What the first line of a CSV says: the delimiter, and the names of the columns.
 */
import { UnreadableFileError } from './file-errors.ts';
import { isHostileKey } from './hostile-keys.ts';
import { EXTRA_CELLS_KEY, REJECTION_COLUMNS } from './source-row.ts';

/** As many columns as a file may have, those that rejections.csv adds not counted. */
export const MAX_COLUMNS = 1000;
/** As many cells as a header or a row may have. */
export const MAX_CELLS = MAX_COLUMNS + REJECTION_COLUMNS.length + 1;

/** In the order of preference, where the header has as many of one as of another. */
const DELIMITERS = [',', ';', '\t', '|'] as const;
const DELIMITER_CODES = DELIMITERS.map((delimiter) => delimiter.charCodeAt(0));

/** `sep=;` alone on the first line is Excel's own way to name the delimiter. */
const SEP_LINE = /^"?sep=([^"\r\n])"?(?:\r\n|\n|\r|$)/i;
const SEP_LINE_MAX_LENGTH = 9;

const QUOTE = 0x22;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;

export interface CsvStart {
  delimiter: string;
  /** How much of the text stands in front of the header: a `sep=` line, or nothing. */
  headerAt: number;
}

/**
 * Finds the delimiter: the one that stands most often in the header outside quotes.
 *
 * @param text the file's beginning
 * @param isComplete whether this is the whole file
 * @returns `undefined` when the header does not end within `text` and more may come
 * @throws UnreadableFileError as soon as there are more columns than a file may have
 */
export function detectCsvStart(text: string, isComplete: boolean): CsvStart | undefined {
  if (!isComplete && text.length <= SEP_LINE_MAX_LENGTH) return undefined;
  const sep = SEP_LINE.exec(text);
  if (sep?.[1]) return { delimiter: sep[1], headerAt: sep[0].length };

  const { counts, isWholeLine } = countDelimiters(text);
  if (!isWholeLine && !isComplete) return undefined;
  const most = Math.max(...counts);
  return { delimiter: DELIMITERS[counts.indexOf(most)] ?? ',', headerAt: 0 };
}

/** Counts to the end of the first line that has anything on it. A quote opens a cell only where a cell begins. */
function countDelimiters(text: string): { counts: number[]; isWholeLine: boolean } {
  const counts = DELIMITERS.map(() => 0);
  let isQuoted = false;
  let isCellStart = true;
  let isLineEmpty = true;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isQuoted) {
      // Of a doubled quote the first one closes the cell and the second opens it again.
      if (code === QUOTE) {
        isQuoted = false;
        isCellStart = text.charCodeAt(at + 1) === QUOTE;
      }
      continue;
    }
    if (code === LF || code === CR) {
      if (!isLineEmpty) return { counts, isWholeLine: true };
      continue;
    }
    const index = DELIMITER_CODES.indexOf(code);
    if (index >= 0) {
      const count = (counts[index] ?? 0) + 1;
      if (count >= MAX_CELLS) throw tooManyColumns();
      counts[index] = count;
    }
    if (code === QUOTE && isCellStart) isQuoted = true;
    isCellStart = index >= 0;
    if (code !== SPACE) isLineEmpty = false;
  }
  return { counts, isWholeLine: false };
}

/**
 * The names of the columns, trimmed, without the nameless ones at the end that spreadsheets leave.
 *
 * @throws UnreadableFileError naming the column that is doubled, nameless or hostile
 */
export function readColumnNames(cells: readonly string[]): string[] {
  const names = cells.map((cell) => cell.trim());
  while (names.at(-1) === '') names.pop();

  if (names.length === 0) throw headerError('No column has a name. The first line must name the columns.');
  if (names[0]?.startsWith('{')) {
    throw headerError('This looks like NDJSON, not like CSV. Announce it as format NDJSON, or send a CSV.');
  }
  const seen = new Map<string, number>();
  for (const [index, name] of names.entries()) {
    const column = index + 1;
    if (name === '') throw headerError('This column has no name. Name it, or remove it.', column);
    if (name.includes('\0')) {
      throw headerError('The name has NUL bytes. Save the file as UTF-8 (it may be UTF-16 now).', column);
    }
    if (name === EXTRA_CELLS_KEY || name.split('.').some(isHostileKey)) {
      throw headerError(`The name ${quoteName(name)} is reserved. Rename the column.`, column);
    }
    const first = seen.get(name);
    if (first !== undefined) {
      throw headerError(`The name ${quoteName(name)} is that of column ${first} too. Rename one of them.`, column);
    }
    seen.set(name, column);
  }
  return names;
}

export function tooManyColumns(): UnreadableFileError {
  return headerError(`There are more than ${MAX_COLUMNS} columns. Remove those that are not needed.`);
}

function headerError(message: string, column?: number): UnreadableFileError {
  return new UnreadableFileError(message, { row: 0, column });
}

/** Names of columns are no personal data, but in a file without a header the first contact stands in their place. */
function quoteName(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
}
