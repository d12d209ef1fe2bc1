/** What is known of an import's end: the rows that CXone's index has to show, since when, and how long batches took. */
import type { Kysely } from 'kysely';
import type { SchemaDialect } from '../storage-engine.ts';
import type { Tables } from '../tables.ts';

export async function importEnds(db: Kysely<Tables>, { integer, real, text }: SchemaDialect): Promise<void> {
  await db.schema.alterTable('import_targets').addColumn('recent_json', text).execute();
  await db.schema.alterTable('imports').addColumn('confirming_since', integer).execute();
  await db.schema.alterTable('imports').addColumn('p95_latency_ms', real).execute();
}
