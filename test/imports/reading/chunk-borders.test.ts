import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FileRead, faults, readFile, records } from './read-file.ts';

/** Text of the characters that matter, so that all sorts of broken quoting come up. */
const dirtyCsv = fc
  .array(fc.constantFrom('"', '""', ',', ';', '\n', '\r', '\r\n', ' ', 'x', 'é', '€', '"x"', ',"', '",'), {
    maxLength: 40,
  })
  .map((parts) => `a,b\n${parts.join('')}`);

async function outcome(content: string, blockBytes: number): Promise<FileRead | string> {
  return await readFile(content, {}, blockBytes).catch((error) => `${error.name} ${error.message}`);
}

describe('rows are the same', () => {
  it('wherever the blocks are cut, in the soundest and the dirtiest of CSVs', async () => {
    await fc.assert(
      fc.asyncProperty(dirtyCsv, fc.integer({ min: 1, max: 9 }), async (content, blockBytes) => {
        expect(await outcome(content, blockBytes)).toEqual(await outcome(content, 1_000_000));
      }),
      { numRuns: 500 },
    );
  });

  it('wherever the blocks are cut, in CSVs with rows that are too long', async () => {
    const cell = fc.string({ unit: fc.constantFrom('x', '"', '"', ',', '\n', '\r'), maxLength: 60, size: 'max' });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(cell, cell), { maxLength: 10 }),
        fc.integer({ min: 1, max: 30 }),
        async (rows, blockBytes) => {
          const quoted = rows.map((cells) => cells.map((text) => `"${text.replaceAll('"', '""')}"`).join(','));
          const file = await readFile(['a,b', ...quoted].join('\r\n'), { maxRecordBytes: 40 }, blockBytes);
          expect(file.rows).toHaveLength(rows.length);
          for (const [index, { record, issues }] of file.rows.entries()) {
            const length = (quoted[index] ?? '').length;
            if (length <= 40) expect({ record, issues }).toEqual({ record: rows[index], issues: undefined });
            // Quotes and line breaks around the cells count or not, by where the blocks are cut.
            if (length > 46) expect(issues?.[0]?.code).toMatch(/TOO_LONG/);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('wherever the blocks are cut, in NDJSON', async () => {
    const line = fc.oneof(
      fc.json({ maxDepth: 2 }),
      fc.constantFrom('', '{"a":', '{"a":"ü😀"}', `{"a":"${'x'.repeat(100)}"}`, ' '),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 10 }),
        fc.integer({ min: 1, max: 30 }),
        fc.constantFrom('\n', '\r\n'),
        async (lines, blockBytes, lineBreak) => {
          const content = ['{"first":1}', ...lines].join(lineBreak);
          const options = { format: 'NDJSON', maxRecordBytes: 80 } as const;
          const [whole, cut] = [await readFile(content, options), await readFile(content, options, blockBytes)];
          expect(faults(cut)).toEqual(faults(whole));
          expect(cut.rows.filter(({ issues }) => !issues)).toEqual(whole.rows.filter(({ issues }) => !issues));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('as csv-parse reads from any well-formed file', async () => {
    const cell = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '"', ',', ';', '\n', '\r', 'ü', "'") });
    const quote = (text: string, isForced: boolean) =>
      isForced || /["\r\n,;]/.test(text) || text.trim() === '' ? `"${text.replaceAll('"', '""')}"` : text;
    const row = fc.tuple(cell, cell, cell);
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { maxLength: 20 }),
        fc.constantFrom(',', ';', '\t', '|'),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.boolean(),
        fc.integer({ min: 1, max: 20 }),
        async (rows, delimiter, lineBreak, isForced, blockBytes) => {
          const lines = [['a', 'b', 'c'], ...rows].map((cells) =>
            cells.map((text) => quote(text, isForced)).join(delimiter),
          );
          const content = lines.join(lineBreak);
          const [, ...expected] = parse(content, { delimiter, record_delimiter: lineBreak });
          const file = await readFile(content, {}, blockBytes);
          expect(records(file)).toEqual(expected);
          expect(faults(file)).toEqual([]);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('in number as the rows of the file, of which every one is sound or has its issue', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('1,2', '"1"x,2', '1', '"1\n1",2', '1,2,3', '"1,2'), { maxLength: 30 }),
        async (rows) => {
          const sound = '"1",2';
          const content = `a,b\n${rows.map((row) => `${row}\n`).join('')}${sound}\n`;
          const file = await readFile(content);
          expect(file.rows.map(({ row }) => row)).toEqual(file.rows.map((_, index) => index + 1));
          expect(file.rows.length).toBe(rows.length + 1);
          expect(faults(file).map(([row]) => row)).toEqual(
            rows.flatMap((row, index) => (row === '1,2' || row === '"1\n1",2' ? [] : [index + 1])),
          );
          expect(file.rows.at(-1)?.record).toEqual(['1', '2']);
        },
      ),
    );
  });
});
