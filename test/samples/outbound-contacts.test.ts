import fc from 'fast-check';
import parseMax from 'libphonenumber-js/max';
import parseMin from 'libphonenumber-js/min';
import { describe, expect, it } from 'vitest';
import { createRowReader } from '../../src/imports/reading/row-reader.ts';
import type { SourceRow } from '../../src/imports/reading/source-row.ts';
import {
  DEFECTS,
  expectedCounts,
  MAX_SAMPLE_ROWS,
  OUTBOUND_COLUMNS,
  outboundContacts,
  type SampleOptions,
} from '../../src/samples/outbound-contacts.ts';
import { samplePhoneNumber } from '../../src/samples/phone-numbers.ts';
import { type SampleFormat, sampleFile } from '../../src/samples/sample-file.ts';

function isValidPhone(text: string, country?: 'US'): boolean {
  return [parseMin, parseMax].every((parse) => parse(text, country)?.isValid() === true);
}

async function readBack(options: SampleOptions, format: SampleFormat) {
  const reader = createRowReader({
    format: format === 'csv' ? 'CSV' : 'NDJSON',
    encoding: 'UTF_8',
    invalidText: 'REJECT',
    maxBytes: 1e9,
    maxRows: 1e7,
    maxRecordBytes: 65_536,
  });
  async function* bytes() {
    for (const piece of sampleFile(outboundContacts(options), format)) yield Buffer.from(piece);
  }
  const rows: SourceRow[] = [];
  for await (const chunk of reader.chunks(bytes())) rows.push(...chunk);
  return { rows, bytes: reader.bytes };
}

describe('sample contacts', () => {
  const options = { rows: 3000, dirtyShare: 0.07, seed: 7 };
  const rows = [...outboundContacts(options)];

  it('are the same for the same seed, and others for another', () => {
    expect([...outboundContacts(options)]).toEqual(rows);
    expect([...outboundContacts({ ...options, seed: 8 })]).not.toEqual(rows);
  });

  it('are wrong in exactly as many ways and rows as was asked for', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        fc.integer(),
        (count, dirtyShare, seed) => {
          const all = [...outboundContacts({ rows: count, dirtyShare, seed })];
          const expected = expectedCounts({ rows: count, dirtyShare });
          expect(all.map(({ row }) => row)).toEqual(all.map((_, index) => index + 1));
          for (const defect of DEFECTS) {
            expect(all.filter((row) => row.defect === defect)).toHaveLength(expected.byDefect[defect]);
          }
          expect(all.filter(({ defect }) => !defect)).toHaveLength(expected.valid);
          expect(all).toHaveLength(expected.received);
          expect(expected.valid + expected.rejected + expected.duplicates).toBe(count);
        },
      ),
    );
    expect(expectedCounts({ rows: 25_000, dirtyShare: 0.04 })).toMatchObject({
      valid: 24_000,
      rejected: 858,
      duplicates: 142,
    });
    expect(expectedCounts({ rows: 100, dirtyShare: 0.29 }).valid).toBe(71);
  });

  it('that are sound have valid phone numbers, and keys, numbers and addresses of their own', () => {
    const sound = rows.filter(({ defect }) => !defect).map(({ contact }) => contact);
    expect(sound.filter(({ phone }) => !isValidPhone(phone))).toEqual([]);
    for (const column of ['externalId', 'email'] as const) {
      expect(new Set(sound.map((contact) => contact[column])).size).toBe(sound.length);
    }
    expect(new Set(sound.map(({ phone }) => parseMin(phone)?.number)).size).toBe(sound.length);
    for (const contact of sound) {
      expect(contact.email).toMatch(/^[a-z]+\.[a-z]+\.\d+@example\.com$/);
      expect([contact.doNotCall, contact.doNotEmail].every((flag) => flag === 'true' || flag === 'false')).toBe(true);
      expect(Object.values(contact).every((value) => value !== '' && value.length <= 256)).toBe(true);
    }
  });

  it('that are dirty are so in the way they say, and in no other', () => {
    const earlier = new Set<string>();
    for (const { contact, defect } of rows) {
      const key = JSON.stringify(contact);
      expect(defect === 'duplicateRow').toBe(earlier.has(key));
      if (!defect) earlier.add(key);
      const isPhoneBad = contact.phone !== '' && !isValidPhone(contact.phone);
      expect(isPhoneBad).toBe(defect === 'badPhone');
      if (isPhoneBad) expect(isValidPhone(contact.phone, 'US')).toBe(false);
      expect(contact.phone === '' && contact.email === '').toBe(defect === 'missingPhoneAndEmail');
      expect(contact.doNotCall !== 'true' && contact.doNotCall !== 'false').toBe(defect === 'nonBooleanFlag');
      expect(contact.lastName.length > 256).toBe(defect === 'overLongValue');
      expect(contact.externalId === '').toBe(defect === 'missingExternalId');
    }
  });

  it('are dirty all over the file', () => {
    const dirty = rows.filter(({ defect }) => defect).map(({ row }) => row);
    for (let from = 0; from < 3000; from += 300) {
      expect(dirty.filter((row) => row > from && row <= from + 300)).toHaveLength(21);
    }
  });

  it.each([
    ['no rows', { rows: 0 }],
    ['too many rows', { rows: MAX_SAMPLE_ROWS + 1 }],
    ['half a row', { rows: 1.5 }],
    ['a negative share', { dirtyShare: -0.1 }],
    ['more than half of it dirty', { dirtyShare: 0.51 }],
    ['a share that is no number', { dirtyShare: Number.NaN }],
    ['half a seed', { seed: 0.5 }],
  ])('are refused for %s', (_, wrong) => {
    expect(() => outboundContacts({ ...options, ...wrong })).toThrow(RangeError);
  });

  it('come one by one, however many there are to come', () => {
    let taken = 0;
    for (const { row } of outboundContacts({ rows: MAX_SAMPLE_ROWS, dirtyShare: 0.5, seed: 1 })) {
      taken = row;
      if (row === 5000) break;
    }
    expect(taken).toBe(5000);
  });
});

describe('sample phone numbers', () => {
  it('are valid from the first to the last, in every area code', () => {
    const areas = MAX_SAMPLE_ROWS / 8100;
    const indexes = [
      ...Array.from({ length: areas }, (_, index) => index),
      ...Array.from({ length: areas }, (_, index) => MAX_SAMPLE_ROWS - 1 - index),
      ...Array.from({ length: 1000 }, (_, index) => index * 2000),
    ];
    const wrong = indexes.map(samplePhoneNumber).filter(({ number, countryCode }) => {
      const parsed = parseMax(number);
      return !isValidPhone(number) || parsed?.country !== countryCode;
    });
    expect(wrong).toEqual([]);
    expect(() => samplePhoneNumber(MAX_SAMPLE_ROWS)).toThrow(RangeError);
  });

  it('are all different', () => {
    const seen = new Set<string>();
    for (let index = 0; index < 100_000; index++) seen.add(samplePhoneNumber(index).number);
    expect(seen.size).toBe(100_000);
  });
});

describe('a sample file', () => {
  const options = { rows: 2000, dirtyShare: 0.1, seed: 3 };
  const ragged = [...outboundContacts(options)].filter(({ defect }) => defect === 'raggedRow').map(({ row }) => row);

  it('of CSV has the cells of its rows, and no row that cannot be read but the ragged ones', async () => {
    const { rows, bytes } = await readBack(options, 'csv');
    expect(rows.filter(({ issues }) => issues).map(({ row }) => row)).toEqual(ragged);
    const expected = [...outboundContacts(options)].map(({ contact, defect }) =>
      OUTBOUND_COLUMNS.map((column) => contact[column]).slice(0, defect === 'raggedRow' ? -1 : undefined),
    );
    expect(rows.map(({ record }) => record)).toEqual(expected);
    expect(bytes / options.rows).toBeGreaterThan(105);
    expect(bytes / options.rows).toBeLessThan(130);
  });

  it('of NDJSON has CXone’s own shape, and no line that cannot be read but the broken ones', async () => {
    const { rows } = await readBack(options, 'ndjson');
    expect(rows).toHaveLength(2000);
    expect(rows.filter(({ issues }) => issues).map(({ row }) => row)).toEqual(ragged);
    const [first] = outboundContacts(options);
    expect(rows[0]?.record).toMatchObject({
      externalId: first?.contact.externalId,
      doNotCall: first?.contact.doNotCall === 'true',
      customFields: { segment: first?.contact.segment, score: first?.contact.score },
    });
  });
});
