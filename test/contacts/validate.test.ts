import { describe, expect, test } from 'vitest';
import type { FieldDefinition } from '../../src/address-books/model.ts';
import { type ContactInput, checkContact } from '../../src/contacts/validate.ts';
import { createPhoneNormaliser } from '../../src/phone-numbers.ts';

const definitions: FieldDefinition[] = [
  { name: 'external_ref_id', type: 'string' },
  { name: 'points', type: 'integer' },
  { name: 'value', type: 'decimal' },
  { name: 'vip', type: 'boolean' },
  { name: 'birthday', type: 'date' },
];

function check(input: ContactInput, more: { castText?: boolean; definitions?: undefined } = {}) {
  return checkContact(input, { path: ['contact'], definitions, phones: createPhoneNormaliser(), ...more });
}
const issuesOf = (input: ContactInput) => check(input).issues.map(({ path, code }) => `${path.join('.')} ${code}`);

describe('phones and addresses', () => {
  test('are sent in E.164, with a type, exactly one of them primary: the first where none is marked', () => {
    const { patch, issues } = check({
      phoneNumbers: [{ number: '+1 (415) 555-2671' }, { number: '+442071838750', type: 'home', primary: false }],
      emailAddresses: [{ address: ' ada@example.com ' }, { address: 'b@example.com', primary: true }],
    });
    expect(issues).toEqual([]);
    expect(patch.phoneNumbers).toEqual([
      { number: '+14155552671', type: 'work', primary: true },
      { number: '+442071838750', type: 'home', primary: false },
    ]);
    expect(patch.emailAddresses).toEqual([
      { address: 'ada@example.com', type: 'work', primary: false },
      { address: 'b@example.com', type: 'work', primary: true },
    ]);
  });

  test.each(['555-2671', '+', '+1', 'call +14155552671', '+14155552671 ext 5', ''])(
    'a number like %j is refused',
    (number) => {
      expect(issuesOf({ phoneNumbers: [{ number: '+14155552671' }, { number }] })).toEqual([
        'contact.phoneNumbers.1.number INVALID_PHONE',
      ]);
    },
  );

  test.each(['ada', 'ada@localhost', 'a b@example.com', 'a@b@example.com', ''])(
    'an address like %j is refused',
    (address) => {
      expect(issuesOf({ emailAddresses: [{ address }] })).toEqual(['contact.emailAddresses.0.address INVALID_EMAIL']);
    },
  );

  test('more than one primary is refused, each at its place', () => {
    const entry = { number: '+14155552671', primary: true };
    expect(issuesOf({ phoneNumbers: [entry, entry, entry] })).toEqual([
      'contact.phoneNumbers.1.primary SEVERAL_PRIMARY',
      'contact.phoneNumbers.2.primary SEVERAL_PRIMARY',
    ]);
  });

  test('an empty type is refused', () => {
    expect(issuesOf({ phoneNumbers: [{ number: '+14155552671', type: ' ' }] })).toEqual([
      'contact.phoneNumbers.0.type REQUIRED',
    ]);
  });
});

describe('custom attributes', () => {
  test('of the defined types pass as they are', () => {
    const customAttributes = { points: 3, value: 1.5, vip: true, birthday: '2024-02-29', external_ref_id: null };
    expect(check({ customAttributes })).toEqual({ patch: { customAttributes }, issues: [] });
  });

  test('unknown names and wrong types are refused by name', () => {
    const customAttributes = {
      Points: 1,
      points: 1.5,
      value: 'x',
      vip: 'true',
      birthday: '2026-02-30',
      external_ref_id: 7,
    };
    expect(issuesOf({ customAttributes })).toEqual([
      'contact.customAttributes.Points UNKNOWN_ATTRIBUTE',
      'contact.customAttributes.points WRONG_TYPE',
      'contact.customAttributes.value WRONG_TYPE',
      'contact.customAttributes.vip WRONG_TYPE',
      'contact.customAttributes.birthday WRONG_TYPE',
      'contact.customAttributes.external_ref_id WRONG_TYPE',
    ]);
  });

  test('objects and lists are refused even where CXone tells no definitions', () => {
    const { issues } = check({ customAttributes: { any: { deep: 1 }, list: [1] } }, { definitions: undefined });
    expect(issues.map(({ code }) => code)).toEqual(['NOT_SCALAR', 'NOT_SCALAR']);
  });

  test('texts from a file become values of the defined type, and stay a fault where they are none', () => {
    const customAttributes = {
      points: '42',
      value: '-1.50',
      vip: 'false',
      birthday: '2026-01-31',
      external_ref_id: '007',
    };
    expect(check({ customAttributes }, { castText: true })).toEqual({
      patch: {
        customAttributes: { points: 42, value: -1.5, vip: false, birthday: '2026-01-31', external_ref_id: '007' },
      },
      issues: [],
    });
    // As spreadsheets write them.
    for (const [vip, is] of [
      ['TRUE', true],
      ['False', false],
    ] as const)
      expect(check({ customAttributes: { vip } }, { castText: true }).patch).toEqual({ customAttributes: { vip: is } });
    const { issues } = check({ customAttributes: { points: '4x', value: '', vip: 'yes' } }, { castText: true });
    expect(issues.map(({ code }) => code)).toEqual(['WRONG_TYPE', 'WRONG_TYPE', 'WRONG_TYPE']);
  });
});

test('every control character of Unicode is refused, but those that lay out text', () => {
  const refused = Array.from({ length: 0x100 }, (_, code) => code).filter(
    (code) => issuesOf({ firstName: String.fromCharCode(code) }).length > 0,
  );
  const layout = [0x09, 0x0a, 0x0d];
  const isControl = (code: number) => /\p{Cc}/u.test(String.fromCharCode(code));
  expect(refused).toEqual(
    Array.from({ length: 0x100 }, (_, code) => code).filter((code) => isControl(code) && !layout.includes(code)),
  );
});

test('control characters and lone surrogates are refused wherever text goes', () => {
  const bad = 'a\u0000b';
  const issues = issuesOf({
    firstName: bad,
    lastName: '\ud800',
    phoneNumbers: [{ number: '+14155552671', type: bad }],
    emailAddresses: [{ address: '\ud800@example.com' }],
    customAttributes: { external_ref_id: bad },
  });
  expect(issues).toEqual([
    'contact.firstName BAD_TEXT',
    'contact.lastName BAD_TEXT',
    'contact.phoneNumbers.0.type BAD_TEXT',
    'contact.emailAddresses.0.address INVALID_EMAIL',
    'contact.customAttributes.external_ref_id BAD_TEXT',
  ]);
});

test('what is not named stays unnamed, and null stays a clearing', () => {
  expect(check({}).patch).toEqual({});
  expect(check({ firstName: null, phoneNumbers: null, customAttributes: null }).patch).toEqual({
    firstName: null,
    phoneNumbers: [],
    customAttributes: null,
  });
});
