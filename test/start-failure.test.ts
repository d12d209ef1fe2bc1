/** Whoever starts the gateway and fails is told which variable to look at. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { GatewayError } from '../src/errors.ts';
import { startFailure } from '../src/start-failure.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'start-failure-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** What a start that fails prints, and its exit code. */
async function failedStart(env: Record<string, string>) {
  const child = spawn(process.execPath, [resolve(import.meta.dirname, '../src/main.ts')], {
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      DATABASE_URL: `file:${join(folder, 'gateway.db')}`,
      LOG_LEVEL: 'warn',
      ...env,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
    // One that hangs is to be told, and not to stay behind.
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  const exited = once(child, 'exit');
  const printed = await text(child.stderr);
  const [code] = await exited;
  return { printed, code };
}

test('a port that is taken', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  // A server that listens on a TCP port has an address of this shape.
  const { port } = other.address() as AddressInfo;
  const { printed, code } = await failedStart({ PORT: String(port) });
  other.close();
  expect(printed).toBe(
    `The gateway could not start:\n  PORT: ${port} is taken on 127.0.0.1. Stop what listens there, or set another PORT.\n`,
  );
  expect(code).toBe(1);
});

test('a database file that is none', async () => {
  const file = join(folder, 'notes.txt');
  await writeFile(file, 'Not a database, but long enough to look like one to those who only count. '.repeat(20));
  const { printed, code } = await failedStart({ DATABASE_URL: `file:${file}` });
  expect(printed).toMatch(
    /^The gateway could not start:\n {2}DATABASE_URL: .+notes\.txt cannot be used: file is not a database\. .+\.\n$/,
  );
  expect(code).toBe(1);
});

test.each([
  ['a folder where the file should be', (folder: string) => folder, 'unable to open database file'],
  [
    'a file where its folder should be',
    (folder: string) => join(folder, 'notes.txt', 'gateway.db'),
    'file already exists',
  ],
])('%s: the file is named', async (_name, place, reason) => {
  await writeFile(join(folder, 'notes.txt'), 'notes');
  const file = place(folder);
  const { printed, code } = await failedStart({ DATABASE_URL: `file:${file}` });
  expect(printed).toContain(`  DATABASE_URL: ${file} cannot be used: `);
  expect(printed).toContain(reason);
  expect(code).toBe(1);
});

test.runIf(process.platform === 'linux')('a folder that the system lets nobody make ends the start', async () => {
  const { printed, code } = await failedStart({ DATABASE_URL: 'file:/proc/gateway/data/gateway.db' });
  expect(printed).toContain('  DATABASE_URL: /proc/gateway/data/gateway.db cannot be used: ENOENT');
  expect(code).toBe(1);
});

test('an address of another machine', async () => {
  // Of the block for documentation (RFC 5737): nobody has it.
  const { printed, code } = await failedStart({ HOST: '192.0.2.1', GATEWAY_AUTH: 'none' });
  expect(printed).toContain('  HOST: 192.0.2.1 is no address of this machine (EADDRNOTAVAIL). Set another.\n');
  expect(code).toBe(1);
});

test('a database that does not answer; and a bug is told with its stack', () => {
  const cause = new Error('connect ECONNREFUSED 127.0.0.1:5432');
  expect(startFailure(new GatewayError('UNAVAILABLE', 'away', { cause }))).toBe(
    'The gateway could not start:\n  DATABASE_URL: the database cannot be used (connect ECONNREFUSED 127.0.0.1:5432). Is it running, and the address right?',
  );
  expect(startFailure(new TypeError('a bug'))).toMatch(/could not start: TypeError: a bug\n +at /);
});
