import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import persisted from '../../src/client/generated/persisted-documents.json' with { type: 'json' };
import { ownOperations } from '../../src/client/own-operations.ts';
import { runCli } from '../cli/run-cli.ts';
import { startGateway } from '../support/gateway.ts';

test('every operation of the gateway’s clients is among them, under codegen’s hash', () => {
  expect(Object.keys(ownOperations()).sort()).toEqual(Object.keys(persisted).sort());
});

test('the command line works where only registered operations are run, its own not being listed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'operations-'));
  try {
    const file = join(folder, 'operations.json');
    const text = '{ gatewayStatus { version } }';
    await writeFile(file, JSON.stringify({ [createHash('sha256').update(text).digest('hex')]: text }));
    const env = { GATEWAY_PERSISTED_OPERATIONS: file, GATEWAY_PERSISTED_ONLY: 'on' };
    await using gateway = await startGateway({ env });
    const foreign = await gateway.graphql('{ gatewayStatus { sandbox } }');
    expect(foreign.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    expect((await runCli(['status', '--url', gateway.url])).code).toBe(0);
  } finally {
    await rm(folder, { recursive: true });
  }
});
