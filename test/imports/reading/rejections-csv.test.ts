import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type RejectedRow, rejectionsCsv } from '../../../src/imports/reading/rejections-csv.ts';
import { createRowMapper } from '../../../src/imports/reading/row-mapper.ts';
import { type SourceRow, sourceRowToJson } from '../../../src/imports/reading/source-row.ts';
import { type FileRead, faults, readFile, records } from './read-file.ts';

async function write(header: readonly string[] | null, rejections: readonly RejectedRow[]): Promise<string> {
  let text = '';
  for await (const piece of rejectionsCsv(header, () => each(rejections))) text += piece;
  return text;
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

function rejected(row: number, data: SourceRow['record'], ...messages: string[]): RejectedRow {
  const issues = messages.map((message) => ({ path: ['phone'], code: 'INVALID_PHONE', message }));
  return { row, stage: 'VALIDATION', issues, data };
}

async function sendBack(file: FileRead): Promise<FileRead> {
  return await readFile(
    await write(
      file.header,
      file.rows.map(({ row, record }) => rejected(row, record, 'no')),
    ),
  );
}

describe('rejections.csv', () => {
  it('has the columns of the input in their order, then row, stage and errors', async () => {
    const text = await write(
      ['externalId', 'phone', 'note'],
      [
        rejected(7, ['CRM-7', '12', 'a "b", c'], 'Too short.', 'No country.'),
        {
          row: 12,
          stage: 'DUPLICATE',
          issues: [{ path: [], code: 'X', message: 'repeats row 3' }],
          data: ['CRM-3', '', ''],
        },
      ],
    );
    expect(text).toBe(
      [
        'externalId,phone,note,_row,_stage,_errors',
        'CRM-7,12,"a ""b"", c",7,VALIDATION,phone: Too short. phone: No country.',
        'CRM-3,,,12,DUPLICATE,repeats row 3',
        '',
      ].join('\r\n'),
    );
  });

  it('is a header alone when nothing was rejected', async () => {
    expect(await write(['a'], [])).toBe('a,_row,_stage,_errors\r\n');
    expect(await write(null, [])).toBe('_row,_stage,_errors\r\n');
  });

  it.each(['=1+1', '+12015550101', '-1', '@SUM(A1)', '\tx', '\rx', '\nx', "'x", '\uff1dx'])(
    'puts an apostrophe before %j, and the reader takes it off',
    async (cell) => {
      const text = await write([cell.trim(), 'b'], [rejected(1, [cell, 'x'], cell)]);
      const [cells = ''] = text.split(/\r\n(?!x)/).slice(1);
      expect(cells.replace(/^"/, '').startsWith(`'${cell}`)).toBe(true);
      const back = await readFile(text);
      expect(back.header).toEqual([cell.trim(), 'b']);
      expect(records(back)).toEqual([[cell, 'x']]);
    },
  );

  it('loses its apostrophes only when it has all three columns', async () => {
    expect(records(await readFile("a,_row,_stage\n'+1,1,x\n"))).toEqual([["'+1"]]);
    expect(records(await readFile("a,b\n'+1,1\n"))).toEqual([["'+1", '1']]);
  });

  it('is numbered anew when it comes back, whatever its columns say and wherever they stand', async () => {
    const back = await readFile('_errors,a,_row,b,_stage\nx,1,77,2,y\n,3,,4,\n');
    expect(back.header).toEqual(['a', 'b']);
    expect(back.rows).toEqual([
      { row: 1, record: ['1', '2'] },
      { row: 2, record: ['3', '4'] },
    ]);
  });

  it('keeps a ragged row ragged', async () => {
    const first = await readFile('a,b\n1,2,3,4\n5\n');
    const back = await sendBack(first);
    expect(faults(back)).toEqual([[1, 'RAGGED_ROW']]);
    expect(records(back)).toEqual([
      ['1', '2', '3', '4'],
      ['5', ''],
    ]);
  });

  it('is the same from rows that were stored as JSON', async () => {
    const header = ['a', 'phoneNumbers.0.number', 'c'];
    const rows: string[][] = [['1', '+2', ''], ['1', '2', '3', '4', '5'], ['1']];
    const text = await write(
      header,
      rows.map((cells, index) => rejected(index + 1, cells)),
    );
    const stored = rows.map((cells, index) => rejected(index + 1, sourceRowToJson(header, cells)));
    expect(await write(header, JSON.parse(JSON.stringify(stored)))).toBe(text);
  });

  it('gives back every cell of any CSV, however often it goes out and comes in', async () => {
    const cell = fc.string({
      unit: fc.constantFrom('a', '=', '+', '-', '@', "'", '"', ',', ';', '\t', '|', '\r', '\n', ' ', 'ü'),
    });
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '=', '+', "'", '"', ',', ';', '|'), minLength: 1 });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(name, { minLength: 3, maxLength: 3 }),
        fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 5 }),
        async (header, rows) => {
          const quoted = [header, ...rows].map((cells) =>
            cells.map((text) => `"${text.replaceAll('"', '""')}"`).join(','),
          );
          const first = await readFile(quoted.join('\n'));
          expect(records(first)).toEqual(rows);
          const second = await sendBack(first);
          expect(second).toMatchObject({ header: first.header, rows: first.rows });
          expect(await sendBack(second)).toMatchObject({ header: first.header, rows: first.rows });
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('rejections.csv of JSON rows', () => {
  const row = {
    externalId: 'CRM-1',
    phoneNumbers: [{ number: '+1', primary: true }, { number: '+2' }],
    customFields: { score: 17, empty: '', none: null, nested: {} },
  };

  it('has a column for every path of any row, and becomes the same objects when it comes back', async () => {
    const text = await write(null, [rejected(1, { externalId: 'CRM-0' }), rejected(2, row)]);
    expect(text.split('\r\n')).toEqual([
      'externalId,phoneNumbers.0.number,phoneNumbers.0.primary,phoneNumbers.1.number,customFields.score,customFields.empty,customFields.none,_row,_stage,_errors',
      'CRM-0,,,,,,,1,VALIDATION,',
      "CRM-1,'+1,true,'+2,17,,,2,VALIDATION,",
      '',
    ]);
    const back = await readFile(text);
    const { map } = createRowMapper({
      header: back.header,
      fieldMapping: [],
      aliases: {},
      known: ['externalId', 'phoneNumbers', 'customFields'],
    });
    expect(records(back).map(map)).toEqual([
      { externalId: 'CRM-0' },
      {
        externalId: 'CRM-1',
        phoneNumbers: [{ number: '+1', primary: 'true' }, { number: '+2' }],
        customFields: { score: '17' },
      },
    ]);
  });

  it('shows lines that could not be read, in a column the reader drops', async () => {
    const file = await readFile('{"a":1}\nnot, "json"\n', { format: 'NDJSON' });
    const text = await write(
      null,
      file.rows.map(({ row: number, record }) => rejected(number, record)),
    );
    expect(text).toContain('1,,1,VALIDATION');
    expect(text).toContain(',"not, ""json""",2,VALIDATION');
    expect((await readFile(text)).header).toEqual(['a']);
  });

  it('leaves out names that no file may have, and columns no file may have more of', async () => {
    const wide = Object.fromEntries(Array.from({ length: 1500 }, (_, index) => [`c${index}`, index]));
    const data = { '': 1, _row: 2, _extra: 'x', ' c0': 'first', ...wide };
    const back = await readFile(await write(null, [rejected(1, data)]));
    expect(back.header).toHaveLength(1000);
    expect(back.header).not.toContain('');
    expect(faults(back)).toEqual([]);
    expect(Object.values(records(back)[0] ?? {}).slice(0, 2)).toEqual(['first', '1']);
  });

  it('is written in pieces, as it is read', async () => {
    let given = 0;
    async function* many() {
      for (; given < 20_000; given++) yield rejected(given + 1, ['x'.repeat(100)]);
    }
    const pieces = rejectionsCsv(['a'], many);
    await pieces.next();
    expect(given).toBeLessThan(1000);
    await pieces.return();
  });
});
