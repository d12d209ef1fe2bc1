import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UnreadableFileError } from '../../../src/imports/reading/file-errors.ts';
import { readFile, records } from './read-file.ts';

const latin1 = (text: string) => Buffer.from(text, 'latin1');

describe('text in', () => {
  it('Windows-1252 has curly quotes and the euro sign', async () => {
    const file = await readFile(Buffer.from([...latin1('a\n'), 0x80, 0x91, 0x92, 0x9c, 0xe9, 0xff]), {
      encoding: 'WINDOWS_1252',
    });
    expect(records(file)).toEqual([['€‘’œéÿ']]);
  });

  it('ISO-8859-1 is not Windows-1252: every byte is the code point of its number', async () => {
    const all = Array.from({ length: 0x60 }, (_, index) => 0xa0 + index);
    const file = await readFile(Buffer.from([...latin1('a\nx'), 0x80, 0x92, 0x9d, ...all]), { encoding: 'ISO_8859_1' });
    expect(records(file)).toEqual([[`x\u0080\u0092\u009d${String.fromCharCode(...all)}`]]);
    expect(file.replacements).toBe(0);
  });

  it('UTF-8 keeps every character wherever the blocks are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => `"${text.replaceAll('"', '""')}"`),
          { minLength: 1 },
        ),
        fc.integer({ min: 1, max: 7 }),
        async (cells, blockBytes) => {
          const content = `name\n${cells.join('\n')}`;
          const whole = await readFile(content);
          expect(records(await readFile(content, {}, blockBytes))).toEqual(records(whole));
          expect(records(whole).flat()).toEqual(cells.map((cell) => cell.slice(1, -1).replaceAll('""', '"')));
        },
      ),
      { numRuns: 100 },
    );
  });

  it('a character across the border of two blocks stays whole', async () => {
    for (const character of ['é', '€', '😀']) {
      for (let shift = 0; shift < 4; shift++) {
        const cell = 'x'.repeat(64 * 1024 - 4 - shift) + character;
        expect(records(await readFile(`a\n${cell}\n`))).toEqual([[cell]]);
      }
    }
  });
});

describe('bytes that are no text', () => {
  it.each([
    ['in a cell', latin1('name,city\nOtto,Köln\n'), 'UTF_8', { row: 1, column: 2, byteOffset: 16 }],
    ['in the header', latin1('name,größe\n1,2\n'), 'UTF_8', { row: 0, column: 2, byteOffset: 7 }],
    ['right behind a line break', latin1('a,b\r\n1,2\r\nß,4\r\n'), 'UTF_8', { row: 2, column: 1, byteOffset: 10 }],
    [
      'behind empty lines and quoted line breaks',
      latin1('a,b\n\n"x\ny",2\n\n"1\n2","\n\nß"'),
      'UTF_8',
      { row: 2, column: 2, byteOffset: 23 },
    ],
    ['cut off at the end', Buffer.from('a,b\n1,é').subarray(0, -1), 'UTF_8', { row: 1, column: 2, byteOffset: 6 }],
    [
      'as an overlong form',
      Buffer.from([...latin1('a,b\n1,'), 0xe0, 0x80, 0xaf]),
      'UTF_8',
      { row: 1, column: 2, byteOffset: 6 },
    ],
    [
      'as half of a surrogate pair',
      Buffer.from([...latin1('a,b\n1,'), 0xed, 0xa0, 0x80]),
      'UTF_8',
      { row: 1, column: 2, byteOffset: 6 },
    ],
    [
      'behind a byte order mark',
      Buffer.from([0xef, 0xbb, 0xbf, ...latin1('a,b\n1,ß\n')]),
      'UTF_8',
      { row: 1, column: 2, byteOffset: 9 },
    ],
    [
      'undefined in Windows-1252',
      Buffer.from([...latin1('a,b\n1,x'), 0x81]),
      'WINDOWS_1252',
      { row: 1, column: 2, byteOffset: 7 },
    ],
  ] as const)(
    '%s are refused with row, column, offset and a hint, wherever the blocks are cut',
    async (_, content, encoding, position) => {
      for (const blockBytes of [1, 2, 3, 64 * 1024]) {
        const error = await readFile(content, { encoding }, blockBytes).catch((thrown) => thrown);
        expect(error).toBeInstanceOf(UnreadableFileError);
        expect(error).toMatchObject(position);
        expect(error.message).toMatch(/column \d+.*byte \d+.*options\.encoding/s);
      }
    },
  );

  it('are found behind many blocks of good text', async () => {
    const rows = 'name,"quoted, cell"\n'.repeat(20_000);
    const content = Buffer.concat([Buffer.from(`a,b\n${rows}1,`), Buffer.from([0xff]), Buffer.from(`\n${rows}`)]);
    const error = await readFile(content).catch((thrown) => thrown);
    expect(error).toMatchObject({ row: 20_001, column: 2, byteOffset: 4 + rows.length + 2 });
  });

  it('in NDJSON are refused with the line and the character', async () => {
    const error = await readFile(latin1('{"a":1}\n\n{"a":"ß"}\n'), { format: 'NDJSON' }).catch((thrown) => thrown);
    expect(error).toMatchObject({ row: 2, column: 7, byteOffset: 15 });
  });

  it('in an NDJSON line that is too long are refused with the character they stand at', async () => {
    const content = latin1(`{"a":1}\n${'x'.repeat(300)}ß`);
    const error = await readFile(content, { format: 'NDJSON', maxRecordBytes: 100 }, 7).catch((thrown) => thrown);
    expect(error).toMatchObject({ row: 2, column: 301, byteOffset: 308 });
  });

  it('are replaced and counted where that was asked for', async () => {
    const content = Buffer.concat([
      latin1('a,b\nß,'),
      Buffer.from('\ufffd,ü'),
      latin1('\n'),
      Buffer.from([0xe2, 0x82]),
    ]);
    for (const blockBytes of [1, 64 * 1024]) {
      const file = await readFile(content, { invalidText: 'REPLACE' }, blockBytes);
      expect(records(file)).toEqual([['\ufffd', '\ufffd', 'ü'], ['\ufffd']]);
      expect(file.replacements).toBe(2);
    }
  });

  it('are replaced and counted in Windows-1252 too', async () => {
    const content = Buffer.from([...latin1('a\n'), 0x81, 0x80, 0x9d]);
    const file = await readFile(content, { invalidText: 'REPLACE', encoding: 'WINDOWS_1252' });
    expect(records(file)).toEqual([['\ufffd€\ufffd']]);
    expect(file.replacements).toBe(2);
  });

  it('are replaced as the WHATWG Encoding Standard replaces them, wherever the blocks are cut', async () => {
    const byte = fc.oneof(
      fc.constantFrom(0x41, 0x80, 0xbf, 0xc3, 0xe0, 0xe2, 0x82, 0xed, 0xa0, 0xf0, 0x9f, 0xf4, 0xff),
      fc.integer({ min: 0x80, max: 0xff }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(byte, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 5 }),
        async (bytes, blockBytes) => {
          const expected = new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.from(bytes));
          const content = Buffer.from([...latin1('a\nx'), ...bytes]);
          const file = await readFile(content, { invalidText: 'REPLACE' }, blockBytes);
          expect(records(file)).toEqual([[`x${expected}`]]);
          const genuine = Buffer.from(bytes).toString('latin1').split('\u00ef\u00bf\u00bd').length - 1;
          expect(file.replacements).toBe(expected.split('\ufffd').length - 1 - genuine);
        },
      ),
    );
  });
});

describe('a file that is plainly something else', () => {
  it.each([
    ['UTF-16, little endian', Buffer.from('\ufeffa,b\n1,2\n', 'utf16le'), /UTF-16/],
    ['UTF-16, big endian', Buffer.from('\ufeffa,b\n1,2\n', 'utf16le').swap16(), /UTF-16/],
    ['UTF-16 without a mark', Buffer.from('a,b\n1,2\n', 'utf16le'), /UTF-16/],
    ['an Excel workbook', Buffer.from('PK\u0003\u0004rest', 'latin1'), /Excel/],
    ['gzip that was not announced', Buffer.from([0x1f, 0x8b, 8, 0]), /gzip/],
  ])('(%s) is refused with what to do', async (_, content, message) => {
    await expect(readFile(content)).rejects.toThrow(message);
    await expect(readFile(content)).rejects.toBeInstanceOf(UnreadableFileError);
  });

  it('(UTF-16) is refused whatever encoding was announced', async () => {
    const content = Buffer.from('\ufeffa,b\n1,2\n', 'utf16le');
    for (const encoding of ['ISO_8859_1', 'WINDOWS_1252'] as const) {
      await expect(readFile(content, { encoding })).rejects.toThrow(/UTF-16/);
    }
  });

  it('(marked as UTF-8, announced as another encoding) is refused', async () => {
    await expect(readFile('\ufeffa,b\n', { encoding: 'WINDOWS_1252' })).rejects.toThrow(/UTF_8/);
  });
});
