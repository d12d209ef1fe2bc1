/** What clients see of CXone's webhooks: registering one, and following what they tell. */
import type { ContactListRef } from '../contact-lists/schema.ts';
import type { Builder } from '../graphql/builder.ts';
import { callerOf } from '../graphql/context.ts';
import { UPSTREAM_MUTATION_ERRORS } from '../graphql/error-types.ts';
import { encodeEventCursor } from '../graphql/event-cursors.ts';
import { decodeGlobalId } from '../graphql/global-ids.ts';
import { followLive, LIVE_FIELD } from '../graphql/live-subscription.ts';
import { addMutation } from '../graphql/mutation-field.ts';
import type { EnrichmentEvent } from './enrichment-feed.ts';
import type { RegisteredWebhook } from './registration.ts';

export function addWebhookTypes(builder: Builder, refs: { contactList: ContactListRef }): void {
  addRegistration(builder);
  const event = addEnrichmentEvent(builder, refs.contactList);
  builder.subscriptionField('contactEnriched', (t) =>
    t.field({
      type: event,
      description:
        'Contacts that CXone enriched or changed, as its webhooks tell: from `after`, or from now on. A subscriber that cannot keep up ends with SLOW_CONSUMER, and goes on from its last cursor.',
      args: {
        contactListId: t.arg.id({ description: 'Of this contact list alone: its global id.' }),
        after: t.arg.string({ description: 'The cursor of the last event that was seen.' }),
      },
      extensions: LIVE_FIELD,
      subscribe: (_root, { contactListId, after }, context) => {
        const listId =
          typeof contactListId === 'string'
            ? decodeGlobalId(contactListId, 'ContactList', ['contactListId'])
            : undefined;
        return followLive(context, after, (place) => context.services.webhooks.follow(listId, place));
      },
      resolve: (told) => told,
    }),
  );
}

function addRegistration(builder: Builder): void {
  const input = builder.inputType('RegisterEnrichmentWebhookInput', {
    description: 'The webhook through which CXone tells of enriched and changed contacts.',
    fields: (t) => ({
      name: t.string({
        required: true,
        defaultValue: 'gateway_enrichment',
        description: 'Its name at CXone, 1 to 100 characters.',
      }),
      url: t.string({
        description:
          'Where CXone shall deliver: https on a public host. Without it, this gateway’s own public address.',
      }),
      idempotencyKey: t.string({
        description: 'The first result under this key is kept for 24 hours and given again; 1 to 255 characters.',
      }),
    }),
  });
  const payload = builder.objectRef<RegisteredWebhook>('RegisterEnrichmentWebhookPayload').implement({
    description: 'The webhook as it is registered.',
    fields: (t) => ({
      webhookId: t.exposeString('webhookId', { description: 'CXone’s own id of it.' }),
      url: t.exposeString('url', { description: 'Where CXone delivers.' }),
    }),
  });
  addMutation(builder, 'registerEnrichmentWebhook', {
    description: 'Registers the enrichment webhook at CXone, once: the same name and url again gives the one there is.',
    role: 'admin',
    errors: UPSTREAM_MUTATION_ERRORS,
    input,
    payload,
    resolve: ({ name, url }, context) =>
      context.services.webhooks.register({ name, url: url ?? undefined }, callerOf(context)),
  });
}

function addEnrichmentEvent(builder: Builder, contactList: ContactListRef) {
  const type = builder.enumType('EnrichmentEventType', {
    description: 'What CXone told of a contact.',
    values: {
      CONTACT_ENRICHED: { description: 'Its attributes on a contact list were enriched.' },
      CONTACT_UPDATED: { description: 'It was changed.' },
    },
  });
  return builder.objectRef<EnrichmentEvent>('EnrichmentEvent').implement({
    description: 'A contact that CXone enriched or changed.',
    fields: (t) => ({
      cursor: t.string({
        description: 'Where it stands in the log: `after` to go on behind it.',
        resolve: ({ seq }) => encodeEventCursor(seq),
      }),
      at: t.expose('at', { type: 'DateTime', description: 'When the gateway took it.' }),
      type: t.field({ type, description: 'What happened.', resolve: (event) => event.type }),
      occurredAt: t.expose('occurredAt', { type: 'DateTime', description: 'When it happened, by CXone’s clock.' }),
      late: t.exposeBoolean('late', {
        description: 'Whether a change of the same contact that happened later had been told before.',
      }),
      contactList: t.field({
        type: contactList,
        description: 'The list it is on.',
        resolve: ({ contactListId }, _args, { services }) => services.webhooks.listReference(contactListId),
      }),
      contactId: t.exposeString('contactId', { description: 'CXone’s own id of the contact.' }),
      attributes: t.expose('attributes', { type: 'JSONObject', description: 'Its attributes, as CXone told them.' }),
    }),
  });
}
