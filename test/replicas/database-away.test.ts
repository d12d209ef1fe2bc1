import { expect, test, vi } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startSandbox } from '../../src/sandbox/server.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { freshDatabaseUrl } from '../support/postgres.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { dataOf, soundRows, startGateways, untilFinished, uploadCsv, watchImport } from './processes.ts';

const LIST_ID = DEMO_IDS.contactLists.importTrial;
const BOOK = `gid://cxone/AddressBook/${DEMO_IDS.addressBooks.customers}`;
const ROWS = 12_000;
/** Longer than every lease of an import (6 s), and than a replica counts as alive. */
const AWAY_MS = 7_000;

const READ = `{ addressBook(id: "${BOOK}") { name contacts(first: 2) { nodes { firstName } } } }`;
const UPSERT = `mutation ($input: UpsertContactInput!) { upsertContact(input: $input) {
  ... on UpsertContactPayload { outcome } ... on Error { message } } }`;
const ADD_OUTBOUND = `mutation { addOutboundContact(input: {
  contactListId: "gid://cxone/ContactList/${LIST_ID}",
  contact: {externalId: "away", phone: "+14155550123", doNotCall: false, doNotEmail: false}
}) { __typename ... on Error { message } } }`;
const upsertOf = (externalRefId: string) => ({
  input: { addressBookId: BOOK, contact: { firstName: 'Ada', customAttributes: { external_ref_id: externalRefId } } },
});

const readiness = async ({ url }: GatewayProcess) => {
  const response = await fetch(`${url}/health/ready`);
  return { status: response.status, body: await response.json() };
};

test('the database is away during an import and traffic: what needs only CXone goes on, the rest goes on by itself later', async () => {
  await using sandbox = await startSandbox();
  await using database = await freshDatabaseUrl('postgres');
  sandbox.control.fail({ method: 'POST', path: '/api/v2/outbound/contactlists/{id}/contacts', delayMs: 300 });
  const direct = new URL(database.url);
  await using proxy = await startTcpProxy({ host: direct.hostname, port: Number(direct.port) });
  const throughProxy = new URL(database.url);
  throughProxy.port = String(proxy.port);
  await using cleanUp = new AsyncDisposableStack();
  const gateways = await startGateways(2, { databaseUrl: throughProxy.href, sandbox });
  for (const gateway of gateways) cleanUp.use(gateway);
  const [a, b] = gateways;
  if (!a || !b) throw new Error('There are two.');
  const printed: string[] = [];
  for (const { child } of gateways) child.stderr?.on('data', (chunk) => printed.push(String(chunk)));
  expect(await readiness(a)).toMatchObject({ status: 200 });

  const id = await uploadCsv(a, soundRows(ROWS));
  const watches = [watchImport([a], id), watchImport([b], id)];
  await vi.waitFor(() => expect(sandbox.control.state.contactList(LIST_ID).total).toBeGreaterThan(3_000), 90_000);

  await proxy.cut();
  const cutAt = performance.now();
  let round = 0;
  while (performance.now() - cutAt < AWAY_MS) {
    round++;
    for (const gateway of gateways) {
      const read = await gateway.graphql(READ);
      expect(read.errors).toBeUndefined();
      expect(read.data.addressBook.contacts.nodes).toHaveLength(2);
      const before = sandbox.control.requests().total;
      const write = await gateway.graphql(UPSERT, upsertOf(`AWAY-${round}`));
      expect(write.errors?.[0]?.extensions.code).toBe('UNAVAILABLE');
      const bulk = await gateway.graphql(ADD_OUTBOUND);
      expect(bulk.errors?.[0]?.extensions.code).toBe('UNAVAILABLE');
      // Refused before anything was sent: nothing was done that nobody would remember.
      expect(sandbox.control.requests().total).toBe(before);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  for (const gateway of gateways) {
    const { gatewayStatus } = await dataOf(gateway, '{ gatewayStatus { version upstream { group circuit } } }');
    expect(gatewayStatus.upstream).toContainEqual({ group: 'addressBooks', circuit: 'CLOSED' });
    const { status, body } = await readiness(gateway);
    expect(status).toBe(503);
    expect(body).toMatchObject({ status: 'unavailable', checks: { store: expect.stringContaining('database') } });
    expect((await fetch(`${gateway.url}/health/live`)).status).toBe(200);
  }
  const sentWhileAway = sandbox.control.state.contactList(LIST_ID).total;
  expect(sentWhileAway).toBeLessThan(ROWS);
  await proxy.mend();

  await vi.waitFor(async () => {
    for (const gateway of gateways) expect(await readiness(gateway)).toMatchObject({ status: 200 });
  }, 90_000);
  const { upsertContact } = await vi.waitFor(() => dataOf(a, UPSERT, upsertOf('BACK-1')), 90_000);
  expect(upsertContact).toEqual({ outcome: 'CREATED' });
  expect(await untilFinished(b, id)).toMatchObject({
    state: 'COMPLETED',
    progress: { received: ROWS, valid: ROWS, succeeded: ROWS, unknown: 0, failed: 0 },
  });
  expect(sandbox.control.state.contactList(LIST_ID).total).toBe(ROWS);
  expect(sandbox.control.state.outboundDuplicates(LIST_ID)).toEqual([]);
  for (const { events, ended } of watches) {
    await ended;
    const cursors = events.map(({ cursor }) => cursor);
    expect(new Set(cursors).size).toBe(cursors.length);
    expect(events.at(-1)).toMatchObject({ type: 'FINISHED', progress: { succeeded: ROWS, pending: 0 } });
  }
  // No restart, and nothing that nobody caught.
  expect(gateways.map(({ child }) => [child.exitCode, child.signalCode])).toEqual([
    [null, null],
    [null, null],
  ]);
  expect(printed.join('')).not.toMatch(/unhandled|uncaught/i);
});

test('an answer that came while the database was away is booked as it was, refused rows and all', async () => {
  await using sandbox = await startSandbox();
  await using database = await freshDatabaseUrl('postgres');
  const direct = new URL(database.url);
  await using proxy = await startTcpProxy({ host: direct.hostname, port: Number(direct.port) });
  const throughProxy = new URL(database.url);
  throughProxy.port = String(proxy.port);
  const [a] = await startGateways(1, { databaseUrl: throughProxy.href, sandbox });
  await using gateway = a as GatewayProcess;
  const path = '/api/v2/outbound/contactlists/{id}/contacts';
  sandbox.control.fail({ method: 'POST', path, refuse: { every: 100, code: 'PhoneBlocked' } });
  const hold = sandbox.control.hold({ method: 'POST', path });
  const id = await uploadCsv(gateway, soundRows(1_000));
  await vi.waitFor(() => expect(hold.held()).toBe(1), 90_000);
  await proxy.cut();
  hold.release();
  // The answer is there; nobody can write it down.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await proxy.mend();
  const outcome = await vi.waitFor(() => untilFinished(gateway, id), { timeout: 90_000, interval: 500 });
  expect(outcome).toMatchObject({
    state: 'COMPLETED_WITH_FAILURES',
    progress: { received: 1_000, succeeded: 990, failed: 10, unknown: 0 },
  });
  expect(sandbox.control.state.contactList(LIST_ID).total).toBe(990);
});

test('a gateway that starts before its database waits for it', async () => {
  await using sandbox = await startSandbox();
  await using database = await freshDatabaseUrl('postgres');
  const direct = new URL(database.url);
  await using proxy = await startTcpProxy({ host: direct.hostname, port: Number(direct.port) });
  const throughProxy = new URL(database.url);
  throughProxy.port = String(proxy.port);
  await proxy.cut();
  const starting = startGateways(1, { databaseUrl: throughProxy.href, sandbox });
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  await proxy.mend();
  await using gateway = (await starting)[0] as GatewayProcess;
  expect(await readiness(gateway)).toMatchObject({ status: 200 });
});
