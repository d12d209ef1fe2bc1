import { expect, test } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startTestSandbox } from './client.ts';

const BOOKS = '/api/v2/addressbooks';

test('a book is made once per name and comes with its field definitions', async () => {
  await using sandbox = await startTestSandbox({ seed: 'empty' });
  const made = await sandbox.call('POST', BOOKS, { body: { name: 'New', description: 'd', source: 's', tags: ['a'] } });
  expect(made).toMatchObject({ status: 201, body: { name: 'New', description: 'd', source: 's', tags: ['a'] } });
  expect(made.body.fieldDefinitions).toContainEqual({ name: 'external_ref_id', type: 'string' });
  expect((await sandbox.call('GET', `${BOOKS}/${made.body.id}`)).body).toEqual(made.body);
  expect(await sandbox.call('POST', BOOKS, { body: { name: 'New' } })).toMatchObject({ status: 409 });
});

test('a PUT renames and wipes what it leaves out, but not the definitions', async () => {
  await using sandbox = await startTestSandbox();
  const path = `${BOOKS}/${DEMO_IDS.addressBooks.customers}`;
  const before = (await sandbox.call('GET', path)).body;
  expect(before.description).toBeDefined();
  const { body } = await sandbox.call('PUT', path, { body: { name: 'Renamed' } });
  expect(body).toEqual({ id: before.id, name: 'Renamed', fieldDefinitions: before.fieldDefinitions });
  expect(await sandbox.call('PUT', path, { body: { name: 'Partners' } })).toMatchObject({ status: 409 });
});

test('an archived book is left out of the list and can still be read', async () => {
  await using sandbox = await startTestSandbox();
  const { customers, archived } = DEMO_IDS.addressBooks;
  const ids = async () => (await sandbox.call('GET', BOOKS)).body.entities.map((book: { id: string }) => book.id);
  expect(await ids()).toContain(customers);
  expect(await ids()).not.toContain(archived);
  await sandbox.call('PUT', `${BOOKS}/${customers}`, { body: { name: 'Customers_archived' } });
  expect(await ids()).not.toContain(customers);
  expect((await sandbox.call('GET', `${BOOKS}/${customers}`)).status).toBe(200);
});

test('deleting a book takes its contacts and leaves its groups dangling', async () => {
  await using sandbox = await startTestSandbox();
  const { customers, partners } = DEMO_IDS.addressBooks;
  const members = () =>
    sandbox.control.state.groups().find(({ id }) => id === DEMO_IDS.groups.summerCampaign)?.contactIds;
  const before = members();
  expect(before).toContain(DEMO_IDS.contacts.firstCustomer);
  expect((await sandbox.call('DELETE', `${BOOKS}/${customers}`)).status).toBe(204);
  expect((await sandbox.call('GET', `${BOOKS}/${customers}/contacts`)).status).toBe(404);
  expect(sandbox.control.state.contactCount(customers)).toBe(0);
  expect(members()).toEqual(before);
  const groups = (await sandbox.call('GET', `${BOOKS}/${partners}/groups`)).body.entities;
  expect(groups.map((group: { id: string }) => group.id)).toContain(DEMO_IDS.groups.summerCampaign);
});

test('a group is told to refer to another contact, repeatably, and only to one that exists', async () => {
  await using sandbox = await startTestSandbox();
  const { firstCustomer, firstProspect } = DEMO_IDS.contacts;
  const path = `/api/v2/groups/${DEMO_IDS.groups.vipRouting}/reassignments`;
  const move = (to: string) => sandbox.call('POST', path, { body: { moves: [{ from: firstCustomer, to }] } });
  expect(await move('nobody')).toMatchObject({ status: 400, body: { errors: [{ path: 'moves[0].to' }] } });
  const first = await move(firstProspect);
  expect(first.status).toBe(200);
  expect(first.body.contactIds[0]).toBe(firstProspect);
  expect(first.body.contactIds).not.toContain(firstCustomer);
  expect((await move(firstProspect)).body).toEqual(first.body);
});
