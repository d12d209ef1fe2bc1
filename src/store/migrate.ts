/**
 * Brings the tables up to date: forward only, all that is new in one transaction, once however many processes start
 * together.
 *
 * During a rolling update the former version still runs, and may even start again, on tables that are newer than it
 * knows. So a migration only ever adds; taking away is for a later release, when nobody uses it any more.
 */
import type { Kysely } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { groundTables } from './migrations/0001-ground.ts';
import { webhookTables } from './migrations/0002-webhooks.ts';
import { packedBatches } from './migrations/0003-packed-batches.ts';
import { importEnds } from './migrations/0004-import-ends.ts';
import { importCalls } from './migrations/0005-import-calls.ts';
import { crashCounts } from './migrations/0006-crashes.ts';
import { closedStreams } from './migrations/0007-closed-streams.ts';
import { lanes } from './migrations/0008-lanes.ts';
import { othersBefore } from './migrations/0009-others-before.ts';
import type { SchemaDialect, StorageEngine, StoreLog } from './storage-engine.ts';
import type { Tables } from './tables.ts';

/** In the order of their names. What has been released is never edited. */
const MIGRATIONS: Record<string, (db: Kysely<Tables>, schema: SchemaDialect) => Promise<void>> = {
  '0001-ground': groundTables,
  '0002-webhooks': webhookTables,
  '0003-packed-batches': packedBatches,
  '0004-import-ends': importEnds,
  '0005-import-calls': importCalls,
  '0006-crashes': crashCounts,
  '0007-closed-streams': closedStreams,
  '0008-lanes': lanes,
  '0009-others-before': othersBefore,
};

/** @throws Error naming the migration that failed; nothing of it is left behind */
export async function migrateToLatest(options: {
  db: Kysely<Tables>;
  engine: Pick<StorageEngine, 'schema' | 'serialize'>;
  log: StoreLog;
}): Promise<void> {
  const { db, engine, log } = options;
  const migrated = await db.transaction().execute(async (tx) => {
    // The migrator makes its own tables before it takes its own lock.
    await engine.serialize(tx, 'migrate');
    const provider = {
      getMigrations: async () => ({ ...(await executedMigrations(tx)), ...ownMigrations(engine.schema) }),
    };
    // It orders what was done by times that it makes up in part, and by a wall clock that may have been set back.
    const migrator = new Migrator({ db: tx, provider, allowUnorderedMigrations: true });
    const { error, results = [] } = await migrator.migrateToLatest();
    const failed = results.find(({ status }) => status === 'Error')?.migrationName;
    if (error || failed) {
      throw new Error(`The database could not be migrated${failed ? ` (${failed})` : ''}.`, { cause: error });
    }
    return results.map(({ migrationName }) => migrationName);
  });
  if (migrated.length > 0) log.info({ migrations: migrated }, 'migrated the database');
}

function ownMigrations(schema: SchemaDialect): Record<string, Migration> {
  return Object.fromEntries(
    Object.entries(MIGRATIONS).map(([name, up]) => [name, { up: (db: Kysely<Tables>) => up(db, schema) }]),
  );
}

/** What was done already, also by a newer version: the migrator takes a name it does not know for a corruption. */
async function executedMigrations(tx: Kysely<Tables>): Promise<Record<string, Migration>> {
  const rows = await tx
    .withTables<{ kysely_migration: { name: string } }>()
    .selectFrom('kysely_migration')
    .select('name')
    .execute();
  return Object.fromEntries(rows.map(({ name }) => [name, { up: async () => {} }]));
}
