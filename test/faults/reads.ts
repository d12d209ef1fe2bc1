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
  /** Keys of the answer without which it is of no use. */
  readonly needed: readonly string[];
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
    needed: ['id', 'name'],
    byId: true,
  },
  {
    name: 'contact',
    query: (index) =>
      `{ root: contact(id: "gid://cxone/Contact/${addressBooks.customers}/${customer(index)}") { cxoneId } }`,
    method: 'GET',
    path: '/api/v2/addressbooks/{id}/contacts/{contactId}',
    needed: ['id'],
    byId: true,
  },
  {
    name: 'contactList',
    query: (index) => `{ root: contactList(id: "${list(index)}") { cxoneId name } }`,
    method: 'GET',
    path: '/api/v2/outbound/contactlists/{id}',
    needed: ['id'],
    byId: true,
  },
  {
    name: 'addressBooks',
    query: () => '{ root: addressBooks(first: 2) { nodes { cxoneId } } }',
    method: 'GET',
    path: '/api/v2/addressbooks',
    needed: [],
    byId: false,
  },
  {
    name: 'contactLists',
    query: () => '{ root: contactLists(first: 2) { nodes { cxoneId } } }',
    method: 'GET',
    path: '/api/v2/outbound/contactlists',
    needed: [],
    byId: false,
  },
  {
    name: 'AddressBook.contacts',
    query: () =>
      `{ root: addressBook(id: "gid://cxone/AddressBook/${addressBooks.customers}") { contacts(first: 2) { nodes { cxoneId } } } }`,
    method: 'GET',
    path: '/api/v2/addressbooks/{id}/contacts',
    needed: [],
    byId: false,
  },
  {
    name: 'AddressBook.groupReferences',
    query: () =>
      `{ root: addressBook(id: "gid://cxone/AddressBook/${addressBooks.customers}") { groupReferences { groupId } } }`,
    method: 'GET',
    path: '/api/v2/addressbooks/{id}/groups',
    needed: [],
    byId: false,
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
