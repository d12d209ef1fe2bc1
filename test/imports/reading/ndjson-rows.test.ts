import { describe, expect, it } from 'vitest';
import { UnreadableFileError } from '../../../src/imports/reading/file-errors.ts';
import { faults, MIB, readFile, records } from './read-file.ts';

const NDJSON = { format: 'NDJSON' } as const;

describe('NDJSON', () => {
  it('is read with CRLF, blank lines and without a last line break', async () => {
    const file = await readFile('\ufeff{"a":1}\r\n\r\n  \n {"a":{"b":["ü",true,null]}} \n{"a":"3"}', NDJSON);
    expect(file.header).toBeNull();
    expect(file.rows).toMatchObject([
      { row: 1, record: { a: 1 } },
      { row: 2, record: { a: { b: ['ü', true, null] } } },
      { row: 3, record: { a: '3' } },
    ]);
    for (const { record, json = '' } of file.rows) expect(JSON.parse(json)).toEqual(record);
  });

  const deep = (levels: number) => `{"a":${'['.repeat(levels - 1)}1${']'.repeat(levels - 1)}}`;
  it.each([
    ['no JSON', '{"a":', 'INVALID_JSON', []],
    ['a list', '[1]', 'INVALID_JSON', []],
    ['a number', '17', 'INVALID_JSON', []],
    ['null', 'null', 'INVALID_JSON', []],
    ['a CSV row', '1,Otto,2', 'INVALID_JSON', []],
    ['__proto__', '{"a":{"__proto__":{"polluted":true}}}', 'HOSTILE_KEY', ['a']],
    ['an escaped __proto__', '{"\\u005f_proto__":1}', 'HOSTILE_KEY', []],
    ['constructor', '{"a":[{"constructor":1}]}', 'HOSTILE_KEY', ['a', '0']],
    ['a lone surrogate', '{"a":"\\ud83d"}', 'INVALID_UNICODE', ['a']],
    ['a lone surrogate in a key', '{"\\ude00":1}', 'INVALID_UNICODE', ['\ude00']],
    ['a NUL character', '{"a":"\\u0000"}', 'NUL_BYTE', ['a']],
    ['21 levels', deep(21), 'TOO_DEEP', expect.any(Array)],
    ['100 000 levels', deep(100_000), 'TOO_DEEP', expect.any(Array)],
    ['an integer that JavaScript would change', '{"a":12345678901234567890}', 'NUMBER_TOO_LARGE', ['a']],
    ['an infinite number', '{"a":1e999}', 'NUMBER_TOO_LARGE', ['a']],
  ])('reports a line with %s as that row alone, with its text', async (_, line, code, path) => {
    const file = await readFile(`{"a":1}\n${line}\n{"a":3}\n`, NDJSON);
    expect(faults(file)).toEqual([[2, code]]);
    expect(file.rows[1]?.issues?.[0]?.path).toEqual(path);
    expect(records(file)).toEqual([{ a: 1 }, { _line: line }, { a: 3 }]);
    expect(Object.prototype).not.toHaveProperty('polluted');
  });

  it('takes 20 levels, and whole numbers as large as JavaScript keeps them', async () => {
    const file = await readFile(`${deep(20)}\n{"a":9007199254740991,"b":0.1,"c":1e300}\n`, NDJSON);
    expect(faults(file)).toEqual([[2, 'NUMBER_TOO_LARGE']]);
  });

  it.each([64 * 1024, 9999])(
    'reports a line that is too long without keeping it, in blocks of %i bytes',
    async (blockBytes) => {
      const file = await readFile(`{"a":1}\n{"a":"${'x'.repeat(3 * MIB)}"}\n{"a":3}\n`, NDJSON, blockBytes);
      expect(faults(file)).toEqual([[2, 'ROW_TOO_LONG']]);
      expect(JSON.stringify(file.rows).length).toBeLessThan(1000);
      expect(records(file)[2]).toEqual({ a: 3 });
    },
  );

  it.each([
    ['is CSV', 'externalId,phone\n1,2\n', /first line is not JSON/],
    ['is one JSON array on many lines', '[\n{"a":1},\n{"a":2}\n]', /one object a line/],
    ['is one JSON array on one line', '[{"a":1},{"a":2}]', /one object a line/],
    ['is one long line of something else', 'x'.repeat(2 * MIB), /first line is not JSON/],
    ['is empty', '', /empty/],
    ['has only blank lines', '\n \r\n', /empty/],
  ])('is refused when the file %s', async (_, content, message) => {
    const error = await readFile(content, NDJSON).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(UnreadableFileError);
    expect(error.message).toMatch(message);
  });

  it('never quotes the file in an error', async () => {
    const error = await readFile('Otto Normal;+4930123456\n', NDJSON).catch((thrown) => thrown);
    expect(error.message).not.toMatch(/Otto|4930/);
  });
});
