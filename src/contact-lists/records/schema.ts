/** The mutations for consent records of contact lists. */
import { withNeighbours } from '../../bulk/mutation-lookahead.ts';
import type { BulkCallRef, DuplicatePolicyRef } from '../../bulk/schema.ts';
import type { Builder } from '../../graphql/builder.ts';
import { callerOf } from '../../graphql/context.ts';
import { UPSTREAM_MUTATION_ERRORS } from '../../graphql/error-types.ts';
import { decodeGlobalId } from '../../graphql/global-ids.ts';
import { addMutation } from '../../graphql/mutation-field.ts';
import type { AddedRecord } from './service.ts';

const KEY_DESCRIPTION = 'The first result with this key is kept for 24 h and given again.';

/** Adds the mutations for records. */
export function addRecordTypes(
  builder: Builder,
  refs: { bulkCall: BulkCallRef; duplicatePolicy: DuplicatePolicyRef },
): void {
  const record = addRecordInput(builder);

  const outcome = builder.enumType('BulkOutcome', {
    description: 'How an item got in.',
    values: {
      CREATED: { value: 'created', description: 'It was new.' },
      UPDATED: { value: 'updated', description: 'It was there already, and is now as given.' },
      SKIPPED: { value: 'skipped', description: 'It was there already, and was left as it was.' },
    } as const,
  });
  addMutation(builder, 'addContactListRecord', {
    description:
      'Adds a consent record to a contact list. Shares a bulk call with its neighbours and with other callers.',
    role: 'writer',
    input: builder.inputType('AddContactListRecordInput', {
      description: 'A record, and what to do where it is there already.',
      fields: (t) => ({
        contactListId: t.id({ required: true, description: 'The global id of the contact list.' }),
        record: t.field({ type: record, required: true, description: 'The record.' }),
        onDuplicate: t.field({
          type: refs.duplicatePolicy,
          required: true,
          defaultValue: 'SKIP',
          description: 'What to do with a record that is there already (same contact and phone).',
        }),
        idempotencyKey: t.string({ description: KEY_DESCRIPTION }),
      }),
    }),
    payload: builder.objectRef<AddedRecord>('AddContactListRecordPayload').implement({
      description: 'What became of the record.',
      fields: (t) => ({
        contactId: t.exposeString('contactId', { description: 'CXone’s id of the contact.' }),
        outcome: t.expose('outcome', { type: outcome, description: 'How it got in.' }),
        bulkCall: t.expose('bulkCall', { type: refs.bulkCall, description: 'The call it travelled in.' }),
      }),
    }),
    errors: UPSTREAM_MUTATION_ERRORS,
    around: withNeighbours(({ contactListId, record: { contactId } }) => [contactListId, contactId]),
    resolve: ({ contactListId, record, onDuplicate }, context) =>
      context.services.contactListRecords.add(
        decodeGlobalId(contactListId, 'ContactList', ['contactListId']),
        { ...record },
        onDuplicate,
        callerOf(context),
      ),
  });

  addMutation(builder, 'updateContactListRecord', {
    description: 'Replaces a consent record: what is left out is gone.',
    role: 'writer',
    input: builder.inputType('UpdateContactListRecordInput', {
      description: 'The record as it shall be. Its contact says which it is.',
      fields: (t) => ({
        contactListId: t.id({ required: true, description: 'The global id of the contact list.' }),
        record: t.field({ type: record, required: true, description: 'The whole record.' }),
        idempotencyKey: t.string({ description: KEY_DESCRIPTION }),
      }),
    }),
    payload: builder.objectRef<{ contactId: string }>('UpdateContactListRecordPayload').implement({
      description: 'The record that was replaced.',
      fields: (t) => ({ contactId: t.exposeString('contactId', { description: 'CXone’s id of the contact.' }) }),
    }),
    errors: UPSTREAM_MUTATION_ERRORS,
    resolve: ({ contactListId, record }, context) =>
      context.services.contactListRecords.update(
        decodeGlobalId(contactListId, 'ContactList', ['contactListId']),
        { ...record },
        callerOf(context),
      ),
  });
}

function addRecordInput(builder: Builder) {
  const phone = builder.inputType('ListPhoneInput', {
    description: 'A phone number of a record.',
    fields: (t) => ({
      type: t.string({ required: true, description: 'What kind of line it is, as work or mobile.' }),
      number: t.string({ required: true, description: 'The number, in E.164.' }),
    }),
  });
  const optInStatus = builder.enumType('OptInStatus', {
    description: 'How far somebody has agreed to be called.',
    values: {
      CONFIRMED: { value: 'confirmed', description: 'They have confirmed it.' },
      PENDING: { value: 'pending', description: 'Their confirmation is outstanding.' },
    } as const,
  });
  return builder.inputType('ContactListRecordInput', {
    description: 'Somebody who may be called, and their consent to it.',
    fields: (t) => ({
      contactId: t.string({ required: true, description: 'CXone’s id of the contact.' }),
      phoneNumbers: t.field({ type: [phone], required: true, description: 'At least one.' }),
      customFields: t.field({ type: 'JSONObject', description: 'Whatever else the list holds.' }),
      consentTimestamp: t.field({
        type: 'DateTime',
        required: true,
        description: 'When they agreed: not in the future, and not more than 1825 days ago.',
      }),
      optInStatus: t.field({ type: optInStatus, required: true, description: 'How far they have agreed.' }),
    }),
  });
}
