import { randomBytes } from 'node:crypto';
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

  it('that is always at hand still lets other work of the process have its turn', async () => {
    let turns = 0;
    let isDone = false;
    const count = () => {
      turns++;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    await readFile(`a,b\n${'1,2\n'.repeat(200_000)}`);
    isDone = true;
    expect(turns).toBeGreaterThan(100);
  });

  it('of 100 MB is read in memory that does not grow with it', async () => {
    const { setFlagsFromString } = await import('node:v8');
    const { runInNewContext } = await import('node:vm');
    setFlagsFromString('--expose-gc');
    const collectGarbage: () => void = runInNewContext('gc');
    const block = Buffer.from(
      'CRM-0000000001,Alexandra,"Feather, stone",+12015550123,alexandra@example.com,false,x\n'.repeat(770),
    );
    const blocks = Math.ceil((100 * MIB) / block.length);
    let peak = 0;
    async function* source() {
      yield Buffer.from('a,b,c,d,e,f,g\n');
      for (let sent = 0; sent < blocks; sent++) {
        if (sent % 100 === 0) {
          collectGarbage();
          const { heapUsed, arrayBuffers, external } = process.memoryUsage();
          peak = Math.max(peak, heapUsed + arrayBuffers + external);
        }
        yield block;
      }
    }
    collectGarbage();
    const { heapUsed, arrayBuffers, external } = process.memoryUsage();
    const reader = createRowReader({
      format: 'CSV',
      encoding: 'UTF_8',
      invalidText: 'REJECT',
      maxBytes: 200 * MIB,
      maxRows: 10_000_000,
      maxRecordBytes: MIB,
    });
    let rows = 0;
    for await (const chunk of reader.chunks(source())) rows += chunk.length;
    expect(rows).toBe(blocks * 770);
    expect(peak - (heapUsed + arrayBuffers + external)).toBeLessThan(16 * MIB);
  }, 60_000);
});
