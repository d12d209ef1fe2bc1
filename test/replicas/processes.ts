/** Gateways in processes of their own on one Postgres, and who watches them from outside. */
import { createClient } from 'graphql-ws';
import pg from 'pg';
import { resumingOperation } from '../../src/client/resuming-operation.ts';
import { outboundContacts } from '../../src/samples/outbound-contacts.ts';
import { sampleFile } from '../../src/samples/sample-file.ts';
import type { Sandbox } from '../../src/sandbox/server.ts';
import type { Data } from '../support/gateway.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { assertAddsUp, LIST, put } from '../support/imports.ts';

export async function startGateways(
  count: number,
  options: { databaseUrl: string; sandbox: Sandbox; env?: Record<string, string> },
): Promise<GatewayProcess[]> {
  const { databaseUrl, sandbox, env = {} } = options;
  return await Promise.all(
    Array.from({ length: count }, () => startGatewayProcess({ databaseUrl, cxoneUrl: sandbox.url, env })),
  );
}

/** @throws where the answer has errors */
export async function dataOf(
  gateway: GatewayProcess,
  query: string,
  variables?: Record<string, unknown>,
): Promise<Data> {
  const answer = await gateway.graphql(query, variables);
  if (answer.errors) throw new Error(JSON.stringify(answer.errors));
  return answer.data;
}

/** So many sound rows of outbound contacts, as CSV. */
export function soundRows(rows: number): string {
  return [...sampleFile(outboundContacts({ rows, dirtyShare: 0, seed: 7 }), 'csv')].join('');
}

/** Uploads a CSV of outbound contacts. @returns the import's id */
export async function uploadCsv(gateway: GatewayProcess, csv: string, listGid = LIST): Promise<string> {
  const { createImportUpload } = await dataOf(
    gateway,
    `mutation ($input: CreateImportUploadInput!) { createImportUpload(input: $input) {
       ... on CreateImportUploadPayload { url import { id } } ... on Error { message } } }`,
    { input: { kind: 'OUTBOUND_CONTACTS', targetId: listGid, format: 'CSV' } },
  );
  const { status } = await put(createImportUpload.url, csv);
  if (status !== 200) throw new Error(`The upload was answered ${status}.`);
  return createImportUpload.import.id;
}

export interface ImportWatch {
  /** In the order they came. */
  readonly events: readonly { type: string; cursor: string; progress: Data; batch: { number: number } | null }[];
  /** Resolves with the import's last event; rejects where the subscription ends otherwise. */
  readonly ended: Promise<void>;
}

/**
 * Follows an import over WebSocket, as a client would that knows several gateways: where a connection breaks, it goes on
 * at the next one after the last event it got.
 */
export function watchImport(gateways: readonly GatewayProcess[], id: string): ImportWatch {
  let next = 0;
  const client = createClient({
    url: () => `${gateways[next++ % gateways.length]?.url.replace(/^http/, 'ws')}/graphql`,
    retryAttempts: 50,
    retryWait: () => new Promise((resolve) => setTimeout(resolve, 50)),
    shouldRetry: () => true,
  });
  const events: Data[] = [];
  const { payload, advance } = resumingOperation(
    `subscription ($id: ID!, $after: String) { importProgress(id: $id, after: $after) { type cursor batch { number }
       progress { received valid rejected duplicates succeeded skipped failed unknown pending } } }`,
    { id },
  );
  const follow = async () => {
    try {
      for await (const { data, errors } of client.iterate<Data>(payload)) {
        if (errors || !data) throw new Error(JSON.stringify(errors));
        assertAddsUp(data.importProgress.progress);
        advance(data);
        events.push(data.importProgress);
      }
      if (!/FINISHED|FAILED|CANCELLED/.test(events.at(-1)?.type)) throw new Error('it ended before the import did');
    } finally {
      await client.dispose();
    }
  };
  const ended = follow();
  // Whoever waits for it hears of it; nobody has to wait from the beginning.
  ended.catch(() => {});
  return { events, ended };
}

/** Which of the gateways sends the import's rows: by the process number in the lease of their target. */
export async function laneOwner(
  databaseUrl: string,
  gateways: readonly GatewayProcess[],
): Promise<GatewayProcess | undefined> {
  const rows = await query(databaseUrl, "select owner from leases where name like 'send:%'");
  const pids = rows.map(({ owner }) => Number(/:(\d+):[^:]+$/.exec(String(owner))?.[1]));
  return gateways.find(({ child }) => child.pid !== undefined && pids.includes(child.pid));
}

export async function query(databaseUrl: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

const FINAL = /^(?:COMPLETED|COMPLETED_WITH_FAILURES|FAILED|CANCELLED)$/;

/** Asks until the import has ended. Checks that the counts add up each time. */
export async function untilFinished(gateway: GatewayProcess, id: string): Promise<Data> {
  for (;;) {
    const { import: current } = await dataOf(
      gateway,
      `query ($id: ID!) { import(id: $id) { state progress { received valid rejected duplicates succeeded skipped failed
         unknown pending } report { verification { matches } } rejections { nodes { stage issues { message } } } } }`,
      { id },
    );
    assertAddsUp(current.progress);
    if (FINAL.test(current.state)) return current;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
