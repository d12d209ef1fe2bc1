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
  async function open({ batches }: { batches: number }) {
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
    await database.transaction(async (tx) => {
      await store.insert(tx, row);
      const staged = Array.from({ length: batches }, (_, index) => ({
        number: index + 1,
        targetId: 'segment',
        size: 1,
        rowsJson: `[${index + 1}]`,
        itemsJson: `["c-${index + 1}"]`,
        sourcesJson: '[{}]',
      }));
      const counts = { rejected: 0, duplicates: 0, totalFields: 0, filledFields: 0 };
      await store.stage(tx, 'import', 0, {
        batches: staged,
        rejections: [],
        counts: { ...counts, received: batches, valid: batches, batches },
      });
      await store.seal(tx, 'import', 0, { state: 'RUNNING', bytes: 0, header: null });
    });

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
        await store.markSending(tx, { importId: 'import', number }, '{}');
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
