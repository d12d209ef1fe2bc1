/** The public schema: one line for each slice. */
import type { GraphQLSchema } from 'graphql';
import { addAddressBookTypes } from './address-books/schema.ts';
import { addAuditTypes } from './audit/schema.ts';
import { addBulkTypes } from './bulk/schema.ts';
import { addRecordTypes } from './contact-lists/records/schema.ts';
import { addContactListTypes } from './contact-lists/schema.ts';
import { addOutboundTypes } from './contact-lists/schema-outbound.ts';
import { addContactTypes } from './contacts/schema.ts';
import { addEnrichmentTypes } from './enrichment/schema.ts';
import { buildSchema, createBuilder } from './graphql/builder.ts';
import { addImportTypes } from './imports/schema.ts';
import { addSegmentTypes } from './segments/schema.ts';
import { addStatusTypes } from './status/schema.ts';
import { addWebhookTypes } from './webhooks/schema.ts';

export function createSchema(): GraphQLSchema {
  const builder = createBuilder();
  const { bulkCall, duplicatePolicy } = addBulkTypes(builder);
  const { addressBook, fieldDefinition } = addAddressBookTypes(builder);
  const { contact } = addContactTypes(builder, { addressBook });
  const contactList = addContactListTypes(builder);
  addOutboundTypes(builder, { bulkCall });
  addRecordTypes(builder, { bulkCall, duplicatePolicy });
  addEnrichmentTypes(builder, { contactList, fieldDefinition, bulkCall });
  addSegmentTypes(builder, { contact, bulkCall });
  addImportTypes(builder, { contactList, duplicatePolicy });
  addWebhookTypes(builder, { contactList });
  addAuditTypes(builder);
  addStatusTypes(builder);
  return buildSchema(builder);
}
