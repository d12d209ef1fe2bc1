import { describe, expect, test } from 'vitest';
import { createImportNotices } from '../../src/callbacks/import-notices.ts';
import type { BatchOutcome } from '../../src/store/import-sending.ts';
import { createOutbox } from '../../src/store/outbox.ts';
import type { ImportRow } from '../../src/store/tables.ts';
import { ENGINES, openFreshDatabase } from '../store/open-database.ts';
import { createFakeClock } from '../support/clock.ts';

const NOW = Date.UTC(2026, 10, 21, 14, 0, 0);
const CRM_URL = 'https://crm.example.com/hooks';

/** The columns a notice reads, and some others. */
function importRow(change: Partial<ImportRow> = {}, callbackUrl?: string): ImportRow {
  const row = {
    id: 'imp-1',
    kind: 'OUTBOUND_CONTACTS',
    state: 'RUNNING',
    failure: null,
    target_id: 'list-1',
    campaign_id: null,
    format: 'CSV',
    options_json: JSON.stringify({ onDuplicate: 'SKIP', ...(callbackUrl === undefined ? {} : { callbackUrl }) }),
    created_by: 'someone',
    request_id: 'req-1',
    created_at: NOW - 10_000,
    started_at: NOW - 1_234.5,
    finished_at: null,
    upload_expires_at: null,
    upload_attempt: 1,
    bytes: 100,
    received: 10,
    rejected: 1,
    duplicates: 2,
    valid: 7,
    succeeded: 3,
    skipped: 1,
    failed: 1,
    unknown: 1,
    batches_total: 4,
    batches_done: 3,
    latency_sum_ms: 100,
    total_fields: 0,
    filled_fields: 0,
    count_before: null,
    count_after: null,
    count_expected: null,
    discrepancy: null,
    header_json: null,
    ...change,
  };
  return row as ImportRow; // A notice reads no other column.
}

const OUTCOME = {
  importId: 'imp-1',
  number: 3,
  targetId: 'list-1',
  succeeded: 1,
  skipped: 1,
  failed: 1,
  unknown: 0,
  latencyMs: 12.3456,
  upstreamRequestId: 'up-1',
  error: null,
  rejections: [],
} as unknown as BatchOutcome; // A notice reads nothing else of it.

describe.each(ENGINES)('notices of imports over %s', (engine) => {
  async function open(crmUrl: string | null) {
    const opened = await openFreshDatabase(engine);
    const outbox = createOutbox({ database: opened.database });
    let made = 0;
    const newId = () => `id-${++made}`;
    const notices = createImportNotices({ outbox, crmUrl, newId, clock: createFakeClock(NOW) });
    return {
      outbox,
      notices,
      database: opened.database,
      [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
    };
  }

  test('a finished batch is told with totals over the import so far and its audit entry', async () => {
    await using store = await open(CRM_URL);
    await store.database.transaction((tx) => store.notices.batchFinished(tx, importRow(), OUTCOME, 77));
    const [message, ...others] = await store.outbox.claimDue(10, 1_000);
    expect(others).toEqual([]);
    expect(message).toMatchObject({ messageId: 'msg_id-1', url: CRM_URL });
    expect(JSON.parse(message?.body ?? '')).toEqual({
      event: 'cxone_contact_import_batch_complete',
      timestamp: '2026-11-21T14:00:00.000Z',
      importId: 'imp-1',
      kind: 'OUTBOUND_CONTACTS',
      metrics: {
        totalProcessed: 6,
        successCount: 4,
        failureCount: 2,
        successRatePercent: 66.67,
        averageLatencyMs: 33.33,
      },
      auditTrailer: {
        auditId: '77',
        timestamp: '2026-11-21T14:00:00.000Z',
        batchIndex: 3,
        recordCount: 3,
        status: 'FAILED',
        latencyMs: 12.35,
        details: { batch: 3, target: 'list-1', succeeded: 1, skipped: 1, failed: 1, unknown: 0 },
      },
    });
  });

  test('a finished import is told with its state and the number of its batches', async () => {
    await using store = await open(CRM_URL);
    const row = importRow({ state: 'COMPLETED', failed: 0, unknown: 0, finished_at: NOW });
    await store.database.transaction((tx) => store.notices.finished(tx, row, 78));
    const [message] = await store.outbox.claimDue(10, 1_000);
    expect(JSON.parse(message?.body ?? '')).toMatchObject({
      event: 'cxone_contact_import_complete',
      metrics: { totalProcessed: 4, successCount: 4, failureCount: 0, successRatePercent: 100 },
      auditTrailer: {
        auditId: '78',
        batchIndex: 4,
        recordCount: 10,
        status: 'SUCCEEDED',
        latencyMs: 1234.5,
        details: { state: 'COMPLETED', succeeded: 3, skipped: 1, failed: 0, unknown: 0, rejected: 1, duplicates: 2 },
      },
    });
  });

  test('an import that processed nothing divides by nothing', async () => {
    await using store = await open(CRM_URL);
    const none = { succeeded: 0, skipped: 0, failed: 0, unknown: 0, batches_done: 0, batches_total: 0 };
    const row = importRow({ ...none, state: 'FAILED', failure: 'no such list', started_at: null });
    await store.database.transaction((tx) => store.notices.finished(tx, row, 1));
    const [message] = await store.outbox.claimDue(10, 1_000);
    expect(JSON.parse(message?.body ?? '')).toMatchObject({
      metrics: { totalProcessed: 0, successRatePercent: 0, averageLatencyMs: 0 },
      auditTrailer: { status: 'FAILED', latencyMs: 0, details: { state: 'FAILED', failure: 'no such list' } },
    });
  });

  test('both the configured and the import’s own destination are told, each under its own id and order', async () => {
    await using store = await open(CRM_URL);
    const row = importRow({}, 'http://127.0.0.1:9/own');
    await store.database.transaction((tx) => store.notices.batchFinished(tx, row, OUTCOME, 1));
    await store.database.transaction((tx) => store.notices.finished(tx, row, 2));
    const messages = await store.outbox.claimDue(10, 1_000);
    // The first of each stream; the ends wait for their batches.
    expect(messages.map(({ url }) => url).toSorted()).toEqual(['http://127.0.0.1:9/own', CRM_URL]);
    expect(new Set(messages.map(({ messageId }) => messageId)).size).toBe(2);
    for (const { body } of messages) expect(JSON.parse(body).event).toBe('cxone_contact_import_batch_complete');
    for (const { id } of messages) await store.outbox.delivered(id);
    const ends = await store.outbox.claimDue(10, 1_000);
    expect(ends.map(({ body }) => JSON.parse(body).event)).toEqual(Array(2).fill('cxone_contact_import_complete'));
  });

  test('somebody who is both destinations is told once; without any nothing is stored', async () => {
    await using store = await open(CRM_URL);
    await store.database.transaction((tx) => store.notices.finished(tx, importRow({}, CRM_URL), 1));
    expect(await store.outbox.claimDue(10, 1_000)).toHaveLength(1);
    await using silent = await open(null);
    await silent.database.transaction((tx) => silent.notices.finished(tx, importRow(), 1));
    expect(await silent.outbox.nextDueInMs()).toBeUndefined();
  });

  test('a transaction that fails tells nobody', async () => {
    await using store = await open(CRM_URL);
    const failing = store.database.transaction(async (tx) => {
      await store.notices.batchFinished(tx, importRow(), OUTCOME, 1);
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    expect(await store.outbox.nextDueInMs()).toBeUndefined();
  });
});
