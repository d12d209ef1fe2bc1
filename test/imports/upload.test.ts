import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { MAX_UPLOAD_BYTES } from '../../src/imports/import-intake.ts';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { createUpload, finished, outboundRow, put } from '../support/imports.ts';

const HEADER = 'externalId,firstName,lastName,phone,email,doNotCall,doNotEmail';

function csvLine(index: number): string {
  const row = outboundRow(index);
  return `${row.externalId},${row.firstName},${row.lastName},${row.phone},${row.email},${row.doNotCall},${row.doNotEmail}`;
}

function csv(count: number): string {
  return `${[HEADER, ...Array.from({ length: count }, (_, index) => csvLine(index))].join('\n')}\n`;
}

const listed = (gateway: TestGateway) =>
  gateway.sandbox.control.state.outboundContacts(DEMO_IDS.contactLists.importTrial);

test('a CSV that is put to the link is sent once the whole of it is there', async () => {
  await using gateway = await startGateway();
  const { id, url } = await createUpload(gateway);
  const text = csv(1200);
  expect(await put(url, text)).toEqual({ status: 200, body: { import: id, bytes: text.length, rows: 1200 } });
  expect(await finished(gateway, id)).toMatchObject({ state: 'COMPLETED', progress: { succeeded: 1200 } });
  expect(listed(gateway)).toHaveLength(1200);
});

test('NDJSON and gzip are taken too', async () => {
  await using gateway = await startGateway();
  const { id, url } = await createUpload(gateway, { format: 'NDJSON' });
  const lines = Array.from({ length: 10 }, (_, index) => JSON.stringify(outboundRow(index))).join('\n');
  expect(await put(url, gzipSync(lines), { 'content-encoding': 'gzip' })).toMatchObject({
    status: 200,
    body: { rows: 10 },
  });
  expect(await finished(gateway, id)).toMatchObject({ progress: { succeeded: 10 } });
});

test('columns the kind does not know go to customFields, and the mapping renames', async () => {
  await using gateway = await startGateway();
  const fieldMapping = [
    { source: 'Mobile', target: 'phone' },
    { source: 'Ref', target: 'externalId' },
  ];
  const { id, url } = await createUpload(gateway, { options: { fieldMapping } });
  await put(url, 'Ref;Mobile;doNotCall;doNotEmail;tier\nA-1; +14155550123 ;false;true;gold\n');
  expect(await finished(gateway, id)).toMatchObject({ state: 'COMPLETED' });
  expect(listed(gateway)).toEqual([
    { externalId: 'A-1', phone: '+14155550123', doNotCall: false, doNotEmail: true, customFields: { tier: 'gold' } },
  ]);
});

test('a file that says it is larger than an upload may be is refused before it comes, and another may be sent', async () => {
  await using gateway = await startGateway();
  const { id, url } = await createUpload(gateway);
  const sending = request(url, { method: 'PUT', headers: { 'content-length': String(MAX_UPLOAD_BYTES + 1) } });
  sending.flushHeaders();
  const [response] = await once(sending, 'response');
  sending.destroy();
  expect(response.statusCode).toBe(413);
  expect(await put(url, csv(1))).toMatchObject({ status: 200 });
  expect(await finished(gateway, id)).toMatchObject({ state: 'COMPLETED', progress: { succeeded: 1 } });
});

test('a file of which nothing can be used is no success, one with nothing in it but a header is', async () => {
  await using gateway = await startGateway();
  const unusable = await createUpload(gateway);
  expect((await put(unusable.url, '')).status).toBe(422);
  expect(await finished(gateway, unusable.id)).toMatchObject({ state: 'FAILED', report: { successRatePercent: 0 } });
  const empty = await createUpload(gateway);
  expect((await put(empty.url, HEADER)).status).toBe(200);
  expect(await finished(gateway, empty.id)).toMatchObject({ state: 'COMPLETED', report: { successRatePercent: 100 } });
});

test('the answers of an upload are those of the interface', async () => {
  await using gateway = await startGateway();
  const { id, url } = await createUpload(gateway);
  const bare = url.split('?')[0] ?? '';
  expect((await put(bare, csv(1))).status).toBe(401);
  expect((await put(`${bare}?token=forged.token`, csv(1))).status).toBe(401);
  const other = await createUpload(gateway);
  expect((await put(`${bare}?${other.url.split('?')[1]}`, csv(1))).status).toBe(401);
  expect((await put(bare.replace(/[^/]+$/, 'nothing-here'), csv(1))).status).toBe(404);
  expect((await put(url, csv(1), { 'content-encoding': 'br' })).status).toBe(415);
  expect((await put(url, csv(1))).status).toBe(200);
  expect((await put(url, csv(1))).status).toBe(409);
  await finished(gateway, id);

  await gateway.data(`mutation { cancelImport(input: { id: "${other.id}" }) { __typename } }`);
  expect((await put(other.url, csv(1))).status).toBe(410);
});

test('the same file sent several times at once is one import', async () => {
  await using gateway = await startGateway();
  const { id, url } = await createUpload(gateway);
  const answers = await Promise.all([1, 2, 3].map(() => put(url, csv(5000))));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
  expect(await finished(gateway, id)).toMatchObject({ state: 'COMPLETED', progress: { received: 5000 } });
  expect(listed(gateway)).toHaveLength(5000);
});

test('a file that is not what was announced is refused with row and column, and imports nothing', async () => {
  await using gateway = await startGateway();
  const { id, url } = await createUpload(gateway);
  const bytes = Buffer.concat([
    Buffer.from(`${HEADER}\n${csvLine(1)}\nCRM-2,Andr`),
    Buffer.from([0xe9]),
    Buffer.from(',x\n'),
  ]);
  const { status, body } = await put(url, bytes);
  expect(status).toBe(422);
  expect(body.error).toMatchObject({ row: 2, column: 2 });
  expect(await finished(gateway, id)).toMatchObject({
    state: 'FAILED',
    failure: expect.stringContaining('Row 2, column 2'),
    progress: { received: 0, valid: 0 },
  });
  expect(listed(gateway)).toEqual([]);
  const { retryImport } = await gateway.data(
    'mutation ($id: ID!) { retryImport(input: { id: $id }) { ... on ConflictError { reason } } }',
    { id },
  );
  expect(retryImport).toEqual({ reason: 'NOT_IN_THIS_STATE' });
});

test('a connection that breaks leaves nothing behind, and the same link may be tried again', async () => {
  await using gateway = await startGateway();
  const { id, url } = await createUpload(gateway);
  const target = new URL(url);
  const socket = connect(Number(target.port), target.hostname);
  const half = csv(5000);
  socket.write(
    `PUT ${target.pathname}${target.search} HTTP/1.1\r\nhost: x\r\ncontent-length: ${half.length * 2}\r\n\r\n${half}`,
  );
  const states = gateway.subscribe('subscription ($id: ID!) { importProgress(id: $id) { import { state } } }', { id });
  await states.next();
  await untilState(gateway, id, 'RECEIVING');
  socket.destroy();
  await untilState(gateway, id, 'AWAITING_UPLOAD');
  await states.return?.();

  expect(await put(url, csv(10))).toMatchObject({ status: 200, body: { rows: 10 } });
  expect(await finished(gateway, id)).toMatchObject({ progress: { received: 10, succeeded: 10 } });
  expect(listed(gateway)).toHaveLength(10);
});

/** Polls as a client without subscriptions would; ends by the test's own timeout. */
async function untilState(gateway: TestGateway, id: string, state: string): Promise<void> {
  for (;;) {
    const data = await gateway.data('query ($id: ID!) { import(id: $id) { state } }', { id });
    if (data.import.state === state) return;
  }
}
