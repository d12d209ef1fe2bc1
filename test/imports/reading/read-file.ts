/** Reads whole files through the reader, in blocks of a chosen size. */
import { createRowReader, type ReadOptions } from '../../../src/imports/reading/row-reader.ts';
import type { SourceRow } from '../../../src/imports/reading/source-row.ts';

export const KIB = 1024;
export const MIB = 1024 * KIB;

export interface FileRead {
  header: readonly string[] | null;
  rows: SourceRow[];
  replacements: number;
  bytes: number;
}

export async function readFile(
  content: string | Uint8Array,
  options: Partial<ReadOptions> = {},
  blockBytes = 64 * KIB,
): Promise<FileRead> {
  return await readChunks(pieces(Buffer.from(content), 64 * KIB), { ...options, blockBytes });
}

export async function readChunks(
  source: AsyncIterable<Uint8Array>,
  options: Partial<ReadOptions> = {},
): Promise<FileRead> {
  const reader = createRowReader({
    format: 'CSV',
    encoding: 'UTF_8',
    invalidText: 'REJECT',
    maxBytes: 64 * MIB,
    maxRows: 1_000_000,
    maxRecordBytes: MIB,
    ...options,
  });
  const rows: SourceRow[] = [];
  for await (const chunk of reader.chunks(source)) rows.push(...chunk);
  return { header: reader.header, rows, replacements: reader.replacements, bytes: reader.bytes };
}

export async function* pieces(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

export function records({ rows }: FileRead): SourceRow['record'][] {
  return rows.map(({ record }) => record);
}

/** Row number and code of every issue. */
export function faults({ rows }: FileRead): [number, string][] {
  return rows.flatMap(({ row, issues = [] }) => issues.map(({ code }): [number, string] => [row, code]));
}
