import { expect, test } from 'vitest';
import type { BulkOperation } from '../../src/bulk/bulk-operation.ts';
import { OutcomeUnknownError, RateLimitedError, UpstreamError } from '../../src/errors.ts';
import { createBatchSender, type Fence } from '../../src/imports/batch-sender.ts';
import type { ImportBooks } from '../../src/imports/import-books.ts';
import type { Database } from '../../src/store/database.ts';
import type { BatchOutcome } from '../../src/store/import-sending.ts';
import type { ImportStore } from '../../src/store/import-store.ts';
import type { ImportBatchRow } from '../../src/store/tables.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { createFakeClock } from '../support/clock.ts';

const BATCH = {
  import_id: 'import',
  number: 1,
  target_id: 'list',
  size: 2,
  attempts: 1,
  attempt_json: '{"id":"attempt"}',
  rows_json: '[1,2]',
  items_json: '["a","b"]',
  sources_json: '[{},{}]',
} as unknown as ImportBatchRow; // Nothing else of it is read.

/** What is booked for a batch whose sender died, where asking CXone what became of it ends like this, one after another. */
async function settled(ends: readonly (Error | 'settled')[]): Promise<{ outcome: BatchOutcome; asked: number }> {
  const clock = createFakeClock();
  let asked = 0;
  const operation: Pick<BulkOperation<unknown>, 'settle'> = {
    async settle() {
      const end = ends[Math.min(asked++, ends.length - 1)];
      if (end instanceof Error) throw end;
      const outcomes = [{ status: 'created' }, { status: 'created' }] as const;
      return { verdict: 'settled', result: { outcomes, upstreamRequestId: undefined, latencyMs: 1 } };
    },
  };
  const booked: BatchOutcome[] = [];
  const books: Pick<ImportBooks, 'batchFinished'> = { batchFinished: async (outcome) => void booked.push(outcome) };
  const sender = createBatchSender({
    database: {} as Database,
    store: {} as ImportStore,
    books: books as ImportBooks,
    clock,
    log: createLog({ level: 'silent' }),
    firstPauseMs: 10,
  });
  const { signal } = new AbortController();
  const fence: Fence = {
    assertHeld: async () => {},
    isHeld: () => {
      throw new Error('Nothing is marked as being sent.');
    },
  };
  await clock.advanceUntil(sender.resume(BATCH, operation as BulkOperation<unknown>, fence, signal));
  expect(booked).toHaveLength(1);
  return { outcome: booked[0] as BatchOutcome, asked };
}

test('what became of a batch is asked until CXone tells, whatever stands in the way', async () => {
  const inTheWay = [
    new RateLimitedError('slow down', 5),
    new UpstreamError('down', { fault: 'unavailable' }),
    new OutcomeUnknownError('no answer'),
    new TypeError('a bug of ours'),
  ];
  const { outcome, asked } = await settled([...inTheWay, 'settled']);
  expect(outcome).toMatchObject({ succeeded: 2, unknown: 0 });
  expect(asked).toBe(inTheWay.length + 1);
});

test('where CXone refuses to tell, or has not told for long, its rows are unknown', async () => {
  const refused = await settled([new UpstreamError('no', { fault: 'refused', status: 403, retryable: false })]);
  expect(refused).toMatchObject({ outcome: { succeeded: 0, unknown: 2 }, asked: 1 });
  const silent = await settled([new OutcomeUnknownError('no answer')]);
  expect(silent).toMatchObject({ outcome: { succeeded: 0, unknown: 2 }, asked: 100 });
});
