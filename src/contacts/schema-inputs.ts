/** The inputs of the mutations of contacts. */
import type { Builder } from '../graphql/builder.ts';

const KEY_DESCRIPTION = 'The first result with this key is kept for 24 h and given again.';

export function addContactInputs(builder: Builder) {
  const phoneNumber = builder.inputType('PhoneNumberInput', {
    description: 'A phone number.',
    fields: (t) => ({
      number: t.string({ required: true, description: 'The number with its country code; it is normalised to E.164.' }),
      type: t.string({ required: true, defaultValue: 'work', description: 'What kind of line it is.' }),
      primary: t.boolean({ description: 'At most one of a list. Where none is marked, the first becomes it.' }),
    }),
  });
  const emailAddress = builder.inputType('EmailAddressInput', {
    description: 'An email address.',
    fields: (t) => ({
      address: t.string({ required: true, description: 'The address.' }),
      type: t.string({ required: true, defaultValue: 'work', description: 'What kind of address it is.' }),
      primary: t.boolean({ description: 'At most one of a list. Where none is marked, the first becomes it.' }),
    }),
  });
  const contactType = (name: string, description: string) =>
    builder.inputType(name, {
      description,
      fields: (t) => ({
        firstName: t.string({ description: 'First name.' }),
        lastName: t.string({ description: 'Last name.' }),
        phoneNumbers: t.field({ type: [phoneNumber], description: 'All phone numbers.' }),
        emailAddresses: t.field({ type: [emailAddress], description: 'All email addresses.' }),
        customAttributes: t.field({
          type: 'JSONObject',
          description: 'Values by the names of the fields that the address book defines, each of the field’s type.',
        }),
      }),
    });
  const contact = contactType('ContactInput', 'A contact.');
  const patch = contactType(
    'ContactPatch',
    'Fields left out are kept; null clears. Lists are replaced as a whole; customAttributes are merged key by key, a null removes its key.',
  );

  const person = builder.inputType('PersonMatch', {
    description: 'The contact with this address and exactly these names.',
    fields: (t) => ({
      email: t.string({ required: true, description: 'One of its email addresses.' }),
      firstName: t.string({ required: true, description: 'Its first name.' }),
      lastName: t.string({ required: true, description: 'Its last name.' }),
    }),
  });
  const match = builder.inputType('ContactMatch', {
    description: 'Exactly one of the two.',
    isOneOf: true,
    fields: (t) => ({
      externalRefId: t.string({ description: 'The contact with this reference of the CRM.' }),
      person: t.field({ type: person, description: 'The contact that is this person.' }),
    }),
  });

  const referencePolicy = builder.enumType('ReferencePolicy', {
    description: 'What to do with contacts that groups still refer to.',
    values: {
      REFUSE: { description: 'ConflictError IN_USE.' },
      ARCHIVE: { description: 'Rename the address book instead of deleting it.' },
      REASSIGN: {
        description: 'Copy those contacts to the fallback book, point the groups at the copies, then delete.',
      },
    },
  });

  return {
    create: builder.inputType('CreateContactInput', {
      description: 'A new contact.',
      fields: (t) => ({
        addressBookId: t.id({ required: true, description: 'The global id of its address book.' }),
        contact: t.field({ type: contact, required: true, description: 'The contact.' }),
        idempotencyKey: t.string({ description: KEY_DESCRIPTION }),
      }),
    }),
    update: builder.inputType('UpdateContactInput', {
      description: 'A change of a contact.',
      fields: (t) => ({
        id: t.id({ required: true, description: 'The global id of the contact.' }),
        patch: t.field({ type: patch, required: true, description: 'What to change.' }),
        ifVersion: t.string({ description: 'Refuses the change where the contact’s version is another one by now.' }),
        idempotencyKey: t.string({ description: KEY_DESCRIPTION }),
      }),
    }),
    upsert: builder.inputType('UpsertContactInput', {
      description:
        'A contact to change or make. Without match: by customAttributes.external_ref_id of the contact, else by its primary email, first and last name.',
      fields: (t) => ({
        addressBookId: t.id({ required: true, description: 'The global id of its address book.' }),
        contact: t.field({ type: contact, required: true, description: 'What it is to be; what is left out is kept.' }),
        match: t.field({ type: match, description: 'Which contact is meant.' }),
        idempotencyKey: t.string({ description: KEY_DESCRIPTION }),
      }),
    }),
    delete: builder.inputType('DeleteContactInput', {
      description: 'Which contact to delete.',
      fields: (t) => ({
        id: t.id({ required: true, description: 'The global id of the contact.' }),
        idempotencyKey: t.string({ description: KEY_DESCRIPTION }),
      }),
    }),
    deleteBook: builder.inputType('DeleteAddressBookInput', {
      description: 'Which address book to delete.',
      fields: (t) => ({
        id: t.id({ required: true, description: 'The global id of the address book.' }),
        onReferences: t.field({
          type: referencePolicy,
          required: true,
          defaultValue: 'REFUSE',
          description: 'What to do with contacts that groups still refer to.',
        }),
        fallbackAddressBookId: t.id({ description: 'For REASSIGN: the global id of the book that takes the copies.' }),
        idempotencyKey: t.string({ description: KEY_DESCRIPTION }),
      }),
    }),
  };
}
