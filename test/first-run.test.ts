import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startGatewayProcess } from './support/gateway-process.ts';
import { LIST, outboundRow } from './support/imports.ts';

test('the first start needs nothing but a place to write, and a second goes on where it ended', async () => {
  await using folder = await temporaryFolder();
  // A folder that is not there yet, as in a fresh clone.
  const databaseUrl = `file:${join(folder.path, 'data', 'gateway.db')}`;
  let id: string;
  {
    await using gateway = await startGatewayProcess({ databaseUrl });
    const { data } = await gateway.graphql(
      `mutation ($rows: [JSONObject!]!) { startImport(input: { kind: OUTBOUND_CONTACTS, targetId: "${LIST}", rows: $rows }) {
         ... on StartImportPayload { import { id } } } }`,
      { rows: [outboundRow(1), outboundRow(2)] },
    );
    id = data.startImport.import.id;
    expect((await gateway.graphql('{ gatewayStatus { sandbox store } }')).data.gatewayStatus).toEqual({
      sandbox: true,
      store: 'SQLITE',
    });
    for (const path of ['/', '/graphql', '/health/ready', '/metrics'])
      expect((await fetch(`${gateway.url}${path}`, { headers: { accept: 'text/html,*/*' } })).status).toBe(200);
    await gateway.kill();
  }
  await using gateway = await startGatewayProcess({ databaseUrl });
  for (;;) {
    const { data } = await gateway.graphql(
      `query ($id: ID!) { import(id: $id) { state progress { succeeded } } contactList(id: "${LIST}") { totalContactCount } }`,
      { id },
    );
    if (data.import.state !== 'COMPLETED') continue;
    expect(data).toEqual({
      import: { state: 'COMPLETED', progress: { succeeded: 2 } },
      contactList: { totalContactCount: 2 },
    });
    break;
  }
});

async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'gateway-first-run-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
