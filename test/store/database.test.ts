import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sql } from 'kysely';
import { describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { type Database, openDatabase, type Queryable } from '../../src/store/database.ts';
import { createEventLog } from '../../src/store/event-log.ts';
import { assertPragmas, sqlitePath } from '../../src/store/sqlite.ts';
import { createFakeClock } from '../support/clock.ts';
import { freshDatabaseUrl } from '../support/postgres.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { ENGINES, openFreshDatabase } from './open-database.ts';

/** Until it hears other processes: then everybody is told once to look at everything. */
async function listening(database: Database): Promise<void> {
  if (database.engine === 'sqlite') return;
  await new Promise<void>((resolve) => database.onDoorbell('any', resolve));
}

async function migratedAt(database: Database, name: string, epochMs: number): Promise<void> {
  const executedAt = new Date(epochMs).toISOString();
  await sql`insert into kysely_migration (name, timestamp) values (${name}, ${executedAt})`.execute(database.db);
}

describe.each(ENGINES)('the database on %s', (engine) => {
  test('is migrated once, however many open it at the same time', async () => {
    await using fresh = await freshDatabaseUrl(engine);
    await using disposal = new AsyncDisposableStack();
    const migrated: object[] = [];
    const log = { info: (details: object) => migrated.push(details), warn: () => {} };
    const opened = await Promise.all(
      Array.from({ length: 4 }, () => openDatabase({ url: fresh.url, clock: systemClock, log })),
    );
    for (const database of opened) disposal.use(database);
    expect(migrated).toEqual([{ migrations: expect.arrayContaining(['0001-ground']) }]);
    for (const database of opened) {
      expect(await database.db.selectFrom('event_head').selectAll().execute()).toEqual([
        { id: 1, seq: 0, pruned_seq: 0 },
      ]);
    }
  });

  test('keeps what is in it when opened again', async () => {
    await using opened = await openFreshDatabase(engine);
    await opened.database.db.updateTable('event_head').set({ seq: 42 }).execute();
    const again = await opened.openAgain();
    expect(await again.db.selectFrom('event_head').select('seq').execute()).toEqual([{ seq: 42 }]);
  });

  test('waits for the disk with every commit but the lazy ones', async () => {
    await using opened = await openFreshDatabase(engine);
    // The tests' server has it off for all.
    const name = sql.raw(new URL(opened.url).pathname.slice(1));
    if (engine === 'postgres')
      await sql`alter database ${name} set synchronous_commit = on`.execute(opened.database.db);
    const database = await opened.openAgain();
    const setting = engine === 'sqlite' ? sql`pragma synchronous` : sql`show synchronous_commit`;
    const [waits, doesNot] = engine === 'sqlite' ? [2, 1] : ['on', 'off'];
    const read = async (at: Queryable) => Object.values((await setting.execute(at)).rows[0] ?? {})[0];
    // On Postgres each connection of the pool has its own.
    const all = (count: number) => Promise.all(Array.from({ length: count }, () => database.transaction(read)));
    expect(await database.transaction(read, { lazily: true })).toBe(doesNot);
    expect(await all(20)).toEqual(Array(20).fill(waits));
    const fails = database.transaction(() => Promise.reject(new Error('no')), { lazily: true });
    const others = all(20);
    await expect(fails).rejects.toThrow('no');
    expect(await others).toEqual(Array(20).fill(waits));
    expect(await read(database.db)).toBe(waits);
  });

  test('still opens when a newer version has migrated it further', async () => {
    await using opened = await openFreshDatabase(engine);
    await migratedAt(opened.database, '9999-of-the-future', systemClock.now());
    await (await opened.openAgain()).ping();
  });

  test('still opens when the wall clock was set back between two migrations', async () => {
    await using opened = await openFreshDatabase(engine);
    await migratedAt(opened.database, '9999-of-the-future', systemClock.now() - 3_600_000);
    await (await opened.openAgain()).ping();
  });

  test('commits all of a transaction or nothing', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const change = (seq: number) =>
      database.transaction(async (tx) => {
        await tx.updateTable('event_head').set({ seq }).execute();
        if (seq === 13) throw new Error('bad luck');
        return seq;
      });
    expect(await change(12)).toBe(12);
    await expect(change(13)).rejects.toThrow('bad luck');
    expect(await database.db.selectFrom('event_head').select('seq').execute()).toEqual([{ seq: 12 }]);
  });

  test('refuses queries past a transaction from inside of it, instead of waiting for itself', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const nested = /through its `tx` only/;
    await database.transaction(async () => {
      await expect(database.db.selectFrom('events').selectAll().execute()).rejects.toThrow(nested);
      await expect(sql`select 1`.execute(database.db)).rejects.toThrow(nested);
      await expect(database.transaction(async () => {})).rejects.toThrow(nested);
    });
    await database.ping();
  });

  test('transactions that read and then write lose nothing to each other', async () => {
    await using opened = await openFreshDatabase(engine);
    const databases = [opened.database, await opened.openAgain()];
    const increment = (database: Database) =>
      database.transaction(async (tx) => {
        const { seq } = await database.forUpdate(tx.selectFrom('event_head').select('seq')).executeTakeFirstOrThrow();
        await tx
          .updateTable('event_head')
          .set({ seq: seq + 1 })
          .execute();
      });
    await Promise.all(Array.from({ length: 40 }, (_, index) => increment(databases[index % 2] ?? opened.database)));
    expect(await opened.database.db.selectFrom('event_head').select('seq').execute()).toEqual([{ seq: 40 }]);
  });

  test('lets other queries of the process wait for a transaction, and then run', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const inside = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    const slow = database.transaction(async (tx) => {
      await tx.updateTable('event_head').set({ seq: 1 }).execute();
      inside.resolve();
      await finish.promise;
    });
    await inside.promise;
    const later = database.db
      .updateTable('event_head')
      .set((eb) => ({ seq: eb('seq', '+', 1) }))
      .execute();
    finish.resolve();
    await Promise.all([slow, later]);
    expect(await database.db.selectFrom('event_head').select('seq').execute()).toEqual([{ seq: 2 }]);
  });

  test('rings after a commit, once for each channel, and not for what was rolled back', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    await listening(database);
    const rings: string[] = [];
    const off = database.onDoorbell('a', () => rings.push('a'));
    database.onDoorbell('b', () => rings.push('b'));
    await database.transaction(async (tx) => {
      await database.ring(tx, 'a');
      await database.ring(tx, 'a');
      expect(rings).toEqual([]);
    });
    expect(rings).toEqual(['a']);
    await expect(
      database.transaction(async (tx) => {
        await database.ring(tx, 'a');
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    await database.ring(database.db, 'b');
    off();
    await database.ring(database.db, 'a');
    expect(rings).toEqual(['a', 'b']);
  });

  test('gives integers up to 2^53 - 1 back as they are, sums too, and refuses other types than the column has', async () => {
    await using opened = await openFreshDatabase(engine);
    const { db } = opened.database;
    await db.updateTable('event_head').set({ seq: Number.MAX_SAFE_INTEGER }).execute();
    const row = await db
      .selectFrom('event_head')
      .select((eb) => ['seq', eb.fn.sum<number>('seq').as('total'), eb.fn.countAll<number>().as('rows')])
      .groupBy('seq')
      .executeTakeFirstOrThrow();
    expect(row).toEqual({ seq: Number.MAX_SAFE_INTEGER, total: Number.MAX_SAFE_INTEGER, rows: 1 });
    await expect(db.updateTable('event_head').set({ seq: 1.5 }).execute()).rejects.toThrow();
  });

  test('numbers beyond 2^53 fail loudly instead of changing', async () => {
    await using opened = await openFreshDatabase(engine);
    const { db } = opened.database;
    await sql`update event_head set seq = 9007199254740993`.execute(db);
    await expect(db.selectFrom('event_head').select('seq').execute()).rejects.toThrow(RangeError);
  });

  test('text comes back as it was, whatever is in it; a NUL at least does no harm', async () => {
    await using opened = await openFreshDatabase(engine);
    const { db } = opened.database;
    const hostile = `'; drop table settings; -- "\\ \u202e \u{1f4a9} \n`;
    await db.insertInto('settings').values({ name: hostile, value: hostile }).execute();
    await db.insertInto('settings').values({ name: 'a\0b', value: '' }).execute();
    const rows = await db.selectFrom('settings').select('name').where('name', 'in', [hostile, 'a\0b']).execute();
    expect(rows.map(({ name }) => name.replace('\ufffd', '\0')).sort()).toEqual([hostile, 'a\0b'].sort());
  });

  test('a statement that came often follows a change of its table, as by the migration of a newer version', async () => {
    await using opened = await openFreshDatabase(engine);
    const { db } = opened.database;
    await sql`create table things (name text)`.execute(db);
    await sql`insert into things values ('a')`.execute(db);
    const all = () => sql`select * from things`.execute(db).then(({ rows }) => rows);
    for (let use = 0; use < 20; use++) expect(await all()).toEqual([{ name: 'a' }]);
    const newer = await opened.openAgain();
    await sql`alter table things add column size integer default 3`.execute(newer.db);
    expect(await all()).toEqual([{ name: 'a', size: 3 }]);
  });

  test('reports how many rows a statement changed', async () => {
    await using opened = await openFreshDatabase(engine);
    const { db } = opened.database;
    const changed = await db.updateTable('event_head').set({ seq: 5 }).where('id', '=', 1).executeTakeFirst();
    const unchanged = await db.updateTable('event_head').set({ seq: 5 }).where('id', '=', 2).executeTakeFirst();
    expect([changed.numUpdatedRows, unchanged.numUpdatedRows]).toEqual([1n, 0n]);
  });
});

describe('the database on sqlite', () => {
  test('runs with WAL, a sync at each commit and foreign keys, or not at all', async () => {
    await using fresh = await freshDatabaseUrl('sqlite');
    const path = sqlitePath(fresh.url);
    await using database = await openDatabase({ url: fresh.url, clock: systemClock });
    const settings = await Promise.all(
      ['journal_mode', 'synchronous', 'foreign_keys'].map(async (name) =>
        Object.values((await sql`pragma ${sql.raw(name)}`.execute(database.db)).rows[0] ?? {}),
      ),
    );
    expect(settings).toEqual([['wal'], [2], [1]]);

    using other = new DatabaseSync(path, { timeout: 50 });
    other.exec('pragma synchronous = normal');
    expect(() => assertPragmas(other)).toThrow(/synchronous = 1, but must run with 2/);
  });

  test('takes its time from the injected clock', async () => {
    const clock = createFakeClock(1_000);
    await using opened = await openFreshDatabase('sqlite', clock);
    const now = async () =>
      (await opened.database.db.selectFrom('event_head').select(opened.database.nowMs().as('now')).execute())[0]?.now;
    expect(await now()).toBe(1_000);
    await clock.advance(5);
    expect(await now()).toBe(1_005);
  });

  test('waits for another process that writes, without holding up the event loop for long', async () => {
    await using opened = await openFreshDatabase('sqlite');
    using other = new DatabaseSync(sqlitePath(opened.url));
    other.exec('begin immediate');
    other.exec('update event_head set seq = 1');
    let turns = 0;
    const write = opened.database.db
      .updateTable('event_head')
      .set((eb) => ({ seq: eb('seq', '+', 1) }))
      .execute();
    const transaction = opened.database.transaction((tx) =>
      tx
        .updateTable('event_head')
        .set((eb) => ({ seq: eb('seq', '+', 1) }))
        .execute(),
    );
    // Several tries have found it busy by then.
    while (turns < 20) {
      turns++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    other.exec('commit');
    await Promise.all([write, transaction]);
    expect(await opened.database.db.selectFrom('event_head').select('seq').execute()).toEqual([{ seq: 3 }]);
  });

  test('while another process keeps the lock, writes fail in seconds, all of them, and looking says so', async () => {
    await using opened = await openFreshDatabase('sqlite');
    const { database } = opened;
    using other = new DatabaseSync(sqlitePath(opened.url));
    other.exec('begin immediate');
    const startedAt = performance.now();
    const write = () => database.transaction((tx) => tx.updateTable('event_head').set({ seq: 1 }).execute());
    const outcomes = await Promise.allSettled([write(), database.ping(), write(), write(), database.ping()]);
    expect(outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.code)).toEqual(
      Array(5).fill('UNAVAILABLE'),
    );
    // Five seconds in all, not for each of them.
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    expect(await database.db.selectFrom('event_head').select('seq').execute()).toEqual([{ seq: 0 }]);
    other.exec('commit');
    await database.ping();
    await write();
  });

  test('a file that takes no writes is found out by looking, and is good again once it does', async () => {
    await using opened = await openFreshDatabase('sqlite');
    const { database } = opened;
    const write = () => database.transaction((tx) => tx.updateTable('event_head').set({ seq: 1 }).execute());
    await sql`pragma query_only = on`.execute(database.db);
    await expect(database.ping()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(write()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await sql`pragma query_only = off`.execute(database.db);
    await database.ping();
    await write();
  });

  test('a full disk fails clearly and leaves no half of a transaction; with room again all goes on', async () => {
    await using opened = await openFreshDatabase('sqlite');
    const { database } = opened;
    const fill = () =>
      database.transaction(async (tx) => {
        await tx.updateTable('event_head').set({ seq: 7 }).execute();
        await tx
          .insertInto('settings')
          .values({ name: 'big', value: 'x'.repeat(1_000_000) })
          .execute();
      });
    await sql`pragma max_page_count = 1`.execute(database.db);
    await expect(fill()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await database.db.selectFrom('event_head').select('seq').execute()).toEqual([{ seq: 0 }]);
    await sql`pragma max_page_count = 1000000`.execute(database.db);
    await fill();
    expect(await database.db.selectFrom('event_head').select('seq').execute()).toEqual([{ seq: 7 }]);
  });

  test('a loop of queries does not keep timers and sockets from their turn', async () => {
    await using opened = await openFreshDatabase('sqlite');
    let isDue = false;
    setTimeout(() => {
      isDue = true;
    }, 1);
    for (let query = 0; !isDue; query++) {
      await opened.database.ping();
      if (query > 100_000) throw new Error('The timer never got its turn.');
    }
  });

  test('makes its folder, for its user only, and says clearly what it cannot open', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gateway-test-'));
    try {
      const path = join(folder, 'a', 'b', 'gateway.db');
      await using database = await openDatabase({ url: `file:${path}`, clock: systemClock });
      await database.ping();
      expect((await stat(join(folder, 'a', 'b'))).mode & 0o777).toBe(0o700);
      await writeFile(join(folder, 'text'), 'not a database, but long enough to look at. '.repeat(100));
      await expect(openDatabase({ url: `file:${join(folder, 'text')}`, clock: systemClock })).rejects.toThrow(
        /not a database/,
      );
      await expect(openDatabase({ url: 'mysql://x', clock: systemClock })).rejects.toThrow(/file:<path>/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('the database on postgres', () => {
  test('tells time by its own clock', async () => {
    await using opened = await openFreshDatabase('postgres', createFakeClock(0));
    const { rows } = await sql<{ now: number }>`select ${opened.database.nowMs()} as now`.execute(opened.database.db);
    expect(rows[0]?.now).toBeGreaterThan(Date.UTC(2020));
  });

  test('rings reach other processes, and the one that rang hears them once', async () => {
    await using opened = await openFreshDatabase('postgres');
    const { database } = opened;
    const other = await opened.openAgain();
    await Promise.all([listening(database), listening(other)]);
    const rings: string[] = [];
    const heard = Promise.withResolvers<void>();
    database.onDoorbell('a', () => rings.push('own'));
    other.onDoorbell('a', () => rings.push('other'));
    other.onDoorbell('end', () => heard.resolve());
    await database.transaction((tx) => database.ring(tx, 'a'));
    await database.ring(database.db, 'end');
    await heard.promise;
    expect(rings.sort()).toEqual(['other', 'own']);
  });

  test('whoever lost the connection it listens by gets it back and is told to look at everything', async () => {
    const clock = createFakeClock();
    await using opened = await openFreshDatabase('postgres', clock);
    const { database } = opened;
    await listening(database);
    let rings = 0;
    database.onDoorbell('a', () => rings++);
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen %'`.execute(database.db);
    await expect.poll(() => clock.pendingSleeps).toBe(1);
    expect(rings).toBe(0);
    await clock.advance(1_000);
    await expect.poll(() => rings).toBe(1);
  });

  test('runs transactions again that were undone because of a deadlock', async () => {
    await using opened = await openFreshDatabase('postgres');
    const { database } = opened;
    await sql`create table pairs (id integer primary key, n integer not null)`.execute(database.db);
    await sql`insert into pairs values (1, 0), (2, 0)`.execute(database.db);
    let attempts = 0;
    const both = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const cross = (first: number, second: number) =>
      database.transaction(async (tx) => {
        attempts++;
        await sql`update pairs set n = n + 1 where id = ${first}`.execute(tx);
        both[first - 1]?.resolve();
        await Promise.all(both.map(({ promise }) => promise));
        await sql`update pairs set n = n + 1 where id = ${second}`.execute(tx);
      });
    await Promise.all([cross(1, 2), cross(2, 1)]);
    // Once more for each time that they met again.
    expect(attempts).toBeGreaterThanOrEqual(3);
    expect((await sql`select n from pairs`.execute(database.db)).rows).toEqual([{ n: 2 }, { n: 2 }]);
  });

  test('a database that goes away fails clearly, and everything goes on by itself when it is back', async () => {
    await using fresh = await freshDatabaseUrl('postgres');
    const direct = new URL(fresh.url);
    await using proxy = await startTcpProxy({ host: direct.hostname, port: Number(direct.port) });
    const url = new URL(fresh.url);
    url.hostname = '127.0.0.1';
    url.port = String(proxy.port);
    await using database = await openDatabase({ url: url.href, clock: systemClock });
    await using log = createEventLog({ database, clock: systemClock });
    const append = (n: number) =>
      database.transaction((tx) => log.append(tx, { topic: 't', subject: 's', type: 'n', data: n }));
    const stop = new AbortController();
    const tail = log.tail({ after: 0, signal: stop.signal })[Symbol.asyncIterator]();
    await append(1);
    expect((await tail.next()).value?.data).toBe(1);

    const broken = database.transaction(async (tx) => {
      await log.append(tx, { topic: 't', subject: 's', type: 'n', data: 2 });
      await proxy.cut();
      await sql`select 1`.execute(tx);
    });
    await expect(broken).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(append(3)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(database.ping()).rejects.toMatchObject({ code: 'UNAVAILABLE' });

    await proxy.mend();
    await append(4);
    expect((await tail.next()).value?.data).toBe(4);
    expect((await log.read({ after: 0, limit: 10 })).map(({ data }) => data)).toEqual([1, 4]);
    stop.abort();
  });

  test('says what is wrong when it cannot be opened', async () => {
    await using fresh = await freshDatabaseUrl('postgres');
    const missing = new URL(fresh.url);
    missing.pathname = '/no_such_database';
    await expect(openDatabase({ url: missing.href, clock: systemClock })).rejects.toThrow(/no_such_database/);
  });
});

test('a server that is still starting is waited for, and one that stays away is given up', async () => {
  await using fresh = await freshDatabaseUrl('postgres');
  const target = new URL(fresh.url);
  await using proxy = await startTcpProxy({ host: target.hostname, port: Number(target.port) });
  target.port = String(proxy.port);
  await proxy.cut();
  const clock = createFakeClock();
  const told: string[] = [];
  const log = { info: () => {}, warn: (_: object, message: string) => told.push(message) };
  const open = (waitMs: number) => openDatabase({ url: target.href, clock, log, waitMs });

  await expect(open(0)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  const opening = open(30_000);
  await vi.waitFor(() => expect(told).toEqual(['waiting for the database']));
  await proxy.mend();
  await using database = await clock.advanceUntil(opening, { isBusy: () => clock.pendingSleeps === 0 });
  await database.ping();

  await proxy.cut();
  const inVain = clock.advanceUntil(open(30_000), { isBusy: () => clock.pendingSleeps === 0 });
  await expect(inVain).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(clock.monotonic()).toBeGreaterThanOrEqual(30_000);
});
