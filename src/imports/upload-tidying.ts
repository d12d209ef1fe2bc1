/** Uploads that nobody is bringing any more: those that broke with their process may be tried again, those that never came expire. */
import type { Clock } from '../clock.ts';
import { isUnavailable } from '../errors.ts';
import type { ImportStore } from '../store/import-store.ts';
import type { Leases } from '../store/leases.ts';
import type { ImportBooks } from './import-books.ts';
import { uploadLeaseName } from './import-intake.ts';

/** No look at one upload takes longer. */
const LEASE_MS = 10_000;

export interface UploadTidying {
  /** Looks at all uploads. One that is just being received, here or elsewhere, is left alone. */
  run(): Promise<void>;
}

export function createUploadTidying(deps: {
  store: ImportStore;
  leases: Leases;
  books: ImportBooks;
  clock: Clock;
}): UploadTidying {
  const { store, leases, books, clock } = deps;

  async function abandonOrphan(importId: string): Promise<void> {
    try {
      await leases.withLease(uploadLeaseName(importId), { leaseMs: LEASE_MS, waitMs: 0 }, async () => {
        const row = await store.get(importId);
        if (row?.state === 'RECEIVING') await books.notReceived(importId, row.upload_attempt, null);
      });
    } catch (error) {
      // Somebody has the lease: the upload is on its way.
      if (!isUnavailable(error)) throw error;
    }
  }

  return {
    async run() {
      for (const row of await store.receiving()) await abandonOrphan(row.id);
      for (const row of await store.overdueUploads(clock.now())) await books.uploadExpired(row.id);
    },
  };
}
