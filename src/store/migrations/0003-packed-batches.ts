/** The rows of a batch packed into one column, beside the three that held them as text: those are read, and written no more. */
import type { Kysely } from 'kysely';
import type { SchemaDialect } from '../storage-engine.ts';
import type { Tables } from '../tables.ts';

export async function packedBatches(db: Kysely<Tables>, schema: SchemaDialect): Promise<void> {
  await db.schema.alterTable('import_batches').addColumn('contents', schema.bytes).execute();
}
