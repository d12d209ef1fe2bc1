import { expect, test, vi } from 'vitest';
import type { Sandbox } from '../../src/sandbox/server.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { freshDatabaseUrl } from '../support/postgres.ts';
import { BOOK, bookGid, contactGid, LIST, POST, type Room, startEmptySandbox, startRoom } from './room.ts';

const FIELDS = 'deletedId archived { name archived } reassigned { groupId from to }';
const remove = (room: Room, input: Record<string, unknown> = {}) =>
  room.mutate('deleteAddressBook', { id: bookGid(), ...input }, FIELDS);
const reassign = { onReferences: 'REASSIGN', fallbackAddressBookId: bookGid('fallback') };

/** A book with three contacts that groups refer to (by reference, as a person, without any key), one that none does, and a fallback. */
async function startReferredRoom() {
  const room = await startRoom();
  return { room, ...addReferred(room.sandbox) };
}

function addReferred({ control: { add } }: Sandbox) {
  add.addressBook({ id: 'fallback', name: 'Fallback' });
  const ada = add.contact({
    bookId: BOOK,
    firstName: 'Ada',
    customAttributes: { external_ref_id: 'CRM-1', tier: 'gold' },
  });
  const bob = add.contact({
    bookId: BOOK,
    firstName: 'Bob',
    lastName: 'B',
    emailAddresses: [{ address: 'bob@example.com', type: 'home', primary: true }],
  });
  const nameless = add.contact({
    bookId: BOOK,
    phoneNumbers: [{ number: '+14155552671', type: 'work', primary: true }],
  });
  add.contact({ bookId: BOOK, firstName: 'Unreferred' });
  const foreign = add.contact({ bookId: 'fallback', firstName: 'Foreign' });
  add.group({ id: 'g1', name: 'Campaign', kind: 'campaign', contactIds: [ada, bob, foreign] });
  add.group({ id: 'g2', name: 'Routing', kind: 'routing', contactIds: [nameless, ada] });
  return { ada, bob, nameless, foreign };
}

const groupIds = (room: Room, groupId: string) =>
  (room.sandbox.control.state.groups().find(({ id }) => id === groupId)?.contactIds ?? []) as string[]; // as CXone has it
const fallbackContacts = (room: Room) => room.sandbox.control.state.contacts('fallback');

test('a book that no group refers to is deleted', async () => {
  await using room = await startRoom();
  expect(await remove(room)).toMatchObject({ deletedId: bookGid(), archived: null, reassigned: [] });
  expect(await remove(room)).toMatchObject({ __typename: 'NotFoundError' });
});

test('the groups that refer to a book are told, each with the contacts of this book alone', async () => {
  const { room } = await startReferredRoom();
  await using _room = room;
  const { addressBook } = await room.data(
    'query ($id: ID!) { addressBook(id: $id) { groupReferences { groupId name kind contactCount } } }',
    { id: bookGid() },
  );
  expect(addressBook.groupReferences).toEqual([
    { groupId: 'g1', name: 'Campaign', kind: 'CAMPAIGN', contactCount: 2 },
    { groupId: 'g2', name: 'Routing', kind: 'ROUTING', contactCount: 2 },
  ]);
});

test('REFUSE is a conflict, ARCHIVE renames', async () => {
  const { room } = await startReferredRoom();
  await using _room = room;
  expect(await remove(room)).toMatchObject({
    __typename: 'ConflictError',
    reason: 'IN_USE',
    current: { id: bookGid() },
  });
  expect(await remove(room, { onReferences: 'ARCHIVE' })).toMatchObject({
    deletedId: null,
    archived: { name: 'A_archived', archived: true },
  });
  expect(room.sandbox.control.state.contactCount(BOOK)).toBe(4);
});

test('REASSIGN copies what is referred to, points the groups at the copies, and deletes', async () => {
  const { room, ada, bob, nameless, foreign } = await startReferredRoom();
  await using _room = room;
  const result = await remove(room, reassign);
  const copies = fallbackContacts(room).filter(({ id }) => id !== foreign);
  const copyOf = (match: Record<string, unknown>) =>
    copies.find((copy) => expect.objectContaining(match).asymmetricMatch(copy))?.id;
  const [newAda, newBob, newNameless] = [
    copyOf({ firstName: 'Ada' }),
    copyOf({ firstName: 'Bob' }),
    copyOf({ phoneNumbers: [{ number: '+14155552671', type: 'work', primary: true }] }),
  ];
  expect(copies).toHaveLength(3);
  expect(copies).toContainEqual(
    expect.objectContaining({ firstName: 'Ada', customAttributes: { external_ref_id: 'CRM-1', tier: 'gold' } }),
  );
  expect(groupIds(room, 'g1')).toEqual([newAda, newBob, foreign]);
  expect(groupIds(room, 'g2')).toEqual([newNameless, newAda]);
  const move = (groupId: string, from: string, to: unknown) => ({
    groupId,
    from: contactGid(from),
    to: contactGid(String(to), 'fallback'),
  });
  expect(result.deletedId).toBe(bookGid());
  expect(result.reassigned).toHaveLength(4);
  expect(result.reassigned).toEqual(
    expect.arrayContaining([
      move('g1', ada, newAda),
      move('g1', bob, newBob),
      move('g2', nameless, newNameless),
      move('g2', ada, newAda),
    ]),
  );
  expect(room.sandbox.control.state.contactCount(BOOK)).toBe(0);
  expect(room.sandbox.control.requests().violations).toEqual([]);
  const actions = (await room.audit({ subject: bookGid() })).map(({ action }) => action);
  expect(actions.filter((action) => action === 'addressBook.copyContact')).toHaveLength(3);
  expect(actions.filter((action) => action === 'addressBook.reassignGroup')).toHaveLength(2);
  expect(actions[0]).toBe('addressBook.delete');
});

test.each([
  ['after the first copy', { method: 'POST', path: '/api/v2/addressbooks/fallback/contacts', skip: 1 }],
  ['before the first group is moved', { method: 'POST', path: '/api/v2/groups/*/reassignments' }],
  ['after the first group was moved', { method: 'POST', path: '/api/v2/groups/*/reassignments', skip: 1 }],
  ['before the book is deleted', { method: 'DELETE', path: `/api/v2/addressbooks/${BOOK}` }],
])('a deletion that was stopped %s is taken up where it was, and doubles nothing', async (_when, fault) => {
  const { room } = await startReferredRoom();
  await using _room = room;
  room.sandbox.control.fail({ ...fault, status: 400 });
  expect(await remove(room, reassign)).toMatchObject({ __typename: 'UpstreamError' });
  expect(room.sandbox.control.state.contactCount(BOOK)).toBe(4);
  room.sandbox.control.clearFaults();
  const result = await remove(room, reassign);
  expect(result).toMatchObject({ deletedId: bookGid() });
  expect(result.reassigned).toHaveLength(4);
  expect(fallbackContacts(room)).toHaveLength(4);
  const members = [...groupIds(room, 'g1'), ...groupIds(room, 'g2')];
  expect(members.every((id) => fallbackContacts(room).some((contact) => contact.id === id))).toBe(true);
});

test.each([
  ['applied', true],
  ['not applied', false],
])('a reassignment that was %s and whose answer was lost is made once, and noted once', async (_how, applied) => {
  const { room, foreign } = await startReferredRoom();
  await using _room = room;
  const path = '/api/v2/groups/*/reassignments';
  room.sandbox.control.fail({ method: 'POST', path, cut: 'before', applied, times: 1 });
  const result = await remove(room, reassign);
  expect(result).toMatchObject({ deletedId: bookGid() });
  expect(result.reassigned).toHaveLength(4);
  expect(groupIds(room, 'g1')).toHaveLength(3);
  expect(groupIds(room, 'g1')).toContain(foreign);
  expect(room.sent('POST /api/v2/groups/{groupId}/reassignments')).toBe(applied ? 2 : 3);
  const notes = await room.audit({ action: 'addressBook.reassignGroup' });
  expect(notes).toHaveLength(2);
});

test.each([
  ['the first group was moved', 'POST', '/api/v2/groups/*/reassignments', 'addressBook.reassignGroup', 2],
  ['the book was deleted', 'DELETE', `/api/v2/addressbooks/${BOOK}`, 'addressBook.delete', 1],
] as const)(
  'a process that is killed when %s, and knows nothing of it, has its work taken up and told whole',
  async (_when, method, path, action, times) => {
    await using sandbox = await startEmptySandbox();
    addReferred(sandbox);
    await using store = await freshDatabaseUrl('sqlite');
    await using killed = await startGatewayProcess({ databaseUrl: store.url, cxoneUrl: sandbox.url });
    const hold = sandbox.control.hold({ method, path });
    const unanswered = killed.graphql(
      'mutation ($input: DeleteAddressBookInput!) { deleteAddressBook(input: $input) { __typename } }',
      { input: { id: bookGid(), ...reassign } },
    );
    unanswered.catch(() => {});
    await vi.waitFor(() => expect(hold.held()).toBe(1), 90_000);
    await killed.kill();
    hold.release();

    await using room = await startRoom({ useSandbox: sandbox, databaseUrl: store.url });
    const result = await remove(room, reassign);
    expect(result).toMatchObject({ deletedId: bookGid() });
    expect(result.reassigned).toHaveLength(4);
    expect(fallbackContacts(room)).toHaveLength(4);
    expect((await room.audit({ action })).map(({ outcome }) => outcome)).toEqual(Array(times).fill('SUCCEEDED'));
    expect(await remove(room, reassign)).toMatchObject({ __typename: 'NotFoundError' });
  },
);

test('a copy that was made and changed before the deletion went on is not made again, nor changed back', async () => {
  const { room, foreign } = await startReferredRoom();
  await using _room = room;
  room.sandbox.control.fail({ method: 'POST', path: '/api/v2/groups/*/reassignments', status: 400 });
  await remove(room, reassign);
  room.sandbox.control.clearFaults();
  const copies = fallbackContacts(room).filter(({ id }) => id !== foreign);
  for (const { id } of copies) room.sandbox.control.rivalWrite('fallback', String(id), { lastName: 'Edited' });
  expect(await remove(room, reassign)).toMatchObject({ deletedId: bookGid() });
  expect(fallbackContacts(room).filter(({ lastName }) => lastName === 'Edited')).toHaveLength(3);
  expect(fallbackContacts(room)).toHaveLength(4);
});

test('a copy that was made by a process that died before it could note it is not made again', async () => {
  const { room } = await startReferredRoom();
  await using _room = room;
  const phoneNumbers = [{ number: '+14155552671', type: 'work', primary: true }];
  const twin = room.sandbox.control.add.contact({ bookId: 'fallback', phoneNumbers });
  await remove(room, reassign);
  expect(groupIds(room, 'g2')[0]).toBe(twin);
  expect(fallbackContacts(room)).toHaveLength(4);
});

test('a DELETE that was applied and whose answer was lost is a success', async () => {
  await using room = await startRoom();
  room.sandbox.control.fail({
    method: 'DELETE',
    path: `/api/v2/addressbooks/${BOOK}`,
    cut: 'before',
    applied: true,
    times: 1,
  });
  expect(await remove(room)).toMatchObject({ deletedId: bookGid() });
});

test('a fallback that could not hold the copies whole is refused before anything is copied', async () => {
  const { room } = await startReferredRoom();
  await using _room = room;
  const { add } = room.sandbox.control;
  add.addressBook({ id: 'narrow', name: 'Narrow', fieldDefinitions: [{ name: 'external_ref_id', type: 'string' }] });
  const narrow = { onReferences: 'REASSIGN', fallbackAddressBookId: bookGid('narrow') };
  expect(await remove(room, narrow)).toMatchObject({
    __typename: 'ValidationError',
    issues: [
      { path: ['fallbackAddressBookId'], code: 'UNKNOWN_ATTRIBUTE', message: expect.stringContaining('"tier"') },
    ],
  });
  expect(room.sent(POST)).toBe(0);
  for (const [fallback, code] of [
    [undefined, 'REQUIRED'],
    [bookGid(), 'SAME_BOOK'],
  ]) {
    const result = await remove(room, { onReferences: 'REASSIGN', fallbackAddressBookId: fallback });
    expect(result.issues).toMatchObject([{ path: ['fallbackAddressBookId'], code }]);
  }
  add.addressBook({ id: 'old', name: 'Old_archived' });
  expect(await remove(room, { onReferences: 'REASSIGN', fallbackAddressBookId: bookGid('old') })).toMatchObject({
    issues: [{ code: 'ARCHIVED' }],
  });
  expect(await remove(room, { onReferences: 'REASSIGN', fallbackAddressBookId: bookGid('none') })).toMatchObject({
    __typename: 'NotFoundError',
  });
  expect(room.sent(LIST)).toBe(0);
});

test('a contact the fallback has already takes the place of its namesake, and is not made again', async () => {
  const { room, ada } = await startReferredRoom();
  await using _room = room;
  const there = room.sandbox.control.add.contact({
    bookId: 'fallback',
    lastName: 'Kept',
    customAttributes: { external_ref_id: 'CRM-1' },
  });
  const result = await remove(room, reassign);
  expect(result.reassigned).toContainEqual({ groupId: 'g1', from: contactGid(ada), to: contactGid(there, 'fallback') });
  expect(fallbackContacts(room).find(({ id }) => id === there)).toMatchObject({ firstName: 'Ada', lastName: 'Kept' });
});
