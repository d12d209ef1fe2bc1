import { isValidPhoneNumber } from 'libphonenumber-js';
import { expect, test } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startTestSandbox, type TestSandbox } from './client.ts';

const now = () => Date.parse('2025-06-01T00:00:00Z');

function everything({ control: { state } }: TestSandbox) {
  const books = Object.values(DEMO_IDS.addressBooks).map((id) => state.contacts(id));
  const lists = Object.values(DEMO_IDS.contactLists).map((id) => [
    state.contactList(id),
    state.outboundContacts(id),
    state.records(id),
  ]);
  const segments = Object.values(DEMO_IDS.segments).map((id) => state.segmentMembers(id));
  return { books, lists, segments, groups: state.groups() };
}

test('the demo tenant is the same every time', async () => {
  await using one = await startTestSandbox({ now });
  await using other = await startTestSandbox({ now });
  expect(everything(one)).toEqual(everything(other));
});

test('every id of the demo is there and readable through the API', async () => {
  await using sandbox = await startTestSandbox();
  const paths = [
    ...Object.values(DEMO_IDS.addressBooks).map((id) => `/api/v2/addressbooks/${id}`),
    `/api/v2/addressbooks/${DEMO_IDS.addressBooks.customers}/contacts/${DEMO_IDS.contacts.firstCustomer}`,
    `/api/v2/addressbooks/${DEMO_IDS.addressBooks.prospects}/contacts/${DEMO_IDS.contacts.firstProspect}`,
    `/api/v2/addressbooks/${DEMO_IDS.addressBooks.partners}/contacts/${DEMO_IDS.contacts.firstPartner}`,
    ...Object.values(DEMO_IDS.contactLists).map((id) => `/api/v2/outbound/contactlists/${id}`),
    ...Object.values(DEMO_IDS.contactLists).map((id) => `/api/v2/contacts/lists/${id}/schema`),
    ...Object.values(DEMO_IDS.campaigns).map((id) => `/api/v2/outbound/campaigns/${id}`),
    ...Object.values(DEMO_IDS.segments).map((id) => `/api/v2/segments/${id}`),
  ];
  for (const path of paths) expect([path, (await sandbox.call('GET', path)).status]).toEqual([path, 200]);
  const groups = sandbox.control.state.groups().map(({ id }) => id);
  expect(groups.sort()).toEqual(Object.values(DEMO_IDS.groups).sort());
});

test('people have valid phones kept for fiction, addresses that reach nobody, and nothing in common', async () => {
  await using sandbox = await startTestSandbox();
  const people = everything(sandbox).books.flat();
  expect(people.length).toBeGreaterThan(400);
  const wire = JSON.parse(JSON.stringify(people));
  const phones = wire.map((person: { phoneNumbers: [{ number: string }] }) => person.phoneNumbers[0].number);
  const emails = wire.map((person: { emailAddresses: [{ address: string }] }) => person.emailAddresses[0].address);
  for (const phone of phones) {
    expect(phone).toMatch(/^\+1\d{3}55501\d\d$/);
    expect([phone, isValidPhoneNumber(phone)]).toEqual([phone, true]);
  }
  for (const email of emails) expect(email).toMatch(/^[a-z.0-9]+@example\.com$/);
  expect(new Set(phones).size).toBe(people.length);
  expect(new Set(emails).size).toBe(people.length);
});

test('the list for trying imports is empty, and so is an empty seed', async () => {
  await using demo = await startTestSandbox();
  expect(demo.control.state.contactList(DEMO_IDS.contactLists.importTrial).total).toBe(0);
  await using empty = await startTestSandbox({ seed: 'empty' });
  expect(empty.control.state.contactLists()).toEqual([]);
  expect((await empty.call('GET', '/api/v2/addressbooks')).body.entities ?? []).toEqual([]);
});
