import { expect, test, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openDatabase } from '../../src/store/database.ts';
import { createEventLog } from '../../src/store/event-log.ts';
import { freshDatabaseUrl } from '../support/postgres.ts';
import { BOOK, bookGid, contactGid, GET, LIST, ONE, type Room, startEmptySandbox, startRoom } from './room.ts';

function fill(room: Room, count: number): string[] {
  return Array.from({ length: count }, (_, index) =>
    room.sandbox.control.add.contact({
      bookId: BOOK,
      firstName: `First${index}`,
      lastName: index % 3 === 0 ? "O'Neil" : 'Neil',
      emailAddresses: [{ address: `p${index}@example.com`, type: 'work', primary: true }],
      customAttributes: { external_ref_id: `CRM-${index}` },
    }),
  );
}

const ONE_CONTACT = 'query ($id: ID!) { contact(id: $id) { cxoneId firstName version } }';

test('1000 reads of 100 hot contacts are 100 GETs', async () => {
  await using room = await startRoom();
  const ids = fill(room, 100);
  const reads = Array.from({ length: 1000 }, (_, index) =>
    room.data(ONE_CONTACT, { id: contactGid(ids[index % 100] ?? '') }),
  );
  const answers = await Promise.all(reads);
  expect(answers.every((answer, index) => answer.contact.cxoneId === ids[index % 100])).toBe(true);
  expect(room.sent(GET)).toBe(100);
  const { hits, misses, entries } = await room.cache();
  expect(hits + misses).toBe(1000);
  expect(entries).toBe(100);
});

test('one operation asks for the same thing once, also where nothing is kept and nothing is there', async () => {
  await using room = await startRoom({ env: { BASELINE_CACHE_SIZE: '1' } });
  const [a = '', b = ''] = fill(room, 2);
  const aliases = Array.from(
    { length: 10 },
    (_, i) => `x${i}: contact(id: "${contactGid(i % 2 ? a : b)}") { firstName addressBook { name } }`,
  );
  const gone = `g: contact(id: "${contactGid('gone')}") { id } h: node(id: "${contactGid('gone')}") { id }`;
  expect(await room.data(`{ ${aliases.join(' ')} ${gone} }`)).toMatchObject({
    x0: { addressBook: { name: 'A' } },
    g: null,
    h: null,
  });
  expect(room.sent(GET)).toBe(3);
  expect(room.sent('GET /api/v2/addressbooks/{bookId}')).toBe(1);
});

test('equal lists, references and groups of one operation are asked for once, and anew after each of its mutations', async () => {
  await using room = await startRoom();
  const [id = ''] = fill(room, 3);
  room.sandbox.control.add.group({ id: 'g', name: 'G', kind: 'campaign', contactIds: [id] });
  const page = 'contacts(first: 2, filter: { lastName: "Neil" }) { nodes { firstName } }';
  const ref = 'contactByExternalRef(externalRefId: "CRM-0") { firstName }';
  const groups = 'groupReferences { contactCount }';
  const book = `addressBook(id: "${bookGid()}")`;
  const answer = await room.data(`{
    a: ${book} { p: ${page} q: ${page} r: ${ref} s: ${ref} g: ${groups} h: ${groups} }
    b: ${book} { ${page} ${ref} ${groups} }
    l: addressBooks(first: 5) { nodes { id } } m: addressBooks(first: 5) { nodes { name } }
  }`);
  expect(answer.b).toEqual({ contacts: answer.a.p, contactByExternalRef: answer.a.s, groupReferences: answer.a.h });
  // Of the contacts: the filtered page, the reference, and the page that tells whose the group's contacts are.
  expect(room.sent(LIST)).toBe(3);
  expect(room.sent('GET /api/v2/addressbooks/{bookId}/groups')).toBe(1);
  expect(room.sent('GET /api/v2/addressbooks')).toBe(1);

  const update = (name: string) => `updateContact(input: { id: "${contactGid(id)}", patch: { firstName: "${name}" } }) {
    ... on UpdateContactPayload { contact { addressBook { ${ref} } } }
  }`;
  const { x, y } = await room.data(`mutation { x: ${update('X')} y: ${update('Y')} }`);
  expect([x, y].map(({ contact }) => contact.addressBook.contactByExternalRef.firstName)).toEqual(['X', 'Y']);
});

test('100 nodes are fetched side by side, within the 15 in flight of their book', async () => {
  await using room = await startRoom();
  const ids = fill(room, 100);
  const reads = room.sandbox.control.hold({ method: 'GET', path: ONE });
  const answer = room.data('query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }', {
    ids: ids.map((id) => contactGid(id)),
  });
  await expect.poll(() => reads.held()).toBe(15);
  reads.release();
  const { nodes } = await answer;
  expect(nodes.map((node: { id: string }) => node.id)).toEqual(ids.map((id) => contactGid(id)));
  const { byAddressBook } = room.sandbox.control.requests().peakInFlight;
  expect(byAddressBook[BOOK]).toBe(15);
});

const PAGE = `query ($id: ID!, $first: Int, $after: String, $filter: ContactFilter) { addressBook(id: $id) { contacts(first: $first, after: $after, filter: $filter) {
  nodes { cxoneId version } edges { cursor } pageInfo { hasNextPage hasPreviousPage endCursor } } } }`;

async function walk(room: Room, first: number, filter?: Record<string, unknown>) {
  const seen: string[] = [];
  let after: string | null = null;
  for (let pages = 1; ; pages++) {
    const { addressBook } = await room.data(PAGE, { id: bookGid(), first, after, filter });
    const { nodes, pageInfo } = addressBook.contacts;
    seen.push(...nodes.map((node: { cxoneId: string }) => node.cxoneId));
    if (!pageInfo.hasNextPage) return { seen, pages };
    after = pageInfo.endCursor;
  }
}

test.each([7, 100, 249, 250])('a walk by %i meets every contact once, in order', async (first) => {
  await using room = await startRoom();
  const ids = fill(room, 300);
  const { seen, pages } = await walk(room, first);
  expect(seen).toEqual(ids);
  expect(pages).toBe(Math.ceil(300 / first));
});

test('a page that CXone can give in one call costs one call', async () => {
  await using room = await startRoom();
  fill(room, 300);
  const { addressBook } = await room.data(PAGE, { id: bookGid(), first: 100 });
  expect(addressBook.contacts.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
  expect(room.sent(LIST)).toBe(1);
  expect(addressBook.contacts.nodes[0].version).toBeNull();
});

test('a filter finds exactly its value, quotes and all, and what CXone adds to it is left out', async () => {
  await using room = await startRoom();
  const ids = fill(room, 12);
  expect((await walk(room, 5, { lastName: "O'Neil" })).seen).toEqual(ids.filter((_, index) => index % 3 === 0));
  expect((await walk(room, 5, { lastName: "x' or '1' eq '1" })).seen).toEqual([]);
  expect((await walk(room, 5, { email: 'p3@example.com', firstName: 'First3' })).seen).toEqual([ids[3]]);
  const everybody = room.sandbox.control.state.contacts(BOOK);
  room.sandbox.control.fail({
    method: 'GET',
    path: `/api/v2/addressbooks/${BOOK}/contacts`,
    status: 200,
    json: JSON.parse(JSON.stringify({ entities: everybody })),
  });
  expect((await walk(room, 5, { firstName: 'First3' })).seen).toEqual([ids[3]]);
});

test('a filter that keeps nothing of an endless list comes to an end', async () => {
  await using room = await startRoom();
  fill(room, 250);
  room.sandbox.control.fail({ method: 'GET', path: `/api/v2/addressbooks/${BOOK}/contacts`, endlessPages: true });
  const { addressBook } = await room.data(PAGE, { id: bookGid(), first: 10, filter: { firstName: 'Nobody' } });
  expect(addressBook.contacts.nodes).toEqual([]);
  expect(room.sent(LIST)).toBeLessThanOrEqual(20);
});

test('what cannot stand in a filter is refused before anything is asked', async () => {
  await using room = await startRoom();
  const filter = { customAttribute: { name: "tier eq 'x' or a", equals: 'x' } };
  const result = await room.ask(PAGE, { id: bookGid(), filter });
  expect(result.errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
  expect(room.sent(LIST)).toBe(0);
});

test('contactByExternalRef finds the one contact, and says so where there are several', async () => {
  await using room = await startRoom();
  fill(room, 3);
  const document =
    'query ($id: ID!, $ref: String!) { addressBook(id: $id) { contactByExternalRef(externalRefId: $ref) { firstName version } } }';
  expect((await room.data(document, { id: bookGid(), ref: 'CRM-1' })).addressBook.contactByExternalRef).toEqual({
    firstName: 'First1',
    version: expect.any(String),
  });
  expect((await room.data(document, { id: bookGid(), ref: 'CRM' })).addressBook.contactByExternalRef).toBeNull();
  room.sandbox.control.add.contact({ bookId: BOOK, customAttributes: { external_ref_id: 'CRM-1' } });
  const several = await room.ask(document, { id: bookGid(), ref: 'CRM-1' });
  expect(several.errors?.[0]?.extensions.code).toBe('CONFLICT');
});

test('a listed contact is read from what the list brought, and asked for where its version is wanted', async () => {
  await using room = await startRoom();
  const [id = ''] = fill(room, 1);
  await room.data(PAGE, { id: bookGid(), first: 10 });
  await room.data('query ($id: ID!) { contact(id: $id) { firstName } }', { id: contactGid(id) });
  expect(room.sent(GET)).toBe(0);
  expect((await room.data(ONE_CONTACT, { id: contactGid(id) })).contact.version).toEqual(expect.any(String));
  expect(room.sent(GET)).toBe(1);
  // The list brings no version, and does not take away the one that is known.
  await room.data(PAGE, { id: bookGid(), first: 10 });
  await room.data(ONE_CONTACT, { id: contactGid(id) });
  expect(room.sent(GET)).toBe(1);
});

test('a read under way when a contact is written is not kept, nor joined by reads after the write', async () => {
  await using room = await startRoom();
  const [id = ''] = fill(room, 1);
  const hold = room.sandbox.control.hold({ method: 'GET', path: ONE });
  const old = room.data(ONE_CONTACT, { id: contactGid(id) });
  await room.sandbox.control.waitFor((request) => request.route === GET);
  const written = room.mutate('deleteContact', { id: contactGid(id) }, 'deletedId');
  expect(await written).toMatchObject({ deletedId: contactGid(id) });
  const after = room.data(ONE_CONTACT, { id: contactGid(id) });
  await vi.waitFor(() => expect(room.sent(GET)).toBe(2));
  hold.release();
  expect((await old).contact).toMatchObject({ firstName: 'First0' });
  expect((await after).contact).toBeNull();
  expect((await room.data(ONE_CONTACT, { id: contactGid(id) })).contact).toBeNull();
});

test('what another replica changes is forgotten here, and so is what a webhook tells of', async () => {
  await using sandbox = await startEmptySandbox();
  await using fresh = await freshDatabaseUrl('sqlite');
  const databaseUrl = fresh.url;
  await using here = await startRoom({ useSandbox: sandbox, databaseUrl });
  await using there = await startRoom({ useSandbox: sandbox, databaseUrl });
  const [id = ''] = fill(here, 1);
  const read = async () => (await here.data(ONE_CONTACT, { id: contactGid(id) })).contact.firstName;
  const becomes = async (name: string) => {
    while ((await read()) !== name) await new Promise(setImmediate);
  };
  expect(await read()).toBe('First0');
  await there.mutate('updateContact', { id: contactGid(id), patch: { firstName: 'There' } }, 'changed');
  await becomes('There');
  sandbox.control.rivalWrite(BOOK, id, { firstName: 'Rival' });
  expect(await read()).toBe('There');
  await using database = await openDatabase({ url: databaseUrl, clock: systemClock });
  await using events = createEventLog({ database, clock: systemClock });
  const told = { topic: 'enrichment', subject: 'list', type: 'CONTACT_UPDATED', data: { contactId: id } };
  await database.transaction((tx) => events.append(tx, told));
  await becomes('Rival');
});
