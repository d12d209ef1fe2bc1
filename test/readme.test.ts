/** The README is true: its commands and documents are run as they stand there. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { buildSchema, parse, validate } from 'graphql';
import { expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';
import { startGateway } from './support/gateway.ts';

const ROOT = resolve(import.meta.dirname, '..');
const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
const blocks = [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language, text]) => ({
  language,
  text: text ?? '',
}));

/** What a reader has in the folder of the clone, a test reaches from elsewhere. */
const AS_IN_THE_CLONE: readonly [string, string][] = [
  ['npm run --silent sample --', `node ${ROOT}/src/samples/main.ts`],
  ['npx cxone-gateway', `node ${ROOT}/src/cli/bin.mjs`],
];

/** Run by whoever runs this test. */
const BY_CI = ['npm ci && npm start\n', 'npm ci && npm test\n'];

test('the commands of the main job work one after another, as shown', { timeout: 60_000 }, async () => {
  await using gateway = await startGateway();
  await using folder = await temporaryFolder();
  const commands = blocks.filter(({ language, text }) => language === 'sh' && !BY_CI.includes(text));
  expect(commands.length).toBeGreaterThan(4);
  const outputs: string[] = [];
  for (const { text } of commands) {
    let command = text.replaceAll('http://127.0.0.1:4000', gateway.url);
    for (const [shown, run] of AS_IN_THE_CLONE) command = command.replaceAll(shown, run);
    const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', command], {
      cwd: folder.path,
      env: { ...process.env, GATEWAY_URL: gateway.url },
    });
    outputs.push(stdout);
  }
  const report = JSON.parse(outputs.at(-1) ?? '{}').data.import;
  expect(report).toMatchObject({
    state: 'COMPLETED',
    progress: { received: 25_000, valid: 24_000, succeeded: 24_000, failed: 0, unknown: 0 },
    report: { successRatePercent: 100, verification: { countAfter: 24_000, matches: true } },
  });
  expect(await (await fetch(report.rejectionsUrl)).text()).toContain('_errors');
});

test('the GraphQL documents fit the schema, and those that are not subscriptions work on the sandbox', async () => {
  await using gateway = await startGateway();
  const documents = blocks.filter(({ language }) => language === 'graphql');
  const schema = buildSchema(await readFile(join(ROOT, 'schema.graphql'), 'utf8'));
  expect(documents.length).toBeGreaterThan(1);
  for (const { text } of documents) {
    expect(validate(schema, parse(text))).toEqual([]);
    if (!text.startsWith('subscription')) expect(await gateway.graphql(text)).not.toHaveProperty('errors');
  }
});

test('the configuration table names each variable there is, and no other', async () => {
  const source = await readFile(join(ROOT, 'src/config.ts'), 'utf8');
  const known = [...source.matchAll(/^ {2}([A-Z][A-Z_]+): /gm)].map(([, name]) => name).sort();
  const table = readme.slice(readme.indexOf('| variable |'), readme.indexOf('`/health/live`'));
  const named = [...table.matchAll(/^\|([^|]*)\|/gm)].flatMap(([, cell]) =>
    [...(cell ?? '').matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name),
  );
  expect(named.sort()).toEqual(known);
  expect(() => readConfig({})).not.toThrow();
});

test('every dependency stands in the README with its reason', async () => {
  const { dependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  const table = readme.slice(readme.indexOf('### Dependencies'));
  const named = new Set([...table.matchAll(/^\|([^|]*)\|/gm)].flatMap(([, cell]) => cell?.split(/[,\s]+/) ?? []));
  const missing = Object.keys(dependencies).filter((name) => !named.has(name.replace('@pothos/plugin-', '')));
  expect(missing).toEqual([]);
});

async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'gateway-readme-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
