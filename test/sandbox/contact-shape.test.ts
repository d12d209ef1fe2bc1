import { expect, test } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startTestSandbox } from './client.ts';

const CONTACTS = `/api/v2/addressbooks/${DEMO_IDS.addressBooks.customers}/contacts`;

test.each([
  ['an unknown key', { nickname: 'x' }, 'nickname'],
  [
    'a local phone number',
    { phoneNumbers: [{ number: '0301234', type: 'm', primary: true }] },
    'phoneNumbers[0].number',
  ],
  ['a bad address', { emailAddresses: [{ address: 'x', type: 'm', primary: true }] }, 'emailAddresses[0].address'],
  ['an undefined attribute', { customAttributes: { unheard: 1 } }, 'customAttributes.unheard'],
  [
    'an inherited name as attribute',
    { customAttributes: JSON.parse('{"__proto__": 1}') },
    'customAttributes.__proto__',
  ],
  ['a text for a decimal', { customAttributes: { lifetime_value: '1' } }, 'customAttributes.lifetime_value'],
  ['a fraction for an integer', { customAttributes: { loyalty_points: 1.5 } }, 'customAttributes.loyalty_points'],
  ['a text for a boolean', { customAttributes: { vip: 'true' } }, 'customAttributes.vip'],
  ['a day that does not exist', { customAttributes: { birthday: '2025-02-30' } }, 'customAttributes.birthday'],
  ['null for a text', { customAttributes: { tier: null } }, 'customAttributes.tier'],
])('%s is refused with its path', async (_, body, path) => {
  await using sandbox = await startTestSandbox();
  const answer = await sandbox.call('POST', CONTACTS, { body });
  expect(answer).toMatchObject({ status: 400, body: { errors: [{ path }] } });
  expect(Object.values(sandbox.violations())).toEqual([1]);
});

test('every fault of a contact is told at once', async () => {
  await using sandbox = await startTestSandbox();
  const body = { firstName: 7, phoneNumbers: [{ number: 'x' }], customAttributes: { vip: 1, tier: 2 } };
  const { body: error } = await sandbox.call('POST', CONTACTS, { body });
  expect(error.errors.map((issue: { path: string }) => issue.path)).toEqual([
    'firstName',
    'phoneNumbers[0].number',
    'customAttributes.vip',
    'customAttributes.tier',
  ]);
});

test('a phone or an address without type or primary is accepted and counted as misrouted', async () => {
  await using sandbox = await startTestSandbox();
  const answer = await sandbox.call('POST', CONTACTS, {
    body: {
      phoneNumbers: [
        { number: '+12025550199', type: 'mobile' },
        { number: '+12025550198', type: 'mobile', primary: false },
      ],
      emailAddresses: [{ address: 'a@example.com', primary: true }],
    },
  });
  expect(answer.status).toBe(201);
  expect(sandbox.violations()).toEqual({ 'misrouted-phone': 1, 'misrouted-email': 1 });
});
