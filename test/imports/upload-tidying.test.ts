import { expect, test } from 'vitest';
import type { ImportBooks } from '../../src/imports/import-books.ts';
import { uploadLeaseName } from '../../src/imports/import-intake.ts';
import { createUploadTidying } from '../../src/imports/upload-tidying.ts';
import { createImportStore } from '../../src/store/import-store.ts';
import { createLeases } from '../../src/store/leases.ts';
import type { ImportStateColumn } from '../../src/store/tables.ts';
import { openFreshDatabase } from '../store/open-database.ts';
import { createFakeClock } from '../support/clock.ts';

test('an upload whose receiver died may be tried again, one that is under way is left alone, one that never came expires', async () => {
  const clock = createFakeClock();
  await using opened = await openFreshDatabase('sqlite', clock);
  const { database } = opened;
  const store = createImportStore(database);
  const leases = createLeases({ database, clock, owner: 'me' });
  const announce = (id: string, state: ImportStateColumn, expiresAt: number) => {
    const row: Parameters<typeof store.insert>[1] = {
      id,
      kind: 'OUTBOUND_CONTACTS',
      state,
      upload_attempt: 3,
      format: 'CSV',
      options_json: '{}',
      created_by: 'somebody',
      created_at: clock.now(),
      upload_expires_at: expiresAt,
    };
    return database.transaction((tx) => store.insert(tx, row));
  };
  const later = clock.now() + 1000;
  await announce('orphan', 'RECEIVING', later);
  await announce('under way', 'RECEIVING', later);
  await announce('to come', 'AWAITING_UPLOAD', later);
  await announce('overdue', 'AWAITING_UPLOAD', clock.now());
  const booked: unknown[] = [];
  const books: Pick<ImportBooks, 'notReceived' | 'uploadExpired'> = {
    notReceived: async (...given) => void booked.push(['notReceived', ...given]),
    uploadExpired: async (...given) => void booked.push(['uploadExpired', ...given]),
  };
  const tidying = createUploadTidying({ store, leases, books: books as ImportBooks, clock });
  const lease = { leaseMs: 10_000, waitMs: 0 };
  await leases.withLease(uploadLeaseName('under way'), lease, () => tidying.run());
  expect(booked).toEqual([
    ['notReceived', 'orphan', 3, null],
    ['uploadExpired', 'overdue'],
  ]);
});
