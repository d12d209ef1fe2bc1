/**
 * NDJSON text to rows: one JSON object a line. A line that is none is that row's issue, never the file's; only a file
 * whose very first line is no JSON at all is refused, since it is something else.
 */
import type { Issue } from '../../errors.ts';
import { UnreadableFileError } from './file-errors.ts';
import { findJsonIssue, isJsonObject } from './json-record.ts';
import { type RowParser, type SourceRow, UNREAD_LINE_KEY } from './source-row.ts';

/** How much of a line that is too long is kept, so that its owner can find it. In UTF-16 code units. */
const EXCERPT_LENGTH = 256;

/** @param maxRecordLength beyond this many UTF-16 code units a line is refused, and not kept meanwhile */
export function createNdjsonRows({ maxRecordLength }: { maxRecordLength: number }): RowParser {
  let rowCount = 0;
  /** The line whose end has not come yet. */
  let rest = '';
  /** Inside a line that is too long, of which only this beginning is kept. */
  let excerpt: string | undefined;
  /** How much of the present line has been let go. */
  let skippedLength = 0;

  function addRow(rows: SourceRow[], line: string): void {
    if (line.trim() === '') return;
    rowCount++;
    const read = readLine(line, rowCount === 1);
    rows.push(
      'issue' in read
        ? { row: rowCount, record: { [UNREAD_LINE_KEY]: line }, issues: [read.issue] }
        : { row: rowCount, record: read.record, json: line },
    );
  }

  function addLongRow(rows: SourceRow[], beginning: string): void {
    rowCount++;
    if (rowCount === 1 && !beginning.startsWith('{')) throw notNdjson(beginning);
    const issue = {
      path: [],
      code: 'ROW_TOO_LONG',
      message: `The line is longer than ${maxRecordLength} characters. Shorten it.`,
    };
    rows.push({ row: rowCount, record: { [UNREAD_LINE_KEY]: beginning }, issues: [issue] });
  }

  function takeLine(rows: SourceRow[], line: string): void {
    if (excerpt !== undefined) addLongRow(rows, excerpt);
    else if (line.length > maxRecordLength) addLongRow(rows, cut(line));
    else addRow(rows, line);
    excerpt = undefined;
    skippedLength = 0;
  }

  return {
    header: null,
    position: () => ({ row: rowCount + 1, column: skippedLength + rest.length + 1 }),
    parse(piece, isLast) {
      const rows: SourceRow[] = [];
      const text = rest === '' ? piece : rest + piece;
      let lineAt = 0;
      // What was left of the last piece is known to have no line break.
      for (let end = text.indexOf('\n', rest.length); end >= 0; end = text.indexOf('\n', lineAt)) {
        takeLine(rows, text.slice(lineAt, end));
        lineAt = end + 1;
      }
      rest = text.slice(lineAt);
      if (isLast) {
        takeLine(rows, rest);
        if (rowCount === 0) throw new UnreadableFileError('The file is empty. Write one JSON object a line.');
      } else if (excerpt !== undefined || rest.length > maxRecordLength) {
        excerpt ??= cut(rest);
        skippedLength += rest.length;
        rest = '';
      }
      return rows;
    },
  };
}

function readLine(line: string, isFirst: boolean): { record: Record<string, unknown> } | { issue: Issue } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    // V8's message quotes the text, which may be personal.
    if (isFirst) throw notNdjson(line);
    return {
      issue: { path: [], code: 'INVALID_JSON', message: 'The line is not valid JSON. Write one object a line.' },
    };
  }
  if (!isJsonObject(value)) {
    if (isFirst && Array.isArray(value)) throw notNdjson(line);
    return {
      issue: {
        path: [],
        code: 'INVALID_JSON',
        message: 'The line is JSON, but not an object. Write one object a line.',
      },
    };
  }
  const issue = findJsonIssue(value);
  return issue ? { issue } : { record: value };
}

function notNdjson(line: string): UnreadableFileError {
  const hint = line.trimStart().startsWith('[')
    ? 'This begins like one JSON array. NDJSON has one object a line, without brackets around or commas between them.'
    : 'The first line is not JSON. Announce the file as the format it has (CSV?), or write one JSON object a line.';
  return new UnreadableFileError(hint, { row: 1, column: 1 });
}

/** The beginning as a copy: a slice would hold on to all of the text it was cut from. */
function cut(line: string): string {
  return Buffer.from(`${line.slice(0, EXCERPT_LENGTH)}…`).toString();
}
