/**
 * A file's bytes to its rows, in memory that does not grow with the file: unpacked, decoded and cut as the caller pulls.
 * A faulty row comes out with its issues and those around it are read as if it were sound; a file that cannot be read
 * is refused as a whole, with the place and the remedy.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { byteBlocks, DEFAULT_BLOCK_BYTES } from './byte-blocks.ts';
import { createByteDecoder, type DecodedText, type TextEncodingName } from './byte-text.ts';
import { createCsvRows } from './csv-rows.ts';
import { FileTooLargeError, UnreadableFileError } from './file-errors.ts';
import { checkFileSignature } from './file-signature.ts';
import { createNdjsonRows } from './ndjson-rows.ts';
import type { RowParser, SourceRow } from './source-row.ts';
import { widthPieces } from './width-pieces.ts';

export interface ReadOptions {
  format: 'CSV' | 'NDJSON';
  encoding: TextEncodingName;
  /** What becomes of bytes that are no text in `encoding`: the file is refused, or each is replaced by U+FFFD. */
  invalidText: 'REJECT' | 'REPLACE';
  contentEncoding?: 'identity' | 'gzip';
  /** How many bytes the file may have, unpacked. */
  maxBytes: number;
  maxRows: number;
  /**
   * A longer row is rejected, and not kept meanwhile. Counted in the decoded text's UTF-16 code units, of which there
   * are never more than bytes.
   */
  maxRecordBytes: number;
  /** How much is read at a time, and so how long the event loop is held. Without it DEFAULT_BLOCK_BYTES. */
  blockBytes?: number;
}

export interface RowReader {
  /** A CSV's column names, in their order; null until the first chunk, and for NDJSON. */
  readonly header: readonly string[] | null;
  /** How many U+FFFD were put in place of invalid bytes. */
  readonly replacements: number;
  /** How many bytes have been read, unpacked. */
  readonly bytes: number;
  /**
   * The rows in the file's order, at most MAX_CHUNK_ROWS at a time. Pulling sets the pace; leaving early closes the
   * source. Once only.
   *
   * @throws UnreadableFileError, FileTooLargeError; and whatever the source throws
   */
  chunks(source: AsyncIterable<Uint8Array>): AsyncIterable<SourceRow[]>;
}

/** Small enough that what is done to a whole chunk at once does not hold up the event loop. */
export const MAX_CHUNK_ROWS = 500;

/** One reader reads one file. */
export function createRowReader(options: ReadOptions): RowReader {
  const { encoding, maxBytes, maxRows, contentEncoding = 'identity', blockBytes = DEFAULT_BLOCK_BYTES } = options;
  const decoder = createByteDecoder(encoding, options.invalidText);
  const limits = { maxRecordLength: options.maxRecordBytes };
  const parser: RowParser = options.format === 'CSV' ? createCsvRows(limits) : createNdjsonRows(limits);
  let bytes = 0;

  function readRows({ text, invalid }: DecodedText, markLength: number, isLast: boolean): SourceRow[] {
    // What lies in front of an invalid byte is read first: it tells in which row and column the byte stands.
    const rows = parser.parse(text, isLast && !invalid);
    if (invalid) throw invalidBytes(invalid.byte, invalid.byteOffset + markLength);
    if ((rows.at(-1)?.row ?? 0) > maxRows) throw new FileTooLargeError('rows', maxRows);
    return rows;
  }

  function invalidBytes(byte: number, byteOffset: number): UnreadableFileError {
    const hex = byte.toString(16).toUpperCase().padStart(2, '0');
    const remedy =
      encoding === 'UTF_8'
        ? 'Set options.encoding to what the file is in (WINDOWS_1252 or ISO_8859_1), or save it as UTF-8'
        : 'Set options.encoding to what the file is in (UTF_8 or ISO_8859_1)';
    return new UnreadableFileError(
      `The byte 0x${hex} is not valid ${ENCODING_NAMES[encoding]}. ${remedy}; invalidText REPLACE puts U+FFFD in its place.`,
      { ...parser.position(), byteOffset },
    );
  }

  return {
    get header() {
      return parser.header;
    },
    get replacements() {
      return decoder.replacements;
    },
    get bytes() {
      return bytes;
    },
    async *chunks(source) {
      let markLength = 0;
      for await (const block of byteBlocks(source, { contentEncoding, maxBytes, blockBytes })) {
        if (bytes === 0) markLength = checkFileSignature(block, encoding);
        const content = bytes === 0 ? block.subarray(markLength) : block;
        bytes += block.length;
        const pieces = encoding === 'UTF_8' ? widthPieces(content) : [content];
        yield* inChunks(pieces.flatMap((piece) => readRows(decoder.decode(piece), markLength, false)));
      }
      yield* inChunks(readRows(decoder.end(), markLength, true));
    },
  };
}

const ENCODING_NAMES = { UTF_8: 'UTF-8', ISO_8859_1: 'ISO-8859-1', WINDOWS_1252: 'Windows-1252' };

async function* inChunks(rows: SourceRow[]): AsyncGenerator<SourceRow[], void, undefined> {
  for (let at = 0; at < rows.length; at += MAX_CHUNK_ROWS) {
    if (at > 0) await nextTurn();
    yield rows.slice(at, at + MAX_CHUNK_ROWS);
  }
}
