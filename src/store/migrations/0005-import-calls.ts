/** Which call made an import: a call that comes again after a crash finds what it made. */
import type { Kysely } from 'kysely';
import type { SchemaDialect } from '../storage-engine.ts';
import type { Tables } from '../tables.ts';

export async function importCalls(db: Kysely<Tables>, { text }: SchemaDialect): Promise<void> {
  await db.schema.alterTable('imports').addColumn('call_key', text).execute();
  await db.schema.createIndex('imports_call_key').on('imports').columns(['call_key']).unique().execute();
}
