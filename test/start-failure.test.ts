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
    /^The gateway could not start:\n {2}DATABASE_URL: the file cannot be used \(file is not a database\)\. .+\.\n$/,
  );
  expect(code).toBe(1);
});

test('a database that does not answer; and a bug is told with its stack', () => {
  const cause = new Error('connect ECONNREFUSED 127.0.0.1:5432');
  expect(startFailure(new GatewayError('UNAVAILABLE', 'away', { cause }))).toBe(
    'The gateway could not start:\n  DATABASE_URL: the database cannot be used (connect ECONNREFUSED 127.0.0.1:5432). Is it running, and the address right?',
  );
  expect(startFailure(new TypeError('a bug'))).toMatch(/could not start: TypeError: a bug\n +at /);
});
