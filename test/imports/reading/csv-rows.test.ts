import { describe, expect, it } from 'vitest';
import { UnreadableFileError } from '../../../src/imports/reading/file-errors.ts';
import { faults, MIB, readChunks, readFile, records } from './read-file.ts';

describe('a sound CSV', () => {
  it.each([
    ['LF', 'a,b\n1,2\n3,4\n'],
    ['CRLF', 'a,b\r\n1,2\r\n3,4\r\n'],
    ['CR', 'a,b\r1,2\r3,4\r'],
    ['mixed line ends', 'a,b\r\n1,2\r3,4\n'],
    ['no line end at the end', 'a,b\n1,2\n3,4'],
    ['empty lines', '\n\na,b\n\n1,2\r\n\r\n   \n3,4\n\n'],
    ['a byte order mark', '\ufeffa,b\n1,2\n3,4\n'],
    ['semicolons', 'a;b\n1;2\n3;4\n'],
    ['tabs', 'a\tb\n1\t2\n3\t4\n'],
    ['bars', 'a|b\n1|2\n3|4\n'],
    ['a sep= line', 'sep=;\r\na;b\r\n1;2\r\n3;4\r\n'],
    ['a sep= line that names what the header would not give away', 'sep=^\na^b\n1^2\n3^4\n'],
    ['blanks around names and behind closing quotes', ' a ,"b" \n"1" ,2\n"3"\t,4\n'],
    ['nameless columns at the end with nothing in them', 'a,b,,\n1,2,,\n3,4\n'],
    ['empty cells behind the last column', 'a,b\n1,2,,\n3,4, ,\n'],
  ])('is read with %s', async (_, content) => {
    const file = await readFile(content);
    expect(file.header).toEqual(['a', 'b']);
    expect(records(file)).toEqual([
      ['1', '2'],
      ['3', '4'],
    ]);
    expect(faults(file)).toEqual([]);
    expect(file.rows.map(({ row }) => row)).toEqual([1, 2]);
  });

  it('keeps delimiters, line breaks and doubled quotes inside quoted cells', async () => {
    const file = await readFile('a;b\n"x;""y""\r\nz";"""";\n"";2\n');
    expect(records(file)).toEqual([
      ['x;"y"\r\nz', '"'],
      ['', '2'],
    ]);
    expect(faults(file)).toEqual([]);
  });

  it('takes quotes inside an unquoted cell as they stand', async () => {
    const file = await readFile('a,5" pipe\n6" pipe,x"y"\n');
    expect(file.header).toEqual(['a', '5" pipe']);
    expect(records(file)).toEqual([['6" pipe', 'x"y"']]);
    expect(faults(file)).toEqual([]);
  });

  it('does not count a delimiter inside quotes when it looks for the delimiter', async () => {
    const file = await readFile('"a,b,c,""d,e""";f\n1;2\n');
    expect(file.header).toEqual(['a,b,c,"d,e"', 'f']);
    expect(records(file)).toEqual([['1', '2']]);
  });

  it('does not take a quote inside a name for the beginning of a quoted one when it looks for the delimiter', async () => {
    const file = await readFile('a;5" pipe\n1;6" pipe,,,\n');
    expect(file.header).toEqual(['a', '5" pipe']);
    expect(records(file)).toEqual([['1', '6" pipe,,,']]);
  });

  it('has no rows when there is only a header', async () => {
    for (const content of ['a,b', 'a,b\n', '\ufeffa,b\r\n\r\n']) {
      const file = await readFile(content);
      expect(file.header).toEqual(['a', 'b']);
      expect(file.rows).toEqual([]);
    }
  });

  it('reads one column, quoted empty cells included', async () => {
    const file = await readFile('contactId\n17\n\n""\n18\n');
    expect(records(file)).toEqual([['17'], [''], ['18']]);
  });
});

describe('a faulty row', () => {
  it('is reported under its number when it is ragged, and the rows around it are read', async () => {
    const file = await readFile('a,b,c\n1,2,3\n\n1,2\n1,2,3,4\n1,2,3\n');
    expect(faults(file)).toEqual([
      [2, 'RAGGED_ROW'],
      [3, 'RAGGED_ROW'],
    ]);
    expect(records(file)).toEqual([
      ['1', '2', '3'],
      ['1', '2'],
      ['1', '2', '3', '4'],
      ['1', '2', '3'],
    ]);
    expect(file.rows[1]?.issues?.[0]?.message).toContain('2 cells where the header has 3');
  });

  it('with text behind a closing quote costs itself alone', async () => {
    const file = await readFile('a,b\n"x"y,1\n2,3\n"4","5"6"7"\n8,9\n');
    expect(file.rows).toEqual([
      { row: 1, record: ['"x"y', '1'], issues: [expect.objectContaining({ code: 'INVALID_QUOTE', path: ['a'] })] },
      { row: 2, record: ['2', '3'] },
      { row: 3, record: ['4', '"5"6"7"'], issues: [expect.objectContaining({ code: 'INVALID_QUOTE', path: ['b'] })] },
      { row: 4, record: ['8', '9'] },
    ]);
  });

  it('whose quote is only "closed" by a later row\'s costs itself alone', async () => {
    const file = await readFile('a,b\n"Otto,1\n"Eva",2\n"Ida","3"\n');
    expect(file.rows).toEqual([
      { row: 1, record: ['"Otto,1'], issues: [expect.objectContaining({ code: 'INVALID_QUOTE' })] },
      { row: 2, record: ['Eva', '2'] },
      { row: 3, record: ['Ida', '3'] },
    ]);
  });

  it('has NUL bytes', async () => {
    const file = await readFile('a,b\n1,2\n3,4\0\n5,6\n');
    expect(file.rows[1]?.issues).toEqual([{ path: ['b'], code: 'NUL_BYTE', message: expect.any(String) }]);
    expect(faults(file)).toHaveLength(1);
  });

  it.each([64 * 1024, 1000, 37])(
    'has a quoted cell of 10 MB, in blocks of %i bytes, and no other row suffers',
    async (blockBytes) => {
      const size = blockBytes < 1000 ? 200_000 : 10_000_000;
      const content = `a,b,c\n1,2,3\nx,"${'long "" text,\n'.repeat(size / 14)}",y\n4,"5",6\n`;
      const file = await readFile(content, { maxRecordBytes: size / 10 }, blockBytes);
      expect(faults(file)).toEqual([[2, 'CELL_TOO_LONG']]);
      expect(file.rows[1]?.issues?.[0]?.path).toEqual(['b']);
      expect(records(file)).toEqual([
        ['1', '2', '3'],
        ['x', expect.any(String), 'y'],
        ['4', '5', '6'],
      ]);
      expect(records(file).flat().join('').length).toBeLessThan(1000);
    },
  );

  it('has an endless unquoted cell', async () => {
    const file = await readFile(`a,b\n1,2\n${'x'.repeat(3 * MIB)},y\n3,4\n`);
    expect(faults(file)).toEqual([[2, 'CELL_TOO_LONG']]);
    expect(records(file)[2]).toEqual(['3', '4']);
  });

  it('has a million cells', async () => {
    const file = await readFile(`a,b\n1,2\n${'x,'.repeat(MIB)}\n3,4\n`);
    expect(file.rows).toHaveLength(3);
    expect(file.rows[1]?.issues).toHaveLength(1);
    expect(file.rows[1]?.record.length).toBeLessThanOrEqual(1004);
    expect(records(file)[2]).toEqual(['3', '4']);
  });

  it('is too long as a whole though none of its cells is', async () => {
    const file = await readFile(`a,b\n1,2\n${'x'.repeat(600)},${'y'.repeat(600)}\n3,4\n`, { maxRecordBytes: 1000 });
    expect(faults(file)).toEqual([[2, 'ROW_TOO_LONG']]);
    expect(records(file)[2]).toEqual(['3', '4']);
  });

  it('is too long when blanks without end follow a closing quote', async () => {
    const file = await readFile(`a,b\n"x"${' '.repeat(300_000)},1\n"2",3\n`, { maxRecordBytes: 100_000 });
    expect(faults(file)).toEqual([[1, 'CELL_TOO_LONG']]);
    expect(records(file)[1]).toEqual(['2', '3']);
  });
});

describe('a CSV is refused as a whole, with the place and the reason,', () => {
  it.each<[string, string, object, RegExp]>([
    ['when it is empty', '', {}, /empty/],
    ['when it has nothing but line breaks', '\r\n\n', {}, /empty/],
    ['when it has nothing but a byte order mark', '\ufeff', {}, /empty/],
    ['when two columns have one name', 'phone,b, phone\n', { row: 0, column: 3 }, /"phone".*column 1/],
    ['when a column has no name', 'a,,c\n', { row: 0, column: 2 }, /no name/],
    ['when no column has a name', ',,\n1,2,3\n', { row: 0 }, /No column has a name/],
    ['when a name reaches the prototype', 'a,__proto__\n', { row: 0, column: 2 }, /"__proto__"/],
    ['when a name is constructor', 'constructor\n', { row: 0, column: 1 }, /"constructor"/],
    ['when a part of a name is prototype', 'a,x.prototype.y\n', { row: 0, column: 2 }, /"x\.prototype\.y"/],
    ['when a name has NUL bytes', 'a\0,b\0\n', { row: 0, column: 1 }, /NUL.*UTF-16/],
    ['when it is NDJSON', '{"externalId":"1"}\n{"externalId":"2"}\n', { row: 0 }, /NDJSON/],
    ['when a quote is never closed', 'a,b\n1,2\n3,"4\n5,6\n', { row: 2, column: 2 }, /never closed/],
    ['when a quote in the header is never closed', 'a,"b\n1,2\n', { row: 0, column: 2 }, /never closed/],
    ['when text stands behind a quote in the header', '"a"b,c\n1,2\n', { row: 0, column: 1 }, /not closed/],
  ])('%s', async (_, content, position, message) => {
    const error = await readFile(content).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(UnreadableFileError);
    expect(error).toMatchObject({ code: 'BAD_USER_INPUT', ...position });
    expect(error.message).toMatch(message);
  });

  it('when an unclosed quote has run over many times what a row may have, without reading on', async () => {
    let pulled = 0;
    async function* endless() {
      yield Buffer.from('a,b\n1,2\n3,"4\n');
      for (; pulled < 1000; pulled++) yield Buffer.alloc(64 * 1024, 'x,y\n');
    }
    const error = await readChunks(endless(), { maxBytes: 100 * MIB }).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(UnreadableFileError);
    expect(error).toMatchObject({ row: 2, column: 2 });
    expect(pulled).toBeLessThan(300);
  });

  it('when it has a million columns, before the header has ended', async () => {
    const error = await readFile(`${'column,'.repeat(1_000_000)}\n`).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(UnreadableFileError);
    expect(error.message).toMatch(/more than 1000 columns/);
  });

  it('when its header never ends', async () => {
    const error = await readFile('x'.repeat(2 * MIB)).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(UnreadableFileError);
    expect(error.message).toMatch(/header is longer/);
  });

  it('but not at exactly 1000 columns', async () => {
    const names = Array.from({ length: 1000 }, (_, index) => `c${index}`);
    const file = await readFile(`${names.join(',')}\n${names.join(',')}\n`);
    expect(file.header).toHaveLength(1000);
    expect(faults(file)).toEqual([]);
    await expect(readFile(`${names.join(',')},one-more\n`)).rejects.toThrow(/more than 1000 columns/);
  });
});
