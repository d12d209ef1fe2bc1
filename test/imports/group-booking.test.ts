import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import type { Fence } from '../../src/imports/batch-sender.ts';
import { afterEach, type FinishedBatch } from '../../src/imports/finished-batch.ts';
import { createGroupBooking } from '../../src/imports/group-booking.ts';
import type { BatchOutcome } from '../../src/store/import-sending.ts';
import type { ImportRow } from '../../src/store/tables.ts';

const fence = () => ({}) as Fence; // Only told apart.
const finished = (number: number): FinishedBatch => ({
  outcome: { number } as BatchOutcome, // Nothing else of it is looked at.
  discrepancy: undefined,
});

/** Bookings that end when they are told to. */
function openBooks() {
  const groups: { numbers: number[]; end: (error?: unknown) => void }[] = [];
  const booking = createGroupBooking({
    books: {
      batchesFinished: (batches) =>
        new Promise((resolve, reject) => {
          const end = (error?: unknown) => (error === undefined ? resolve() : reject(error));
          groups.push({ numbers: batches.map(({ outcome }) => outcome.number), end });
        }),
    },
  });
  /** What the groups consist of, once there are so many. */
  const until = async (count: number) => {
    for (let turn = 0; turn < 100 && groups.length < count; turn++) await Promise.resolve();
    return groups.map(({ numbers }) => numbers);
  };
  return { groups, booking, until };
}

describe('batches that finish', () => {
  test('while another of their lane is booked are booked together after it; those of another lane wait for nobody', async () => {
    const { groups, booking, until } = openBooks();
    const [lane, other] = [fence(), fence()];
    const booked = [1, 2, 3].map((number) => booking.book(finished(number), lane));
    const elsewhere = booking.book(finished(9), other);
    expect(await until(2)).toEqual([[1], [9]]);
    groups[0]?.end();
    await booked[0];
    expect(await until(3)).toEqual([[1], [9], [2, 3]]);
    groups[1]?.end();
    groups[2]?.end();
    await Promise.all([...booked, elsewhere]);
    // Nothing is left of them.
    const later = booking.book(finished(4), lane);
    expect((await until(4)).at(-1)).toEqual([4]);
    groups[3]?.end();
    await later;
  });

  test('one that cannot be booked fails alone; where the database is away all of them do, at once', async () => {
    const { groups, booking, until } = openBooks();
    const lane = fence();
    const ends = [1, 2, 3].map((number) => booking.book(finished(number), lane).then(() => 'booked', String));
    groups[0]?.end();
    await ends[0];
    await until(2);
    groups[1]?.end(new Error('booked twice'));
    await until(3);
    groups[2]?.end(new Error('booked twice'));
    await until(4);
    groups[3]?.end();
    expect(await Promise.all(ends)).toEqual(['booked', 'Error: booked twice', 'booked']);
    expect(groups.map(({ numbers }) => numbers)).toEqual([[1], [2, 3], [2], [3]]);

    const gone = [4, 5, 6].map((number) =>
      booking.book(finished(number), lane).then(
        () => 'booked',
        () => 'away',
      ),
    );
    groups[4]?.end();
    await gone[0];
    await until(6);
    groups[5]?.end(new GatewayError('UNAVAILABLE', 'The database is away.'));
    expect(await Promise.all(gone)).toEqual(['booked', 'away', 'away']);
    expect(groups).toHaveLength(6);
  });
});

test('each batch of a group is told with the import as it was after it', () => {
  const count = fc.nat({ max: 1000 });
  const outcome = fc.record({
    succeeded: count,
    created: count,
    skipped: count,
    failed: count,
    unknown: count,
    latencyMs: count,
  });
  fc.assert(
    fc.property(fc.array(outcome, { minLength: 1, maxLength: 16 }), (outcomes) => {
      let row = {
        succeeded: 5,
        created: 4,
        skipped: 3,
        failed: 2,
        unknown: 1,
        batches_done: 7,
        latency_sum_ms: 9,
      } as ImportRow;
      const expected = outcomes.map((one) => {
        row = {
          ...row,
          succeeded: row.succeeded + one.succeeded,
          created: row.created + one.created,
          skipped: row.skipped + one.skipped,
          failed: row.failed + one.failed,
          unknown: row.unknown + one.unknown,
          batches_done: row.batches_done + 1,
          latency_sum_ms: row.latency_sum_ms + one.latencyMs,
        };
        return row;
      });
      expect(afterEach(row, outcomes as BatchOutcome[])).toEqual(expected);
    }),
  );
});
