import { expect, test } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startTestSandbox } from './client.ts';

const BOOK = `/api/v2/addressbooks/${DEMO_IDS.addressBooks.customers}`;
const CONTACT = `${BOOK}/contacts/${DEMO_IDS.contacts.firstCustomer}`;

test('a PUT replaces the whole contact: what is left out is wiped, under 200 and a new ETag', async () => {
  await using sandbox = await startTestSandbox();
  const before = await sandbox.call('GET', CONTACT);
  expect(before.body.customAttributes).toHaveProperty('tier');
  const answer = await sandbox.put(CONTACT, { firstName: 'Only' });
  expect(answer.status).toBe(200);
  expect(answer.body).toEqual({
    id: DEMO_IDS.contacts.firstCustomer,
    firstName: 'Only',
    phoneNumbers: [],
    emailAddresses: [],
    customAttributes: {},
  });
  const after = await sandbox.call('GET', CONTACT);
  expect(after.body).toEqual(answer.body);
  expect(after.headers.get('etag')).toBe(answer.headers.get('etag'));
  expect(after.headers.get('etag')).not.toBe(before.headers.get('etag'));
});

test('a PUT with a stale ETag is refused with 412 and changes nothing', async () => {
  await using sandbox = await startTestSandbox();
  const { headers } = await sandbox.call('GET', CONTACT);
  const etag = headers.get('etag') ?? '';
  await sandbox.put(CONTACT, { firstName: 'First' });
  const late = await sandbox.call('PUT', CONTACT, { body: { firstName: 'Late' }, headers: { 'if-match': etag } });
  expect(late.status).toBe(412);
  expect((await sandbox.call('GET', CONTACT)).body.firstName).toBe('First');
});

test.each([
  ['without If-Match', {}, 428, 'put-without-if-match'],
  ['with an unquoted ETag', { 'if-match': 'v1' }, 400, 'if-match-format'],
  ['with *', { 'if-match': '*' }, 400, 'if-match-format'],
])('a PUT %s is refused and breaks a rule', async (_, headers, status, rule) => {
  await using sandbox = await startTestSandbox();
  const answer = await sandbox.call('PUT', CONTACT, { body: { firstName: 'X' }, headers });
  expect(answer.status).toBe(status);
  expect(sandbox.violations()).toEqual({ [rule]: 1 });
});

test('an ETag never comes back, not even for a contact that was deleted and made again', async () => {
  await using sandbox = await startTestSandbox({ seed: 'empty' });
  sandbox.control.add.addressBook({ id: 'book', name: 'Book' });
  const etags = new Set<string | null>();
  for (let round = 0; round < 3; round += 1) {
    sandbox.control.add.contact({ bookId: 'book', id: 'same' });
    etags.add((await sandbox.call('GET', '/api/v2/addressbooks/book/contacts/same')).headers.get('etag'));
    await sandbox.call('DELETE', '/api/v2/addressbooks/book/contacts/same');
  }
  expect(etags.size).toBe(3);
});

test('where ETags are off none is given, and a PUT needs none', async () => {
  await using sandbox = await startTestSandbox();
  sandbox.control.configure({ etags: false });
  expect((await sandbox.call('GET', CONTACT)).headers.get('etag')).toBeNull();
  const answer = await sandbox.call('PUT', CONTACT, { body: { firstName: 'X' } });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('etag')).toBeNull();
  expect(sandbox.violations()).toEqual({});
});

test('a weak ETag must be repeated letter for letter', async () => {
  await using sandbox = await startTestSandbox();
  sandbox.control.configure({ etags: 'weak' });
  const etag = (await sandbox.call('GET', CONTACT)).headers.get('etag') ?? '';
  expect(etag).toMatch(/^W\/".+"$/);
  const put = (ifMatch: string) =>
    sandbox.call('PUT', CONTACT, { body: { firstName: 'X' }, headers: { 'if-match': ifMatch } });
  expect((await put(etag.slice(2))).status).toBe(412);
  expect((await put(etag)).status).toBe(200);
});

test('a contact is created with an ETag and deleted once', async () => {
  await using sandbox = await startTestSandbox();
  const made = await sandbox.call('POST', `${BOOK}/contacts`, { body: { lastName: 'New' } });
  expect(made.status).toBe(201);
  expect(made.headers.get('etag')).toMatch(/^".+"$/);
  const path = `${BOOK}/contacts/${made.body.id}`;
  expect((await sandbox.call('DELETE', path)).status).toBe(204);
  expect((await sandbox.call('DELETE', path)).status).toBe(404);
});
