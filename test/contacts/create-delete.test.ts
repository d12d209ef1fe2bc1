import { expect, test } from 'vitest';
import { BOOK, bookGid, contactGid, GET, LIST, MANY, ONE, POST, type Room, startRoom } from './room.ts';

const FIELDS = 'contact { id firstName phoneNumbers { number type primary } customAttributes version }';
const create = (room: Room, contact: Record<string, unknown>, more: Record<string, unknown> = {}) =>
  room.mutate('createContact', { addressBookId: bookGid(), contact, ...more }, FIELDS);
const remove = (room: Room, id: string) => room.mutate('deleteContact', { id: contactGid(id) }, 'deletedId');

test('a contact is made as it was given, normalised, and read from the cache from then on', async () => {
  await using room = await startRoom();
  const { contact } = await create(room, {
    firstName: 'Ada',
    phoneNumbers: [{ number: '+1 415-555-2671' }],
    customAttributes: { vip: true },
  });
  expect(contact).toMatchObject({ firstName: 'Ada', customAttributes: { vip: true }, version: expect.any(String) });
  expect(room.sandbox.control.state.contacts(BOOK)).toMatchObject([
    { firstName: 'Ada', phoneNumbers: [{ number: '+14155552671', type: 'work', primary: true }] },
  ]);
  await room.data('query ($id: ID!) { contact(id: $id) { version } }', { id: contact.id });
  expect(room.sent(GET)).toBe(0);
  expect(room.sandbox.control.requests().violations).toEqual([]);
});

test('faults are told with their paths, all at once, and nothing is sent', async () => {
  await using room = await startRoom();
  const result = await create(room, {
    firstName: 'a\u0001',
    phoneNumbers: [{ number: '+14155552671' }, { number: '12', primary: true }],
    emailAddresses: [{ address: 'nobody' }],
    customAttributes: { nope: 1, vip: 'yes' },
  });
  expect(result.issues.map(({ path, code }: { path: string[]; code: string }) => `${path.join('.')} ${code}`)).toEqual([
    'contact.firstName BAD_TEXT',
    'contact.phoneNumbers.1.number INVALID_PHONE',
    'contact.emailAddresses.0.address INVALID_EMAIL',
    'contact.customAttributes.nope UNKNOWN_ATTRIBUTE',
    'contact.customAttributes.vip WRONG_TYPE',
  ]);
  expect(room.sent(POST)).toBe(0);
});

test('a field that was added to the book since is looked up before it is refused', async () => {
  await using room = await startRoom();
  const fields = { id: 'young', name: 'Young', fieldDefinitions: [{ name: 'vip', type: 'boolean' as const }] };
  room.sandbox.control.add.addressBook(fields);
  const on = { addressBookId: bookGid('young') };
  room.sandbox.control.fail({
    method: 'GET',
    path: '/api/v2/addressbooks/young',
    merge: { fieldDefinitions: [] },
    times: 1,
  });
  expect(await create(room, { customAttributes: { vip: true } }, on)).toMatchObject({
    __typename: 'CreateContactPayload',
  });
  expect(room.sent('GET /api/v2/addressbooks/{bookId}')).toBe(2);
});

test('what CXone itself refuses is told as a fault of the input', async () => {
  await using room = await startRoom();
  const errors = [{ path: 'phoneNumbers[0].number', message: 'is a fax' }];
  room.sandbox.control.fail({ method: 'POST', path: MANY, status: 400, json: { code: 'ValidationError', errors } });
  expect(await create(room, { phoneNumbers: [{ number: '+14155552671' }] })).toMatchObject({
    __typename: 'ValidationError',
    issues: [{ path: ['contact', 'phoneNumbers', '0', 'number'], message: 'is a fax' }],
  });
});

test('an unknown book is not found', async () => {
  await using room = await startRoom();
  const on = { addressBookId: bookGid('nobody') };
  expect(await create(room, { firstName: 'Ada' }, on)).toMatchObject({ __typename: 'NotFoundError' });
  expect(await create(room, { customAttributes: { vip: true } }, on)).toMatchObject({ __typename: 'NotFoundError' });
});

test('a POST whose answer was lost is found by the contact’s key', async () => {
  await using room = await startRoom();
  room.sandbox.control.fail({ method: 'POST', path: MANY, cut: 'middle', times: 1 });
  const contact = { firstName: 'Ada', customAttributes: { external_ref_id: 'CRM-1' } };
  expect(await create(room, contact)).toMatchObject({ contact: { firstName: 'Ada' } });
  expect([room.sent(POST), room.sandbox.control.state.contactCount(BOOK)]).toEqual([1, 1]);
});

test('without a key, a POST whose answer was lost is never sent again, and told as unknown', async () => {
  await using room = await startRoom();
  room.sandbox.control.fail({ method: 'POST', path: MANY, cut: 'before', times: 1 });
  expect(await create(room, { firstName: 'Ada' })).toMatchObject({ __typename: 'OutcomeUnknownError' });
  expect([room.sent(POST), room.sent(LIST)]).toEqual([1, 0]);
});

test('another contact of the same key is not taken for the one whose answer was lost', async () => {
  await using room = await startRoom();
  const key = { external_ref_id: 'CRM-1' };
  room.sandbox.control.add.contact({ bookId: BOOK, firstName: 'Old', customAttributes: key });
  room.sandbox.control.fail({ method: 'POST', path: MANY, cut: 'before', times: 1 });
  expect(await create(room, { firstName: 'New', customAttributes: key })).toMatchObject({
    __typename: 'OutcomeUnknownError',
  });
});

test('a contact is deleted once, and not found from then on', async () => {
  await using room = await startRoom();
  const id = room.sandbox.control.add.contact({ bookId: BOOK, firstName: 'Ada' });
  await room.data('query ($id: ID!) { contact(id: $id) { version } }', { id: contactGid(id) });
  expect(await remove(room, id)).toMatchObject({ deletedId: contactGid(id) });
  expect(await room.data('query ($id: ID!) { contact(id: $id) { id } }', { id: contactGid(id) })).toEqual({
    contact: null,
  });
  expect(await remove(room, id)).toMatchObject({ __typename: 'NotFoundError' });
  expect((await room.audit({ action: 'contact.delete' })).map(({ outcome }) => outcome)).toEqual([
    'REJECTED',
    'SUCCEEDED',
  ]);
});

test.each([
  ['applied', true],
  ['not applied', false],
])('a DELETE that was %s and whose answer was lost is a success', async (_how, applied) => {
  await using room = await startRoom();
  const id = room.sandbox.control.add.contact({ bookId: BOOK, firstName: 'Ada' });
  room.sandbox.control.fail({ method: 'DELETE', path: ONE, cut: 'before', applied, times: 1 });
  expect(await remove(room, id)).toMatchObject({ deletedId: contactGid(id) });
  expect(room.sandbox.control.state.contactCount(BOOK)).toBe(0);
});

test('a key of a caller makes one contact, and gives the first answer again', async () => {
  await using room = await startRoom();
  const idempotencyKey = 'key-1';
  const [first, second] = await Promise.all([
    create(room, { firstName: 'Ada' }, { idempotencyKey }),
    create(room, { firstName: 'Ada' }, { idempotencyKey }),
  ]);
  expect(second).toEqual(first);
  expect(room.sent(POST)).toBe(1);
  expect(await create(room, { firstName: 'Bob' }, { idempotencyKey })).toMatchObject({
    reason: 'IDEMPOTENCY_KEY_REUSED',
  });
});
