import { Kysely, sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openDatabase } from '../../src/store/database.ts';
import { migrateToLatest } from '../../src/store/migrate.ts';
import { openPostgres } from '../../src/store/postgres.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { silentLog } from '../../src/store/storage-engine.ts';
import type { Tables } from '../../src/store/tables.ts';
import { freshDatabaseUrl } from '../support/postgres.ts';
import { startChild } from './child-process.ts';
import { ENGINES } from './open-database.ts';

/** The names of all migrations, after a start. */
async function migratedAt(url: string): Promise<string[]> {
  await using database = await openDatabase({ url, clock: systemClock });
  expect(await database.db.selectFrom('import_batches').selectAll().execute()).toEqual([]);
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(database.db);
  return rows.map(({ name }) => name);
}

describe.each(ENGINES)('migrations on %s', (name) => {
  test('one that fails half-way leaves nothing behind, and the next start begins anew', async () => {
    await using fresh = await freshDatabaseUrl(name);
    const open = name === 'sqlite' ? openSqlite : openPostgres;
    await using engine = open({ url: fresh.url, clock: systemClock, log: silentLog });
    {
      await using db = new Kysely<Tables>({ dialect: engine.dialect });
      const breaking = {
        ...engine,
        schema: {
          ...engine.schema,
          identity: () => {
            throw new Error('the power failed');
          },
        },
      };
      const migrated = migrateToLatest({ db, engine: breaking, log: silentLog });
      await expect(migrated).rejects.toThrow(/could not be migrated \(0001-ground\)/);
      expect(await db.introspection.getTables({ withInternalKyselyTables: true })).toEqual([]);
    }
    await using database = await openDatabase({ url: fresh.url, clock: systemClock });
    await database.ping();
    expect(await database.db.selectFrom('outbox').selectAll().execute()).toEqual([]);
  });

  test('killed at any place in between, they leave nothing behind, and the next start begins anew', async () => {
    // Postgres undoes what a connection leaves behind, whatever it was at.
    const rounds = name === 'sqlite' ? 20 : 4;
    await using counted = await freshDatabaseUrl(name);
    await using whole = startChild('die-migrating.ts', counted.url);
    const places = Number(await whole.nextLine());
    expect(places).toBeGreaterThan(rounds);
    await using unharmed = await freshDatabaseUrl(name);
    const all = await migratedAt(unharmed.url);
    for (let round = 1; round <= rounds; round += 1) {
      await using fresh = await freshDatabaseUrl(name);
      await using child = startChild('die-migrating.ts', fresh.url, String(Math.ceil((round / rounds) * places)));
      expect(await child.ended()).toBe('SIGKILL');
      expect(await migratedAt(fresh.url)).toEqual(all);
    }
  });
});
