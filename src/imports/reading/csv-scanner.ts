/**
 * Cuts CSV text into records, RFC 4180 and what is found in its stead, in bounded memory and without ever losing its
 * way: a fault costs its own record, and the one after it is read as if nothing had happened.
 *
 * Own code, because that is what the libraries do not do (tried: csv-parse 7.0, papaparse 5.7, udsv 0.7). Text after a
 * closing quote makes csv-parse and papaparse swallow all rows up to the next quote that happens to fit; a record over
 * csv-parse's limit silently ends the file; CR, LF and CRLF in one file are beyond papaparse and udsv; udsv cuts ragged
 * rows at the wrong places. On well-formed input the tests hold this scanner to csv-parse's answers.
 */
import { UnreadableFileError } from './file-errors.ts';

export type CsvFaultCode = 'INVALID_QUOTE' | 'CELL_TOO_LONG' | 'ROW_TOO_LONG' | 'TOO_MANY_CELLS';

export interface CsvRecord {
  /** Of a record that is too long only the beginnings, of one with too many cells only the first `maxCells`. */
  cells: string[];
  fault?: { code: CsvFaultCode /** 0 is the first cell. */; cell: number };
}

export interface CsvScanner {
  /**
   * Takes the next piece of text and gives the records that end in it. Lines without anything are no records.
   *
   * @param isLast whether the text ends with this piece: a last record needs no line break
   * @throws UnreadableFileError for a quoted cell that does not end where the file, or the bound on its length, does
   */
  scan(text: string, isLast: boolean): CsvRecord[];
  /** How many records have been given: also the row the scanner is in, when record 0 is the header. */
  readonly recordCount: number;
  /** The cell the scanner is in; 0 is the first. */
  readonly cellIndex: number;
}

export interface CsvScannerOptions {
  /** One character. */
  delimiter: string;
  /** Beyond this many UTF-16 code units a record is not kept. */
  maxRecordLength: number;
  /** Beyond this many cells a record is not kept. */
  maxCells: number;
}

const QUOTE = 0x22;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;

/** How much of a cell that is too long is kept, so that its owner can find it. In UTF-16 code units. */
const EXCERPT_LENGTH = 256;

/**
 * A quoted cell longer than a record may be is skipped up to its closing quote, for the rows behind it are sound; but
 * a quote that was never closed looks the same, and would take the whole rest of the file with it. Beyond this many
 * times the record's bound it counts as that.
 */
const LONGEST_QUOTED_CELL_IN_RECORDS = 16;

export function createCsvScanner({ delimiter, maxRecordLength, maxCells }: CsvScannerOptions): CsvScanner {
  const delimiterCode = delimiter.charCodeAt(0);
  const maxQuotedLength = maxRecordLength * LONGEST_QUOTED_CELL_IN_RECORDS;

  let recordCount = 0;
  /** Text from the start of the cell whose end has not come yet. While skipping: at most one undecided quote. */
  let rest = '';
  /** How much of `rest` has been searched for the cell's end: so that a long cell in many pieces is searched once. */
  let searchedTo = 0;
  /** Inside a cell that is too long to be kept: of which sort, so that its end can be told. */
  let skipping: 'quoted' | 'unquoted' | undefined;
  let skippedLength = 0;

  let cells: string[] = [];
  let cellCount = 0;
  let recordLength = 0;
  let hasQuotedCell = false;
  let fault: CsvRecord['fault'];

  function isTerminator(code: number): boolean {
    return code === delimiterCode || code === LF || code === CR;
  }

  function setFault(code: CsvFaultCode): void {
    fault ??= { code, cell: cellCount };
  }

  function addCell(cell: string, length: number): void {
    recordLength += length + 1;
    if (length > maxRecordLength) setFault('CELL_TOO_LONG');
    else if (recordLength > maxRecordLength) setFault('ROW_TOO_LONG');
    if (cellCount < maxCells) cells.push(recordLength > maxRecordLength ? excerpt(cell) : cell);
    else if (cell !== '') setFault('TOO_MANY_CELLS');
    cellCount++;
  }

  function endRecord(records: CsvRecord[]): void {
    const [only = ''] = cells;
    const isEmptyLine = cellCount === 1 && !hasQuotedCell && fault === undefined && only.trim() === '';
    if (!isEmptyLine) {
      if (recordLength > maxRecordLength) cells = cells.map(excerpt);
      records.push(fault ? { cells, fault } : { cells });
      recordCount++;
    }
    cells = [];
    cellCount = 0;
    recordLength = 0;
    hasQuotedCell = false;
    fault = undefined;
  }

  /** The next delimiter or line break, or the text's end. */
  function findTerminator(text: string, from: number): number {
    let at = from;
    while (at < text.length && !isTerminator(text.charCodeAt(at))) at++;
    return at;
  }

  /** The quote that closes a quoted cell, `undefined` when it is not in sight: a last one may be half of a doubled one. */
  function findClosingQuote(text: string, from: number, isLast: boolean): number | undefined {
    for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 2)) {
      if (at + 1 === text.length && !isLast) {
        searchedTo = at;
        return undefined;
      }
      if (text.charCodeAt(at + 1) !== QUOTE) return at;
    }
    searchedTo = text.length;
    return undefined;
  }

  /**
   * The cell at `start`: adds it and gives the index of what ended it, or `undefined` when its end is not in sight.
   * An index at the text's length means that the text itself ended it.
   */
  function readCell(text: string, start: number, resumeAt: number, isLast: boolean): number | undefined {
    if (text.charCodeAt(start) !== QUOTE) {
      const end = findTerminator(text, Math.max(start, resumeAt));
      if (end === text.length && !isLast) {
        searchedTo = end;
        return undefined;
      }
      addCell(text.slice(start, end), end - start);
      return end;
    }

    const closing = findClosingQuote(text, Math.max(start + 1, resumeAt), isLast);
    if (closing === undefined) {
      if (isLast) throw unclosedQuote();
      return undefined;
    }
    searchedTo = closing;
    let end = closing + 1;
    // Blanks behind a closing quote are common in files written by hand, and mean nothing.
    while (isBlank(text.charCodeAt(end)) && text.charCodeAt(end) !== delimiterCode) end++;
    if (end === text.length && !isLast) return undefined;
    hasQuotedCell = true;
    if (end === text.length || isTerminator(text.charCodeAt(end))) {
      const cell = text.slice(start + 1, closing);
      addCell(cell.includes('"') ? cell.replaceAll('""', '"') : cell, closing - start - 1);
      return end;
    }

    // Text behind the closing quote. Where the cell spans lines, its opening quote is most likely the one too many, and
    // the lines behind it are rows of their own: the record ends with the opening quote's line. All quotes between there
    // and here are doubled ones, so what is read a second time cannot lead back here: the work stays linear.
    end = findLineBreak(text, start, closing) ?? findTerminator(text, end);
    if (end === text.length && !isLast) return undefined;
    setFault('INVALID_QUOTE');
    addCell(text.slice(start, end), end - start);
    return end;
  }

  /** The cell is too long to be kept: remembers how it began and goes on without it. */
  function beginSkipping(text: string, start: number): void {
    setFault(text.length - start > maxRecordLength ? 'CELL_TOO_LONG' : 'ROW_TOO_LONG');
    if (cellCount < maxCells) cells.push(excerpt(text.slice(start)));
    cellCount++;
    recordLength += text.length - start + 1;
    skippedLength = text.length - start;
    const isOpen =
      text.charCodeAt(start) === QUOTE && findClosingQuote(text, Math.max(start + 1, searchedTo), false) === undefined;
    skipping = isOpen ? 'quoted' : 'unquoted';
    rest = isOpen ? text.slice(searchedTo) : '';
  }

  /** The end of the cell that is being skipped, or `undefined` when it is not in sight. */
  function skipCell(text: string, isLast: boolean): number | undefined {
    if (skipping === 'unquoted') {
      const end = findTerminator(text, 0);
      return end === text.length && !isLast ? undefined : end;
    }
    const closing = findClosingQuote(text, 0, isLast);
    if (closing === undefined) {
      skippedLength += text.length;
      if (isLast || skippedLength > maxQuotedLength) throw unclosedQuote();
      rest = text.slice(searchedTo);
      return undefined;
    }
    const end = closing + 1;
    if (end < text.length && !isTerminator(text.charCodeAt(end))) throw unclosedQuote();
    return end;
  }

  function unclosedQuote(): UnreadableFileError {
    return new UnreadableFileError(
      'The quote that opens this cell is never closed. Close it, or double it ("") where it belongs to the text.',
      { row: recordCount, column: skipping ? cellCount : cellCount + 1 },
    );
  }

  return {
    get recordCount() {
      return recordCount;
    },
    get cellIndex() {
      return skipping ? cellCount - 1 : cellCount;
    },
    scan(piece, isLast) {
      const records: CsvRecord[] = [];
      const text = rest === '' ? piece : rest + piece;
      const resumeAt = rest === '' ? 0 : searchedTo;
      rest = '';
      let at = 0;
      let end: number | undefined;
      if (skipping) {
        end = skipCell(text, isLast);
        if (end === undefined) return records;
        skipping = undefined;
      } else {
        if (cellCount === 0) at = skipLineBreaks(text, 0);
        end = at < text.length ? readCell(text, at, resumeAt, isLast) : undefined;
      }

      while (end !== undefined && end < text.length) {
        at = end + 1;
        if (text.charCodeAt(end) !== delimiterCode) {
          endRecord(records);
          at = skipLineBreaks(text, at);
        }
        end = at < text.length ? readCell(text, at, 0, isLast) : undefined;
      }

      if (isLast) {
        // The text ended behind a delimiter: one more cell, an empty one.
        if (end === undefined && cellCount > 0) addCell('', 0);
        if (cellCount > 0) endRecord(records);
      } else if (end === undefined && at < text.length) {
        if (recordLength + text.length - at > maxRecordLength) {
          beginSkipping(text, at);
        } else {
          rest = text.slice(at);
          searchedTo -= at;
        }
      }
      return records;
    },
  };
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** Over empty lines, and over the LF of a CRLF: between two records they come to the same. */
function skipLineBreaks(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) === LF || text.charCodeAt(at) === CR) at++;
  return at;
}

function findLineBreak(text: string, from: number, to: number): number | undefined {
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    if (code === LF || code === CR) return at;
  }
  return undefined;
}

/** The beginning of a long cell, as a copy: a slice would hold on to all of the text it was cut from. */
function excerpt(cell: string): string {
  if (cell.length <= EXCERPT_LENGTH) return cell;
  return Buffer.from(`${cell.slice(0, EXCERPT_LENGTH)}…`).toString();
}
