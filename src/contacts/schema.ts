/** Contact: its type and queries, and what address books have to do with contacts. */
import { z } from 'zod';
import { type AddressBookRef, requireAddressBook } from '../address-books/schema.ts';
import type { Builder } from '../graphql/builder.ts';
import {
  addConnection,
  connectionArgs,
  connectionCost,
  readPageRequest,
  toConnection,
} from '../graphql/connections.ts';
import type { GraphQLContext } from '../graphql/context.ts';
import { createCursorCodec } from '../graphql/cursors.ts';
import { decodeGlobalIdPair } from '../graphql/global-ids.ts';
import { loadOnce } from '../graphql/load-once.ts';
import type { ExtendedSchemaTypes } from '../graphql/schema-types.ts';
import type { EmailAddress, PhoneNumber } from './model.ts';
import { addContactMutations } from './schema-mutations.ts';
import { type ContactView, viewOf } from './schema-view.ts';
import type { GroupReference } from './service.ts';

export type ContactRef = PothosSchemaTypes.ObjectRef<ExtendedSchemaTypes, ContactView>;

/** A contact by CXone's ids; asked for once in an operation, however often it is named. */
function loadContact(bookId: string, contactId: string, context: GraphQLContext): Promise<ContactView | null> {
  const { services, call } = context;
  return loadOnce(context, ['contact', bookId, contactId], () =>
    services.contacts.get(bookId, contactId, call).then((contact) => contact && viewOf(contact)),
  );
}

/** Adds Contact with all that reads and writes it. */
export function addContactTypes(builder: Builder, refs: { addressBook: AddressBookRef }): { contact: ContactRef } {
  const contact = addContact(builder, refs.addressBook);
  builder.queryFields((t) => ({
    contact: t.field({
      type: contact,
      nullable: true,
      description: 'The contact with this id, null where there is none.',
      args: { id: t.arg.id({ required: true, description: 'The global id of a contact.' }) },
      resolve: (_root, { id }, context) => loadContact(...decodeGlobalIdPair(id, 'Contact'), context),
    }),
  }));
  addContactsOfBooks(builder, contact, refs.addressBook);
  addGroupReferences(builder, refs.addressBook);
  addContactMutations(builder, { contact, addressBook: refs.addressBook });
  return { contact };
}

function addContact(builder: Builder, addressBook: AddressBookRef): ContactRef {
  const phoneNumber = builder.objectRef<PhoneNumber>('PhoneNumber').implement({
    description: 'A phone number of a contact.',
    fields: (t) => ({
      number: t.exposeString('number', { description: 'The number, in E.164.' }),
      type: t.exposeString('type', { description: 'What kind of line it is, as work or mobile.' }),
      primary: t.exposeBoolean('primary', { description: 'Whether it is the one to call first.' }),
    }),
  });
  const emailAddress = builder.objectRef<EmailAddress>('EmailAddress').implement({
    description: 'An email address of a contact.',
    fields: (t) => ({
      address: t.exposeString('address', { description: 'The address.' }),
      type: t.exposeString('type', { description: 'What kind of address it is, as work or home.' }),
      primary: t.exposeBoolean('primary', { description: 'Whether it is the one to write to first.' }),
    }),
  });
  const ref = builder.objectRef<ContactView>('Contact').implement({
    description: 'A contact of an address book.',
    interfaces: [builder.nodeInterface],
    fields: (t) => ({
      id: t.exposeID('id', { description: 'The global id.' }),
      cxoneId: t.exposeString('cxoneId', { description: 'CXone’s own id.' }),
      addressBook: t.field({
        type: addressBook,
        description: 'The address book it is in.',
        resolve: ({ bookId }, _args, context) => requireAddressBook(bookId, context),
      }),
      firstName: t.exposeString('firstName', { nullable: true, description: 'First name.' }),
      lastName: t.exposeString('lastName', { nullable: true, description: 'Last name.' }),
      phoneNumbers: t.expose('phoneNumbers', { type: [phoneNumber], description: 'Phone numbers.' }),
      emailAddresses: t.expose('emailAddresses', { type: [emailAddress], description: 'Email addresses.' }),
      customAttributes: t.expose('customAttributes', {
        type: 'JSONObject',
        description: 'The values of the fields that its address book defines.',
      }),
      customAttribute: t.field({
        type: 'JSON',
        nullable: true,
        description: 'The value of one such field, null where it has none.',
        args: { name: t.arg.string({ required: true, description: 'The field’s name.' }) },
        resolve: ({ customAttributes }, { name }) =>
          Object.hasOwn(customAttributes, name) ? customAttributes[name] : null,
      }),
      externalRefId: t.exposeString('externalRefId', {
        nullable: true,
        description: 'The CRM’s reference: its custom attribute external_ref_id.',
      }),
      version: t.string({
        nullable: true,
        description:
          'CXone’s ETag. Send it back as ifVersion to refuse lost updates. Null where CXone gave none (pages of a list).',
        // Where it is known, no promise: one such field makes a promise of the contact, and of the list it is in.
        resolve: ({ bookId, cxoneId, etag }, _args, { services, call }) =>
          etag === undefined
            ? services.contacts.getVersioned(bookId, cxoneId, call).then((contact) => contact?.etag ?? null)
            : etag,
      }),
    }),
  });
  builder.nodes.register(ref, {
    partCount: 2,
    resolve: ([bookId, contactId], context) => loadContact(bookId, contactId, context),
  });
  return ref;
}

function addContactsOfBooks(builder: Builder, contact: ContactRef, addressBook: AddressBookRef): void {
  const customAttributeFilter = builder.inputType('CustomAttributeFilter', {
    description: 'Contacts whose custom attribute has a value.',
    fields: (t) => ({
      name: t.string({ required: true, description: 'The attribute’s name.' }),
      equals: t.string({ required: true, description: 'The value, as text.' }),
    }),
  });
  const contactFilter = builder.inputType('ContactFilter', {
    description: 'All given clauses must hold.',
    fields: (t) => ({
      externalRefId: t.string({ description: 'The CRM’s reference is this.' }),
      email: t.string({ description: 'One of the email addresses is this; letter case does not count.' }),
      firstName: t.string({ description: 'The first name is exactly this.' }),
      lastName: t.string({ description: 'The last name is exactly this.' }),
      customAttribute: t.field({ type: customAttributeFilter, description: 'A custom attribute has this value.' }),
    }),
  });
  const cursors = createCursorCodec('contacts', z.int().nonnegative());
  const connection = addConnection(builder, contact, 'contacts');

  builder.objectFields(addressBook, (t) => ({
    contacts: t.field({
      type: connection,
      description: 'Its contacts, in CXone’s order.',
      args: {
        ...connectionArgs(t.arg),
        filter: t.arg({ type: contactFilter, description: 'Which ones. Without it, all.' }),
      },
      complexity: connectionCost,
      resolve: async (book, args, context) => {
        const { first, after } = readPageRequest(args, cursors);
        const offset = after === undefined ? 0 : after + 1;
        const window = { offset, first, filter: args.filter ?? undefined };
        const { items, offsets, nextOffset, hasNextPage } = await loadOnce(context, ['contacts', book.id, window], () =>
          context.services.contacts.list(book.id, window, context.call),
        );
        // Pages bring no ETag, and asking for each of 250 contacts is not what a list is for.
        const listed = items.map((item) => viewOf({ ...item, etag: item.etag ?? null }));
        const neighbours = { hasNextPage, hasPreviousPage: offset > 0 };
        const page = toConnection(listed, cursors, (_contact, index) => offsets[index] ?? offset, neighbours);
        // Where a filter kept nothing of what was looked at, the next page goes on behind that.
        const endCursor = hasNextPage ? cursors.encode(nextOffset - 1) : page.pageInfo.endCursor;
        return { ...page, pageInfo: { ...page.pageInfo, endCursor } };
      },
    }),
    contactByExternalRef: t.field({
      type: contact,
      nullable: true,
      description: 'The contact with this reference of the CRM, null where there is none. Several are an error.',
      args: { externalRefId: t.arg.string({ required: true, description: 'The CRM’s reference.' }) },
      resolve: (book, { externalRefId }, context) =>
        loadOnce(context, ['contactByExternalRef', book.id, externalRefId], async () => {
          const contact = await context.services.contacts.byExternalRef(book.id, externalRefId, context.call);
          return contact && viewOf(contact);
        }),
    }),
  }));
}

function addGroupReferences(builder: Builder, addressBook: AddressBookRef): void {
  const groupKind = builder.enumType('GroupKind', {
    description: 'What a group is for.',
    values: {
      CAMPAIGN: { value: 'campaign', description: 'Contacts that a campaign calls.' },
      ROUTING: { value: 'routing', description: 'Contacts that are routed alike.' },
    } as const,
  });
  const groupReference = builder.objectRef<GroupReference>('GroupReference').implement({
    description: 'A group that refers to contacts of an address book.',
    fields: (t) => ({
      groupId: t.exposeString('groupId', { description: 'CXone’s own id of the group.' }),
      name: t.exposeString('name', { description: 'The group’s name.' }),
      kind: t.expose('kind', { type: groupKind, description: 'What the group is for.' }),
      contactCount: t.exposeInt('contactCount', { description: 'How many contacts of this book it refers to.' }),
    }),
  });
  builder.objectField(addressBook, 'groupReferences', (t) =>
    t.field({
      type: [groupReference],
      description: 'Groups that still refer to this book’s contacts: what a deletion would leave dangling.',
      resolve: (book, _args, context) =>
        loadOnce(context, ['groupReferences', book.id], () =>
          context.services.contacts.groupReferences(book.id, context.call),
        ),
    }),
  );
}
