import { expect, test } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startTestSandbox } from './client.ts';

const BOOK = DEMO_IDS.addressBooks.customers;
const ID = DEMO_IDS.contacts.firstCustomer;
const CONTACT = `/api/v2/addressbooks/${BOOK}/contacts/${ID}`;

test('a rival changes what it names, keeps the rest and makes the ETag stale', async () => {
  await using sandbox = await startTestSandbox();
  const before = await sandbox.call('GET', CONTACT);
  sandbox.control.rivalWrite(BOOK, ID, { firstName: 'Rival', customAttributes: { tier: 'gold' } });
  const after = await sandbox.call('GET', CONTACT);
  expect(after.body).toEqual({
    ...before.body,
    firstName: 'Rival',
    customAttributes: { ...before.body.customAttributes, tier: 'gold' },
  });
  const stale = { 'if-match': before.headers.get('etag') ?? '' };
  expect((await sandbox.call('PUT', CONTACT, { body: {}, headers: stale })).status).toBe(412);
});

test('a rival before every second PUT wins against just those, and its writes stay', async () => {
  await using sandbox = await startTestSandbox();
  sandbox.control.rivalBeforePut({ every: 2, times: 2, patch: { lastName: 'Rival' } });
  const statuses: number[] = [];
  for (let index = 0; index < 6; index += 1) statuses.push((await sandbox.put(CONTACT, { lastName: 'Mine' })).status);
  expect(statuses).toEqual([200, 412, 200, 412, 200, 200]);
  sandbox.control.rivalBeforePut({ every: 1, patch: { lastName: 'Rival' } });
  await sandbox.put(CONTACT, { lastName: 'Mine' });
  expect((await sandbox.call('GET', CONTACT)).body.lastName).toBe('Rival');
  sandbox.control.rivalBeforePut(null);
  expect((await sandbox.put(CONTACT, { lastName: 'Mine' })).status).toBe(200);
});
