/** What came in by CXone's webhooks, and which of them were registered. What each table is for stands in `tables.ts`. */
import type { Kysely } from 'kysely';
import type { SchemaDialect } from '../storage-engine.ts';
import type { Tables } from '../tables.ts';

export async function webhookTables(db: Kysely<Tables>, schema: SchemaDialect): Promise<void> {
  const { integer, text } = schema;
  const deliveries = db.schema
    .createTable('webhook_deliveries')
    .addColumn('id', text, (column) => column.primaryKey())
    .addColumn('received_at', integer, (column) => column.notNull())
    .addColumn('contact_list_id', text)
    .addColumn('contact_id', text)
    .addColumn('occurred_at', integer);
  await schema.strict(deliveries).execute();
  await db.schema
    .createIndex('webhook_deliveries_contact')
    .on('webhook_deliveries')
    .columns(['contact_id', 'contact_list_id', 'occurred_at'])
    .execute();
  await db.schema
    .createIndex('webhook_deliveries_received_at')
    .on('webhook_deliveries')
    .columns(['received_at'])
    .execute();

  const registrations = db.schema
    .createTable('webhook_registrations')
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('url', text, (column) => column.notNull())
    .addColumn('webhook_id', text)
    .addColumn('attempted_at', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('webhook_registrations_pk', ['name', 'url']);
  await schema.strict(registrations).execute();
}
