import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { outboundContacts } from '../../src/samples/outbound-contacts.ts';
import { sampleFile } from '../../src/samples/sample-file.ts';

const MAIN = new URL('../../src/samples/main.ts', import.meta.url).pathname;

function start(...args: string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { stdout: child.stdout, stderr: text(child.stderr), exit };
}

async function run(...args: string[]) {
  const { stdout, stderr, exit } = start(...args);
  return { stdout: await text(stdout), stderr: await stderr, code: await exit };
}

it('the command writes the file the options describe, and says what an import of it must count', async () => {
  const { stdout, stderr, code } = await run('--rows', '500', '--dirty', '0.04', '--seed', '7');
  expect(stdout).toBe([...sampleFile(outboundContacts({ rows: 500, dirtyShare: 0.04, seed: 7 }), 'csv')].join(''));
  expect(stderr).toBe('500 rows: 480 valid, 18 to be rejected, 2 duplicates\n');
  expect(code).toBe(0);
});

it('the command writes NDJSON', async () => {
  const { stdout } = await run('--rows', '3', '--format', 'ndjson');
  expect(stdout).toBe([...sampleFile(outboundContacts({ rows: 3, dirtyShare: 0, seed: 1 }), 'ndjson')].join(''));
});

it('the command explains itself', async () => {
  const { stdout, code } = await run('--help');
  expect(stdout).toMatch(/Usage:.*--rows.*--dirty.*--seed.*--format/s);
  expect(code).toBe(0);
});

it.each([
  [['--rows', '0'], /--rows must be a whole number from 1 to \d+/],
  [['--rows', 'many'], /--rows must be/],
  [['--rows', ''], /--rows must be/],
  [['--dirty', '0.6'], /--dirty must be a number from 0 to 0\.5/],
  [['--seed', '1.5'], /--seed must be/],
  [['--format', 'xlsx'], /--format must be csv or ndjson/],
  [['--colour', 'red'], /--colour/],
  [['contacts.csv'], /contacts\.csv/],
])('the command refuses %j, says why, and writes nothing', async (args, message) => {
  const { stdout, stderr, code } = await run(...args);
  expect(stderr).toMatch(message);
  expect(stderr).toMatch(/Usage:/);
  expect(stdout).toBe('');
  expect(code).toBe(2);
});

it('the command ends quietly when its reader has seen enough', async () => {
  const { stdout, stderr, exit } = start('--rows', '1000000');
  await new Promise((resolve) => stdout.once('data', resolve));
  stdout.destroy();
  expect(await exit).toBe(0);
  expect(await stderr).toBe('');
});
