import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ContactFilter, filterExpression, matchesFilter } from '../../src/contacts/filter.ts';
import { ValidationError } from '../../src/errors.ts';
import { parseFilter } from '../../src/sandbox/filter.ts';

test('clauses are quoted and joined as CXone reads them', () => {
  expect(filterExpression({ externalRefId: 'CRM-994821' })).toBe("customAttributes.external_ref_id eq 'CRM-994821'");
  expect(
    filterExpression({ email: 'o@x.ch', lastName: "O'Neil", customAttribute: { name: 'tier', equals: 'gold' } }),
  ).toBe("emailAddresses.address eq 'o@x.ch' and lastName eq 'O''Neil' and customAttributes.tier eq 'gold'");
  expect(filterExpression({})).toBeUndefined();
});

test('whatever a value holds, CXone reads one clause with that value and nothing else', () => {
  const hostile = fc.constantFrom("x' or '1' eq '1", "''", "' and lastName eq 'x", '%27', '&filter=', '\\', "'");
  const value = fc.oneof(
    hostile,
    fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !/[\p{Cc}]/u.test(text)),
  );
  fc.assert(
    fc.property(value, (lastName) => {
      expect(parseFilter(filterExpression({ lastName }) ?? '')).toEqual([{ field: 'lastName', value: lastName }]);
    }),
  );
});

test.each<[ContactFilter, string, string]>([
  [{ lastName: 'a\u0000' }, 'filter.lastName', 'BAD_TEXT'],
  [{ email: '\ud800' }, 'filter.email', 'BAD_TEXT'],
  [{ externalRefId: 'x'.repeat(513) }, 'filter.externalRefId', 'TOO_LONG'],
  [{ customAttribute: { name: "tier eq '1' or x", equals: '' } }, 'filter.customAttribute.name', 'INVALID_NAME'],
])('%j is refused', (filter, path, code) => {
  try {
    filterExpression(filter);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(ValidationError);
    expect((error as ValidationError).issues.map((i) => [i.path.join('.'), i.code])).toEqual([[path, code]]);
  }
});

test('a contact is checked against the filter again', () => {
  const wire = {
    id: 'c',
    firstName: 'Ada',
    emailAddresses: [{ address: 'Ada@Example.com' }],
    customAttributes: { external_ref_id: 'CRM-1', points: 3 },
  };
  expect(matchesFilter(wire, { firstName: 'Ada', email: 'ada@example.com', externalRefId: 'CRM-1' })).toBe(true);
  expect(matchesFilter(wire, { customAttribute: { name: 'points', equals: '3' } })).toBe(true);
  expect(matchesFilter(wire, { externalRefId: 'CRM-10' })).toBe(false);
  expect(matchesFilter(wire, { firstName: 'ada' })).toBe(false);
  expect(matchesFilter(wire, { customAttribute: { name: 'constructor', equals: 'x' } })).toBe(false);
});
