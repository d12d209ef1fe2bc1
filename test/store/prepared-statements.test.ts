import { sql } from 'kysely';
import { expect, test } from 'vitest';
import type { Database } from '../../src/store/database.ts';
import { createPreparedStatements } from '../../src/store/prepared-statements.ts';
import { keptSetting } from '../../src/store/settings.ts';
import { openFreshDatabase } from './open-database.ts';

const OFTEN = 50;

test('a statement that comes again and again has one name, and none before', () => {
  const statements = createPreparedStatements();
  const names = Array.from({ length: OFTEN }, () => statements.nameOf('select 1'));
  expect(names[0]).toBeUndefined();
  const [name] = names.slice(-1);
  expect(name).toMatch(/^\w+$/);
  expect(new Set(names.slice(names.indexOf(name)))).toEqual(new Set([name]));
  expect(statements.nameOf('select 2')).toBeUndefined();
});

test('however many statements there are, the server keeps a bounded number, and no long ones', () => {
  const statements = createPreparedStatements();
  const named = new Set<string>();
  for (let use = 0; use < OFTEN; use++) {
    for (let index = 0; index < 500; index++) {
      const name = statements.nameOf(`select ${index}`);
      if (name !== undefined) named.add(name);
    }
    expect(statements.nameOf(`select ${'1, '.repeat(5_000)} 1`)).toBeUndefined();
  }
  expect(named.size).toBeGreaterThan(0);
  expect(named.size).toBeLessThanOrEqual(100);
});

test('names are never given twice', () => {
  const statements = createPreparedStatements();
  const settled = () => Array.from({ length: OFTEN }, () => statements.nameOf('select 1')).at(-1);
  const before = settled();
  statements.renew();
  expect(settled()).not.toBe(before);
});

const readOnce = ({ db }: Database) =>
  db.selectFrom('settings').selectAll().where('name', '=', 'a').executeTakeFirstOrThrow();
const readInTransaction = (database: Database) =>
  database.transaction(
    async (tx) => await tx.selectFrom('settings').selectAll().where('name', '=', 'a').executeTakeFirstOrThrow(),
  );

test('on Postgres what comes again and again is planned once a connection', async () => {
  await using opened = await openFreshDatabase('postgres');
  const { database } = opened;
  await keptSetting(database, 'a', () => '1');
  for (let use = 0; use < OFTEN; use++) await readOnce(database);
  // One after the other, they all use the same connection.
  const { rows } = await sql<{ statement: string }>`select statement from pg_prepared_statements`.execute(database.db);
  expect(rows.filter(({ statement }) => statement.includes('"settings"')).length).toBe(1);
});

test.each([
  { name: 'a single statement', read: readOnce },
  { name: 'a transaction', read: readInTransaction },
])('$name goes on where a newer version adds a column to what it reads', async ({ read }) => {
  await using opened = await openFreshDatabase('postgres');
  const { database } = opened;
  const newer = await opened.openAgain();
  await keptSetting(database, 'a', () => '1');
  // In several connections at once, so that each of them has it prepared.
  for (let use = 0; use < OFTEN; use++) await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(() => read(database)));
  await sql`alter table settings add column of_the_future text`.execute(newer.db);
  const rows = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(() => read(database)));
  for (const row of rows) expect(row).toMatchObject({ name: 'a', value: '1' });
});

test('a commit waits for the disk, whatever the server does by default', async () => {
  await using opened = await openFreshDatabase('postgres');
  const { rows } = await sql<{ setting: string }>`
    select setting from pg_settings where name = 'synchronous_commit'`.execute(opened.database.db);
  expect(rows).toEqual([{ setting: 'on' }]);
});
