import { expect, test, vi } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startSandbox } from '../../src/sandbox/server.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { freshDatabaseUrl } from '../support/postgres.ts';
import {
  dataOf,
  laneOwner,
  query,
  soundRows,
  startGateways,
  untilFinished,
  uploadCsv,
  watchImport,
} from './processes.ts';

const LIST_ID = DEMO_IDS.contactLists.importTrial;
const ROWS = 12_000;

test('an update, replica by replica, in the middle of an import: nothing is sent twice, and watchers go on elsewhere', {
  timeout: 300_000,
}, async () => {
  await using sandbox = await startSandbox();
  await using database = await freshDatabaseUrl('postgres');
  const call = { method: 'POST', path: '/api/v2/outbound/contactlists/{id}/contacts' } as const;
  // Longer than the slot of which the newest progress alone is told.
  sandbox.control.fail({ ...call, delayMs: 400 });
  // The first call is under way until somebody watches.
  const first = sandbox.control.hold(call);
  await using cleanUp = new AsyncDisposableStack();
  const options = { databaseUrl: database.url, sandbox, env: { CXONE_TIMEOUT_MS: '60000' } };
  const old = await startGateways(2, options);
  for (const gateway of old) cleanUp.use(gateway);
  const id = await uploadCsv(old[0] as GatewayProcess, soundRows(ROWS));
  const sender = await vi.waitFor(async () => {
    const owner = await laneOwner(database.url, old);
    if (!owner) throw new Error('Nobody sends yet.');
    return owner;
  }, 90_000);
  const other = old.find((gateway) => gateway !== sender) as GatewayProcess;

  // The newer version brings its tables along, which the older one, still running, does not know.
  await query(database.url, 'alter table imports add column of_the_future text');
  await query(database.url, 'create table of_the_future (id text primary key)');
  await query(
    database.url,
    "insert into kysely_migration (name, timestamp) values ('9999-of-the-future', '2030-01-01')",
  );
  const [successor] = await startGateways(1, options);
  if (!successor) throw new Error('One was started.');
  cleanUp.use(successor);

  const watches = [watchImport([sender, successor], id), watchImport([other, successor], id)];
  await vi.waitFor(() => expect(watches.every(({ events }) => events.length > 0)).toBe(true), 90_000);
  first.release();
  await vi.waitFor(() => expect(sandbox.control.state.contactList(LIST_ID).total).toBeGreaterThan(2_000), 90_000);
  expect(await sender.stop()).toBe(0);
  // Where the rest was sent while the first one took its leave, nobody sends any more.
  await vi.waitFor(async () => {
    const isSent = sandbox.control.state.contactList(LIST_ID).total === ROWS;
    expect(isSent || (await laneOwner(database.url, [other, successor]))).toBeTruthy();
  }, 90_000);
  expect(await other.stop()).toBe(0);

  expect(await untilFinished(successor, id)).toMatchObject({
    state: 'COMPLETED',
    progress: { received: ROWS, valid: ROWS, succeeded: ROWS, unknown: 0, failed: 0 },
  });
  for (const { events, ended } of watches) {
    await ended;
    const cursors = events.map(({ cursor }) => cursor);
    expect(new Set(cursors).size).toBe(cursors.length);
    expect(events.at(-1)).toMatchObject({ type: 'FINISHED', progress: { succeeded: ROWS, pending: 0 } });
    const batches = events.flatMap(({ batch }) => (batch ? [batch.number] : []));
    expect(batches).toEqual(Array.from({ length: ROWS / 1_000 }, (_, index) => index + 1));
  }
  expect(sandbox.control.state.outboundDuplicates(LIST_ID)).toEqual([]);
  const { routes } = sandbox.control.requests();
  expect(routes['POST /api/v2/outbound/contactlists/{listId}/contacts']?.items).toBe(ROWS);
  expect((await dataOf(successor, '{ status: gatewayStatus { replicas } }')).status.replicas).toBe(1);
});

test('many gateways that start at once on an empty database migrate it once', async () => {
  await using sandbox = await startSandbox();
  await using database = await freshDatabaseUrl('postgres');
  await using cleanUp = new AsyncDisposableStack();
  const gateways = await startGateways(4, { databaseUrl: database.url, sandbox });
  for (const gateway of gateways) cleanUp.use(gateway);
  await vi.waitFor(async () => {
    for (const gateway of gateways)
      expect((await dataOf(gateway, '{ status: gatewayStatus { replicas } }')).status.replicas).toBe(4);
  }, 90_000);
  // Starting asks CXone for nothing: a storm of starts is none at its token endpoint.
  expect(sandbox.control.requests()).toMatchObject({ total: 0, tokens: { form: 0, basic: 0, json: 0 } });
});
