import { type SqlBool, sql } from 'kysely';
import { expect, test } from 'vitest';
import type { BulkOperation, Settlement } from '../../src/bulk/bulk-operation.ts';
import { OutcomeUnknownError, RateLimitedError, UpstreamError } from '../../src/errors.ts';
import { createBatchSender, type Fence } from '../../src/imports/batch-sender.ts';
import type { ImportBooks } from '../../src/imports/import-books.ts';
import type { Database } from '../../src/store/database.ts';
import type { BatchOutcome } from '../../src/store/import-sending.ts';
import type { ImportStore } from '../../src/store/import-store.ts';
import type { ImportBatchRow } from '../../src/store/tables.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';

const BATCH = {
  import_id: 'import',
  number: 1,
  target_id: 'list',
  size: 2,
  attempts: 1,
  crashes: 0,
  isolated: 0,
  attempt_json: '{"id":"attempt"}',
  rows_json: '[1,2]',
  items_json: '["a","b"]',
  sources_json: '[{},{}]',
} as unknown as ImportBatchRow; // Nothing else of it is read.

/** Who is `dead` no longer runs; this process is `this`. */
function openSender(clock: FakeClock) {
  const booked: BatchOutcome[] = [];
  /** What was noted of the batch, in order. */
  const notes: { crashes?: number; isolated?: boolean; sender: unknown }[] = [];
  const books: Pick<ImportBooks, 'batchesFinished'> = {
    batchesFinished: async (finished) => void booked.push(...finished.map(({ outcome }) => outcome)),
  };
  const senderOf = (json: string) => JSON.parse(json).sender;
  const store: Pick<ImportStore, 'takeOver' | 'letGo'> = {
    async takeOver({ crashes, isolated }, attemptJson) {
      notes.push({ crashes, isolated, sender: senderOf(attemptJson) });
      return true;
    },
    letGo: async (_batch, { fromJson, toJson }) => {
      if (senderOf(fromJson) === 'this') notes.push({ sender: senderOf(toJson) });
    },
  };
  const sender = createBatchSender({
    database: {} as Database,
    store: store as ImportStore,
    books: books as ImportBooks,
    owner: 'this',
    livesOn: (owner) => owner !== 'dead',
    clock,
    log: createLog({ level: 'silent' }),
    firstPauseMs: 10,
  });
  const fence: Fence = { assertHeld: async () => {}, isHeld: () => sql<SqlBool>`1 = 1` };
  const resume = (batch: Partial<ImportBatchRow>, settle: Settle, signal = new AbortController().signal) => {
    const operation: Pick<BulkOperation<unknown>, 'settle'> = { settle };
    return sender.resume({ ...BATCH, ...batch }, operation as BulkOperation<unknown>, fence, signal);
  };
  return { booked, notes, resume };
}

type Settle = () => Promise<Settlement>;

const settles: Settle = async () => {
  const outcomes = [{ status: 'created' }, { status: 'created' }] as const;
  return { verdict: 'settled', result: { outcomes, upstreamRequestId: undefined, latencyMs: 1 } };
};

/** What is booked for a batch whose sender died, where asking CXone what became of it ends like this, one after another. */
async function settled(ends: readonly (Error | 'settled')[]): Promise<{ outcome: BatchOutcome; asked: number }> {
  const clock = createFakeClock();
  const { booked, resume } = openSender(clock);
  let asked = 0;
  const settle = async () => {
    const end = ends[Math.min(asked++, ends.length - 1)];
    if (end instanceof Error) throw end;
    return settles();
  };
  await clock.advanceUntil(resume({}, settle));
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

const left = (sender?: string) => JSON.stringify({ id: 'attempt', sender });
const never: Settle = () => {
  throw new Error('It is not to be touched.');
};

test('what counts as a crash: a sender that no longer runs, not one that is paused, that let go of it, or this one', async () => {
  const { notes, resume } = openSender(createFakeClock());
  for (const sender of ['dead', 'paused', undefined, 'this']) {
    expect(await resume({ attempt_json: left(sender) }, settles)).toBe('booked');
  }
  expect(notes.map(({ crashes }) => crashes)).toEqual([1, 0, 0, 0]);
  expect(notes.map(({ sender }) => sender)).toEqual(['this', 'this', 'this', 'this']);
});

test('a batch that three died at is not touched before its time, and given up once six did', async () => {
  const { notes, booked, resume } = openSender(createFakeClock());
  expect(await resume({ attempt_json: left('dead'), crashes: 2 }, never)).toBe('isolated');
  expect(notes).toEqual([{ crashes: 3, isolated: true, sender: undefined }]);
  expect(await resume({ attempt_json: left(), crashes: 3, isolated: 1 }, settles)).toBe('booked');
  expect(booked).toMatchObject([{ succeeded: 2 }]);
  expect(await resume({ attempt_json: left('dead'), crashes: 5, isolated: 1 }, never)).toBe('booked');
  expect(booked[1]).toMatchObject({ succeeded: 0, failed: 0, unknown: 2 });
});

test('a sender that is cut off lets go of the batch: it has not died', async () => {
  const { notes, booked, resume } = openSender(createFakeClock());
  const cutOff = new AbortController();
  const settle: Settle = async () => {
    cutOff.abort(new Error('the gateway is stopping'));
    throw cutOff.signal.reason;
  };
  await expect(resume({ attempt_json: left('dead') }, settle, cutOff.signal)).rejects.toThrow(
    'the gateway is stopping',
  );
  expect(notes.at(-1)).toEqual({ sender: undefined });
  expect(booked).toEqual([]);
});
