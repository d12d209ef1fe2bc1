import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const SRC = resolve(import.meta.dirname, '../../src');
const PINNED = resolve(SRC, '../node_modules/.bin/node');

/** Makes a Node pass for an older one. */
const AS_NODE_20 = 'data:text/javascript,Object.defineProperty(process.versions,"node",{value:"20.1.0"})';

function runOnNode20(bin: string) {
  return spawnSync(process.execPath, ['--import', AS_NODE_20, bin, '--help'], { encoding: 'utf8' });
}

test.skipIf(!existsSync(PINNED))('an older Node hands over to the one that is installed beside the gateway', () => {
  const { stdout, status } = runOnNode20(join(SRC, 'cli/bin.mjs'));
  expect(stdout).toContain('Usage: cxone-gateway');
  expect(status).toBe(0);
});

test('an older Node without one says what is needed, and fails', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'old-node-'));
  try {
    await cp(join(SRC, 'cli/bin.mjs'), join(folder, 'src/cli/bin.mjs'));
    await cp(join(SRC, 'node-version.mjs'), join(folder, 'src/node-version.mjs'));
    const { stderr, status } = runOnNode20(join(folder, 'src/cli/bin.mjs'));
    expect(stderr).toMatch(/This is Node 20\.1\.0; the gateway needs Node 24 or newer\.\nRun npm ci/);
    expect(status).toBe(1);
  } finally {
    await rm(folder, { recursive: true });
  }
});
