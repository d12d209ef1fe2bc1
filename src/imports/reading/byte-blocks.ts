/**
 * Regroups a body's bytes into blocks of one size, unpacked and counted. Whoever pulls sets the pace: nothing is read
 * ahead of the block being filled, and between two blocks other work of the process gets its turn.
 */
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { FileTooLargeError, UnreadableFileError } from './file-errors.ts';

/** About 550 rows of 120 bytes, parsed in less than a millisecond. */
export const DEFAULT_BLOCK_BYTES = 64 * 1024;

export interface ByteBlockOptions {
  contentEncoding: 'identity' | 'gzip';
  /** How many bytes the file may have once it is unpacked. */
  maxBytes: number;
  blockBytes: number;
}

/**
 * Every block has `blockBytes` bytes but the last. A block is only valid until the next one is pulled: its memory is
 * used again.
 *
 * @throws FileTooLargeError as soon as `maxBytes` is passed, UnreadableFileError for broken or cut gzip
 */
export async function* byteBlocks(
  source: AsyncIterable<Uint8Array>,
  { contentEncoding, maxBytes, blockBytes }: ByteBlockOptions,
): AsyncGenerator<Buffer, void, undefined> {
  const block = Buffer.allocUnsafe(blockBytes);
  let used = 0;
  let total = 0;
  for await (const chunk of contentEncoding === 'gzip' ? gunzip(source) : source) {
    total += chunk.length;
    if (total > maxBytes) throw new FileTooLargeError('bytes', maxBytes);
    for (let offset = 0; offset < chunk.length; ) {
      const taken = Math.min(blockBytes - used, chunk.length - offset);
      block.set(chunk.subarray(offset, offset + taken), used);
      offset += taken;
      used += taken;
      if (used === blockBytes) {
        // A source that always has its next chunk at hand resolves in microtasks alone, which would starve the event loop.
        await nextTurn();
        yield block;
        used = 0;
      }
    }
  }
  if (used > 0) yield block.subarray(0, used);
}

/** Unpacks as far as is pulled: zlib works on its own thread and holds one block of output at a time. */
async function* gunzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const packed = Readable.from(source, { objectMode: false });
  const inflate = createGunzip({ chunkSize: DEFAULT_BLOCK_BYTES });
  // Not pipeline(): it would report the reader's early leave as a failure of its own.
  packed.once('error', (error) => inflate.destroy(error));
  packed.pipe(inflate);
  try {
    // A zlib stream's chunks are Buffers; its type says `any`.
    for await (const chunk of inflate as AsyncIterable<Uint8Array>) yield chunk;
  } catch (error) {
    if (!isZlibError(error)) throw error;
    throw new UnreadableFileError(
      'The gzip data is damaged or ends too early. Pack the file again, or send it without Content-Encoding: gzip.',
      {},
      { cause: error },
    );
  } finally {
    inflate.destroy();
    packed.destroy();
  }
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('Z_');
}
