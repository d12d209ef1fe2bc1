/** What the sandbox holds, and the making of what CXone has no call for, under `/_sandbox/state`. */
import type { SandboxControl } from './control.ts';
import { type ControlRoute, wholeNumber } from './control-route.ts';
import { fixtureSchemas } from './fixtures.ts';
import type { Slice } from './state.ts';

/** Rows of an answer that names no limit. */
const DEFAULT_ROWS = 1000;

/** The routes under `/state`. */
export function stateRoutes({ state, add }: Pick<SandboxControl, 'state' | 'add'>): ControlRoute[] {
  return [
    { method: 'GET', path: '/state/contactlists', does: 'counts every contact list', run: () => state.contactLists() },
    {
      method: 'GET',
      path: '/state/contactlists/*',
      does: 'counts one contact list',
      run: ({ params: [id = ''] }) => state.contactList(id),
    },
    {
      method: 'GET',
      path: '/state/contactlists/*/outbound',
      does: 'lists its outbound contacts (?offset&limit)',
      run: ({ params: [id = ''], query }) => state.outboundContacts(id, slice(query)),
    },
    {
      method: 'GET',
      path: '/state/contactlists/*/outbound/duplicates',
      does: 'lists the externalIds that are there more than once',
      run: ({ params: [id = ''] }) => state.outboundDuplicates(id),
    },
    {
      method: 'GET',
      path: '/state/contactlists/*/records',
      does: 'lists its records',
      run: ({ params: [id = ''], query }) => state.records(id, slice(query)),
    },
    {
      method: 'GET',
      path: '/state/contactlists/*/attributes',
      does: 'lists its enriched contacts',
      run: ({ params: [id = ''], query }) => state.attributes(id, slice(query)),
    },
    {
      method: 'GET',
      path: '/state/addressbooks/*/contacts',
      does: 'lists the contacts of a book',
      run: ({ params: [id = ''], query }) => ({
        count: state.contactCount(id),
        contacts: state.contacts(id, slice(query)),
      }),
    },
    { method: 'GET', path: '/state/groups', does: 'lists the groups', run: () => state.groups() },
    {
      method: 'GET',
      path: '/state/segments/*',
      does: 'counts the written and the indexed members of a segment',
      run: ({ params: [id = ''] }) => state.segment(id),
    },
    {
      method: 'GET',
      path: '/state/segments/*/members',
      does: 'lists them',
      run: ({ params: [id = ''], query }) => state.segmentMembers(id, slice(query)),
    },
    { method: 'GET', path: '/state/webhooks', does: 'lists the registered webhooks', run: () => state.webhooks() },
    {
      method: 'POST',
      path: '/state/addressbooks',
      does: 'makes an address book with own definitions',
      run: ({ body }) => add.addressBook(fixtureSchemas.addressBook.parse(body)),
    },
    {
      method: 'POST',
      path: '/state/contacts',
      does: 'makes a contact with an own id',
      run: ({ body }) => ({ id: add.contact(fixtureSchemas.contact.parse(body)) }),
    },
    {
      method: 'POST',
      path: '/state/groups',
      does: 'makes a group',
      run: ({ body }) => add.group(fixtureSchemas.group.parse(body)),
    },
    {
      method: 'POST',
      path: '/state/contactlists',
      does: 'makes a contact list',
      run: ({ body }) => add.contactList(fixtureSchemas.contactList.parse(body)),
    },
    {
      method: 'POST',
      path: '/state/campaigns',
      does: 'makes a campaign',
      run: ({ body }) => add.campaign(fixtureSchemas.campaign.parse(body)),
    },
    {
      method: 'POST',
      path: '/state/segments',
      does: 'makes a segment',
      run: ({ body }) => add.segment(fixtureSchemas.segment.parse(body)),
    },
  ];
}

function slice(query: URLSearchParams): Slice {
  return { offset: wholeNumber(query, 'offset', 0), limit: wholeNumber(query, 'limit', DEFAULT_ROWS) };
}
