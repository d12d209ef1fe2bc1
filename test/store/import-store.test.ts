import { type SqlBool, sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { type BatchOutcome, takenItems } from '../../src/store/import-sending.ts';
import { createImportStore } from '../../src/store/import-store.ts';
import { createFakeClock } from '../support/clock.ts';
import { ENGINES, openFreshDatabase } from './open-database.ts';

describe.each(ENGINES)('the store of imports over %s', (engine) => {
  /** An import of one-row batches to one segment, sealed. */
  async function open({ batches, others = [] }: { batches: number; others?: { id: string; batches: number }[] }) {
    const clock = createFakeClock();
    const opened = await openFreshDatabase(engine, clock);
    const { database } = opened;
    const store = createImportStore(database);
    const row: Parameters<typeof store.insert>[1] = {
      id: 'import',
      kind: 'SEGMENT_MEMBERS',
      state: 'RECEIVING',
      options_json: '{}',
      created_by: 'somebody',
      created_at: clock.now(),
      received: 0,
      valid: 0,
      batches_total: 0,
    };
    for (const { id, batches: count } of [{ id: 'import', batches }, ...others]) {
      await database.transaction(async (tx) => {
        await store.insert(tx, { ...row, id });
        const staged = Array.from({ length: count }, (_, index) => ({
          number: index + 1,
          targetId: 'segment',
          size: 1,
          rows: [index + 1],
          items: [`"c-${index + 1}"`],
          sources: ['{}'],
        }));
        const counts = { rejected: 0, duplicates: 0, totalFields: 0, filledFields: 0 };
        await store.stage(tx, id, 0, {
          batches: staged,
          rejections: [],
          counts: { ...counts, received: count, valid: count, batches: count },
        });
        await store.seal(tx, id, 0, { state: 'RUNNING', bytes: 0, header: null });
      });
    }

    const complete = async (number: number, change: Partial<BatchOutcome>) => {
      const outcome: BatchOutcome = {
        importId: 'import',
        number,
        targetId: 'segment',
        succeeded: 1,
        created: 1,
        skipped: 0,
        failed: 0,
        unknown: 0,
        latencyMs: 1,
        upstreamRequestId: null,
        error: null,
        rejections: [],
        taken: null,
        ...change,
      };
      await database.transaction((tx) => store.completeBatches(tx, [outcome], clock.now()));
    };
    /** Takes the next batches of the import `import` for a lane; as though it had begun. */
    const takeSome = async (most: number, lane = 0, held = 'held') => {
      await database.transaction((tx) => store.begin(tx, 'import', clock.now(), null));
      const from = { importId: 'import', targetId: 'segment', lane, which: 'ordinary' as const, most };
      return await store.takeBatches(database.db, from, '{}', sql<SqlBool>`${sql.lit(held)} = 'held'`);
    };
    const take = async (lane = 0, held = 'held') => (await takeSome(1, lane, held))[0];
    const taken = async () => takenItems((await store.targets('import'))[0]?.recent_json ?? null);
    return {
      clock,
      store,
      database,
      complete,
      take,
      takeSome,
      taken,
      [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
    };
  }

  test('a target keeps what CXone took last, newest first, in whatever order it is booked', async () => {
    await using opened = await open({ batches: 12 });
    expect(await opened.taken()).toEqual([]);
    const numbers = [12, 1, 7, 3, 11, 2, 8, 4, 10, 5, 9, 6];
    for (const _ of numbers) await opened.take();
    await Promise.all(numbers.map((number) => opened.complete(number, { taken: { item: `c-${number}`, at: number } })));
    const newest = [12, 11, 10, 9, 8];
    expect(await opened.taken()).toEqual(newest.map((number) => ({ item: `c-${number}`, at: number })));
  });

  test('what is sent next to a target: batch by batch of the oldest import that runs, none that is under way', async () => {
    await using opened = await open({ batches: 2, others: [{ id: 'later', batches: 1 }] });
    const { store, database, clock, complete, take } = opened;
    const next = async () => (await store.nextImport('SEGMENT_MEMBERS', 'segment', 'ordinary'))?.importId;
    expect(await next()).toBe('import');
    expect(await take()).toMatchObject({ number: 1, items_json: '["c-1"]', attempts: 1 });
    expect(await take()).toMatchObject({ number: 2 });
    expect(await take()).toBeUndefined();
    expect(await next()).toBe('later');
    await database.transaction((tx) =>
      store.releaseBatch(tx, { importId: 'import', number: 2, crashes: 0, isolated: false }),
    );
    await store.deferTarget(database.db, { importId: 'import', targetId: 'segment' }, 1000);
    expect(await next()).toBe('later');
    expect(await take()).toBeUndefined();
    if (engine === 'sqlite') {
      await clock.advance(1000);
      expect(await next()).toBe('import');
    }
    await complete(1, {});
    expect(await next()).toBe('import');
    expect(await take()).toMatchObject({ number: 2, attempts: 2 });
    await database.transaction((tx) => store.set(tx, 'later', { state: 'PAUSED' }));
    expect(await next()).toBeUndefined();
    expect(await store.nextImport('RECORDS', 'segment', 'ordinary')).toBeUndefined();
  });

  test('a batch is only taken while its lane is held and its import runs and has begun', async () => {
    await using opened = await open({ batches: 1 });
    const { store, database, take } = opened;
    expect(await take(0, 'lost')).toBeUndefined();
    expect(await store.unsettledLanes('ordinary')).toEqual([]);
    await database.transaction((tx) => store.set(tx, 'import', { state: 'PAUSED' }));
    expect(await take()).toBeUndefined();
    await database.transaction((tx) => store.set(tx, 'import', { state: 'RUNNING', begun: 0 }));
    const from = { importId: 'import', targetId: 'segment', lane: 0, which: 'ordinary' as const, most: 1 };
    expect(await store.takeBatches(database.db, from, '{}', sql<SqlBool>`1 = 1`)).toEqual([]);
    expect(await take()).toBeDefined();
    expect(await store.unsettledLanes('ordinary')).toEqual([
      { kind: 'SEGMENT_MEMBERS', targetId: 'segment', number: 0 },
    ]);
  });

  test('lanes that take at the same time take each batch once, and each settles its own', async () => {
    await using opened = await open({ batches: 30 });
    const { store, take } = opened;
    await take(0);
    const lanes = Array.from({ length: 29 }, (_, index) => index % 3);
    const taken = await Promise.all(lanes.map((lane) => take(lane)));
    expect(taken.map((batch) => batch?.number).toSorted((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 29 }, (_, index) => index + 2),
    );
    const unsettled = await store.unsettledLanes('ordinary');
    expect(unsettled.map(({ number }) => number).toSorted()).toEqual([0, 1, 2]);
    for (const lane of unsettled) {
      const own = (await store.unsettled(lane, 'ordinary')).map(({ number }) => number);
      const expected = taken.flatMap((batch) => (batch?.lane === lane.number ? [batch.number] : []));
      expect(own).toEqual([...(lane.number === 0 ? [1] : []), ...expected].toSorted((a, b) => a - b));
    }
  });

  test('as many batches as there is room for are taken together, the first ones first, whoever else takes some', async () => {
    await using opened = await open({ batches: 30 });
    const { takeSome } = opened;
    const numbers = (batches: readonly { number: number }[]) => batches.map(({ number }) => number);
    expect(numbers(await takeSome(4))).toEqual([1, 2, 3, 4]);
    const some = await Promise.all([takeSome(7, 1), takeSome(7, 2), takeSome(7, 3)]);
    expect(some.map(({ length }) => length)).toEqual([7, 7, 7]);
    for (const batches of some) expect(numbers(batches)).toEqual(numbers(batches).toSorted((a, b) => a - b));
    expect(numbers(some.flat()).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 21 }, (_, index) => index + 5));
    expect(numbers(await takeSome(7))).toEqual([26, 27, 28, 29, 30]);
    expect(await takeSome(7)).toEqual([]);
  });

  test("a batch that is isolated is settled by its target's first lane, whichever sent it, and taken by nobody else", async () => {
    await using opened = await open({ batches: 2 });
    const { store, database, take } = opened;
    await take(3);
    const crashes = { importId: 'import', number: 1, crashes: 3, isolated: true };
    await store.takeOver(crashes, '{}', sql<SqlBool>`1 = 1`);
    expect(await store.unsettledLanes('ordinary')).toEqual([]);
    const [lane, ...others] = await store.unsettledLanes('isolated');
    expect([lane, others]).toEqual([{ kind: 'SEGMENT_MEMBERS', targetId: 'segment', number: 0 }, []]);
    expect(await store.unsettled({ kind: 'SEGMENT_MEMBERS', targetId: 'segment', number: 0 }, 'isolated')).toHaveLength(
      1,
    );
    await database.transaction((tx) => store.releaseBatch(tx, crashes));
    expect(await take()).toMatchObject({ number: 2 });
    expect(await take()).toBeUndefined();
    expect(await store.nextImport('SEGMENT_MEMBERS', 'segment', 'ordinary')).toBeUndefined();
    expect(await store.nextImport('SEGMENT_MEMBERS', 'segment', 'isolated')).toEqual({ importId: 'import', begun: 1 });
  });

  test('a batch of which nothing was taken leaves them as they are', async () => {
    await using opened = await open({ batches: 2 });
    await opened.take();
    await opened.take();
    await opened.complete(1, { taken: { item: 'c-1', at: 1 } });
    await opened.complete(2, { succeeded: 0, created: 0, failed: 1, taken: null });
    expect(await opened.taken()).toEqual([{ item: 'c-1', at: 1 }]);
  });

  test('clearing a finished import leaves all that its report and its targets say', async () => {
    await using opened = await open({ batches: 40 });
    const { store, database, clock } = opened;
    for (let number = 1; number <= 40; number++) {
      await opened.take();
      await opened.complete(number, { latencyMs: 41 - number });
    }
    expect(await store.p95LatencyMs('import')).toBe(38);
    await database.transaction((tx) => store.set(tx, 'import', { state: 'COMPLETED', finished_at: clock.now() }));
    const targets = await store.targets('import');
    const before = await store.get('import');
    await clock.advance(1000);
    expect(await store.clearFinished(clock.now() - 1001, 10)).toBe(0);
    expect(await store.clearFinished(clock.now(), 10)).toBe(1);
    expect(await store.clearFinished(clock.now(), 10)).toBe(0);
    expect(await store.batches('import', { first: 100 })).toEqual([]);
    expect(await store.targets('import')).toEqual(targets);
    expect(await store.get('import')).toEqual({ ...before, p95_latency_ms: 38 });
    expect(await store.hasRowsToRetry('import')).toBe(false);
  });
});
