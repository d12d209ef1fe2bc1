import { expect, test } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startTestSandbox, type TestSandbox } from './client.ts';

const BOOKS = '/api/v2/addressbooks';
const control = (sandbox: TestSandbox, method: string, path: string, body?: unknown) =>
  sandbox.call(method, `/_sandbox${path}`, { body, headers: { authorization: '' } });

test('the overview lists every route of the control, and each listed route exists', async () => {
  await using sandbox = await startTestSandbox();
  const { body } = await control(sandbox, 'GET', '');
  expect(body.length).toBeGreaterThan(20);
  for (const { route } of body) {
    const [method, path] = route.split(' ');
    if (method !== 'GET' || path.endsWith('/wait')) continue;
    const { status, body: answer } = await sandbox.call('GET', path.replace('*', DEMO_IDS.contactLists.importTrial));
    expect([route, status === 200 || answer.code === 'NotFound']).toEqual([route, true]);
  }
});

test('faults are programmed, listed with their hits and cleared', async () => {
  await using sandbox = await startTestSandbox();
  const made = await control(sandbox, 'POST', '/faults', { path: BOOKS, status: 503, times: 5 });
  expect(made).toMatchObject({ status: 200, body: { id: expect.any(String), hits: 0 } });
  expect((await sandbox.call('GET', BOOKS)).status).toBe(503);
  expect((await control(sandbox, 'GET', '/faults')).body).toMatchObject([{ id: made.body.id, hits: 1 }]);
  expect((await control(sandbox, 'DELETE', `/faults/${made.body.id}`)).status).toBe(204);
  expect((await sandbox.call('GET', BOOKS)).status).toBe(200);
  await control(sandbox, 'POST', '/faults', { status: 503 });
  expect((await control(sandbox, 'DELETE', '/faults')).status).toBe(204);
  expect((await sandbox.call('GET', BOOKS)).status).toBe(200);
});

test('what was asked is told, and control itself is not counted', async () => {
  await using sandbox = await startTestSandbox();
  await sandbox.call('GET', BOOKS);
  const { body } = await control(sandbox, 'GET', '/requests');
  expect(body).toMatchObject({ total: 1, routes: { [`GET ${BOOKS}`]: { requests: 1 } } });
  expect((await control(sandbox, 'GET', '/requests/log')).body).toMatchObject([{ url: BOOKS, status: 200 }]);
  expect((await control(sandbox, 'DELETE', '/requests')).status).toBe(204);
  expect((await control(sandbox, 'GET', '/requests')).body.total).toBe(0);
});

test('a hold over HTTP: wait for the request, look, let go', async () => {
  await using sandbox = await startTestSandbox();
  const { id } = (await control(sandbox, 'POST', '/holds', { path: BOOKS })).body;
  const call = sandbox.call('GET', BOOKS);
  const waited = await control(sandbox, 'GET', `/requests/wait?path=${encodeURIComponent(BOOKS)}`);
  expect(waited.body).toMatchObject({ method: 'GET', url: BOOKS });
  expect((await control(sandbox, 'GET', `/holds/${id}`)).body).toEqual({ id, held: 1 });
  expect((await control(sandbox, 'DELETE', `/holds/${id}`)).status).toBe(204);
  expect((await call).status).toBe(200);
});

test('a wait for a request that does not come ends', async () => {
  await using sandbox = await startTestSandbox();
  expect((await control(sandbox, 'GET', '/requests/wait?method=PATCH&timeoutMs=1')).status).toBe(408);
});

test('settings are shown and changed, tokens revoked', async () => {
  await using sandbox = await startTestSandbox();
  const changed = await control(sandbox, 'POST', '/settings', { limits: { outbound: 2, records: null }, etags: false });
  expect(changed.body).toMatchObject({ limits: { outbound: 2, records: null }, etags: false, noMatch: 'empty' });
  expect((await control(sandbox, 'POST', '/settings', { etag: true })).status).toBe(400);
  await control(sandbox, 'DELETE', '/tokens');
  expect((await sandbox.call('GET', BOOKS)).status).toBe(401);
});

test('lists, segments, campaigns, groups, books and contacts can be made', async () => {
  await using sandbox = await startTestSandbox({ seed: 'empty' });
  const make = async (kind: string, body: unknown) =>
    expect([kind, (await control(sandbox, 'POST', `/state/${kind}`, body)).status]).toEqual([
      kind,
      kind === 'contacts' ? 200 : 204,
    ]);
  await make('contactlists', { id: 'list', name: 'List', attributes: [{ name: 'score', type: 'integer' }] });
  await make('campaigns', { id: 'campaign', name: 'Campaign', maxEnrichmentTimeoutMs: 20, contactListId: 'list' });
  await make('segments', { id: 'segment', name: 'Segment', type: 'static', contactIds: ['contact'] });
  await make('addressbooks', { id: 'book', name: 'Book', fieldDefinitions: [{ name: 'score', type: 'integer' }] });
  await make('contacts', { bookId: 'book', id: 'contact', customAttributes: { score: 1 } });
  await make('groups', { id: 'group', name: 'Group', kind: 'routing', contactIds: ['contact'] });
  const contacts = ['a', 'b', 'c'].map((contactId) => ({ contactId, attributes: { score: 1 } }));
  const enrich = (some: unknown[]) =>
    sandbox.call('POST', '/api/v2/contacts/lists/list/contacts', { body: { contactListId: 'list', contacts: some } });
  expect((await enrich(contacts)).status).toBe(400);
  expect((await enrich(contacts.slice(1))).status).toBe(200);
  expect((await sandbox.call('GET', '/api/v2/segments/segment')).body.memberCount).toBe(1);
  expect((await sandbox.call('GET', `${BOOKS}/book/groups`)).body.entities).toMatchObject([{ id: 'group' }]);
  expect((await control(sandbox, 'POST', '/state/contactlists', { id: 'list', name: 'Again' })).status).toBe(400);
});

test('a rival writes over HTTP', async () => {
  await using sandbox = await startTestSandbox();
  const { firstCustomer } = DEMO_IDS.contacts;
  const path = `/rival-writes/${DEMO_IDS.addressBooks.customers}/${firstCustomer}`;
  expect((await control(sandbox, 'POST', path, { lastName: 'Rival' })).body).toMatchObject({ lastName: 'Rival' });
  await control(sandbox, 'PUT', '/rival-writes', { every: 1, patch: {} });
  const contact = `${BOOKS}/${DEMO_IDS.addressBooks.customers}/contacts/${firstCustomer}`;
  expect((await sandbox.put(contact, {})).status).toBe(412);
});

test('nonsense is refused and an unknown control path is a 404', async () => {
  await using sandbox = await startTestSandbox();
  expect((await control(sandbox, 'POST', '/faults', { stauts: 500 })).status).toBe(400);
  expect((await control(sandbox, 'GET', '/nothing')).status).toBe(404);
  expect((await control(sandbox, 'PATCH', '/faults')).status).toBe(405);
});
