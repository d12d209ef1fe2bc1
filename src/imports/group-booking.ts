/**
 * Books finished batches: those of a lane that finish while others of it are being booked are booked together, in one
 * transaction.
 */
import { isUnavailable } from '../errors.ts';
import type { Fence } from './batch-sender.ts';
import type { FinishedBatch } from './finished-batch.ts';
import type { ImportBooks } from './import-books.ts';

export interface GroupBooking {
  /** Resolves once the batch is booked. @throws what kept it from being booked */
  book(finished: FinishedBatch, fence: Fence): Promise<void>;
}

interface Waiting {
  readonly finished: FinishedBatch;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export function createGroupBooking({ books }: { books: Pick<ImportBooks, 'batchesFinished'> }): GroupBooking {
  /** By lane, while something of it is being booked: what came meanwhile. */
  const queues = new Map<Fence, Waiting[]>();

  async function bookAll(group: readonly Waiting[], fence: Fence): Promise<void> {
    try {
      await books.batchesFinished(
        group.map(({ finished }) => finished),
        fence,
      );
      for (const { resolve } of group) resolve();
    } catch (error) {
      const isOfAll = isUnavailable(error);
      if (isOfAll || group.length === 1) for (const { reject } of group) reject(error);
      // What one of them is to blame for, the others are not.
      else for (const one of group) await bookAll([one], fence);
    }
  }

  async function run(queue: Waiting[], fence: Fence): Promise<void> {
    while (queue.length > 0) await bookAll(queue.splice(0), fence);
    queues.delete(fence);
  }

  return {
    book: (finished, fence) =>
      new Promise((resolve, reject) => {
        const waiting = { finished, resolve, reject };
        const queue = queues.get(fence);
        if (queue) {
          queue.push(waiting);
          return;
        }
        const own = [waiting];
        queues.set(fence, own);
        void run(own, fence);
      }),
  };
}
