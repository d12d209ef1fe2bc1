import { expect, test, vi } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startSandbox } from '../../src/sandbox/server.ts';
import type { Data } from '../support/gateway.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { LIST } from '../support/imports.ts';
import { freshDatabaseUrl } from '../support/postgres.ts';
import { dataOf, query, startGateways, untilFinished } from './processes.ts';

const LIST_ID = DEMO_IDS.contactLists.importTrial;
const ROWS = 3_000;
const CALLS = ROWS / 100;
/** Calls that one replica has under way for one list. */
const CALLS_OF_ONE = 4;
const FAST = { records: 1000 };
const BOOK_ID = DEMO_IDS.addressBooks.prospects;
/** cxone-api.md, section 2. */
const MAX_IN_FLIGHT = 15;
const CONSENT = new Date(Date.now() - 86_400_000).toISOString();

/** Two replicas on a database, with these limits of CXone's. */
async function startTwo(limits: Record<string, number>) {
  await using parts = new AsyncDisposableStack();
  const sandbox = parts.use(await startSandbox({ limits }));
  const database = parts.use(await freshDatabaseUrl('postgres'));
  const env = { CXONE_LIMITS: JSON.stringify(limits) };
  const gateways = await startGateways(2, { databaseUrl: database.url, sandbox, env });
  for (const gateway of gateways) parts.use(gateway);
  const [first] = gateways as [GatewayProcess];
  const started = parts.move();
  return { sandbox, database, gateways, first, [Symbol.asyncDispose]: () => started.disposeAsync() };
}

/** @returns the import's id */
async function start(gateway: GatewayProcess, input: Record<string, unknown>): Promise<string> {
  const { startImport } = await dataOf(
    gateway,
    `mutation ($input: StartImportInput!) { startImport(input: $input) { ... on StartImportPayload { import { id } } } }`,
    { input },
  );
  return startImport.import.id;
}

async function startRecords(gateway: GatewayProcess, targetId = LIST): Promise<string> {
  const rows = Array.from({ length: ROWS }, (_, index) => ({
    contactId: `c-${index}`,
    phoneNumbers: [{ type: 'mobile', number: `+1415${2_000_000 + index}` }],
    consentTimestamp: CONSENT,
    optInStatus: 'confirmed',
  }));
  return await start(gateway, { kind: 'RECORDS', targetId, rows });
}

/** The process number of whoever has a lease whose name begins so. */
async function ownerOf(databaseUrl: string, beginning: string): Promise<number> {
  const [row] = await query(databaseUrl, `select owner from leases where name like '${beginning}%'`);
  return Number(/:(\d+):[^:]+$/.exec(String(row?.owner))?.[1]);
}

test.each(['SIGKILL', 'SIGSTOP'] as const)(
  'the records of one import travel from both replicas at once, and each gets in once although one of them has a %s',
  { timeout: 300_000 },
  async (signal) => {
    await using replicas = await startTwo(FAST);
    const { sandbox, database, gateways } = replicas;
    const calls = sandbox.control.hold({ method: 'POST', path: '/api/v2/contactlists/{listId}/records' });
    const id = await startRecords(gateways[0] as GatewayProcess);
    // None is answered, and none is more than what one replica and its helper have under way.
    await vi.waitFor(() => expect(calls.held()).toBe(2 * CALLS_OF_ONE), 90_000);

    const pid = await ownerOf(database.url, 'help:RECORDS:1:');
    const helper = gateways.find(({ child }) => child.pid === pid);
    const first = gateways.find((gateway) => gateway !== helper);
    if (!helper || !first) throw new Error('One of the two helps the other.');
    expect(await ownerOf(database.url, 'send:RECORDS:')).toBe(first.child.pid);
    helper.child.kill(signal);
    calls.release();

    const outcome = {
      state: 'COMPLETED',
      progress: { received: ROWS, valid: ROWS, succeeded: ROWS, skipped: 0, failed: 0, unknown: 0 },
    };
    expect(await untilFinished(first, id)).toMatchObject(outcome);
    expect(sandbox.control.state.records(LIST_ID)).toHaveLength(ROWS);
    if (signal === 'SIGSTOP') {
      helper.child.kill('SIGCONT');
      // What it was told meanwhile is no longer its to book.
      expect(await untilFinished(helper, id)).toMatchObject(outcome);
    }
    // Only what was under way was sent again.
    const { routes } = sandbox.control.requests();
    const posts = routes['POST /api/v2/contactlists/{listId}/records']?.requests ?? 0;
    expect(posts).toBeGreaterThanOrEqual(CALLS);
    expect(posts).toBeLessThanOrEqual(CALLS + CALLS_OF_ONE);
    expect(await query(database.url, 'select distinct attempts from import_batches where attempts > 1')).toEqual([]);
  },
);

test('the records of as many imports as there are replicas travel from all of them at once', {
  timeout: 90_000,
}, async () => {
  await using replicas = await startTwo(FAST);
  const { sandbox, first } = replicas;
  const calls = sandbox.control.hold({ method: 'POST', path: '/api/v2/contactlists/{listId}/records' });
  const lists = [LIST, `gid://cxone/ContactList/${DEMO_IDS.contactLists.winback}`];
  const ids = await Promise.all(lists.map((list) => startRecords(first, list)));
  await vi.waitFor(() => expect(calls.held()).toBe(2 * lists.length * CALLS_OF_ONE), 30_000);
  calls.release();
  for (const id of ids)
    expect(await untilFinished(first, id)).toMatchObject({ state: 'COMPLETED', progress: { succeeded: ROWS } });
});

test('the contacts of one import travel from both replicas at once, never more of them at a time than a book allows', {
  timeout: 90_000,
}, async () => {
  const rows = Array.from({ length: 400 }, (_, index) => ({
    firstName: 'Ada',
    customAttributes: { external_ref_id: `REF-${index}` },
  }));
  await using replicas = await startTwo({ addressBooks: 1000 });
  const { sandbox, database, first } = replicas;
  const posts = sandbox.control.hold({ method: 'POST', path: '/api/v2/addressbooks/{bookId}/contacts' });
  const targetId = `gid://cxone/AddressBook/${BOOK_ID}`;
  const id = await start(first, { kind: 'CONTACTS', targetId, rows });
  await vi.waitFor(async () => {
    const lanes = await query(
      database.url,
      "select distinct lane from import_batches where state = 'RUNNING' order by 1",
    );
    expect(lanes).toEqual([{ lane: '0' }, { lane: '1' }]);
  }, 20_000);
  posts.release();
  expect(await untilFinished(first, id)).toMatchObject({
    state: 'COMPLETED',
    progress: { valid: 400, succeeded: 400, failed: 0, unknown: 0 },
  });
  const made = sandbox.control.state
    .contacts(BOOK_ID)
    .map(({ customAttributes }) => (customAttributes as Data)?.external_ref_id);
  expect(new Set(made.filter((ref) => String(ref).startsWith('REF-'))).size).toBe(400);
  const { peakInFlight, violations } = sandbox.control.requests();
  expect(peakInFlight.byAddressBook[BOOK_ID]).toBeLessThanOrEqual(MAX_IN_FLIGHT);
  expect(violations).toEqual([]);
});
