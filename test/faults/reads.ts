/** Every field that reads from CXone, for the faults that each of them must stand. */
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import type { Data, TestGateway } from '../support/gateway.ts';

export interface Read {
  readonly name: string;
  /** Asks for one thing under `root`. `index` chooses another where the read would be served from a cache. */
  query(index: number): string;
  /** The call it makes. */
  readonly method: 'GET';
  readonly path: string;
  /** Whether one thing is asked for by its id, so that another's would be a lie. */
  readonly byId: boolean;
}

const { addressBooks } = DEMO_IDS;
const list = (index: number) => `gid://cxone/ContactList/read-list-${index}`;
const customer = (index: number) => `customer-${String((index % 200) + 1).padStart(4, '0')}`;

export const READS: readonly Read[] = [
  {
    name: 'addressBook',
    query: () => `{ root: addressBook(id: "gid://cxone/AddressBook/${addressBooks.customers}") { cxoneId name } }`,
    method: 'GET',
    path: '/api/v2/addressbooks/{id}',
    byId: true,
  },
  {
    name: 'contact',
    query: (index) =>
      `{ root: contact(id: "gid://cxone/Contact/${addressBooks.customers}/${customer(index)}") { cxoneId } }`,
    method: 'GET',
    path: '/api/v2/addressbooks/{id}/contacts/{contactId}',
    byId: true,
  },
  {
    name: 'contactList',
    query: (index) => `{ root: contactList(id: "${list(index)}") { cxoneId name } }`,
    method: 'GET',
    path: '/api/v2/outbound/contactlists/{id}',
    byId: true,
  },
  {
    name: 'addressBooks',
    query: () => '{ root: addressBooks(first: 2) { nodes { cxoneId } } }',
    method: 'GET',
    path: '/api/v2/addressbooks',
    byId: false,
  },
  {
    name: 'contactLists',
    query: () => '{ root: contactLists(first: 2) { nodes { cxoneId } } }',
    method: 'GET',
    path: '/api/v2/outbound/contactlists',
    byId: false,
  },
  {
    name: 'AddressBook.contacts',
    query: () =>
      `{ root: addressBook(id: "gid://cxone/AddressBook/${addressBooks.customers}") { contacts(first: 2) { nodes { cxoneId } } } }`,
    method: 'GET',
    path: '/api/v2/addressbooks/{id}/contacts',
    byId: false,
  },
  {
    name: 'AddressBook.groupReferences',
    query: () =>
      `{ root: addressBook(id: "gid://cxone/AddressBook/${addressBooks.customers}") { groupReferences { groupId } } }`,
    method: 'GET',
    path: '/api/v2/addressbooks/{id}/groups',
    byId: false,
  },
  {
    name: 'ContactList.attributes',
    query: (index) => `{ root: contactList(id: "${list(index)}") { attributes { name } } }`,
    method: 'GET',
    path: '/api/v2/contacts/lists/{id}/schema',
    byId: false,
  },
  {
    name: 'campaign',
    query: (index) => `{ root: campaign(id: "gid://cxone/Campaign/read-campaign-${index}") { cxoneId status } }`,
    method: 'GET',
    path: '/api/v2/outbound/campaigns/{id}',
    byId: true,
  },
  {
    name: 'segment',
    query: (index) => `{ root: segment(id: "gid://cxone/Segment/read-segment-${index}") { cxoneId name type } }`,
    method: 'GET',
    path: '/api/v2/segments/{id}',
    byId: true,
  },
  {
    name: 'segments',
    query: () => '{ root: segments(first: 2) { nodes { cxoneId } } }',
    method: 'GET',
    path: '/api/v2/segments',
    byId: false,
  },
  {
    name: 'Segment.membership',
    query: (index) =>
      `{ root: segment(id: "gid://cxone/Segment/read-segment-${index}") { membership(contactId: "customer-0001") { isMember } } }`,
    method: 'GET',
    path: '/api/v2/segments/{id}/contacts/{contactId}',
    byId: true,
  },
];

/** Makes what the reads ask for under an `index` up to `count`. */
export function addThingsToRead({ sandbox }: TestGateway, count: number): void {
  for (let index = 0; index <= count; index += 1) {
    sandbox.control.add.contactList({
      id: `read-list-${index}`,
      name: `List ${index}`,
      attributes: [{ name: 'tier', type: 'string' }],
    });
    sandbox.control.add.campaign({ id: `read-campaign-${index}`, name: 'Campaign', maxEnrichmentTimeoutMs: 3000 });
    sandbox.control.add.segment({ id: `read-segment-${index}`, name: 'Segment', type: 'static' });
  }
}

/** What came of it: OK and the data, or the first error's code. */
export async function ask(
  gateway: TestGateway,
  read: Read,
  index = 0,
): Promise<{ code: string; data: Data; text: string }> {
  const answer = await gateway.graphql(read.query(index));
  return { code: answer.errors?.[0]?.extensions.code ?? 'OK', data: answer.data, text: JSON.stringify(answer) };
}
