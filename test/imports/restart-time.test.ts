import { readFileSync } from 'node:fs';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startSandbox } from '../../src/sandbox/server.ts';
import { openDatabase } from '../../src/store/database.ts';
import { createImportStore } from '../../src/store/import-store.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { outboundRow } from '../support/imports.ts';
import { freshDatabaseUrl } from '../support/postgres.ts';

const OPEN_BATCHES = 100_000;
/** faults.md, "restart time"; of processor time, so that it makes no difference what else the machine does. */
const MAX_SECONDS = 10;
const LIST_ID = DEMO_IDS.contactLists.importTrial;
const POST_CONTACTS = 'POST /api/v2/outbound/contactlists/{listId}/contacts';
const ID = '0-import-of-many';

/** A running import of one-row batches: the first as the gateway stores it, the others like it. */
async function storeOpenBatches(url: string): Promise<void> {
  await using database = await openDatabase({ url, clock: systemClock });
  const store = createImportStore(database);
  await database.transaction(async (tx) => {
    await store.insert(tx, {
      id: ID,
      kind: 'OUTBOUND_CONTACTS',
      state: 'RECEIVING',
      target_id: LIST_ID,
      options_json: '{"onDuplicate":"SKIP"}',
      created_by: 'somebody',
      created_at: 1,
    });
    const contact = outboundRow(1);
    const batch = {
      number: 1,
      targetId: LIST_ID,
      size: 1,
      rows: [1],
      items: [JSON.stringify(contact)],
      sources: [JSON.stringify(contact)],
    };
    const counts = { rejected: 0, duplicates: 0, totalFields: 0, filledFields: 0 };
    await store.stage(tx, ID, 0, {
      batches: [batch],
      rejections: [],
      counts: { ...counts, received: OPEN_BATCHES, valid: OPEN_BATCHES, batches: OPEN_BATCHES },
    });
    await sql`insert into import_batches
      (import_id, number, upload_attempt, target_id, state, size, succeeded, skipped, failed, unknown, attempts, contents)
      with recursive numbers(n) as (select 2 union all select n + 1 from numbers where n < ${OPEN_BATCHES})
      select import_id, n, upload_attempt, target_id, state, size, 0, 0, 0, 0, 0, contents from import_batches, numbers
      where import_id = ${ID} and number = 1`.execute(tx);
    await store.seal(tx, ID, 0, { state: 'RUNNING', bytes: 1, header: null });
  });
}

/** What a process and all its threads have used so far. */
function cpuSeconds(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

test.skipIf(process.platform !== 'linux').each(['sqlite', 'postgres'] as const)(
  'with 100 000 open batches on %s a start is ready within ten seconds, and goes on where it was',
  async (engine) => {
    await using sandbox = await startSandbox();
    await using database = await freshDatabaseUrl(engine);
    await storeOpenBatches(database.url);
    await using gateway = await startGatewayProcess({ databaseUrl: database.url, cxoneUrl: sandbox.url });
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(200);
    await sandbox.control.waitFor(({ route }) => route === POST_CONTACTS, { timeoutMs: 60_000 });
    expect(cpuSeconds(gateway.child.pid)).toBeLessThan(MAX_SECONDS);
    const { data } = await gateway.graphql('{ imports(first: 1) { nodes { progress { valid batchesTotal } } } }');
    expect(data.imports.nodes[0].progress).toEqual({ valid: OPEN_BATCHES, batchesTotal: OPEN_BATCHES });
    await gateway.kill();
  },
);
