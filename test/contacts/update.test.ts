import { expect, test, vi } from 'vitest';
import { BOOK, contactGid, GET, ONE, PUT, type Room, startRoom } from './room.ts';

const FIELDS = 'changed contact { firstName lastName version customAttributes phoneNumbers { number type primary } }';

function addContact(room: Room, customAttributes: Record<string, unknown> = { tier: 'gold' }): string {
  return room.sandbox.control.add.contact({
    bookId: BOOK,
    firstName: 'Ada',
    lastName: 'Lovelace',
    phoneNumbers: [{ number: '+14155552671', type: 'work', primary: true }],
    emailAddresses: [{ address: 'ada@example.com', type: 'work', primary: true }],
    customAttributes,
  });
}
const update = (room: Room, id: string, patch: Record<string, unknown>, more: Record<string, unknown> = {}) =>
  room.mutate('updateContact', { id: contactGid(id), patch, ...more }, FIELDS);
const stored = (room: Room, id: string, bookId = BOOK) =>
  room.sandbox.control.state.contacts(bookId).find((contact) => contact.id === id);

test('a PUT never drops a field the patch did not name', async () => {
  await using room = await startRoom();
  const id = addContact(room);
  const before = stored(room, id);
  expect(await update(room, id, { firstName: 'Augusta' })).toMatchObject({
    __typename: 'UpdateContactPayload',
    changed: true,
  });
  expect(stored(room, id)).toEqual({ ...before, firstName: 'Augusta' });
  await update(room, id, { lastName: null, customAttributes: { tier: null, vip: true }, emailAddresses: null });
  const { lastName: _gone, ...kept } = before as Record<string, unknown>;
  expect(stored(room, id)).toEqual({
    ...kept,
    firstName: 'Augusta',
    emailAddresses: [],
    customAttributes: { vip: true },
  });
  expect(room.sandbox.control.requests().violations).toEqual([]);
});

test('where nothing changes nothing is sent, and the contact is looked at before that is said', async () => {
  await using room = await startRoom();
  const id = addContact(room);
  expect(await update(room, id, { firstName: 'Ada', customAttributes: { tier: 'gold' } })).toMatchObject({
    changed: false,
  });
  expect([room.sent(GET), room.sent(PUT)]).toEqual([1, 0]);
  // The baseline is in the cache now, and outdated.
  room.sandbox.control.rivalWrite(BOOK, id, { firstName: 'Bob' });
  expect(await update(room, id, { firstName: 'Ada' })).toMatchObject({ changed: true, contact: { firstName: 'Ada' } });
  expect(stored(room, id)).toMatchObject({ firstName: 'Ada' });
});

test('20 callers who change 20 attributes at once are all served, by fewer than 20 PUTs', async () => {
  await using room = await startRoom();
  const names = Array.from({ length: 20 }, (_, index) => `field_${index}`);
  room.sandbox.control.add.addressBook({
    id: 'wide',
    name: 'Wide',
    fieldDefinitions: [{ name: 'kept', type: 'string' }, ...names.map((name) => ({ name, type: 'string' as const }))],
  });
  const id = room.sandbox.control.add.contact({ bookId: 'wide', firstName: 'Ada', customAttributes: { kept: 'yes' } });
  const results = await Promise.all(
    names.map((name) =>
      room.mutate(
        'updateContact',
        { id: contactGid(id, 'wide'), patch: { customAttributes: { [name]: `v-${name}` } } },
        'changed',
      ),
    ),
  );
  expect(results).toEqual(names.map(() => ({ __typename: 'UpdateContactPayload', changed: true })));
  expect(stored(room, id, 'wide')).toMatchObject({
    firstName: 'Ada',
    customAttributes: { kept: 'yes', ...Object.fromEntries(names.map((name) => [name, `v-${name}`])) },
  });
  expect(room.sent(PUT)).toBeLessThan(20);
  expect(room.sandbox.control.requests().violations).toEqual([]);
});

test('changes that wait together keep their order, and one that is invalid fails alone', async () => {
  await using room = await startRoom();
  const id = addContact(room);
  const results = await Promise.all([
    update(room, id, { firstName: 'One' }),
    update(room, id, { firstName: 'Two', customAttributes: { vip: 'not a boolean' } }),
    update(room, id, { lastName: 'Three' }),
    update(room, id, { firstName: 'Four' }),
  ]);
  expect(results.map((result) => result.__typename)).toEqual([
    'UpdateContactPayload',
    'ValidationError',
    'UpdateContactPayload',
    'UpdateContactPayload',
  ]);
  expect(results[1].issues).toMatchObject([{ path: ['patch', 'customAttributes', 'vip'], code: 'WRONG_TYPE' }]);
  expect(stored(room, id)).toMatchObject({ firstName: 'Four', lastName: 'Three' });
});

test('a change that CXone refuses does not take those it shared a PUT with along', async () => {
  await using room = await startRoom();
  const id = addContact(room);
  const other = addContact(room);
  await update(room, id, { firstName: 'Warm', customAttributes: { vip: false } });
  const hold = room.sandbox.control.hold({ method: 'PUT', path: ONE });
  const first = update(room, id, { firstName: 'First' });
  await vi.waitFor(() => expect(hold.held()).toBe(1));
  // Both travel in the second PUT, which is refused as a whole the first time, and so is the one sent alone.
  room.sandbox.control.fail({
    method: 'PUT',
    path: ONE,
    status: 400,
    json: { code: 'X', errors: [{ path: 'lastName', message: 'no' }] },
    times: 2,
  });
  const others = [update(room, id, { lastName: 'Refused' }), update(room, id, { customAttributes: { vip: true } })];
  // Longer than it takes the two to line up behind the first.
  await update(room, other, { firstName: 'Ada' });
  hold.release();
  const results = await Promise.all([first, ...others]);
  expect(results.map((result) => result.__typename).sort()).toEqual([
    'UpdateContactPayload',
    'UpdateContactPayload',
    'ValidationError',
  ]);
  expect(results.find((result) => result.issues).issues).toMatchObject([
    { path: ['patch', 'lastName'], message: 'no' },
  ]);
});

test('a rival who writes before each of three PUTs loses nothing, and neither does the caller', async () => {
  await using room = await startRoom();
  const id = addContact(room);
  await room.data('query ($id: ID!) { contact(id: $id) { version } }', { id: contactGid(id) });
  room.sandbox.control.rivalBeforePut({
    every: 1,
    times: 3,
    patch: { lastName: 'Rival', customAttributes: { loyalty_points: 7 } },
  });
  const result = await update(room, id, { firstName: 'Augusta', customAttributes: { vip: true } });
  expect(result).toMatchObject({ __typename: 'UpdateContactPayload', changed: true });
  expect(stored(room, id)).toEqual({
    id,
    firstName: 'Augusta',
    lastName: 'Rival',
    phoneNumbers: [{ number: '+14155552671', type: 'work', primary: true }],
    emailAddresses: [{ address: 'ada@example.com', type: 'work', primary: true }],
    customAttributes: { tier: 'gold', vip: true, loyalty_points: 7 },
  });
  expect(room.sent(PUT)).toBe(4);
});

test('a rival who never stops is a conflict after six PUTs, and the contact as it is comes with it', async () => {
  await using room = await startRoom();
  const id = addContact(room);
  room.sandbox.control.rivalBeforePut({ every: 1, patch: {} });
  expect(await update(room, id, { firstName: 'Augusta' })).toMatchObject({
    __typename: 'ConflictError',
    reason: 'VERSION_MISMATCH',
    current: { id: contactGid(id) },
  });
  expect(room.sent(PUT)).toBe(6);
});

test('ifVersion refuses a change of what has been changed since, whoever did it', async () => {
  await using room = await startRoom();
  const id = addContact(room);
  const read = await room.data('query ($id: ID!) { contact(id: $id) { version } }', { id: contactGid(id) });
  const { version } = read.contact;
  const conflict = { __typename: 'ConflictError', reason: 'VERSION_MISMATCH', current: { id: contactGid(id) } };
  // Of several with one version exactly one gets through, however they are folded.
  const results = await Promise.all(
    ['One', 'Two', 'Three'].map((firstName) => update(room, id, { firstName }, { ifVersion: version })),
  );
  expect(results.map((result) => result.__typename).sort()).toEqual([
    'ConflictError',
    'ConflictError',
    'UpdateContactPayload',
  ]);
  const current = results.find((result) => result.contact).contact.version;
  room.sandbox.control.rivalWrite(BOOK, id, { lastName: 'Rival' });
  expect(await update(room, id, { firstName: 'Four' }, { ifVersion: current })).toMatchObject(conflict);
  expect(stored(room, id)).toMatchObject({ lastName: 'Rival' });
  // A version the cache does not know yet is no reason to refuse.
  const fresh = room.sandbox.control.requests();
  expect(fresh.violations).toEqual([]);
  const etag = (await room.data('query ($id: ID!) { contact(id: $id) { version } }', { id: contactGid(id) })).contact
    .version;
  expect(await update(room, id, { firstName: 'Five' }, { ifVersion: etag })).toMatchObject({ changed: true });
});

test('a PUT that was applied and whose answer was lost is a success', async () => {
  await using room = await startRoom();
  const id = addContact(room);
  room.sandbox.control.fail({ method: 'PUT', path: ONE, cut: 'middle', times: 1 });
  expect(await update(room, id, { firstName: 'Augusta' })).toMatchObject({
    changed: true,
    contact: { firstName: 'Augusta' },
  });
  expect(stored(room, id)).toMatchObject({ firstName: 'Augusta' });
});

test('a PUT that was not applied is sent again', async () => {
  await using room = await startRoom();
  const id = addContact(room);
  room.sandbox.control.fail({ method: 'PUT', path: ONE, cut: 'before', times: 5 });
  expect(await update(room, id, { firstName: 'Augusta' })).toMatchObject({ changed: true });
  expect(stored(room, id)).toMatchObject({ firstName: 'Augusta' });
  expect(room.sent(PUT)).toBe(6);
});

test('a PUT of which nothing can be found out is told as unknown', async () => {
  await using room = await startRoom();
  const id = addContact(room);
  await room.data('query ($id: ID!) { contact(id: $id) { version } }', { id: contactGid(id) });
  room.sandbox.control.fail({ method: 'PUT', path: ONE, cut: 'before' });
  room.sandbox.control.fail({ method: 'GET', path: ONE, status: 503 });
  expect(await update(room, id, { firstName: 'Augusta' })).toMatchObject({
    __typename: 'OutcomeUnknownError',
  });
});

test('a baseline of another contact than the one asked for is never written anywhere', async () => {
  await using room = await startRoom();
  const id = addContact(room);
  const other = addContact(room);
  room.sandbox.control.fail({ method: 'GET', path: ONE, merge: { id: other } });
  expect(await update(room, id, { firstName: 'Augusta' })).toMatchObject({ __typename: 'UpstreamError' });
  expect(room.sent(PUT)).toBe(0);
  expect((await room.cache()).entries).toBe(0);
});

test.each(['{"id": "ID", "customAttributes": []}', '{"id": "ID", "phoneNumbers": [{"number": 7}]}', '[]', 'null'])(
  'an answer like %s is no baseline',
  async (text) => {
    await using room = await startRoom();
    const id = addContact(room);
    const headers = { 'content-type': 'application/json' };
    room.sandbox.control.fail({ method: 'GET', path: ONE, status: 200, text: text.replace('ID', id), headers });
    expect(await update(room, id, { firstName: 'Augusta' })).toMatchObject({ __typename: 'UpstreamError' });
    expect([room.sent(PUT), (await room.cache()).entries]).toEqual([0, 0]);
  },
);

test('where CXone gives no ETags, the change is made under a lock, looked at, and marked as unverified', async () => {
  await using room = await startRoom();
  room.sandbox.control.configure({ etags: false });
  const id = addContact(room);
  const results = await Promise.all([
    update(room, id, { firstName: 'Augusta' }),
    update(room, id, { customAttributes: { vip: true } }),
  ]);
  expect(results).toMatchObject([{ changed: true }, { changed: true }]);
  expect(stored(room, id)).toMatchObject({
    firstName: 'Augusta',
    lastName: 'Lovelace',
    customAttributes: { tier: 'gold', vip: true },
  });
  const entries = await room.audit({ action: 'contact.update' });
  expect(entries.map(({ detail }) => detail.unverified)).toEqual([true, true]);
});

test('weak ETags that CXone only knows letter for letter cost one PUT in vain, once', async () => {
  await using room = await startRoom();
  room.sandbox.control.configure({ etags: 'weak' });
  const id = addContact(room);
  expect(await update(room, id, { firstName: 'Augusta' })).toMatchObject({ changed: true });
  expect(room.sent(PUT)).toBe(2);
  const { contact } = await update(room, id, { firstName: 'Ada' });
  expect(room.sent(PUT)).toBe(3);
  room.sandbox.control.rivalWrite(BOOK, id, { lastName: 'Byron' });
  expect(await update(room, id, { customAttributes: { vip: true } })).toMatchObject({ changed: true });
  expect(stored(room, id)).toMatchObject({ firstName: 'Ada', lastName: 'Byron', customAttributes: { vip: true } });
  const stale = await update(room, id, { firstName: 'Nobody' }, { ifVersion: contact.version });
  expect(stale).toMatchObject({ reason: 'VERSION_MISMATCH' });
});

test.each([
  ['another contact', { id: 'other', firstName: 'Augusta' }],
  ['nothing', {}],
  ['the contact as it was', null],
])('a PUT that is answered with 200 and %s, and not applied, is made again', async (_name, json) => {
  await using room = await startRoom();
  const id = addContact(room);
  const answer = JSON.parse(JSON.stringify(json ?? stored(room, id)));
  room.sandbox.control.fail({ method: 'PUT', path: ONE, status: 200, json: answer, times: 1 });
  expect(await update(room, id, { firstName: 'Augusta' })).toMatchObject({
    changed: true,
    contact: { firstName: 'Augusta' },
  });
  expect(stored(room, id)).toMatchObject({ firstName: 'Augusta', lastName: 'Lovelace' });
  expect(room.sent(PUT)).toBe(2);
});

test('what CXone says it took and never makes is no success', async () => {
  await using room = await startRoom();
  const id = addContact(room);
  room.sandbox.control.fail({ method: 'PUT', path: ONE, status: 200, json: {} });
  expect(await update(room, id, { firstName: 'Augusta' })).toMatchObject({ __typename: 'UpstreamError' });
  expect(room.sent(PUT)).toBe(6);
  expect(await room.audit({ action: 'contact.update' })).toMatchObject([{ outcome: 'FAILED' }]);
});

test('without ETags, a change that does not show afterwards is made again', async () => {
  await using room = await startRoom();
  room.sandbox.control.configure({ etags: false });
  const id = addContact(room);
  const shown = { id, firstName: 'Augusta', customAttributes: { tier: 'gold' } };
  room.sandbox.control.fail({ method: 'PUT', path: ONE, status: 200, json: shown, times: 1 });
  expect(await update(room, id, { firstName: 'Augusta' })).toMatchObject({ changed: true });
  expect(stored(room, id)).toMatchObject({ firstName: 'Augusta', lastName: 'Lovelace' });
  expect(room.sent(PUT)).toBe(2);
});

test('half of a surrogate pair is refused by its path, wherever it stands, and nothing is sent', async () => {
  await using room = await startRoom();
  const id = addContact(room);
  const half = 'a\ud800b';
  const refused = await update(room, id, {
    firstName: half,
    phoneNumbers: [{ number: '+14155552671', type: half }],
    customAttributes: { tier: half, [half]: 'x' },
  });
  const told = refused.issues.map(({ path, code }: { path: string[]; code: string }) => `${path.join('.')} ${code}`);
  expect(told.toSorted()).toEqual(
    ['firstName', 'phoneNumbers.0.type', 'customAttributes.tier', `customAttributes.${half}`]
      .map((path) => `patch.${path} BAD_TEXT`)
      .toSorted(),
  );
  expect(room.sent(GET) + room.sent(PUT)).toBe(0);
  const read = await room.ask(
    'query ($id: ID!, $name: String!) { contact(id: $id) { customAttribute(name: $name) } }',
    {
      id: contactGid(id),
      name: half,
    },
  );
  expect(read.errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
});

test('a contact that is not there is told by its id', async () => {
  await using room = await startRoom();
  expect(
    await room.mutate('updateContact', { id: contactGid('nobody'), patch: { firstName: 'X' } }, 'changed'),
  ).toMatchObject({
    __typename: 'NotFoundError',
  });
});

test('every change leaves an audit entry with the names of what changed, and none of the values', async () => {
  await using room = await startRoom();
  const id = addContact(room);
  await update(room, id, { firstName: 'Secretname', customAttributes: { vip: true } });
  await update(room, id, { phoneNumbers: [{ number: '12' }] });
  const [refused, done] = await room.audit({ subject: contactGid(id) });
  expect(done).toMatchObject({
    actor: expect.any(String),
    action: 'contact.update',
    outcome: 'SUCCEEDED',
    requestId: expect.any(String),
    upstreamRequestId: expect.stringMatching(/^sbx-/),
    latencyMs: expect.any(Number),
    detail: { changed: ['firstName', 'customAttributes.vip'] },
  });
  expect(refused).toMatchObject({ outcome: 'REJECTED', detail: { code: 'BAD_USER_INPUT' } });
  expect(JSON.stringify([refused, done])).not.toContain('Secretname');
});
