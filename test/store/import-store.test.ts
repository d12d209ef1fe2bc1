import { type SqlBool, sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { type BatchOutcome, takenItems } from '../../src/store/import-sending.ts';
import { createImportStore } from '../../src/store/import-store.ts';
import type { NewImportRow } from '../../src/store/tables.ts';
import { createFakeClock } from '../support/clock.ts';
import { ENGINES, openFreshDatabase } from './open-database.ts';

const ZERO = {
  begun: 0,
  upload_attempt: 0,
  bytes: 0,
  rejected: 0,
  duplicates: 0,
  succeeded: 0,
  created: 0,
  skipped: 0,
  failed: 0,
  unknown: 0,
  batches_done: 0,
  latency_sum_ms: 0,
  total_fields: 0,
  filled_fields: 0,
};

describe.each(ENGINES)('the store of imports over %s', (engine) => {
  /** An import of one-row batches to one segment, sealed. */
  async function open({ batches, others = [] }: { batches: number; others?: { id: string; batches: number }[] }) {
    const clock = createFakeClock();
    const opened = await openFreshDatabase(engine, clock);
    const { database } = opened;
    const store = createImportStore(database);
    const row: NewImportRow = {
      ...ZERO,
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
          rowsJson: `[${index + 1}]`,
          itemsJson: `["c-${index + 1}"]`,
          sourcesJson: '[{}]',
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
      await database.transaction(async (tx) => {
        await store.markSending(tx, { importId: 'import', number }, '{}', sql<SqlBool>`1 = 1`);
        await store.completeBatch(tx, outcome, clock.now());
      });
    };
    const taken = async () => takenItems((await store.targets('import'))[0]?.recent_json ?? null);
    return { clock, store, database, complete, taken, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
  }

  test('a target keeps what CXone took last, newest first, in whatever order it is booked', async () => {
    await using opened = await open({ batches: 12 });
    expect(await opened.taken()).toEqual([]);
    const numbers = [12, 1, 7, 3, 11, 2, 8, 4, 10, 5, 9, 6];
    await Promise.all(numbers.map((number) => opened.complete(number, { taken: { item: `c-${number}`, at: number } })));
    const newest = [12, 11, 10, 9, 8];
    expect(await opened.taken()).toEqual(newest.map((number) => ({ item: `c-${number}`, at: number })));
  });

  test('what is sent next to a target: batch by batch of the oldest import that runs, none that is under way', async () => {
    await using opened = await open({ batches: 3, others: [{ id: 'later', batches: 2 }] });
    const { store, database, complete } = opened;
    const place = (import_id: string, number: number) => ({ import_id, number });
    const next = async (...except: { import_id: string; number: number }[]) => {
      const found = await store.nextPending('SEGMENT_MEMBERS', 'segment', except, 'ordinary');
      return found && [found.batch.import_id, found.batch.number, found.batch.items_json];
    };
    expect(await next()).toEqual(['import', 1, '["c-1"]']);
    expect(await next(place('import', 1))).toEqual(['import', 2, '["c-2"]']);
    await complete(1, {});
    expect(await next(place('import', 2), place('import', 3))).toEqual(['later', 1, '["c-1"]']);
    expect(await next(place('import', 2), place('import', 3), place('later', 1))).toEqual(['later', 2, '["c-2"]']);
    expect(await next(place('import', 2), place('import', 3), place('later', 1), place('later', 2))).toBeUndefined();
    await database.transaction((tx) =>
      store.releaseBatch(tx, { importId: 'import', number: 2, targetId: 'segment', crashes: 0, isolated: false }, 1000),
    );
    expect(await next()).toEqual(['later', 1, '["c-1"]']);
    await database.transaction((tx) => store.set(tx, 'later', { state: 'PAUSED' }));
    expect(await next()).toBeUndefined();
    expect(await store.nextPending('RECORDS', 'segment', [], 'ordinary')).toBeUndefined();
  });

  test('a batch is only marked as being sent while its target is held and its import runs', async () => {
    await using opened = await open({ batches: 1 });
    const { store, database } = opened;
    const mark = (held: string) =>
      store.markSending(database.db, { importId: 'import', number: 1 }, '{}', sql<SqlBool>`${sql.lit(held)} = 'held'`);
    expect(await mark('lost')).toBe(false);
    expect(await store.unsettledTargets('ordinary')).toEqual([]);
    await database.transaction((tx) => store.set(tx, 'import', { state: 'PAUSED' }));
    expect(await mark('held')).toBe(false);
    await database.transaction((tx) => store.set(tx, 'import', { state: 'RUNNING' }));
    expect(await mark('held')).toBe(true);
    expect(await store.unsettledTargets('ordinary')).toHaveLength(1);
  });

  test('a batch of which nothing was taken leaves them as they are', async () => {
    await using opened = await open({ batches: 2 });
    await opened.complete(1, { taken: { item: 'c-1', at: 1 } });
    await opened.complete(2, { succeeded: 0, created: 0, failed: 1, taken: null });
    expect(await opened.taken()).toEqual([{ item: 'c-1', at: 1 }]);
  });

  test('clearing a finished import leaves all that its report and its targets say', async () => {
    await using opened = await open({ batches: 40 });
    const { store, database, clock } = opened;
    for (let number = 1; number <= 40; number++) await opened.complete(number, { latencyMs: 41 - number });
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
