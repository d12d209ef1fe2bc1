/**
 * Sample rows as the text of a file, in pieces, as fast as they are taken.
 */
import { OUTBOUND_COLUMNS, type SampleRow } from './outbound-contacts.ts';

export const SAMPLE_FORMATS = ['csv', 'ndjson'] as const;
export type SampleFormat = (typeof SAMPLE_FORMATS)[number];

/** Characters gathered before they are handed on. */
const PIECE_LENGTH = 64 * 1024;

/** csv: RFC 4180 with a header and CRLF. ndjson: one object a line, in CXone's own shape. */
export function* sampleFile(rows: Iterable<SampleRow>, format: SampleFormat): Generator<string, void, undefined> {
  const formatRow = format === 'csv' ? formatCsvRow : formatJsonRow;
  let piece = format === 'csv' ? `${OUTBOUND_COLUMNS.join(',')}\r\n` : '';
  for (const row of rows) {
    piece += formatRow(row);
    if (piece.length >= PIECE_LENGTH) {
      yield piece;
      piece = '';
    }
  }
  if (piece !== '') yield piece;
}

function formatCsvRow({ contact, defect }: SampleRow): string {
  const columns = defect === 'raggedRow' ? OUTBOUND_COLUMNS.slice(0, -1) : OUTBOUND_COLUMNS;
  return `${columns.map((column) => quoteCell(contact[column])).join(',')}\r\n`;
}

function quoteCell(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

function formatJsonRow({ contact, defect }: SampleRow): string {
  const { segment, score, ...fields } = contact;
  const present = Object.entries(fields).filter(([, value]) => value !== '');
  const row = {
    ...Object.fromEntries(present),
    doNotCall: toJsonFlag(contact.doNotCall),
    doNotEmail: toJsonFlag(contact.doNotEmail),
    customFields: { segment, score },
  };
  const line = JSON.stringify(row);
  return `${defect === 'raggedRow' ? line.slice(0, -2) : line}\n`;
}

function toJsonFlag(flag: string): boolean | string {
  return flag === 'true' || flag === 'false' ? flag === 'true' : flag;
}
