/** Batches that their senders died at: how many of them, and whether a batch is kept apart from the others for that. */
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { SchemaDialect } from '../storage-engine.ts';
import type { Tables } from '../tables.ts';

export async function crashCounts(db: Kysely<Tables>, { integer }: SchemaDialect): Promise<void> {
  for (const name of ['crashes', 'isolated']) {
    await db.schema
      .alterTable('import_batches')
      .addColumn(name, integer, (column) => column.notNull().defaultTo(0))
      .execute();
  }
  await db.schema
    .createIndex('import_batches_isolated')
    .on('import_batches')
    .columns(['import_id', 'number'])
    .where(sql.ref('isolated'), '=', sql.lit(1))
    .execute();
}
