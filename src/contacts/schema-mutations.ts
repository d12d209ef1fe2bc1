/** The mutations of contacts, and the deletion of an address book, which is about its contacts. */

import type { AddressBook } from '../address-books/model.ts';
import type { AddressBookRef } from '../address-books/schema.ts';
import type { Builder } from '../graphql/builder.ts';
import { callerOf } from '../graphql/context.ts';
import { UPSTREAM_MUTATION_ERRORS } from '../graphql/error-types.ts';
import { decodeGlobalId, decodeGlobalIdPair } from '../graphql/global-ids.ts';
import { addMutation } from '../graphql/mutation-field.ts';
import type { Reassignment } from './book-moves.ts';
import type { Contact } from './model.ts';
import type { ContactRef } from './schema.ts';
import { addContactInputs } from './schema-inputs.ts';
import { viewOf } from './schema-view.ts';

interface Refs {
  readonly contact: ContactRef;
  readonly addressBook: AddressBookRef;
}

export function addContactMutations(builder: Builder, refs: Refs): void {
  const inputs = addContactInputs(builder);
  const shared = { role: 'writer', errors: UPSTREAM_MUTATION_ERRORS } as const;

  /** The contact of a payload, which is kept for repeats as it is in the domain. */
  const shown = (description: string) => ({
    type: refs.contact,
    description,
    resolve: ({ contact }: { contact: Contact }) => viewOf(contact),
  });

  const createPayload = builder.objectRef<{ contact: Contact }>('CreateContactPayload').implement({
    description: 'The contact that was made.',
    fields: (t) => ({
      contact: t.field(shown('The contact.')),
    }),
  });
  addMutation(builder, 'createContact', {
    ...shared,
    description: 'Makes a contact, whether or not there is one like it: upsertContact looks first.',
    input: inputs.create,
    payload: createPayload,
    resolve: async ({ addressBookId, contact }, context) => {
      const bookId = decodeGlobalId(addressBookId, 'AddressBook', ['addressBookId']);
      return { contact: await context.services.contacts.create(bookId, contact, callerOf(context)) };
    },
  });

  const updatePayload = builder.objectRef<{ contact: Contact; changed: boolean }>('UpdateContactPayload').implement({
    description: 'The contact after the patch.',
    fields: (t) => ({
      contact: t.field(shown('The contact as it is now.')),
      changed: t.exposeBoolean('changed', {
        description: 'False where the patch changed nothing and nothing was sent.',
      }),
    }),
  });
  addMutation(builder, 'updateContact', {
    ...shared,
    description: 'Changes what the patch names of a contact, and nothing else.',
    input: inputs.update,
    payload: updatePayload,
    resolve: async ({ id, patch, ifVersion }, context) => {
      const [bookId, contactId] = decodeGlobalIdPair(id, 'Contact');
      const change = { patch, ifVersion: ifVersion ?? undefined };
      return await context.services.contacts.update(bookId, contactId, change, callerOf(context));
    },
  });

  const upsertOutcome = builder.enumType('UpsertOutcome', {
    description: 'What an upsert did.',
    values: {
      CREATED: { description: 'There was none: it was made.' },
      UPDATED: { description: 'It was there, and was changed.' },
      UNCHANGED: { description: 'It was there, exactly so: nothing was sent.' },
    },
  });
  const upsertPayload = builder
    .objectRef<{ contact: Contact; outcome: 'CREATED' | 'UPDATED' | 'UNCHANGED' }>('UpsertContactPayload')
    .implement({
      description: 'The contact that was made or found.',
      fields: (t) => ({
        contact: t.field(shown('The contact as it is now.')),
        outcome: t.expose('outcome', { type: upsertOutcome, description: 'What was done.' }),
      }),
    });
  addMutation(builder, 'upsertContact', {
    ...shared,
    description:
      'Changes the contact that matches, or makes it where there is none. Never makes two for one key, however many call at once. Several that match already are ConflictError DUPLICATE.',
    input: inputs.upsert,
    payload: upsertPayload,
    resolve: async ({ addressBookId, contact, match }, context) => {
      const bookId = decodeGlobalId(addressBookId, 'AddressBook', ['addressBookId']);
      return await context.services.contacts.upsert(bookId, { contact, match }, callerOf(context));
    },
  });

  const deletePayload = builder.objectRef<{ deletedId: string }>('DeleteContactPayload').implement({
    description: 'The contact that was deleted.',
    fields: (t) => ({ deletedId: t.exposeID('deletedId', { description: 'Its global id.' }) }),
  });
  addMutation(builder, 'deleteContact', {
    ...shared,
    description: 'Deletes a contact.',
    input: inputs.delete,
    payload: deletePayload,
    resolve: async ({ id }, context) => {
      const [bookId, contactId] = decodeGlobalIdPair(id, 'Contact');
      await context.services.contacts.delete(bookId, contactId, callerOf(context));
      return { deletedId: id };
    },
  });

  addMutation(builder, 'deleteAddressBook', {
    role: 'admin',
    errors: UPSTREAM_MUTATION_ERRORS,
    description:
      'Deletes an address book, and never leaves a group dangling. One that was stopped in the middle goes on where it was when it is called again.',
    input: inputs.deleteBook,
    payload: addDeleteBookPayload(builder, refs.addressBook),
    resolve: async ({ id, onReferences, fallbackAddressBookId: fallback }, context) => {
      const bookId = decodeGlobalId(id, 'AddressBook');
      const fallbackBookId = fallback ? decodeGlobalId(fallback, 'AddressBook', ['fallbackAddressBookId']) : undefined;
      const request = { onReferences, fallbackBookId };
      return await context.services.contacts.deleteAddressBook(bookId, request, callerOf(context));
    },
  });
}

function addDeleteBookPayload(builder: Builder, addressBook: AddressBookRef) {
  const reassignment = builder.objectRef<Reassignment>('ContactReassignment').implement({
    description: 'A contact that a group refers to instead of another.',
    fields: (t) => ({
      groupId: t.exposeString('groupId', { description: 'CXone’s own id of the group.' }),
      from: t.exposeID('from', { description: 'The global id of the contact it referred to.' }),
      to: t.exposeID('to', { description: 'The global id of the copy it refers to now.' }),
    }),
  });
  return builder
    .objectRef<{ deletedId: string | null; archived: AddressBook | null; reassigned: readonly Reassignment[] }>(
      'DeleteAddressBookPayload',
    )
    .implement({
      description: 'What became of the address book, and of what referred to it.',
      fields: (t) => ({
        deletedId: t.exposeID('deletedId', {
          nullable: true,
          description: 'Its global id; null where it was archived instead.',
        }),
        archived: t.expose('archived', {
          type: addressBook,
          nullable: true,
          description: 'The address book, where it was archived instead.',
        }),
        reassigned: t.field({
          type: [reassignment],
          description: 'All that was moved for it, by earlier calls that were stopped too.',
          resolve: (payload) => payload.reassigned,
        }),
      }),
    });
}
