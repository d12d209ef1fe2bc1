import { expect, test } from 'vitest';
import { BOOK, bookGid, type Room, startRoom } from '../contacts/room.ts';

const BOOKS = '/api/v2/addressbooks';
const ONE_BOOK = `${BOOKS}/*`;
const PUT = 'PUT /api/v2/addressbooks/{bookId}';
const POST = 'POST /api/v2/addressbooks';
const FIELDS = 'addressBook { id name description source tags archived fieldDefinitions { name type } }';

const create = (room: Room, input: Record<string, unknown>) => room.mutate('createAddressBook', input, FIELDS);
const update = (room: Room, input: Record<string, unknown>) =>
  room.mutate('updateAddressBook', { id: bookGid(), ...input }, FIELDS);
const stored = async (room: Room, bookId = BOOK) =>
  (
    await room.data('query ($id: ID!) { addressBook(id: $id) { name description source tags } }', {
      id: bookGid(bookId),
    })
  ).addressBook;

test('a book is made with all that was given, and its name is its own', async () => {
  await using room = await startRoom();
  const book = { name: 'New', description: 'd', source: 's', tags: ['a', 'b'] };
  const { addressBook } = await create(room, book);
  expect(addressBook).toMatchObject({ ...book, archived: false });
  expect(addressBook.fieldDefinitions).toContainEqual({ name: 'vip', type: 'BOOLEAN' });
  expect(await create(room, { name: 'New' })).toMatchObject({ __typename: 'ConflictError', reason: 'NAME_TAKEN' });
  expect(await create(room, { name: ' ' })).toMatchObject({ issues: [{ path: ['name'], code: 'REQUIRED' }] });
  expect(await create(room, { name: 'a\u0000', tags: ['ok', '\u0007'] })).toMatchObject({
    issues: [
      { path: ['name'], code: 'BAD_TEXT' },
      { path: ['tags', '1'], code: 'BAD_TEXT' },
    ],
  });
});

test.each(['middle', 'before'] as const)('a book whose answer was lost (%s) is made once', async (cut) => {
  await using room = await startRoom();
  room.sandbox.control.fail({ method: 'POST', path: BOOKS, cut, times: 1 });
  expect(await create(room, { name: 'New', tags: ['a'] })).toMatchObject({ addressBook: { name: 'New', tags: ['a'] } });
  expect(room.sent(POST)).toBe(cut === 'middle' ? 1 : 2);
});

test('an update keeps what it does not name, and clears what it names null', async () => {
  await using room = await startRoom();
  await update(room, { description: 'd', source: 's', tags: ['a'] });
  expect(await update(room, { name: 'B' })).toMatchObject({
    addressBook: { name: 'B', description: 'd', source: 's', tags: ['a'] },
  });
  await update(room, { description: null, tags: null });
  expect(await stored(room)).toEqual({ name: 'B', description: null, source: 's', tags: [] });
  expect(await update(room, { name: null })).toMatchObject({ issues: [{ path: ['name'], code: 'REQUIRED' }] });
  const puts = room.sent(PUT);
  await update(room, { name: 'B', source: 's' });
  expect(room.sent(PUT)).toBe(puts);
});

test('ten callers who change one book at once are all served', async () => {
  await using room = await startRoom();
  const results = await Promise.all([
    ...Array.from({ length: 4 }, () => update(room, { description: 'd' })),
    ...Array.from({ length: 3 }, () => update(room, { source: 's' })),
    ...Array.from({ length: 3 }, () => update(room, { tags: ['t'] })),
  ]);
  expect(results.every(({ __typename }) => __typename === 'UpdateAddressBookPayload')).toBe(true);
  expect(await stored(room)).toEqual({ name: 'A', description: 'd', source: 's', tags: ['t'] });
});

test.each(['middle', 'before'] as const)('a PUT whose answer was lost (%s) is settled by reading back', async (cut) => {
  await using room = await startRoom();
  room.sandbox.control.fail({ method: 'PUT', path: ONE_BOOK, cut, times: 1 });
  expect(await update(room, { description: 'd' })).toMatchObject({ addressBook: { description: 'd' } });
  expect(room.sent(PUT)).toBe(cut === 'middle' ? 1 : 2);
});

test('a taken name, an unknown book and an unknown outcome are told apart', async () => {
  await using room = await startRoom();
  room.sandbox.control.add.addressBook({ id: 'other', name: 'Other' });
  expect(await update(room, { name: 'Other' })).toMatchObject({ reason: 'NAME_TAKEN' });
  expect(await update(room, { id: bookGid('nobody'), name: 'X' })).toMatchObject({ __typename: 'NotFoundError' });
  room.sandbox.control.fail({ method: 'PUT', path: ONE_BOOK, cut: 'before' });
  expect(await update(room, { name: 'Never' })).toMatchObject({ __typename: 'OutcomeUnknownError' });
});

test('archiving renames once, and archived books are left out of lists', async () => {
  await using room = await startRoom();
  const archive = () => room.mutate('archiveAddressBook', { id: bookGid() }, FIELDS);
  expect(await archive()).toMatchObject({ addressBook: { name: 'A_archived', archived: true } });
  expect(await archive()).toMatchObject({ addressBook: { name: 'A_archived' } });
  expect(room.sent(PUT)).toBe(1);
  room.sandbox.control.fail({
    method: 'GET',
    path: BOOKS,
    status: 200,
    json: {
      entities: [
        { id: 'x', name: 'X_archived' },
        { id: 'y', name: 'Y' },
      ],
    },
  });
  const names = async (args: string) =>
    (await room.data(`{ addressBooks${args} { nodes { name } pageInfo { hasNextPage } } }`)).addressBooks;
  expect(await names('')).toEqual({ nodes: [{ name: 'Y' }], pageInfo: { hasNextPage: false } });
  expect((await names('(includeArchived: true)')).nodes).toEqual([{ name: 'X_archived' }, { name: 'Y' }]);
});

test('books are walked in pages of any size, archived ones between them notwithstanding', async () => {
  await using room = await startRoom();
  for (let index = 0; index < 30; index++) room.sandbox.control.add.addressBook({ id: `b${index}`, name: `N${index}` });
  const seen: string[] = [];
  let after: string | null = null;
  for (let hasNextPage = true; hasNextPage; ) {
    const { addressBooks } = await room.data(
      'query ($after: String) { addressBooks(first: 7, after: $after) { nodes { cxoneId } pageInfo { hasNextPage endCursor } } }',
      { after },
    );
    seen.push(...addressBooks.nodes.map((node: { cxoneId: string }) => node.cxoneId));
    ({ hasNextPage, endCursor: after } = addressBooks.pageInfo);
  }
  expect(seen).toEqual([BOOK, ...Array.from({ length: 30 }, (_, index) => `b${index}`)]);
});

test('writes of books are audited, refused ones too', async () => {
  await using room = await startRoom();
  await update(room, { description: 'd' });
  await update(room, { name: '' });
  const entries = await room.audit({ subject: bookGid() });
  expect(entries).toMatchObject([
    { action: 'addressBook.update', outcome: 'REJECTED', actor: expect.any(String) },
    {
      action: 'addressBook.update',
      outcome: 'SUCCEEDED',
      detail: { changed: ['description'] },
      upstreamRequestId: expect.any(String),
    },
  ]);
});

test('another book in the answer than the one asked for is shown to nobody', async () => {
  await using room = await startRoom();
  room.sandbox.control.fail({ method: 'GET', path: ONE_BOOK, merge: { id: 'other' } });
  const result = await room.ask('query ($id: ID!) { addressBook(id: $id) { name } }', { id: bookGid() });
  expect(result.data).toEqual({ addressBook: null });
  expect(result.errors?.[0]?.extensions.code).toBe('UPSTREAM_ERROR');
});
