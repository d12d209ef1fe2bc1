/** Campaign, the attributes of lists, and the mutations that enrich contacts and refresh lists. */
import type { FieldDefinitionRef } from '../address-books/schema.ts';
import { withNeighbours } from '../bulk/mutation-lookahead.ts';
import { notAnId, readRowId } from '../bulk/row-ids.ts';
import type { BulkCallRef } from '../bulk/schema.ts';
import type { ContactList } from '../contact-lists/model.ts';
import type { ContactListRef } from '../contact-lists/schema.ts';
import { ValidationError } from '../errors.ts';
import type { Builder } from '../graphql/builder.ts';
import { callerOf, type GraphQLContext } from '../graphql/context.ts';
import { UPSTREAM_MUTATION_ERRORS } from '../graphql/error-types.ts';
import { decodeGlobalId, encodeGlobalId } from '../graphql/global-ids.ts';
import { loadOnce } from '../graphql/load-once.ts';
import { addMutation } from '../graphql/mutation-field.ts';
import { type Campaign, maxEnrichmentBatch } from './model.ts';
import type { Enriched } from './service.ts';

const KEY_DESCRIPTION = 'The first result with this key is kept for 24 h and given again.';

export interface EnrichmentRefs {
  readonly contactList: ContactListRef;
  readonly fieldDefinition: FieldDefinitionRef;
  readonly bulkCall: BulkCallRef;
}

export function addEnrichmentTypes(builder: Builder, refs: EnrichmentRefs): void {
  builder.objectField(refs.contactList, 'attributes', (t) =>
    t.field({
      type: [refs.fieldDefinition],
      description: 'The attributes that its contacts may be enriched with.',
      resolve: ({ id }, _args, context) =>
        loadOnce(context, ['listAttributes', id], () => context.services.enrichment.attributesOf(id, context.call)),
    }),
  );
  addCampaign(builder);
  addEnrichContact(builder, refs.bulkCall);
  addRefreshContactList(builder, refs.contactList);
}

function loadCampaign(campaignId: string, context: GraphQLContext): Promise<Campaign | null> {
  const { services, call } = context;
  return loadOnce(context, ['campaign', campaignId], () => services.enrichment.campaign(campaignId, call));
}

function addCampaign(builder: Builder): void {
  const ref = builder.objectRef<Campaign>('Campaign').implement({
    description: 'A campaign of CXone’s dialer.',
    interfaces: [builder.nodeInterface],
    fields: (t) => ({
      id: t.id({ description: 'The global id.', resolve: ({ id }) => encodeGlobalId('Campaign', id) }),
      cxoneId: t.exposeString('id', { description: 'CXone’s own id.' }),
      name: t.exposeString('name', { nullable: true, description: 'Its name, where it has one.' }),
      status: t.exposeString('status', { description: 'Its status, in CXone’s words.' }),
      maxEnrichmentTimeoutMs: t.exposeInt('maxEnrichmentTimeoutMs', {
        description: 'How long an enriching call may take, in milliseconds; 0 where CXone gives none that is usable.',
      }),
      maxEnrichmentBatch: t.int({
        description: 'How many contacts fit into that: a tenth of it, rounded down.',
        resolve: maxEnrichmentBatch,
      }),
    }),
  });
  builder.nodes.register(ref, {
    partCount: 1,
    resolve: ([id], context) => loadCampaign(id, context),
  });
  builder.queryField('campaign', (t) =>
    t.field({
      type: ref,
      nullable: true,
      description: 'The campaign with this id, null where there is none.',
      args: { id: t.arg.id({ required: true, description: 'The global id of a campaign.' }) },
      resolve: (_root, { id }, context) => loadCampaign(decodeGlobalId(id, 'Campaign'), context),
    }),
  );
}

function addEnrichContact(builder: Builder, bulkCall: BulkCallRef): void {
  addMutation(builder, 'enrichContact', {
    description:
      'Sets attributes of a contact on a list. Shares a bulk call with its neighbours and with other callers; the list is refreshed once after them.',
    role: 'writer',
    input: builder.inputType('EnrichContactInput', {
      description: 'A contact of a list and its attributes.',
      fields: (t) => ({
        contactListId: t.id({ required: true, description: 'The global id of the contact list.' }),
        campaignId: t.id({
          description: 'The global id of the campaign that bounds the calls. Without it they are kept small.',
        }),
        contactId: t.string({ required: true, description: 'CXone’s id of the contact.' }),
        attributes: t.field({
          type: 'JSONObject',
          required: true,
          description:
            'Values by the names of the list’s schema, cast to its types. Empty ones (null, "", "null", "NULL", "N/A") are left out.',
        }),
        idempotencyKey: t.string({ description: KEY_DESCRIPTION }),
      }),
    }),
    payload: builder.objectRef<Enriched>('EnrichContactPayload').implement({
      description: 'What was sent.',
      fields: (t) => ({
        contactId: t.exposeString('contactId', { description: 'CXone’s id of the contact.' }),
        sent: t.field({
          type: 'JSONObject',
          description: 'The attributes that were sent, after empty values were dropped.',
          resolve: ({ sent }) => ({ ...sent }),
        }),
        bulkCall: t.expose('bulkCall', {
          type: bulkCall,
          nullable: true,
          description: 'The call it travelled in; null where nothing was left to send.',
        }),
      }),
    }),
    errors: UPSTREAM_MUTATION_ERRORS,
    around: withNeighbours(({ contactListId, contactId }) => [contactListId, contactId]),
    resolve: ({ contactListId, campaignId, contactId, attributes }, context) => {
      const rawContactId = readRowId(contactId, 'Contact');
      if (rawContactId === null) {
        const message = notAnId('Contact');
        throw new ValidationError([{ path: ['contactId'], code: 'INVALID_ID', message }]);
      }
      return context.services.enrichment.enrich(
        {
          listId: decodeGlobalId(contactListId, 'ContactList', ['contactListId']),
          campaignId: campaignId ? decodeGlobalId(campaignId, 'Campaign', ['campaignId']) : null,
          contactId: rawContactId,
          attributes,
        },
        callerOf(context),
      );
    },
  });
}

function addRefreshContactList(builder: Builder, contactList: ContactListRef): void {
  addMutation(builder, 'refreshContactList', {
    description: 'Makes the dialer read a list’s attributes now.',
    role: 'writer',
    input: builder.inputType('RefreshContactListInput', {
      description: 'Which list to refresh.',
      fields: (t) => ({
        id: t.id({ required: true, description: 'The global id of the contact list.' }),
        idempotencyKey: t.string({ description: KEY_DESCRIPTION }),
      }),
    }),
    payload: builder.objectRef<{ contactList: ContactList }>('RefreshContactListPayload').implement({
      description: 'The list that was refreshed.',
      fields: (t) => ({ contactList: t.expose('contactList', { type: contactList, description: 'The list.' }) }),
    }),
    errors: UPSTREAM_MUTATION_ERRORS,
    resolve: async ({ id }, context) => ({
      contactList: await context.services.enrichment.refreshList(decodeGlobalId(id, 'ContactList'), callerOf(context)),
    }),
  });
}
