/**
 * CSV text to rows: the first record names the columns, each one after it is a row of as many cells.
 */
import type { Issue } from '../../errors.ts';
import { detectCsvStart, MAX_CELLS, MAX_COLUMNS, readColumnNames, tooManyColumns } from './csv-header.ts';
import { type CsvRecord, type CsvScanner, createCsvScanner } from './csv-scanner.ts';
import { UnreadableFileError } from './file-errors.ts';
import { unguardCell } from './formula-guard.ts';
import { REJECTION_COLUMNS, type RowParser, type SourceRow, UNREAD_LINE_KEY } from './source-row.ts';

/** @param maxRecordLength beyond this many UTF-16 code units a record is refused, and not kept meanwhile */
export function createCsvRows({ maxRecordLength }: { maxRecordLength: number }): RowParser {
  /** The text in front of the first line's end, until that has come. */
  let start = '';
  let scanner: CsvScanner | undefined;
  let columns: Columns | undefined;
  let hasNul = false;

  function openScanner(isLast: boolean): { opened: CsvScanner; text: string } | undefined {
    const found = detectCsvStart(start, isLast);
    if (!found) return undefined;
    const opened = createCsvScanner({ delimiter: found.delimiter, maxRecordLength, maxCells: MAX_CELLS });
    return { opened, text: start.slice(found.headerAt) };
  }

  /** Where the text ends that has come so far, though it is too short to go by. */
  function scanStart(): CsvScanner | undefined {
    const first = openScanner(true);
    first?.opened.scan(first.text, false);
    return first?.opened;
  }

  function toRow(record: CsvRecord, row: number, { names, width, dropped, isReturned }: Columns): SourceRow {
    let { cells } = record;
    // Nameless columns behind the last are fine as long as there is nothing in them.
    while (cells.length > width && cells.at(-1)?.trim() === '') cells.pop();
    const issue = findIssue(record, names, width);
    if (dropped.size > 0) cells = cells.filter((_, index) => !dropped.has(index));
    if (isReturned) cells = cells.map(unguardCell);
    return issue ? { row, record: cells, issues: [issue] } : { row, record: cells };
  }

  function findIssue({ cells, fault }: CsvRecord, names: readonly string[], width: number): Issue | undefined {
    if (fault && fault.code !== 'TOO_MANY_CELLS') {
      return { path: namePath(names, fault.cell), code: fault.code, message: FAULT_MESSAGES[fault.code] };
    }
    if (fault || cells.length !== width) {
      const found = fault ? `more than ${MAX_CELLS}` : String(cells.length);
      return {
        path: [],
        code: 'RAGGED_ROW',
        message: `The row has ${found} cells where the header has ${width}. A delimiter inside a cell needs quotes around the cell.`,
      };
    }
    const nul = hasNul ? cells.findIndex((cell) => cell.includes('\0')) : -1;
    if (nul >= 0)
      return { path: namePath(names, nul), code: 'NUL_BYTE', message: 'The cell has a NUL byte. Remove it.' };
    return undefined;
  }

  return {
    get header() {
      return columns?.header ?? null;
    },
    position() {
      const reached = scanner ?? scanStart();
      return { row: reached?.recordCount ?? 0, column: (reached?.cellIndex ?? 0) + 1 };
    },
    parse(piece, isLast) {
      hasNul ||= piece.includes('\0');
      let text = piece;
      if (!scanner) {
        start += piece;
        const first = openScanner(isLast);
        if (!first) {
          if (start.length <= maxRecordLength) return [];
          throw new UnreadableFileError(
            `The header is longer than ${maxRecordLength} characters. Is this a CSV, with the names of its columns in the first line?`,
            { row: 0 },
          );
        }
        scanner = first.opened;
        text = first.text;
        start = '';
      }
      const firstRow = scanner.recordCount;
      const records = scanner.scan(text, isLast);
      const rows: SourceRow[] = [];
      for (const [index, record] of records.entries()) {
        if (columns) rows.push(toRow(record, firstRow + index, columns));
        else columns = readColumns(record);
      }
      if (isLast && !columns) throw new UnreadableFileError('The file is empty. Its first line must name the columns.');
      return rows;
    },
  };
}

const FAULT_MESSAGES = {
  INVALID_QUOTE:
    'The quote that opens the cell is not closed, or one inside it is not doubled (""). Close or double it.',
  CELL_TOO_LONG: 'The cell is longer than a whole row may be; only its beginning was kept. Shorten it.',
  ROW_TOO_LONG: 'The row is too long; only the beginnings of its cells were kept. Shorten it.',
};

interface Columns {
  /** What callers see: the names without those that rejections.csv adds. */
  header: string[];
  /** All names, as the cells stand. */
  names: string[];
  width: number;
  /** The cells of the columns that rejections.csv adds. */
  dropped: ReadonlySet<number>;
  /** Whether this is a rejections.csv coming back. */
  isReturned: boolean;
}

function readColumns({ cells, fault }: CsvRecord): Columns {
  if (fault?.code === 'TOO_MANY_CELLS') throw tooManyColumns();
  if (fault) throw new UnreadableFileError(FAULT_MESSAGES[fault.code], { row: 0, column: fault.cell + 1 });
  const isReturned = REJECTION_COLUMNS.every((name) => cells.some((cell) => cell.trim() === name));
  const names = readColumnNames(isReturned ? cells.map(unguardCell) : cells);
  const isAdded = (name: string) =>
    REJECTION_COLUMNS.some((added) => added === name) || (isReturned && name === UNREAD_LINE_KEY);
  const header = names.filter((name) => !isAdded(name));
  const dropped = new Set(names.keys().filter((index) => isAdded(names[index] ?? '')));
  if (header.length > MAX_COLUMNS) throw tooManyColumns();
  if (header.length === 0) {
    throw new UnreadableFileError('There are no columns but those that rejections.csv adds. Keep the others, too.', {
      row: 0,
    });
  }
  return { header, names, width: names.length, dropped, isReturned };
}

function namePath(names: readonly string[], index: number): string[] {
  return [names[index] ?? `column ${index + 1}`];
}
