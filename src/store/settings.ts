/** What a gateway makes up at its first start and keeps: the same in all replicas and after every restart. */
import type { Database } from './database.ts';

/** The value kept under `name`; made by `create` where there is none yet. Whoever comes first decides for all. */
export async function keptSetting(database: Database, name: string, create: () => string): Promise<string> {
  const { db } = database;
  await db
    .insertInto('settings')
    .values({ name, value: create() })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
  const row = await db.selectFrom('settings').select('value').where('name', '=', name).executeTakeFirstOrThrow();
  return row.value;
}
