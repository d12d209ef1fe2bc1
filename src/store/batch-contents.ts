/**
 * The rows of a batch as they are stored: compressed by the gateway, to about a tenth. The database is what all replicas
 * share, so what it need not do they do.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { ImportBatchRow, StoredBatchRow } from './tables.ts';

/** Each is JSON, and so has no line break in it. */
export interface BatchContents {
  /** The rows' numbers in the input. */
  readonly rowsJson: string;
  /** The rows as they are sent, in the same order. */
  readonly itemsJson: string;
  /** The rows as they came. */
  readonly sourcesJson: string;
}

/** What a batch holds once its rows are dropped. */
export const NO_CONTENTS = { contents: null, rows_json: null, items_json: null, sources_json: null } as const;

/** zstd's fastest: 0.8 ms for a thousand rows of 380 kB. More effort makes them hardly any smaller. */
const PACKING = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

export function packContents({ rowsJson, itemsJson, sourcesJson }: BatchContents): Uint8Array {
  return zstdCompressSync(`${rowsJson}\n${itemsJson}\n${sourcesJson}`, PACKING);
}

/** The batch with its rows as JSON, whether they are packed or were stored before that was done. */
export function withContents({ contents, ...batch }: StoredBatchRow): ImportBatchRow {
  if (contents === null) return batch;
  const [rows = null, items = null, sources = null] = zstdDecompressSync(contents).toString('utf8').split('\n');
  return { ...batch, rows_json: rows, items_json: items, sources_json: sources };
}
