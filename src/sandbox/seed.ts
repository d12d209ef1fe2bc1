/** The demo tenant: the same every time, with ids that the README and the examples can name. */

import { addToCount } from './contact-lists.ts';
import type { Database } from './database.ts';
import { createFixtures } from './fixtures.ts';
import type { FieldDefinition } from './formats.ts';
import { storeBatch } from './outbound.ts';
import { insertRecord } from './records.ts';
import { createPeople, type Person } from './seed-people.ts';

/** Everything the demo tenant is known by. Contacts count on from the first one: `customer-0001`, `customer-0002`, … */
export const DEMO_IDS = {
  addressBooks: {
    customers: 'book-customers',
    prospects: 'book-prospects',
    partners: 'book-partners',
    /** Archived: not in the list of books, but readable by its id. */
    archived: 'book-2019-archive',
  },
  contacts: { firstCustomer: 'customer-0001', firstProspect: 'prospect-0001', firstPartner: 'partner-0001' },
  groups: {
    vipRouting: 'group-vip-routing',
    /** Refers to customers and partners: deleting either book would make it dangle. */
    summerCampaign: 'group-summer-campaign',
    partnerRouting: 'group-partner-routing',
  },
  contactLists: {
    summerOutreach: 'list-summer-outreach',
    renewals: 'list-renewals',
    winback: 'list-winback',
    /** Holds records with consent. */
    callbacks: 'list-callbacks',
    /** Empty: for trying imports. */
    importTrial: 'list-import-trial',
  },
  campaigns: {
    /** 3000 ms: at most 300 contacts a batch. */
    summer: 'campaign-summer',
    renewals: 'campaign-renewals',
    winback: 'campaign-winback',
  },
  segments: {
    vip: 'segment-vip',
    /** Static and empty: for trying memberships. */
    summerInvitees: 'segment-summer-invitees',
    newsletter: 'segment-newsletter',
    /** Dynamic: writes are ignored. */
    highValue: 'segment-high-value',
    churnRisk: 'segment-churn-risk',
  },
} as const;

const BOOK_FIELDS: FieldDefinition[] = [
  { name: 'external_ref_id', type: 'string' },
  { name: 'tier', type: 'string' },
  { name: 'lifetime_value', type: 'decimal' },
  { name: 'loyalty_points', type: 'integer' },
  { name: 'birthday', type: 'date' },
  { name: 'vip', type: 'boolean' },
];

const LIST_ATTRIBUTES: FieldDefinition[] = [
  { name: 'loyalty_tier', type: 'string' },
  { name: 'preferred_channel', type: 'string' },
  { name: 'lifetime_value', type: 'decimal' },
  { name: 'churn_risk', type: 'decimal' },
  { name: 'days_since_order', type: 'integer' },
];

const DAY_MS = 24 * 60 * 60 * 1000;

/** Fills a store that was never seeded; one that was stays as it is. */
export function seedStore(db: Database, seed: 'demo' | 'empty', now: () => number): void {
  db.transaction(() => {
    if (db.run("INSERT OR IGNORE INTO counters (name, value) VALUES ('seeded', 1)") === 0) return;
    if (seed === 'demo') seedDemo(db, now);
  });
}

function seedDemo(db: Database, now: () => number): void {
  const make = createFixtures({ db, now });
  const { addressBooks, groups, contactLists, campaigns, segments } = DEMO_IDS;

  make.addressBook({
    id: addressBooks.customers,
    name: 'Customers',
    description: 'Everybody who has ordered',
    fieldDefinitions: BOOK_FIELDS,
  });
  make.addressBook({
    id: addressBooks.prospects,
    name: 'Prospects',
    description: 'Asked for an offer',
    fieldDefinitions: BOOK_FIELDS,
  });
  make.addressBook({
    id: addressBooks.partners,
    name: 'Partners',
    description: 'Shops and agencies',
    fieldDefinitions: BOOK_FIELDS,
  });
  make.addressBook({ id: addressBooks.archived, name: 'Customers 2019_archived', fieldDefinitions: BOOK_FIELDS });

  const people = createPeople();
  const fill = (bookId: string, prefix: string, count: number) =>
    Array.from({ length: count }, (_, index) => {
      const id = `${prefix}-${String(index + 1).padStart(4, '0')}`;
      const person = people.next();
      make.contact({ bookId, id, ...contactOf(person) });
      return { ...person, id };
    });
  const customers = fill(addressBooks.customers, 'customer', 260);
  fill(addressBooks.prospects, 'prospect', 120);
  const partners = fill(addressBooks.partners, 'partner', 40);
  fill(addressBooks.archived, 'archived', 20);

  const ids = (some: readonly { id: string }[]) => some.map(({ id }) => id);
  const vips = customers.filter(({ isVip }) => isVip);
  make.group({ id: groups.vipRouting, name: 'VIP desk', kind: 'routing', contactIds: ids(vips) });
  make.group({
    id: groups.summerCampaign,
    name: 'Summer outreach',
    kind: 'campaign',
    contactIds: [...ids(customers.slice(0, 30)), ...ids(partners.slice(0, 5))],
  });
  make.group({ id: groups.partnerRouting, name: 'Partner desk', kind: 'routing', contactIds: ids(partners) });

  make.contactList({ id: contactLists.summerOutreach, name: 'Summer outreach', attributes: LIST_ATTRIBUTES });
  make.contactList({ id: contactLists.renewals, name: 'Renewals', attributes: LIST_ATTRIBUTES });
  make.contactList({ id: contactLists.winback, name: 'Win back', attributes: LIST_ATTRIBUTES });
  make.contactList({ id: contactLists.callbacks, name: 'Callbacks with consent', attributes: LIST_ATTRIBUTES });
  make.contactList({ id: contactLists.importTrial, name: 'Import trial', attributes: LIST_ATTRIBUTES });
  seedOutbound(db, contactLists.summerOutreach, customers.slice(0, 180));
  seedOutbound(db, contactLists.renewals, customers.slice(100, 220));
  seedOutbound(db, contactLists.winback, customers.slice(200));
  seedRecords(db, contactLists.callbacks, customers.slice(0, 40), now());

  make.campaign({
    id: campaigns.summer,
    name: 'Summer',
    maxEnrichmentTimeoutMs: 3000,
    contactListId: contactLists.summerOutreach,
  });
  make.campaign({
    id: campaigns.renewals,
    name: 'Renewals',
    maxEnrichmentTimeoutMs: 5000,
    contactListId: contactLists.renewals,
  });
  make.campaign({
    id: campaigns.winback,
    name: 'Win back',
    status: 'PAUSED',
    maxEnrichmentTimeoutMs: 1000,
    contactListId: contactLists.winback,
  });

  make.segment({ id: segments.vip, name: 'VIP', type: 'static', contactIds: ids(vips) });
  make.segment({ id: segments.summerInvitees, name: 'Summer invitees', type: 'static' });
  make.segment({
    id: segments.newsletter,
    name: 'Newsletter',
    type: 'static',
    contactIds: ids(customers.slice(40, 120)),
  });
  make.segment({
    id: segments.highValue,
    name: 'High value',
    type: 'dynamic',
    contactIds: ids(customers.filter(({ lifetimeValue }) => lifetimeValue > 4000)),
  });
  make.segment({ id: segments.churnRisk, name: 'Churn risk', type: 'dynamic', contactIds: ids(customers.slice(230)) });
}

function contactOf(person: Person) {
  return {
    firstName: person.firstName,
    lastName: person.lastName,
    phoneNumbers: [{ number: person.phone, type: 'mobile', primary: true }],
    emailAddresses: [{ address: person.email, type: 'work', primary: true }],
    customAttributes: {
      external_ref_id: person.externalRefId,
      tier: person.tier,
      lifetime_value: person.lifetimeValue,
      loyalty_points: person.loyaltyPoints,
      birthday: person.birthday,
      vip: person.isVip,
    },
  };
}

function seedOutbound(db: Database, listId: string, people: readonly Person[]): void {
  const contacts = people.map((person, index) => ({
    externalId: person.externalRefId,
    firstName: person.firstName,
    lastName: person.lastName,
    phone: person.phone,
    email: person.email,
    countryCode: 'US',
    doNotCall: index % 17 === 0,
    doNotEmail: index % 11 === 0,
  }));
  storeBatch(db, listId, contacts.length, JSON.stringify(contacts));
}

function seedRecords(db: Database, listId: string, people: readonly (Person & { id: string })[], nowMs: number): void {
  people.forEach((person, index) => {
    const record = {
      contactId: person.id,
      phoneNumbers: [{ type: 'mobile', number: person.phone }],
      customFields: { first_name: person.firstName },
      consentTimestamp: new Date(nowMs - (index + 1) * 20 * DAY_MS).toISOString(),
      optInStatus: index % 5 === 0 ? 'pending' : 'confirmed',
    };
    insertRecord(db, listId, { contactId: person.id, numbers: [person.phone], body: record });
  });
  addToCount(db, listId, people.length);
}
