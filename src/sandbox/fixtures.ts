/** Makes the things that CXone has no call for: lists, campaigns, segments, groups, and books with own definitions. */
import { z } from 'zod';
import { DEFAULT_FIELDS, fieldTypes, insertBook, requireBook } from './address-books.ts';
import { insertContactList } from './contact-lists.ts';
import { checkContact } from './contact-shape.ts';
import { insertContact, wireContact } from './contacts.ts';
import { type Database, nextNumber } from './database.ts';
import { FIELD_TYPES, isId, type JsonObject } from './formats.ts';
import { addMember } from './groups.ts';
import { insertMember } from './segment-writes.ts';

const id = z.string().refine(isId, 'must be an id');
const fields = z.array(z.strictObject({ name: z.string().min(1), type: z.enum(FIELD_TYPES) }));

export const fixtureSchemas = {
  addressBook: z.strictObject({
    id,
    name: z.string().min(1),
    description: z.string().optional(),
    /** The default definitions where they are missing. */
    fieldDefinitions: fields.optional(),
  }),
  contact: z.strictObject({
    bookId: id,
    id: id.optional(),
    firstName: z.string().optional(),
    lastName: z.string().optional(),
    phoneNumbers: z.array(z.record(z.string(), z.unknown())).optional(),
    emailAddresses: z.array(z.record(z.string(), z.unknown())).optional(),
    customAttributes: z.record(z.string(), z.unknown()).optional(),
  }),
  group: z.strictObject({ id, name: z.string(), kind: z.enum(['campaign', 'routing']), contactIds: z.array(id) }),
  contactList: z.strictObject({ id, name: z.string(), attributes: fields.optional() }),
  campaign: z.strictObject({
    id,
    name: z.string(),
    status: z.string().optional(),
    /** Any number: broken campaigns are for testing, too. */
    maxEnrichmentTimeoutMs: z.number(),
    contactListId: id.optional(),
  }),
  segment: z.strictObject({
    id,
    name: z.string(),
    type: z.enum(['static', 'dynamic']),
    /** Members that the index shows at once. */
    contactIds: z.array(id).optional(),
  }),
};

type Input<Name extends keyof typeof fixtureSchemas> = z.input<(typeof fixtureSchemas)[Name]>;

/** Each throws a ZodError for what does not fit, and what SQLite throws for an id that is taken. */
export interface Fixtures {
  addressBook(given: Input<'addressBook'>): void;
  /** @returns the contact's id */
  contact(given: Input<'contact'>): string;
  group(given: Input<'group'>): void;
  contactList(given: Input<'contactList'>): void;
  campaign(given: Input<'campaign'>): void;
  segment(given: Input<'segment'>): void;
}

/** Writes straight into the store, past limits, faults and observations. */
export function createFixtures({ db, now }: { db: Database; now: () => number }): Fixtures {
  return {
    addressBook: (given) => {
      const { id, name, description, fieldDefinitions } = fixtureSchemas.addressBook.parse(given);
      const rest: JsonObject = description === undefined ? {} : { description };
      insertBook(db, id, { name, rest }, fieldDefinitions ?? DEFAULT_FIELDS);
    },
    contact: (given) => {
      const { bookId, id, ...contact } = fixtureSchemas.contact.parse(given);
      const book = requireBook(db, bookId);
      const contactId = id ?? `contact-${nextNumber(db, 'contact')}`;
      const checked = checkContact(contact, fieldTypes(book.fields_json), () => undefined);
      return String(wireContact(insertContact(db, bookId, contactId, checked)).id);
    },
    group: (given) => {
      const { id, name, kind, contactIds } = fixtureSchemas.group.parse(given);
      db.run('INSERT INTO groups (id, name, kind) VALUES (?, ?, ?)', id, name, kind);
      for (const [position, contactId] of contactIds.entries()) addMember(db, id, contactId, position);
    },
    contactList: (given) => {
      const { id, name, attributes = [] } = fixtureSchemas.contactList.parse(given);
      insertContactList(db, { id, name, attributes });
    },
    campaign: (given) => {
      const {
        id,
        name,
        status = 'RUNNING',
        maxEnrichmentTimeoutMs,
        contactListId = null,
      } = fixtureSchemas.campaign.parse(given);
      db.run(
        'INSERT INTO campaigns (id, name, status, max_enrichment_timeout_ms, list_id) VALUES (?, ?, ?, ?, ?)',
        id,
        name,
        status,
        maxEnrichmentTimeoutMs,
        contactListId,
      );
    },
    segment: (given) => {
      const { id, name, type, contactIds = [] } = fixtureSchemas.segment.parse(given);
      db.run('INSERT INTO segments (id, name, type) VALUES (?, ?, ?)', id, name, type);
      for (const contactId of contactIds) insertMember(db, id, contactId, now(), 0);
    },
  };
}
