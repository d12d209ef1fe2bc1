import { randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { FileTooLargeError, UnreadableFileError } from '../../../src/imports/reading/file-errors.ts';
import { createRowReader, MAX_CHUNK_ROWS } from '../../../src/imports/reading/row-reader.ts';
import { KIB, MIB, pieces, readChunks, readFile, records } from './read-file.ts';

const GZIP = { contentEncoding: 'gzip' } as const;

describe('gzip', () => {
  it('is unpacked as it comes, members one after another included', async () => {
    const packed = Buffer.concat([gzipSync('a,b\n1,'), gzipSync('2\n3,4\n')]);
    const file = await readFile(packed, GZIP, 5);
    expect(records(file)).toEqual([
      ['1', '2'],
      ['3', '4'],
    ]);
    expect(file.bytes).toBe(12);
  });

  it('is refused when it is cut off, damaged, or none', async () => {
    const packed = gzipSync(Buffer.concat([Buffer.from('a\n'), Buffer.from(randomBytes(50_000).toString('hex'))]));
    const damaged = Buffer.from(packed);
    damaged.fill(0xff, 20_000, 20_020);
    for (const content of [packed.subarray(0, -9), packed.subarray(0, 15), damaged, Buffer.from('a,b\n1,2\n')]) {
      await expect(readFile(content, GZIP)).rejects.toBeInstanceOf(UnreadableFileError);
    }
  });

  it('that unpacks to more than is allowed is cut there', async () => {
    const bomb = gzipSync(Buffer.alloc(50 * MIB, 'a,b\n'));
    expect(bomb.length).toBeLessThan(100 * KIB);
    const error = await readFile(bomb, { ...GZIP, maxBytes: MIB }).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(FileTooLargeError);
    expect(error).toMatchObject({ code: 'LIMIT_EXCEEDED', unit: 'bytes', limit: MIB });
  });

  it('passes on the failure of its source', async () => {
    async function* broken() {
      yield gzipSync('a,b\n1,2\n').subarray(0, 12);
      throw new Error('connection reset');
    }
    await expect(readChunks(broken(), GZIP)).rejects.toThrow('connection reset');
  });
});

describe('a file', () => {
  it('with more bytes or rows than allowed is refused, with exactly as many it is not', async () => {
    const content = 'a\n1\n2\n3\n';
    await expect(readFile(content, { maxBytes: 8, maxRows: 3 })).resolves.toMatchObject({ bytes: 8 });
    await expect(readFile(content, { maxBytes: 7 })).rejects.toBeInstanceOf(FileTooLargeError);
    await expect(readFile(content, { maxRows: 2 })).rejects.toMatchObject({ unit: 'rows', limit: 2 });
  });

  it.each(['identity', 'gzip'] as const)(
    '(%s) is pulled no faster than its rows are, and closed when they no longer are',
    async (contentEncoding) => {
      let pulled = 0;
      let isClosed = false;
      async function* source() {
        try {
          const text = `a,b\n${randomBytes(3 * MIB)
            .toString('hex')
            .replace(/.{16}/g, '$&,2\n')}`;
          const bytes = contentEncoding === 'gzip' ? gzipSync(text) : Buffer.from(text);
          for await (const piece of pieces(bytes, 16 * KIB)) {
            pulled += piece.length;
            yield piece;
          }
        } finally {
          isClosed = true;
        }
      }
      const reader = createRowReader({
        format: 'CSV',
        encoding: 'UTF_8',
        invalidText: 'REJECT',
        maxBytes: 64 * MIB,
        maxRows: 1_000_000,
        maxRecordBytes: MIB,
        contentEncoding,
      });
      for await (const chunk of reader.chunks(source())) {
        expect(chunk.length).toBeLessThanOrEqual(MAX_CHUNK_ROWS);
        break;
      }
      expect(pulled).toBeLessThan(MIB);
      await expect.poll(() => isClosed).toBe(true);
    },
  );

  it.each([
    ['short', '1,2\n'.repeat(200_000)],
    ['long', `1,${'x'.repeat(20_000)}\n`.repeat(500)],
  ])('that is always at hand, with %s rows, still lets other work of the process have its turn', async (_, rows) => {
    let turns = 0;
    let isDone = false;
    const count = () => {
      turns++;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    await readFile(`a,b\n${rows}`);
    isDone = true;
    expect(turns).toBeGreaterThan(100);
  });

  it.each([
    [
      'in sound rows',
      'CRM-0000000001,Alexandra,"Feather, stone",+12015550123,alexandra@example.com,false,x\n'.repeat(770),
    ],
    ['in one row of large cells', `${'x'.repeat(25_000)},`],
    ['in one row of small cells', 'xy,'.repeat(20_000)],
    ['in one unquoted cell', 'x'.repeat(60_000)],
    ['in empty lines', '\n'.repeat(60_000)],
  ])('of 100 MB %s is read in memory that does not grow with it', async (_, piece) => {
    const bytes = Buffer.from(piece);
    const before = usedMemory();
    let peak = before;
    async function* source() {
      yield Buffer.from('a,b,c,d,e,f,g\n');
      const count = Math.ceil((100 * MIB) / bytes.length);
      for (let sent = 0; sent < count; sent++) {
        if (sent % Math.ceil(count / 20) === 0) peak = Math.max(peak, usedMemory());
        yield bytes;
      }
    }
    const reader = createRowReader({
      format: 'CSV',
      encoding: 'UTF_8',
      invalidText: 'REJECT',
      maxBytes: 200 * MIB,
      maxRows: 10_000_000,
      maxRecordBytes: MIB,
    });
    for await (const _chunk of reader.chunks(source())) {
      // Taken and forgotten.
    }
    expect(reader.bytes).toBeGreaterThan(100 * MIB);
    expect(peak - before).toBeLessThan(16 * MIB);
  });
});

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Bytes that are still needed. */
function usedMemory(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
