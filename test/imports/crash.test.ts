import { expect, test, vi } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startSandbox } from '../../src/sandbox/server.ts';
import type { Data } from '../support/gateway.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { assertAddsUp, LIST, outboundRow, put } from '../support/imports.ts';
import { freshDatabaseUrl } from '../support/postgres.ts';

const LIST_ID = DEMO_IDS.contactLists.importTrial;
const POST_CONTACTS = 'POST /api/v2/outbound/contactlists/{listId}/contacts';
/** `SOAK_KILLS=30 SOAK_ROWS=50000` makes a long run of it. */
const KILLS = Number(process.env.SOAK_KILLS ?? 3);
const ROWS = Number(process.env.SOAK_ROWS ?? 10_000);
const WAIT_MS = 60_000 + KILLS * 20_000;

async function start(gateway: GatewayProcess): Promise<string> {
  const { data } = await gateway.graphql(
    `mutation { createImportUpload(input: { kind: OUTBOUND_CONTACTS, targetId: "${LIST}", format: NDJSON }) {
       ... on CreateImportUploadPayload { url import { id } } } }`,
  );
  const lines = Array.from({ length: ROWS }, (_, index) => JSON.stringify(outboundRow(index)));
  await put(data.createImportUpload.url, lines.join('\n'));
  return data.createImportUpload.import.id;
}

async function read(gateway: GatewayProcess, id: string): Promise<Data> {
  const { data } = await gateway.graphql(
    `query ($id: ID!) { import(id: $id) { state progress { received valid rejected duplicates succeeded skipped failed
       unknown pending } report { verification { matches } } rejections { nodes { stage issues { message } } } } }`,
    { id },
  );
  assertAddsUp(data.import.progress);
  return data.import;
}

/** Looks now and then, so as not to take the gateway's time from it. Ends with the test at the latest. */
async function finished(gateway: GatewayProcess, id: string): Promise<Data> {
  return await vi.waitFor(
    async () => {
      const current = await read(gateway, id);
      if (!/COMPLETED|FAILED|CANCELLED/.test(current.state)) throw new Error(`It is ${current.state}.`);
      return current;
    },
    { interval: 50, timeout: WAIT_MS },
  );
}

test.each(['sqlite', 'postgres'] as const)(
  'killed again and again on %s, every row reaches the list exactly once',
  { timeout: WAIT_MS },
  async (engine) => {
    await using sandbox = await startSandbox({ limits: { outbound: 1000 } });
    await using database = await freshDatabaseUrl(engine);
    const options = { databaseUrl: database.url, cxoneUrl: sandbox.url, env: { CXONE_LIMITS: '{"outbound":1000}' } };
    let gateway = await startGatewayProcess(options);
    const id = await start(gateway);
    // Each kill strikes at another moment: before the body came, when it was applied and not answered, after the answer.
    for (let kill = 0; kill < KILLS; kill += 1) {
      sandbox.control.resetRequests();
      const strike = sandbox.control.waitFor(
        ({ route, status }) => route === POST_CONTACTS && (kill % 2 === 0) === (status === undefined),
      );
      await Promise.race([strike, finished(gateway, id)]).catch(() => undefined);
      await gateway.kill();
      gateway = await startGatewayProcess(options);
    }
    const outcome = await finished(gateway, id);
    expect(outcome).toMatchObject({
      state: 'COMPLETED',
      progress: { received: ROWS, valid: ROWS, succeeded: ROWS, unknown: 0 },
      report: { verification: { matches: true } },
    });
    expect(sandbox.control.state.contactList(LIST_ID).total).toBe(ROWS);
    expect(sandbox.control.state.outboundDuplicates(LIST_ID)).toEqual([]);
    expect(await gateway.stop()).toBe(0);
  },
);

test('a stop in the middle finishes the batch under way, and the next start goes on', async () => {
  await using sandbox = await startSandbox({ limits: { outbound: 1000 } });
  await using database = await freshDatabaseUrl('sqlite');
  const options = { databaseUrl: database.url, cxoneUrl: sandbox.url };
  const first = await startGatewayProcess(options);
  const id = await start(first);
  await sandbox.control.waitFor(({ route }) => route === POST_CONTACTS);
  expect(await first.stop()).toBe(0);
  const sent = sandbox.control.state.contactList(LIST_ID).total;

  await using second = await startGatewayProcess(options);
  expect((await read(second, id)).progress.succeeded).toBeGreaterThanOrEqual(sent);
  expect(await finished(second, id)).toMatchObject({ state: 'COMPLETED', progress: { succeeded: ROWS } });
  expect(sandbox.control.state.outboundDuplicates(LIST_ID)).toEqual([]);
});
