import { once } from 'node:events';
import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { expect, test, vi } from 'vitest';
import type { SandboxControl } from '../../src/sandbox/control.ts';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startSandbox } from '../../src/sandbox/server.ts';
import type { Data } from '../support/gateway.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { assertAddsUp, LIST, outboundRow } from '../support/imports.ts';
import { freshDatabaseUrl } from '../support/postgres.ts';

const { contactLists, segments } = DEMO_IDS;
const FAST = { addressBooks: 1000, records: 1000, outbound: 1000, enrichment: 1000, segments: 1000 };
const WAIT_MS = 300_000;
/** In a row that no process survives sending. */
const POISON = 'poison-row';

/** CXone, where a request that holds the poison never comes and `strike` is called instead. */
async function startFuse(upstreamUrl: string, strike: () => void): Promise<AsyncDisposable & { url: string }> {
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    if (body.includes(POISON)) return strike();
    const { method, headers, url } = request;
    forward(new URL(url ?? '/', upstreamUrl), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    })
      .on('error', () => response.destroy())
      .end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // it listens on a port, not on a pipe
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function startImport(gateway: GatewayProcess, input: Record<string, unknown>): Promise<string> {
  const { data } = await gateway.graphql(
    'mutation ($input: StartImportInput!) { startImport(input: $input) { ... on StartImportPayload { import { id } } ... on Error { message } } }',
    { input },
  );
  return data.startImport.import.id;
}

async function read(gateway: GatewayProcess, id: string): Promise<Data> {
  const { data } = await gateway.graphql(
    `query ($id: ID!) { import(id: $id) { state progress { received valid rejected duplicates succeeded skipped failed
       unknown pending } rejections(first: 1) { nodes { stage issues { message } } } } }`,
    { id },
  );
  assertAddsUp(data.import.progress);
  return data.import;
}

/** Of 1000 records to a list, whose answers take their time: under way while the first senders die. */
const OTHER_ROWS = 1000;
const OTHER = {
  kind: 'RECORDS',
  targetId: `gid://cxone/ContactList/${contactLists.summerOutreach}`,
  rows: Array.from({ length: OTHER_ROWS }, (_, index) => ({
    contactId: `c-${index}`,
    phoneNumbers: [{ type: 'mobile', number: `+1415${2_000_000 + index}` }],
    consentTimestamp: '2026-01-01T00:00:00Z',
    optInStatus: 'confirmed',
  })),
};

interface Poisoned {
  kind: string;
  input: Record<string, unknown>;
  rows: number;
  /** Rows in the batch with the poison: the first one. */
  lost: number;
  /** What CXone holds of the import. */
  held(control: SandboxControl): number;
}

const POISONED: Poisoned[] = [
  {
    kind: 'OUTBOUND_CONTACTS',
    input: {
      targetId: LIST,
      rows: Array.from({ length: 5000 }, (_, index) => ({
        ...outboundRow(index),
        ...(index === 10 ? { firstName: POISON } : {}),
      })),
    },
    rows: 5000,
    lost: 1000,
    held: (control) => control.state.contactList(contactLists.importTrial).total,
  },
  {
    kind: 'SEGMENT_MEMBERS',
    input: {
      rows: Array.from({ length: 3000 }, (_, index) => ({
        contactId: index === 10 ? POISON : `c-${index}`,
        segmentId: segments.summerInvitees,
      })),
    },
    rows: 3000,
    lost: 200,
    held: (control) => control.state.segment(segments.summerInvitees).written,
  },
];

test.each(POISONED)(
  '$kind: a batch that kills its senders is sent last and alone after three of them, and given up as unknown after six',
  { timeout: WAIT_MS },
  async ({ kind, input, rows, lost, held }) => {
    await using sandbox = await startSandbox({ limits: FAST, indexLagMs: 0 });
    await using database = await freshDatabaseUrl('sqlite');
    sandbox.control.fail({ method: 'POST', path: '/api/v2/contactlists/{id}/records', delayMs: 100 });
    const { control } = sandbox;
    let isStruck = false;
    /** What CXone held each time when the poison was sent. */
    const strikes: { own: number; other: number }[] = [];
    await using fuse = await startFuse(sandbox.url, () => {
      strikes.push({ own: held(control), other: control.state.records(contactLists.summerOutreach).length });
      isStruck = true;
    });
    const options = { databaseUrl: database.url, cxoneUrl: fuse.url, env: { CXONE_LIMITS: JSON.stringify(FAST) } };
    let gateway = await startGatewayProcess(options);
    await using _cleanUp = { [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() };
    const other = await startImport(gateway, OTHER);
    const id = await startImport(gateway, { kind, ...input });
    const finished = () =>
      vi.waitFor(
        async () => {
          if (isStruck) return undefined;
          const current = await read(gateway, id);
          if (!/COMPLETED|FAILED|CANCELLED/.test(current.state)) throw new Error(`It is ${current.state}.`);
          return current;
        },
        { interval: 50, timeout: WAIT_MS },
      );
    let outcome = await finished();
    while (!outcome) {
      await gateway.kill();
      isStruck = false;
      gateway = await startGatewayProcess(options);
      outcome = await finished();
    }
    expect(strikes).toHaveLength(6);
    // From the fourth on it is the last, and everything else has gone.
    for (const strike of strikes.slice(3)) expect(strike).toEqual({ own: rows - lost, other: OTHER_ROWS });
    expect(outcome).toMatchObject({
      state: 'COMPLETED_WITH_FAILURES',
      progress: { valid: rows, succeeded: rows - lost, failed: 0, unknown: lost },
      rejections: { nodes: [{ stage: 'UNKNOWN' }] },
    });
    expect(await read(gateway, other)).toMatchObject({ state: 'COMPLETED', progress: { succeeded: OTHER_ROWS } });
    expect(await gateway.stop()).toBe(0);
  },
);
