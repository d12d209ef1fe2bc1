/** Which of the lanes to its target sends a batch: several replicas may send to one target at once. */
import type { Kysely } from 'kysely';
import type { SchemaDialect } from '../storage-engine.ts';
import type { Tables } from '../tables.ts';

export async function lanes(db: Kysely<Tables>, { integer }: SchemaDialect): Promise<void> {
  await db.schema.alterTable('import_batches').addColumn('lane', integer).execute();
}
