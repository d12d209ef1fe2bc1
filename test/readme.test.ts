/** The README is true: its commands, documents and files are run as they stand there. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { buildSchema, parse, validate } from 'graphql';
import { expect, test } from 'vitest';
import { USAGE } from '../src/cli/usage.ts';
import { readConfig } from '../src/config.ts';
import { startCli } from './cli/run-cli.ts';
import { startGateway } from './support/gateway.ts';
import { outboundRow, startImport } from './support/imports.ts';
import { startTcpProxy } from './support/tcp-proxy.ts';

const ROOT = resolve(import.meta.dirname, '..');
const BIN = join(ROOT, 'node_modules/.bin');
const readme = await readFile(join(ROOT, 'README.md'), 'utf8');

interface Block {
  readonly section: string;
  readonly language: string;
  readonly text: string;
}

const blocks: readonly Block[] = readme.split(/^## /m).flatMap((part) => {
  const [section = ''] = part.split(/[:\n]/, 1);
  return [...part.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language = '', text = '']) => ({
    section,
    language,
    text,
  }));
});

const blocksOf = (section: string, language: string) =>
  blocks.filter((block) => block.section === section && block.language === language).map(({ text }) => text);

/** What a reader has in the folder of the clone, a test reaches from elsewhere. */
const AS_IN_THE_CLONE: readonly [string, string][] = [
  ['npm run --silent sample --', `node ${ROOT}/src/samples/main.ts`],
  ['npx cxone-gateway', `node ${ROOT}/src/cli/bin.mjs`],
  ['npx graphql-codegen', `${BIN}/graphql-codegen`],
  ['npx node', 'node'],
];

/** Runs a block of commands as it stands, but against this gateway. @returns what it printed */
async function runCommands(text: string, options: { url: string; cwd: string; env?: Record<string, string> }) {
  let command = text.replaceAll('http://127.0.0.1:4000', options.url);
  for (const [shown, run] of AS_IN_THE_CLONE) command = command.replaceAll(shown, run);
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', command], {
    cwd: options.cwd,
    env: { ...process.env, GATEWAY_URL: options.url, ...options.env },
  });
  return stdout;
}

test('no block but those that are run below, and the drawing', () => {
  const kinds = new Set(blocks.map(({ section, language }) => `${section} ${language}`.trim()));
  expect([...kinds]).toEqual([
    'Start sh',
    'The main job sh',
    'For frontend teams ts',
    'For frontend teams sh',
    'For internal tools sh',
    'For internal tools graphql',
    'For operators sh',
    'The sandbox sh',
    'How it is built',
  ]);
});

test('the commands to start and to test are what the build server and the tests of the programs run', async () => {
  expect(blocksOf('Start', 'sh')).toEqual(['npm ci && npm start\n', 'npm ci && npm test\n']);
  expect(await readFile(join(ROOT, '.ci/run'), 'utf8')).toMatch(/^npm ci\nnpm test$/m);
  expect(await readFile(join(ROOT, 'test/cli/programs.test.ts'), 'utf8')).toContain(
    "start(['start'], gatewayEnv(), 'npm')",
  );
});

test('the commands of the main job work one after another, as shown', async () => {
  await using gateway = await startGateway();
  await using folder = await temporaryFolder();
  const outputs: string[] = [];
  for (const text of blocksOf('The main job', 'sh')) {
    outputs.push(await runCommands(text, { url: gateway.url, cwd: folder.path }));
  }
  const [report = '{}', oneLine] = outputs.slice(-2);
  const { import: imported } = JSON.parse(report).data;
  expect(imported).toMatchObject({
    state: 'COMPLETED',
    progress: { received: 25_000, valid: 24_000, succeeded: 24_000, failed: 0, unknown: 0 },
    report: { successRatePercent: 100, verification: { countAfter: 24_000, matches: true } },
  });
  expect(await (await fetch(imported.rejectionsUrl)).text()).toContain('_errors');
  expect(oneLine).toMatch(/^Completed\n +25,000 {2}rows received/m);
});

test('the files for frontend teams are typed, and do what is said of them', async () => {
  await using gateway = await startGateway();
  const { hostname, port } = new URL(gateway.url);
  await using proxy = await startTcpProxy({ host: hostname, port: Number(port) });
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  await symlink(join(ROOT, 'node_modules'), join(cwd, 'node_modules'));
  await writeFile(join(cwd, 'package.json'), '{ "type": "module" }');
  const names: string[] = [];
  for (const text of blocksOf('For frontend teams', 'ts')) {
    const [, name = expect.fail('a file without a name')] = /^\/\/ ([\w-]+\.ts)/.exec(text) ?? [];
    names.push(name);
    const here = text
      .replaceAll('http://127.0.0.1:4000', gateway.url)
      .replaceAll('ws://127.0.0.1:4000', `ws://127.0.0.1:${proxy.port}`);
    await writeFile(join(cwd, name), here);
  }
  for (const text of blocksOf('For frontend teams', 'sh')) await runCommands(text, { url: gateway.url, cwd });

  const flags =
    '--noEmit --strict --target es2024 --module nodenext --allowImportingTsExtensions --skipLibCheck --types node';
  await promisify(execFile)(join(BIN, 'tsc'), [...flags.split(' '), ...names], { cwd }).catch(({ stdout }) =>
    expect.fail(stdout),
  );

  const run = async (name: string) => (await promisify(execFile)(process.execPath, [name], { cwd })).stdout;
  const customers = (await run('customers.ts')).trim().split('\n');
  expect(customers.length).toBeGreaterThan(100);
  expect(customers[0]).toBe('Ada Almeida');
  expect(await run('set-tier.ts')).toMatch(/^patch\.customAttributes\.shoe_size: The address book has no field/);

  const child = spawn(process.execPath, ['enrichments.ts'], { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
  await using _ended = { [Symbol.asyncDispose]: () => end(child) };
  const heard: string[] = [];
  createInterface(child.stdout).on('line', (line) => heard.push(line.split(' ', 1)[0] ?? ''));
  let told = 0;
  const tell = () => {
    told += 1;
    const event = {
      type: 'contact.enriched',
      contactListId: 'list-winback',
      contactId: `c-${told}`,
      attributes: { a: 1 },
    };
    return gateway.sandbox.control.deliver(event, { to: `${gateway.url}/webhooks/cxone` });
  };
  // Nobody tells when a subscription has begun; what happens often enough happens after that.
  while (heard.length === 0) await tell();
  await proxy.cut();
  for (let missed = 0; missed < 3; missed += 1) await tell();
  await proxy.mend();
  await tell();
  await expect.poll(() => heard.at(-1)).toBe(`c-${told}`);
  const first = Number(heard[0]?.slice('c-'.length));
  expect(heard).toEqual(Array.from({ length: told - first + 1 }, (_, index) => `c-${first + index}`));
});

test('what internal tools are shown works, with a key', async () => {
  const key = 'key-of-the-crm-1234';
  const env = { GATEWAY_AUTH: '', GATEWAY_API_KEYS: `crm:writer:${key}` };
  await using gateway = await startGateway({ env });
  await using folder = await temporaryFolder();
  await writeFile(
    join(folder.path, 'contacts.csv'),
    'externalId,phone,doNotCall,doNotEmail\nCRM-1,+14155550123,false,false\n',
  );
  const outputs: string[] = [];
  for (const text of blocksOf('For internal tools', 'sh')) {
    outputs.push(await runCommands(text, { url: gateway.url, cwd: folder.path, env: { GATEWAY_API_KEY: key } }));
  }
  expect(outputs).toEqual([expect.stringContaining('"importsRunning":0'), expect.stringContaining('Completed')]);

  const schema = buildSchema(await readFile(join(ROOT, 'schema.graphql'), 'utf8'));
  const headers = { authorization: `Bearer ${key}` };
  const documents = blocksOf('For internal tools', 'graphql');
  expect(documents.length).toBe(1);
  for (const text of documents) {
    expect(validate(schema, parse(text))).toEqual([]);
    const { data, errors } = await gateway.graphql(text, {}, headers);
    expect(errors).toBeUndefined();
    expect(data.ada).toMatchObject({ alreadyMember: false, bulkCall: { size: 2 } });
    expect(data.grace.bulkCall).toEqual(data.ada.bulkCall);
    expect((await gateway.graphql(text, {}, headers)).data).toEqual(data);
  }
});

test('the backup for operators is a whole database, made while the gateway runs', async () => {
  await using folder = await temporaryFolder();
  const database = join(folder.path, 'gateway.db');
  await using gateway = await startGateway({ databaseUrl: `file:${database}` });
  await startImport(gateway, [outboundRow(1)]);
  const [command = '', ...others] = blocksOf('For operators', 'sh');
  expect(others).toEqual([]);
  await runCommands(command.replace('data/gateway.db', database), { url: gateway.url, cwd: folder.path });
  await using restored = await startGateway({ databaseUrl: `file:${join(folder.path, 'backup.db')}` });
  expect((await restored.data('{ imports { nodes { kind } } }')).imports.nodes).toEqual([
    { kind: 'OUTBOUND_CONTACTS' },
  ]);
});

test('the sandbox alone is started, used and told to misbehave as shown', async () => {
  const [alone, use = '', fault = '', ...others] = blocksOf('The sandbox', 'sh');
  expect(alone).toBe('npm run sandbox\n');
  expect(others).toEqual([]);
  await using folder = await temporaryFolder();
  await using sandbox = startCli(['sandbox'], { SANDBOX_PORT: '0' });
  const [url = ''] = /http:\S+/.exec(await sandbox.line(/^CXone sandbox/)) ?? [];
  const here = (text: string) => text.replaceAll('http://127.0.0.1:4010', url);

  expect(use).toMatch(/ npm start\n$/);
  const settings = [...here(use).matchAll(/([A-Z_]+)=(\S+)/g)].map(([, name, value]) => [name, value]);
  const env = { PORT: '0', LOG_LEVEL: 'warn', DATABASE_URL: `file:${join(folder.path, 'gateway.db')}` };
  await using gateway = startCli(['serve'], { ...Object.fromEntries(settings), ...env });
  const [endpoint = ''] = /http:\S+/.exec(await gateway.line(/GraphQL/)) ?? [];

  await runCommands(here(fault), { url: '', cwd: folder.path });
  const answer = await fetch(`${endpoint}?query={contactLists{nodes{id}}}`);
  expect((await answer.json()).data.contactLists.nodes.length).toBeGreaterThan(3);
  expect(await (await fetch(`${url}/_sandbox/faults`)).json()).toMatchObject([{ hits: 2 }]);
});

test("the sandbox's table names each of its variables, and no other", async () => {
  const source = await readFile(join(ROOT, 'src/sandbox/main.ts'), 'utf8');
  const known = new Set([...source.matchAll(/^ {2}(SANDBOX_[A-Z_]+): /gm)].map(([, name]) => name));
  const section = readme.slice(readme.indexOf('\n## The sandbox'), readme.indexOf('\n## How it is built'));
  expect(known.size).toBeGreaterThan(5);
  expect(new Set(section.match(/\bSANDBOX_[A-Z_]+/g))).toEqual(known);
});

test('the commands, files and metrics that are named in passing exist', async () => {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  const run = [...readme.matchAll(/\bnpm run (?:--silent |-s )?([\w:]+)/g)].map(([, name]) => name);
  expect(run.filter((name) => name === undefined || !(name in scripts))).toEqual([]);
  const commands = [...readme.matchAll(/cxone-gateway (\w+)/g)].map(([, name]) => name);
  expect(commands.filter((name) => !USAGE.includes(`\n  ${name} `))).toEqual([]);
  const options = [...readme.matchAll(/(?:cxone-gateway[^`\n]*|`)(--[a-z][\w-]+)/g)].map(([, name]) => name ?? '');
  expect(options.length).toBeGreaterThan(5);
  expect(options.filter((name) => !USAGE.includes(name) && name !== '--help')).toEqual([]);
  const files = [...readme.matchAll(/\]\((?!https?:)([^)]+)\)/g)].map(([, path]) => path ?? '');
  expect(files.length).toBeGreaterThan(5);
  expect(files.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);

  await using gateway = await startGateway();
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  const named = [...readme.matchAll(/\bgateway_[a-z_]+/g)].map(([name]) => name);
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter((name) => !metrics.includes(`# TYPE ${name} `))).toEqual([]);
});

test('the drawing has every room', () => {
  const [drawing = ''] = blocksOf('How it is built', '');
  const rooms = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(rooms.length).toBeGreaterThan(20);
  expect(rooms.map(({ name }) => name).filter((name) => !new RegExp(`\\b${name}\\b`).test(drawing))).toEqual([]);
});

test('the configuration table names each variable there is, and no other', async () => {
  const source = await readFile(join(ROOT, 'src/config.ts'), 'utf8');
  const known = [...source.matchAll(/^ {2}([A-Z][A-Z_]+): /gm)].map(([, name]) => name).sort();
  const table = readme.slice(readme.indexOf('| variable |'), readme.indexOf('**Limits.**'));
  const named = [...table.matchAll(/^\|([^|]*)\|/gm)].flatMap(([, cell]) =>
    [...(cell ?? '').matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name),
  );
  expect(named.sort()).toEqual(known);
  expect(() => readConfig({})).not.toThrow();
});

test('every dependency stands in the README with its reason', async () => {
  const { dependencies, devDependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  const table = readme.slice(readme.indexOf('### Dependencies'));
  const named = new Set([...table.matchAll(/^\|([^|]*)\|/gm)].flatMap(([, cell]) => cell?.split(/[,\s]+/) ?? []));
  const missing = Object.keys({ ...dependencies, ...devDependencies }).filter(
    (name) => !named.has(name.replace('@pothos/plugin-', '')),
  );
  expect(missing).toEqual([]);
});

async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'gateway-readme-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}
