import { expect, test } from 'vitest';
import { chooseKey, keyDigest } from '../../src/contacts/keys.ts';

const email = { address: 'ada@example.com', type: 'work', primary: true };
const codes = (chosen: ReturnType<typeof chooseKey>) =>
  'issues' in chosen ? chosen.issues.map(({ path, code }) => `${path.join('.')} ${code}`) : [];

test('without a match, the external reference goes before the person', () => {
  const person = { firstName: 'Ada', lastName: 'Lovelace', emailAddresses: [email] };
  expect(chooseKey({ ...person, customAttributes: { external_ref_id: 'CRM-1' } }, undefined)).toMatchObject({
    key: { kind: 'externalRef', externalRefId: 'CRM-1' },
  });
  expect(chooseKey(person, undefined)).toMatchObject({
    key: { kind: 'person', email: 'ada@example.com', firstName: 'Ada', lastName: 'Lovelace' },
  });
  expect(codes(chooseKey({ firstName: 'Ada', emailAddresses: [email] }, undefined))).toEqual(['match REQUIRED']);
});

test('a contact made for a match carries the match, so that it is found by it again', () => {
  expect(chooseKey({ lastName: 'L' }, { externalRefId: 'CRM-1' })).toMatchObject({
    creation: { lastName: 'L', customAttributes: { external_ref_id: 'CRM-1' } },
  });
  const person = { email: 'ada@example.com', firstName: 'Ada', lastName: 'Lovelace' };
  expect(chooseKey({}, { person })).toMatchObject({
    creation: { firstName: 'Ada', lastName: 'Lovelace', emailAddresses: [email] },
  });
});

test('a match that the contact contradicts is refused: it would make another contact with every call', () => {
  const person = { email: 'ada@example.com', firstName: 'Ada', lastName: 'Lovelace' };
  expect(codes(chooseKey({ customAttributes: { external_ref_id: 'B' } }, { externalRefId: 'A' }))).toEqual([
    'match.externalRefId MATCH_CONTRADICTS_CONTACT',
  ]);
  expect(codes(chooseKey({ customAttributes: { external_ref_id: null } }, { externalRefId: 'A' }))).toHaveLength(1);
  expect(codes(chooseKey({ customAttributes: null }, { externalRefId: 'A' }))).toHaveLength(1);
  expect(codes(chooseKey({ lastName: 'Byron', emailAddresses: [] }, { person }))).toEqual([
    'match.person.lastName MATCH_CONTRADICTS_CONTACT',
    'match.person.email MATCH_CONTRADICTS_CONTACT',
  ]);
});

test('an empty key is no key', () => {
  expect(codes(chooseKey({}, { externalRefId: '' }))).toEqual(['match.externalRefId REQUIRED']);
  expect(codes(chooseKey({}, { person: { email: '', firstName: 'A', lastName: '' } }))).toEqual([
    'match.person.email REQUIRED',
    'match.person.lastName REQUIRED',
  ]);
});

test('equal keys have one name per book, which tells nothing of the person', () => {
  const person = { kind: 'person', email: 'Ada@Example.com', firstName: 'Ada', lastName: 'Lovelace' } as const;
  const digest = keyDigest('book', person);
  expect(keyDigest('book', { ...person, email: 'ada@example.com' })).toBe(digest);
  expect(keyDigest('book-2', person)).not.toBe(digest);
  expect(keyDigest('book', { ...person, lastName: 'Byron' })).not.toBe(digest);
  expect(digest).toMatch(/^[0-9a-f]{64}$/);
});
