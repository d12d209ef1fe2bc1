/** The public schema: one line for each slice. */
import type { GraphQLSchema } from 'graphql';
import { addAddressBookTypes } from './address-books/schema.ts';
import { addAuditTypes } from './audit/schema.ts';
import { addContactListTypes } from './contact-lists/schema.ts';
import { addContactTypes } from './contacts/schema.ts';
import { buildSchema, createBuilder } from './graphql/builder.ts';
import { addImportTypes } from './imports/schema.ts';
import { addStatusTypes } from './status/schema.ts';
import { addWebhookTypes } from './webhooks/schema.ts';

export function createSchema(): GraphQLSchema {
  const builder = createBuilder();
  const { addressBook } = addAddressBookTypes(builder);
  addContactTypes(builder, { addressBook });
  const contactList = addContactListTypes(builder);
  addImportTypes(builder, { contactList });
  addWebhookTypes(builder, { contactList });
  addAuditTypes(builder);
  addStatusTypes(builder);
  return buildSchema(builder);
}
