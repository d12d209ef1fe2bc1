/**
 * faults.md, "Upstream faults", reset or lost answers on POST and PUT: success only where the write took effect, a plain
 * failure only where it did not, and never an effect twice. A table of all writes and all ways to lose an answer.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Fault } from '../../src/sandbox/faults.ts';
import { type Data, type GraphQLAnswer, startGateway, type TestGateway } from '../support/gateway.ts';
import { UNLIMITED } from './unlimited.ts';

const BOOK = 'book-of-writes';

let gateway: TestGateway;

interface Write {
  readonly name: string;
  /** Its call. */
  readonly method: string;
  readonly path: string;
  /** Makes what it works on, named by `key`, and gives the input. */
  prepare(key: string): Record<string, unknown> | Promise<Record<string, unknown>>;
  /** How often it took effect. */
  effects(key: string): Promise<number> | number;
}

const contactsNamed = (key: string) =>
  gateway.sandbox.control.state.contacts(BOOK).filter(({ lastName }) => lastName === key).length;
const contactId = (id: string) => `gid://cxone/Contact/${BOOK}/${id}`;
const booksNamed = async (name: string) => {
  const { addressBooks } = await gateway.data('{ addressBooks(first: 250, includeArchived: true) { nodes { name } } }');
  return addressBooks.nodes.filter((book: Data) => book.name === name).length;
};
const addContact = (key: string) =>
  gateway.sandbox.control.add.contact({ bookId: BOOK, id: key, customAttributes: { external_ref_id: key } });

/** A new contact list of that id. */
function listGid(id: string): string {
  gateway.sandbox.control.add.contactList({ id, name: id, attributes: [{ name: 'tier', type: 'string' }] });
  return `gid://cxone/ContactList/${id}`;
}
const record = (contactId: string) => ({
  contactId,
  phoneNumbers: [{ type: 'mobile', number: '+14155550100' }],
  consentTimestamp: new Date(Date.now() - 86_400_000).toISOString(),
  optInStatus: 'CONFIRMED',
});

const WRITES: readonly Write[] = [
  {
    name: 'createAddressBook',
    method: 'POST',
    path: '/api/v2/addressbooks',
    prepare: (key) => ({ name: key }),
    effects: booksNamed,
  },
  {
    name: 'updateAddressBook',
    method: 'PUT',
    path: '/api/v2/addressbooks/{id}',
    prepare: (key) => {
      gateway.sandbox.control.add.addressBook({ id: key, name: `${key} before` });
      return { id: `gid://cxone/AddressBook/${key}`, name: key };
    },
    effects: booksNamed,
  },
  {
    name: 'archiveAddressBook',
    method: 'PUT',
    path: '/api/v2/addressbooks/{id}',
    prepare: (key) => {
      gateway.sandbox.control.add.addressBook({ id: key, name: key });
      return { id: `gid://cxone/AddressBook/${key}` };
    },
    effects: async (key) => {
      const { addressBook } = await gateway.data(`{ addressBook(id: "gid://cxone/AddressBook/${key}") { name } }`);
      return addressBook.name === `${key}_archived` ? 1 : 0;
    },
  },
  {
    name: 'deleteAddressBook',
    method: 'DELETE',
    path: '/api/v2/addressbooks/{id}',
    prepare: (key) => {
      gateway.sandbox.control.add.addressBook({ id: key, name: key });
      return { id: `gid://cxone/AddressBook/${key}` };
    },
    effects: async (key) => {
      const { addressBook } = await gateway.data(`{ addressBook(id: "gid://cxone/AddressBook/${key}") { name } }`);
      return addressBook === null ? 1 : 0;
    },
  },
  {
    name: 'createContact',
    method: 'POST',
    path: '/api/v2/addressbooks/{id}/contacts',
    prepare: (key) => ({
      addressBookId: `gid://cxone/AddressBook/${BOOK}`,
      contact: { firstName: 'Ada', lastName: key },
    }),
    effects: contactsNamed,
  },
  {
    name: 'updateContact',
    method: 'PUT',
    path: '/api/v2/addressbooks/{id}/contacts/{contactId}',
    prepare: (key) => {
      addContact(key);
      return { id: contactId(key), patch: { lastName: key } };
    },
    effects: contactsNamed,
  },
  {
    name: 'upsertContact',
    method: 'POST',
    path: '/api/v2/addressbooks/{id}/contacts',
    prepare: (key) => ({
      addressBookId: `gid://cxone/AddressBook/${BOOK}`,
      contact: { lastName: key, customAttributes: { external_ref_id: key } },
    }),
    effects: contactsNamed,
  },
  {
    name: 'upsertContact',
    method: 'PUT',
    path: '/api/v2/addressbooks/{id}/contacts/{contactId}',
    prepare: (key) => {
      addContact(key);
      return {
        addressBookId: `gid://cxone/AddressBook/${BOOK}`,
        contact: { lastName: key, customAttributes: { external_ref_id: key } },
      };
    },
    effects: contactsNamed,
  },
  {
    name: 'deleteContact',
    method: 'DELETE',
    path: '/api/v2/addressbooks/{id}/contacts/{contactId}',
    prepare: (key) => {
      addContact(key);
      return { id: contactId(key) };
    },
    effects: (key) => (gateway.sandbox.control.state.contacts(BOOK).some(({ id }) => id === key) ? 0 : 1),
  },
  {
    name: 'addOutboundContact',
    method: 'POST',
    path: '/api/v2/outbound/contactlists/{id}/contacts',
    prepare: (key) => ({
      contactListId: listGid(key),
      contact: { externalId: key, email: 'ada@example.com', doNotCall: false, doNotEmail: false },
    }),
    effects: (key) => gateway.sandbox.control.state.outboundContacts(key).length,
  },
  {
    name: 'addContactListRecord',
    method: 'POST',
    path: '/api/v2/contactlists/{id}/records',
    prepare: (key) => ({ contactListId: listGid(key), record: record(key) }),
    effects: (key) => gateway.sandbox.control.state.records(key).length,
  },
  {
    name: 'updateContactListRecord',
    method: 'PUT',
    path: '/api/v2/contactlists/{id}/records/{recordId}',
    prepare: async (key) => {
      const input = { contactListId: listGid(key), record: record(key) };
      await gateway.data(
        'mutation ($input: AddContactListRecordInput!) { addContactListRecord(input: $input) { __typename } }',
        { input },
      );
      return { ...input, record: { ...input.record, optInStatus: 'PENDING' } };
    },
    effects: (key) =>
      gateway.sandbox.control.state.records(key).filter(({ optInStatus }) => optInStatus === 'pending').length,
  },
  {
    name: 'enrichContact',
    method: 'POST',
    path: '/api/v2/contacts/lists/{id}/contacts',
    prepare: (key) => ({ contactListId: listGid(key), contactId: key, attributes: { tier: 'gold' } }),
    effects: (key) => gateway.sandbox.control.state.attributes(key).length,
  },
  {
    name: 'addContactToSegment',
    method: 'POST',
    path: '/api/v2/segments/{id}/contacts',
    prepare: (key) => {
      gateway.sandbox.control.add.segment({ id: key, name: key, type: 'static' });
      return { segmentId: `gid://cxone/Segment/${key}`, contactId: 'customer-0001' };
    },
    effects: (key) => gateway.sandbox.control.state.segmentMembers(key).length,
  },
  {
    name: 'registerEnrichmentWebhook',
    method: 'POST',
    path: '/api/v2/webhooks',
    prepare: (name) => ({ name }),
    effects: (key) => gateway.sandbox.control.state.webhooks().filter(({ name }) => name === key).length,
  },
];

const FAULTS: Record<string, Fault> = {
  'a reset before it': { cut: 'before' },
  'a reset after it': { cut: 'before', applied: true },
  'a reset within its answer': { cut: 'middle' },
  'an early end within its answer': { cut: 'early-end' },
  'half an answer': { truncate: true },
  'no answer, not done': { hang: true },
  'no answer, done': { hang: true, applied: true },
  'an answer that is not HTTP, not done': { garbage: true },
  'an answer that is not HTTP, done': { garbage: true, applied: true },
  '500, not done': { status: 500, text: '<html>broken</html>' },
  '500, done': { status: 500, text: '<html>broken</html>', applied: true },
  '503, not done': { status: 503 },
  'an answer that is another thing': { json: { what: 'ever' }, applied: true },
};

/** Of these, enough that every way to settle a write ends. */
const LASTING = ['a reset before it', '500, done', 'an answer that is another thing'];

/** What may be said of a write, by how often it took effect. */
const TRUE_OF: Record<string, readonly number[]> = { Payload: [1], UpstreamError: [0], OutcomeUnknownError: [0, 1] };

const CASES = [
  ...Object.entries(FAULTS).map(([name, fault]) => [name, 'once', { ...fault, times: 1 }] as const),
  ...LASTING.map((name) => [name, 'for ever', FAULTS[name] ?? {}] as const),
];

let count = 0;

async function run(write: Write, key: string): Promise<GraphQLAnswer> {
  const input = await write.prepare(key);
  const type = `${write.name.charAt(0).toUpperCase()}${write.name.slice(1)}`;
  return gateway.graphql(
    `mutation ($input: ${type}Input!) { outcome: ${write.name}(input: $input) { __typename ... on Error { message } } }`,
    { input },
  );
}

/** `Payload`, or the error's type. */
const saidBy = ({ data }: GraphQLAnswer): string => data.outcome.__typename.replace(/^.+Payload$/, 'Payload');

/** Tests the writes of these names, against a gateway and a sandbox of their own. */
export function testLostAnswers(names: readonly string[]): void {
  beforeAll(async () => {
    gateway = await startGateway({ ...UNLIMITED, env: { ...UNLIMITED.env, CXONE_TIMEOUT_MS: '500' } });
    gateway.sandbox.control.add.addressBook({ id: BOOK, name: 'Writes' });
  });
  afterAll(() => gateway[Symbol.asyncDispose]());

  test('the writes are there', () => {
    expect(new Set(WRITES.map(({ name }) => name).filter((name) => names.includes(name))).size).toBe(names.length);
  });

  describe.each(WRITES.filter(({ name }) => names.includes(name)))('$name ($method)', (write) => {
    test.each(CASES)('%s, %s: nothing untrue is said', async (_name, _times, fault) => {
      count += 1;
      const key = `write-${count}`;
      const { control } = gateway.sandbox;
      const programmed = control.fail({ method: write.method, path: write.path, ...fault });
      const answer = await run(write, key);
      control.clearFaults();
      expect(answer.errors).toBeUndefined();
      const effects = await write.effects(key);
      expect(TRUE_OF[saidBy(answer)]).toContain(effects);
      expect(programmed.hits).toBeGreaterThan(0);
      // After eight failures in a row the circuit is open.
      expect(programmed.hits).toBeLessThanOrEqual(8);
      expect(JSON.stringify(answer.data)).not.toContain('broken');
      await expect.poll(() => control.requests().inFlight, { timeout: 1000, interval: 10 }).toBe(0);
      // And it works again as soon as CXone does.
      let again = 0;
      const repeat = async () => saidBy(await run(write, `${key}-again-${++again}`));
      await expect.poll(repeat, { timeout: 5000, interval: 200 }).toBe('Payload');
    });
  });
}
