import { zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packContents, withContents } from '../../src/store/batch-contents.ts';
import type { StoredBatchRow } from '../../src/store/tables.ts';

const stored = (row: Partial<StoredBatchRow>): StoredBatchRow => ({
  import_id: 'import-1',
  number: 1,
  upload_attempt: 1,
  target_id: 'list-1',
  state: 'PENDING',
  size: 1,
  succeeded: 0,
  skipped: 0,
  failed: 0,
  unknown: 0,
  attempts: 0,
  crashes: 0,
  isolated: 0,
  lane: null,
  attempt_json: null,
  latency_ms: null,
  upstream_request_id: null,
  error: null,
  finished_at: null,
  contents: null,
  rows_json: null,
  items_json: null,
  sources_json: null,
  ...row,
});

test('rows come out of the store as they went in, whatever is in them', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.record({ item: fc.jsonValue(), source: fc.jsonValue() }), { minLength: 1 })),
      (pieces) => {
        const all = pieces.flat();
        const numbers = all.map((_, index) => index + 1);
        const piecesOf = (key: 'item' | 'source') =>
          pieces.map((piece) => piece.map((row) => JSON.stringify(row[key])).join());
        const contents = packContents({ rows: numbers, items: piecesOf('item'), sources: piecesOf('source') });
        const read = withContents(stored({ contents }));
        expect(read.rows_json).toBe(JSON.stringify(numbers));
        expect(read.items_json).toBe(JSON.stringify(all.map(({ item }) => item)));
        expect(read.sources_json).toBe(JSON.stringify(all.map(({ source }) => source)));
      },
    ),
  );
});

test('line breaks within a row are the row’s own', () => {
  const text = 'one\ntwo\r\nthree\u2028four';
  const given = { rows: [1], items: [JSON.stringify(text)], sources: [JSON.stringify({ text })] };
  const read = withContents(stored({ contents: packContents(given) }));
  expect(JSON.parse(read.items_json ?? '')).toEqual([text]);
  expect(JSON.parse(read.sources_json ?? '')).toEqual([{ text }]);
});

test('a thousand rows take less than a fifth of their JSON in the database', () => {
  const sources = Array.from({ length: 1_000 }, (_, index) => ({
    externalId: `CRM-${index * 7919}`,
    firstName: `Ada ${index % 97}`,
    email: `ada.${index * 31}@example.com`,
    phone: `+1415555${2000 + index}`,
  }));
  const items = sources.map((source) => JSON.stringify({ ...source, doNotCall: false, doNotEmail: false }));
  const packed = packContents({
    rows: sources.map((_, index) => index),
    items,
    sources: sources.map((source) => JSON.stringify(source)),
  });
  expect(packed.byteLength).toBeLessThan(zstdDecompressSync(packed).byteLength / 5);
});

test('rows that were stored as text, before they were packed, are read as they are', () => {
  const before = stored({ rows_json: '[1]', items_json: '[{"a":1}]', sources_json: '[{"a":"1"}]' });
  expect(withContents(before)).toMatchObject({
    rows_json: '[1]',
    items_json: '[{"a":1}]',
    sources_json: '[{"a":"1"}]',
  });
});

test('a batch whose rows were dropped has none', () => {
  expect(withContents(stored({}))).toMatchObject({ rows_json: null, items_json: null, sources_json: null });
});
