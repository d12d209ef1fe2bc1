import { expect, test, vi } from 'vitest';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { freshDatabaseUrl } from '../support/postgres.ts';
import { BOOK, bookGid, contactGid, POST, PUT, startEmptySandbox, startRoom } from './room.ts';

/** What is to be done once, by the names of its mutations; each with a key that is its own. */
function calls(ids: { changed: string; deleted: string; version: string }) {
  const contact = { firstName: 'Ada', customAttributes: { external_ref_id: 'CRM-1' } };
  return [
    ['createContact', { addressBookId: bookGid(), contact }, 'contact { firstName }'],
    ['createContact', { addressBookId: bookGid(), contact: { lastName: 'Keyless' } }, 'contact { lastName }'],
    ['createAddressBook', { name: 'New', tags: ['a'] }, 'addressBook { name }'],
    [
      'updateContact',
      { id: contactGid(ids.changed), patch: { firstName: 'New' }, ifVersion: ids.version },
      'contact { firstName }',
    ],
    ['deleteContact', { id: contactGid(ids.deleted) }, 'deletedId'],
  ] as const;
}

const OUTCOMES = [
  { __typename: 'CreateContactPayload' },
  { __typename: 'OutcomeUnknownError' },
  { __typename: 'CreateAddressBookPayload' },
  { __typename: 'UpdateContactPayload' },
  { __typename: 'DeleteContactPayload' },
];

test('calls that were done by a process that died before it could say so are not done again under their keys', async () => {
  await using sandbox = await startEmptySandbox();
  await using store = await freshDatabaseUrl('sqlite');
  const [changed, deleted] = ['Changed', 'Deleted'].map((firstName) =>
    sandbox.control.add.contact({ bookId: BOOK, firstName }),
  ) as [string, string]; // One for each name.
  await using killed = await startGatewayProcess({ databaseUrl: store.url, cxoneUrl: sandbox.url });
  const read = await killed.graphql('query ($id: ID!) { contact(id: $id) { version } }', { id: contactGid(changed) });
  const { version } = read.data.contact;
  const hold = ['POST', 'PUT', 'DELETE'].map((method) =>
    sandbox.control.hold({ method, path: '/api/v2/addressbooks**' }),
  );
  const wanted = calls({ changed, deleted, version });
  for (const [index, [name, input]] of wanted.entries()) {
    const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
    const unanswered = killed.graphql(`mutation ($input: ${type}!) { ${name}(input: $input) { __typename } }`, {
      input: { ...input, idempotencyKey: `key-${index}` },
    });
    unanswered.catch(() => {});
  }
  // Each has taken effect once it has come. On a busy machine the first is given up before the last comes.
  const sent = () =>
    [POST, PUT, 'DELETE /api/v2/addressbooks/{bookId}/contacts/{contactId}', 'POST /api/v2/addressbooks'].map(
      (route) => sandbox.control.requests().routes[route]?.requests ?? 0,
    );
  await vi.waitFor(() => expect(sent()).toEqual([2, 1, 1, 1]), 90_000);
  await killed.kill();
  for (const each of hold) each.release();

  await using room = await startRoom({ useSandbox: sandbox, databaseUrl: store.url });
  const again = () =>
    Promise.all(
      wanted.map(([name, input, payload], index) =>
        room.mutate(name, { ...input, idempotencyKey: `key-${index}` }, payload),
      ),
    );
  const outcomes = await again();
  expect(outcomes).toMatchObject(OUTCOMES);
  expect(await again()).toEqual(outcomes);
  const names = sandbox.control.state.contacts(BOOK).map(({ firstName, lastName }) => firstName ?? lastName);
  expect(names.toSorted()).toEqual(['Ada', 'Keyless', 'New']);
});
