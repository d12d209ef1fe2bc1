import { describe, expect, test, vi } from 'vitest';
import { freshDatabaseUrl } from '../support/postgres.ts';
import { startGatewayProcess } from './gateway-process.ts';
import {
  BOOK,
  bookGid,
  contactGid,
  LIST,
  MANY,
  ONE,
  POST,
  PUT,
  type Room,
  startEmptySandbox,
  startRoom,
} from './room.ts';

const FIELDS = 'outcome contact { id firstName externalRefId customAttributes }';
const upsert = (room: Room, contact: Record<string, unknown>, match?: Record<string, unknown>) =>
  room.mutate('upsertContact', { addressBookId: bookGid(), contact, ...(match && { match }) }, FIELDS);
const byRef = (ref: string, more: Record<string, unknown> = {}) => ({
  ...more,
  customAttributes: { external_ref_id: ref, ...(more.customAttributes as object) },
});

test('a contact is made once, then changed, then left alone', async () => {
  await using room = await startRoom();
  const contact = byRef('CRM-1', { firstName: 'Ada' });
  expect(await upsert(room, contact)).toMatchObject({ outcome: 'CREATED', contact: { externalRefId: 'CRM-1' } });
  expect(await upsert(room, contact)).toMatchObject({ outcome: 'UNCHANGED' });
  expect(await upsert(room, byRef('CRM-1', { lastName: 'Lovelace' }))).toMatchObject({
    outcome: 'UPDATED',
    contact: { firstName: 'Ada' },
  });
  expect(room.sandbox.control.state.contacts(BOOK)).toMatchObject([{ firstName: 'Ada', lastName: 'Lovelace' }]);
  expect([room.sent(POST), room.sent(PUT)]).toEqual([1, 1]);
});

test('a person is found by address and names, and a new one is found by its match again', async () => {
  await using room = await startRoom();
  const person = { email: 'ada@example.com', firstName: 'Ada', lastName: "O'Lovelace" };
  expect(await upsert(room, { customAttributes: { tier: 'gold' } }, { person })).toMatchObject({ outcome: 'CREATED' });
  expect(await upsert(room, { customAttributes: { tier: 'red' } }, { person })).toMatchObject({ outcome: 'UPDATED' });
  expect(
    await upsert(room, { customAttributes: { tier: 'x' } }, { person: { ...person, lastName: 'Other' } }),
  ).toMatchObject({
    outcome: 'CREATED',
  });
  expect(room.sandbox.control.state.contactCount(BOOK)).toBe(2);
});

describe.each(['sqlite', 'postgres'] as const)('on %s', (engine) => {
  test('50 callers of two gateway processes with one key make one contact, and every one of their attributes is on it', async () => {
    await using sandbox = await startEmptySandbox();
    await using database = await freshDatabaseUrl(engine);
    await using one = await startGatewayProcess({ sandbox, databaseUrl: database.url });
    await using two = await startGatewayProcess({ sandbox, databaseUrl: database.url });
    const names = Array.from({ length: 50 }, (_, index) => `f${index}`);
    sandbox.control.add.addressBook({
      id: 'wide',
      name: 'Wide',
      fieldDefinitions: ['external_ref_id', ...names].map((name) => ({ name, type: 'string' as const })),
    });
    // Long enough for both to look before either has made the contact, if nothing kept them from it.
    sandbox.control.fail({ method: 'GET', path: MANY, delayMs: 300, times: 2 });
    const document = `mutation ($input: UpsertContactInput!) {
      upsertContact(input: $input) { ... on UpsertContactPayload { outcome } ... on Error { message } } }`;
    const answers = await Promise.all(
      names.map((name, index) => {
        const contact = byRef('CRM-7', { customAttributes: { [name]: name } });
        return (index % 2 ? one : two).data(document, { input: { addressBookId: bookGid('wide'), contact } });
      }),
    );
    const results = answers.map(({ upsertContact }) => upsertContact);
    expect(results.filter(({ outcome }) => outcome === 'CREATED')).toHaveLength(1);
    expect(results.filter(({ outcome }) => outcome === 'UPDATED')).toHaveLength(49);
    const [contact, ...others] = sandbox.control.state.contacts('wide');
    expect(others).toEqual([]);
    expect(Object.keys(contact?.customAttributes ?? {}).sort()).toEqual(['external_ref_id', ...names].sort());
    expect(sandbox.control.requests().routes[PUT]?.requests).toBeLessThan(49);
  });
});

test('several contacts of one key are a conflict that names them, and nothing is written', async () => {
  await using room = await startRoom();
  const ids = [0, 1].map(() =>
    room.sandbox.control.add.contact({ bookId: BOOK, customAttributes: { external_ref_id: 'CRM-2' } }),
  );
  const result = await upsert(room, byRef('CRM-2', { firstName: 'Ada' }));
  expect(result).toMatchObject({ __typename: 'ConflictError', reason: 'DUPLICATE' });
  for (const id of ids) expect(result.message).toContain(contactGid(id));
  expect([room.sent(POST), room.sent(PUT)]).toEqual([0, 0]);
});

test('what CXone’s filter lets through without the key is never written', async () => {
  await using room = await startRoom();
  const stranger = { id: 'stranger', firstName: 'X', customAttributes: { external_ref_id: 'CRM-30' } };
  room.sandbox.control.fail({ method: 'GET', path: MANY, json: { entities: [stranger] }, status: 200 });
  expect(await upsert(room, byRef('CRM-3', { firstName: 'Ada' }))).toMatchObject({ outcome: 'CREATED' });
  expect(room.sent(PUT)).toBe(0);
});

test('a 404 for a filter says that nothing matches', async () => {
  await using room = await startRoom();
  room.sandbox.control.configure({ noMatch: '404' });
  expect(await upsert(room, byRef('CRM-4'))).toMatchObject({ outcome: 'CREATED' });
  expect(await upsert(room, byRef('CRM-4'))).toMatchObject({ outcome: 'UNCHANGED' });
});

test('a new contact that the filter does not show yet is not made again', async () => {
  await using room = await startRoom();
  await upsert(room, byRef('CRM-5', { firstName: 'Ada' }));
  room.sandbox.control.fail({ method: 'GET', path: MANY, json: { entities: [] }, status: 200 });
  expect(await upsert(room, byRef('CRM-5', { firstName: 'Ada' }))).toMatchObject({ outcome: 'UNCHANGED' });
  expect(room.sandbox.control.state.contactCount(BOOK)).toBe(1);
});

test('a POST that was applied and whose answer was lost makes one contact, and is told as such', async () => {
  await using room = await startRoom();
  room.sandbox.control.fail({ method: 'POST', path: MANY, cut: 'middle', times: 1 });
  expect(await upsert(room, byRef('CRM-6', { firstName: 'Ada' }))).toMatchObject({ outcome: 'CREATED' });
  expect(room.sandbox.control.state.contactCount(BOOK)).toBe(1);
  expect(room.sent(POST)).toBe(1);
});

test('a contact that was made, answered by nothing, and has what CXone added to it, is the one that was made', async () => {
  await using room = await startRoom();
  room.sandbox.control.fail({ method: 'POST', path: MANY, cut: 'middle', times: 1 });
  const hold = room.sandbox.control.hold({ method: 'POST', path: MANY });
  const upserted = upsert(room, byRef('CRM-7', { firstName: 'Ada' }));
  await vi.waitFor(() => expect(hold.held()).toBe(1));
  const [made] = room.sandbox.control.state.contacts(BOOK);
  room.sandbox.control.rivalWrite(BOOK, String(made?.id), { lastName: 'Unknown' });
  hold.release();
  expect(await upserted).toMatchObject({ outcome: 'CREATED' });
  expect(room.sandbox.control.state.contactCount(BOOK)).toBe(1);
});

test('a POST that was not applied is sent again', async () => {
  await using room = await startRoom();
  room.sandbox.control.fail({ method: 'POST', path: MANY, cut: 'before', times: 1 });
  expect(await upsert(room, byRef('CRM-8'))).toMatchObject({ outcome: 'CREATED' });
  expect(room.sandbox.control.state.contactCount(BOOK)).toBe(1);
});

test('a contact that has gone since it was found is looked for again, and made', async () => {
  await using room = await startRoom();
  await upsert(room, byRef('CRM-9'));
  room.sandbox.control.fail({ method: 'PUT', path: ONE, status: 404, times: 1 });
  expect(await upsert(room, byRef('CRM-9', { firstName: 'Ada' }))).toMatchObject({ outcome: 'UPDATED' });
  expect(room.sent(LIST)).toBe(3);
});

test('a contact that the filter still shows under a key it has no more is not written', async () => {
  await using room = await startRoom();
  const id = room.sandbox.control.add.contact({ bookId: BOOK, customAttributes: { external_ref_id: 'NEW' } });
  const outdated = { id, customAttributes: { external_ref_id: 'OLD' } };
  room.sandbox.control.fail({ method: 'GET', path: MANY, status: 200, json: { entities: [outdated] } });
  expect(await upsert(room, byRef('OLD', { firstName: 'Ada' }))).toMatchObject({ __typename: 'ConflictError' });
  expect([room.sent(POST), room.sent(PUT)]).toEqual([0, 0]);
});

test('a key is needed, and must not contradict the contact', async () => {
  await using room = await startRoom();
  expect(await upsert(room, { firstName: 'Ada' })).toMatchObject({ issues: [{ path: ['match'], code: 'REQUIRED' }] });
  expect(await upsert(room, byRef('A'), { externalRefId: 'B' })).toMatchObject({
    issues: [{ path: ['match', 'externalRefId'], code: 'MATCH_CONTRADICTS_CONTACT' }],
  });
  expect(room.sandbox.control.state.contactCount(BOOK)).toBe(0);
});
