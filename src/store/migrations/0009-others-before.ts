/** What other imports had brought into a list when its count was read: several into one list do not take each other's rows for strangers'. */
import type { Kysely } from 'kysely';
import type { SchemaDialect } from '../storage-engine.ts';
import type { Tables } from '../tables.ts';

export async function othersBefore(db: Kysely<Tables>, { integer }: SchemaDialect): Promise<void> {
  await db.schema.alterTable('imports').addColumn('others_before', integer).execute();
}
