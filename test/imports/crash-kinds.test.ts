import { expect, test, vi } from 'vitest';
import type { SandboxControl } from '../../src/sandbox/control.ts';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startSandbox } from '../../src/sandbox/server.ts';
import type { Data } from '../support/gateway.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { assertAddsUp } from '../support/imports.ts';
import { freshDatabaseUrl } from '../support/postgres.ts';

const FAST = { addressBooks: 1000, records: 1000, outbound: 1000, enrichment: 1000, segments: 1000 };
/** Each kill strikes at another moment: while a call is under way, and after its answer. */
const KILLS = 2;
const WAIT_MS = 300_000;
const CONSENT = new Date(Date.now() - 86_400_000).toISOString();
const { contactLists, addressBooks, segments } = DEMO_IDS;

interface KindUnderTest {
  kind: string;
  targetId?: string;
  rows: number;
  row(index: number): Record<string, unknown>;
  /** The call that writes. */
  route: string;
  /** What CXone holds of the import. */
  held(control: SandboxControl): number;
}

const KINDS: KindUnderTest[] = [
  {
    kind: 'RECORDS',
    targetId: `gid://cxone/ContactList/${contactLists.importTrial}`,
    rows: 2000,
    row: (index) => ({
      contactId: `c-${index}`,
      phoneNumbers: [{ type: 'mobile', number: `+1415${2_000_000 + index}` }],
      consentTimestamp: CONSENT,
      optInStatus: 'confirmed',
    }),
    route: 'POST /api/v2/contactlists/{listId}/records',
    held: (control) => control.state.records(contactLists.importTrial).length,
  },
  {
    kind: 'SEGMENT_MEMBERS',
    rows: 3000,
    row: (index) => ({ contactId: `c-${index}`, segmentId: segments.summerInvitees }),
    route: 'POST /api/v2/segments/{segmentId}/contacts',
    held: (control) => control.state.segment(segments.summerInvitees).written,
  },
  {
    kind: 'CONTACTS',
    targetId: `gid://cxone/AddressBook/${addressBooks.prospects}`,
    rows: 400,
    row: (index) => ({ firstName: 'Ada', customAttributes: { external_ref_id: `REF-${index}` } }),
    route: 'POST /api/v2/addressbooks/{bookId}/contacts',
    held: (control) =>
      control.state
        .contacts(addressBooks.prospects)
        .filter(({ customAttributes }) => /^REF-/.test(String((customAttributes as Data)?.external_ref_id))).length,
  },
  {
    kind: 'ATTRIBUTES',
    targetId: `gid://cxone/ContactList/${contactLists.summerOutreach}`,
    rows: 2000,
    row: (index) => ({ contactId: `c-${index}`, attributes: { loyalty_tier: 'gold' } }),
    route: 'POST /api/v2/contacts/lists/{listId}/contacts',
    held: (control) =>
      control.state.attributes(contactLists.summerOutreach).filter(({ contactId }) => /^c-\d+$/.test(contactId)).length,
  },
];

async function read(gateway: GatewayProcess, id: string): Promise<Data> {
  const { data } = await gateway.graphql(
    `query ($id: ID!) { import(id: $id) { state failure progress { received valid rejected duplicates succeeded skipped failed unknown pending }
       rejections { nodes { stage issues { message } } } } }`,
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

test.each(KINDS)(
  '$kind: killed again and again, every row is at CXone once and counted so',
  { timeout: WAIT_MS },
  async (under) => {
    await using sandbox = await startSandbox({ limits: FAST, indexLagMs: 0 });
    await using database = await freshDatabaseUrl('sqlite');
    const options = { databaseUrl: database.url, cxoneUrl: sandbox.url, env: { CXONE_LIMITS: JSON.stringify(FAST) } };
    let gateway = await startGatewayProcess(options);
    const { data } = await gateway.graphql(
      'mutation ($input: StartImportInput!) { startImport(input: $input) { ... on StartImportPayload { import { id } } ... on Error { message } } }',
      {
        input: {
          kind: under.kind,
          targetId: under.targetId,
          rows: Array.from({ length: under.rows }, (_, index) => under.row(index)),
        },
      },
    );
    const { id } = data.startImport.import;
    for (let kill = 0; kill < KILLS; kill += 1) {
      sandbox.control.resetRequests();
      const strike = sandbox.control.waitFor(
        ({ route, status }) => route === under.route && (kill % 2 === 0) === (status === undefined),
      );
      await Promise.race([strike, finished(gateway, id)]).catch(() => undefined);
      await gateway.kill();
      gateway = await startGatewayProcess(options);
    }
    const outcome = await finished(gateway, id);
    await gateway.stop();
    expect(outcome).toMatchObject({
      state: 'COMPLETED',
      progress: { succeeded: under.rows, skipped: 0, failed: 0, unknown: 0 },
    });
    expect(under.held(sandbox.control)).toBe(under.rows);
    expect(sandbox.control.requests().violations).toEqual([]);
  },
);
