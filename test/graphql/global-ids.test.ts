import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ValidationError } from '../../src/errors.ts';
import {
  decodeGlobalId,
  decodeGlobalIdPair,
  encodeGlobalId,
  isRawId,
  parseGlobalId,
  readRawId,
} from '../../src/graphql/global-ids.ts';
import { anyCodePoint } from '../support/any-text.ts';

/** Anything that may be one of CXone's ids. */
const rawId = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/).filter(isRawId);

const HOSTILE = [
  '',
  '.',
  '..',
  '../x',
  'a..b',
  '..%2f',
  '%252f',
  'a/b',
  'a\\b',
  'a;b',
  'a?b',
  'a#b',
  'a%b',
  'a b',
  'a\tb',
  'a\r\nb',
  'a\u0000b',
  '//host',
  "x' or '1' eq '1",
  'a"b',
  'a<b>',
  'a&b',
  'é',
  '\u202eabc',
  'a\uff0fb',
  'SGVsbG8=',
  'user@org',
  'a~b+c',
  '_a',
  '-a',
  '.a',
  '\ud800',
  'x'.repeat(129),
  'x'.repeat(10_000),
];

test('an id is readable, and can be built by hand from CXone’s own', () => {
  expect(encodeGlobalId('AddressBook', 'ab-1')).toBe('gid://cxone/AddressBook/ab-1');
  expect(encodeGlobalId('Contact', 'ab-1', 'c:2')).toBe('gid://cxone/Contact/ab-1/c%3A2');
  expect(decodeGlobalIdPair('gid://cxone/Contact/ab-1/c:2', 'Contact')).toEqual(['ab-1', 'c:2']);
});

test.each(['4711', '0a1b2c3d-4e5f-6789-abcd-ef0123456789', 'list_A.b-C', 'ns:42', 'x'.repeat(128)])(
  '%j can be an id of CXone',
  (id) => {
    expect(isRawId(id)).toBe(true);
  },
);

test('what was encoded is decoded, for every id', () => {
  fc.assert(
    fc.property(rawId, rawId, (book, contact) => {
      expect(decodeGlobalId(encodeGlobalId('AddressBook', book), 'AddressBook')).toBe(book);
      expect(decodeGlobalIdPair(encodeGlobalId('Contact', book, contact), 'Contact')).toEqual([book, contact]);
    }),
  );
});

test('an encoded id changes nothing in a path or a query string, for every id', () => {
  fc.assert(
    fc.property(rawId, (id) => {
      const part = encodeURIComponent(id);
      expect(new URL(`https://host/lists/${part}?x=${part}`).pathname.split('/')).toHaveLength(3);
      expect(part).not.toMatch(/[/?#\\\s]/);
    }),
  );
});

describe.each(HOSTILE)('the hostile id %j is refused', (hostile) => {
  test('as CXone’s own and as a part, encoded or not, with the path of the argument', () => {
    for (const read of [
      () => readRawId(hostile, ['contactId']),
      () => decodeGlobalId(`gid://cxone/Segment/${hostile}`, 'Segment', ['contactId']),
      () =>
        decodeGlobalId(`gid://cxone/Segment/${encodeURIComponent(hostile.toWellFormed())}`, 'Segment', ['contactId']),
      () => decodeGlobalIdPair(`gid://cxone/Contact/book/${hostile}`, 'Contact', ['contactId']),
    ]) {
      expect(read).toThrow(ValidationError);
      expect(read).toThrow(
        expect.objectContaining({ issues: [expect.objectContaining({ path: ['contactId'], code: 'INVALID_ID' })] }),
      );
    }
  });
});

test.each([
  ['another type', 'gid://cxone/Segment/1'],
  ['too many parts', 'gid://cxone/AddressBook/1/2'],
  ['no part', 'gid://cxone/AddressBook'],
  ['an empty part', 'gid://cxone/AddressBook/'],
  ['another scheme', 'https://cxone/AddressBook/1'],
  ['another system', 'gid://other/AddressBook/1'],
  ['a raw id', '4711'],
  ['base64', 'QWRkcmVzc0Jvb2s6MQ=='],
  ['broken percent-encoding', 'gid://cxone/AddressBook/%zz'],
  ['bytes that are not UTF-8', 'gid://cxone/AddressBook/%ff'],
  ['nothing', ''],
])('%s is not an id of an address book', (_what, id) => {
  expect(() => decodeGlobalId(id, 'AddressBook')).toThrow(ValidationError);
});

test('whatever text is given, it is an id or a ValidationError', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: anyCodePoint }),
        fc.string().map((rest) => `gid://cxone/${rest}`),
      ),
      (text) => {
        try {
          const { type, parts } = parseGlobalId(text);
          expect(type).toMatch(/^[A-Za-z]+$/);
          expect(parts.every(isRawId)).toBe(true);
        } catch (error) {
          if (!(error instanceof ValidationError)) throw error;
        }
      },
    ),
  );
});
