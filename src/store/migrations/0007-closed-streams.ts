/** Streams of the outbox whose receiver wants nothing more of them. */
import type { Kysely } from 'kysely';
import type { SchemaDialect } from '../storage-engine.ts';
import type { Tables } from '../tables.ts';

export async function closedStreams(db: Kysely<Tables>, schema: SchemaDialect): Promise<void> {
  const table = db.schema
    .createTable('outbox_closed_streams')
    .addColumn('stream', schema.text, (column) => column.primaryKey())
    .addColumn('closed_at', schema.integer, (column) => column.notNull());
  await schema.strict(table).execute();
}
