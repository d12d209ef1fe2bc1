/** Imports as tests use them: start, upload, wait for the last event by subscribing, read the outcome. */
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import type { Data, TestGateway } from './gateway.ts';

/** An empty list of the sandbox. */
export const LIST = `gid://cxone/ContactList/${DEMO_IDS.contactLists.importTrial}`;

/** A valid row; different for every `index` below ten million. */
export function outboundRow(index: number) {
  return {
    externalId: `CRM-${index}`,
    firstName: 'Ada',
    lastName: 'Example',
    phone: `+1415${String(2_000_000 + index)}`,
    email: `person${index}@example.com`,
    doNotCall: false,
    doNotEmail: index % 2 === 0,
  };
}

/** Starts an import of outbound contacts into LIST, unless `input` says otherwise. Returns its id. */
export async function startImport(
  gateway: TestGateway,
  rows: readonly Record<string, unknown>[],
  input: Record<string, unknown> = {},
): Promise<string> {
  const { startImport } = await gateway.data(
    `mutation ($input: StartImportInput!) { startImport(input: $input) {
       ... on StartImportPayload { import { id } } ... on Error { message } ... on ValidationError { issues { path message } } } }`,
    { input: { kind: 'OUTBOUND_CONTACTS', targetId: LIST, rows, ...input } },
  );
  if (!startImport.import) throw new Error(JSON.stringify(startImport));
  return startImport.import.id;
}

export async function createUpload(
  gateway: TestGateway,
  input: Record<string, unknown> = {},
): Promise<{ id: string; url: string }> {
  const { createImportUpload } = await gateway.data(
    `mutation ($input: CreateImportUploadInput!) { createImportUpload(input: $input) {
       ... on CreateImportUploadPayload { url expiresAt import { id state } } ... on Error { message } } }`,
    { input: { kind: 'OUTBOUND_CONTACTS', targetId: LIST, format: 'CSV', ...input } },
  );
  if (!createImportUpload.import) throw new Error(JSON.stringify(createImportUpload));
  return { id: createImportUpload.import.id, url: createImportUpload.url };
}

export async function put(
  url: string,
  body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Data }> {
  const response = await fetch(url, { method: 'PUT', body, headers, duplex: 'half' } as RequestInit);
  return { status: response.status, body: await response.json() };
}

const OUTCOME = `state failure
  progress { received valid rejected duplicates succeeded skipped failed unknown pending batchesTotal batchesDone percent }
  targets { state succeeded skipped failed pending attempts }
  batches(first: 250) { nodes { number state size succeeded skipped failed attempts error } }
  rejections(first: 250) { nodes { row stage data issues { path code message } } }
  report { successRatePercent verification { countBefore countAfter expectedAfter matches } }`;

/** Waits for the import's last event and gives what became of it. Checks that the counts added up all the way. */
export async function finished(gateway: TestGateway, id: string): Promise<Data> {
  for await (const { importProgress } of gateway.subscribe(
    `subscription ($id: ID!) { importProgress(id: $id) { type progress {
       received valid rejected duplicates succeeded skipped failed unknown pending } } }`,
    { id },
  )) {
    assertAddsUp(importProgress.progress);
  }
  const { import: outcome } = await gateway.data(`query ($id: ID!) { import(id: $id) { ${OUTCOME} } }`, { id });
  assertAddsUp(outcome.progress);
  return outcome;
}

export function assertAddsUp(progress: Data): void {
  const { received, valid, rejected, duplicates, succeeded, skipped, failed, unknown, pending } = progress;
  const fits = received === valid + rejected + duplicates && valid === succeeded + skipped + failed + unknown + pending;
  if (!fits) throw new Error(`The counts do not add up: ${JSON.stringify(progress)}`);
}
