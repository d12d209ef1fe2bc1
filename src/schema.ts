/** The public schema: one line for each slice. */
import type { GraphQLSchema } from 'graphql';
import { addAuditTypes } from './audit/schema.ts';
import { addContactListTypes } from './contact-lists/schema.ts';
import { buildSchema, createBuilder } from './graphql/builder.ts';
import { addImportTypes } from './imports/schema.ts';
import { addStatusTypes } from './status/schema.ts';

export function createSchema(): GraphQLSchema {
  const builder = createBuilder();
  const contactList = addContactListTypes(builder);
  addImportTypes(builder, { contactList });
  addAuditTypes(builder);
  addStatusTypes(builder);
  return buildSchema(builder);
}
