/** The mutation that adds one outbound contact. */
import type { BulkCall } from '../bulk/bulk-loader.ts';
import { withNeighbours } from '../bulk/mutation-lookahead.ts';
import type { BulkCallRef } from '../bulk/schema.ts';
import type { Builder } from '../graphql/builder.ts';
import { callerOf } from '../graphql/context.ts';
import { UPSTREAM_MUTATION_ERRORS } from '../graphql/error-types.ts';
import { decodeGlobalId } from '../graphql/global-ids.ts';
import { addMutation } from '../graphql/mutation-field.ts';

export function addOutboundTypes(builder: Builder, refs: { bulkCall: BulkCallRef }): void {
  const contact = builder.inputType('OutboundContactInput', {
    description: 'A contact of an outbound list: with a phone or an email, and both flags.',
    fields: (t) => ({
      externalId: t.string({ required: true, description: 'Its id in the system it comes from.' }),
      firstName: t.string({ description: 'First name.' }),
      lastName: t.string({ description: 'Last name.' }),
      phone: t.string({ description: 'Phone number with its country code.' }),
      email: t.string({ description: 'Email address.' }),
      countryCode: t.string({ description: 'Country.' }),
      doNotCall: t.boolean({ required: true, description: 'True: must not be called.' }),
      doNotEmail: t.boolean({ required: true, description: 'True: must not be written to.' }),
      customFields: t.field({ type: 'JSONObject', description: 'Whatever else the list holds.' }),
    }),
  });
  addMutation(builder, 'addOutboundContact', {
    description:
      'Adds a contact to an outbound list. Shares a bulk call with its neighbours and with other callers. CXone takes the same contact twice: use an idempotencyKey where a call may be repeated.',
    role: 'writer',
    input: builder.inputType('AddOutboundContactInput', {
      description: 'A contact, and the list it goes to.',
      fields: (t) => ({
        contactListId: t.id({ required: true, description: 'The global id of the contact list.' }),
        contact: t.field({ type: contact, required: true, description: 'The contact.' }),
        idempotencyKey: t.string({ description: 'The first result with this key is kept for 24 h and given again.' }),
      }),
    }),
    payload: builder.objectRef<{ externalId: string; bulkCall: BulkCall }>('AddOutboundContactPayload').implement({
      description: 'The contact got in.',
      fields: (t) => ({
        externalId: t.exposeString('externalId', { description: 'Its id in the system it comes from.' }),
        bulkCall: t.expose('bulkCall', { type: refs.bulkCall, description: 'The call it travelled in.' }),
      }),
    }),
    errors: UPSTREAM_MUTATION_ERRORS,
    around: withNeighbours(({ contactListId, contact: { externalId } }) => [contactListId, externalId]),
    resolve: ({ contactListId, contact: given }, context) =>
      context.services.outboundContacts.add(
        decodeGlobalId(contactListId, 'ContactList', ['contactListId']),
        { ...given },
        callerOf(context),
      ),
  });
}
