import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { finished, outboundRow } from '../support/imports.ts';
import { runCli, startCli } from './run-cli.ts';

const HEADER = 'externalId,firstName,lastName,phone,email,doNotCall,doNotEmail';
const LIST = ['--kind', 'outbound', '--list', 'list-import-trial'];
const OUTBOUND_WRITES = { method: 'POST', path: '/api/v2/outbound/contactlists/*/contacts' };

const csv = (...indexes: number[]) =>
  [HEADER, ...indexes.map((index) => Object.values(outboundRow(index)).join(','))].join('\n');

describe('cxone-gateway import', () => {
  let gateway: TestGateway;
  let folder: string;
  let env: Record<string, string>;
  beforeAll(async () => {
    gateway = await startGateway();
    folder = await mkdtemp(join(tmpdir(), 'cli-'));
    env = { GATEWAY_URL: gateway.url };
  });
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  async function file(name: string, content: string | Uint8Array): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, content);
    return path;
  }

  test('sends a file and prints the id alone, for the next command', async () => {
    const { stdout, stderr, code } = await runCli(['import', await file('a.csv', csv(1, 2)), ...LIST], env);
    expect(stdout).toMatch(/^gid:\/\/cxone\/Import\/[^\s]+\n$/);
    expect(stderr).toContain('2 rows received.');
    expect(code).toBe(0);
    expect((await finished(gateway, stdout.trim())).progress.succeeded).toBe(2);
  });

  test('with --watch shows how it goes, line by line where there is no terminal, and ends as the import did', async () => {
    const hold = gateway.sandbox.control.hold(OUTBOUND_WRITES);
    await using cli = startCli(['import', await file('b.csv', csv(3, 4, 5)), ...LIST, '--watch'], env);
    await cli.line(/STARTED {2}0 % {2}0 of 3/);
    hold.release();
    await cli.line(/FINISHED {2}100 % {2}3 of 3/);
    await cli.line(/^Completed$/);
    await cli.line(/^ +3 {2}succeeded$/);
    expect(await cli.exit).toBe(0);
  });

  test('exit code 3: completed, but CXone refused some rows', async () => {
    gateway.sandbox.control.fail({
      ...OUTBOUND_WRITES,
      times: 1,
      refuse: { keys: ['CRM-7'], code: 'INVALID', message: 'no' },
    });
    const { stdout, code } = await runCli(['import', await file('c.csv', csv(6, 7)), ...LIST, '--watch'], env);
    expect(stdout).toMatch(/^Completed with failures$/m);
    expect(stdout).toMatch(/^ +1 {2}refused by CXone$/m);
    expect(stdout).toMatch(/^Rows to mend: http.*rejections\.csv/m);
    expect(code).toBe(3);
  });

  test('exit code 4: the file is not what was announced, with the place in it', async () => {
    const { stderr, code } = await runCli(['import', await file('d.csv', 'a,a\n1,2\n'), ...LIST], env);
    expect(stderr).toMatch(/d\.csv was refused: .*column/i);
    expect(code).toBe(4);
  });

  test('reads standard input, other formats, compressed files and renamed columns', async () => {
    const rows = [8, 9].map((index) => JSON.stringify(outboundRow(index))).join('\n');
    const ndjson = await runCli(['import', '-', '--format', 'ndjson', ...LIST, '--watch'], env, rows);
    expect(ndjson.stdout).toMatch(/^ +2 {2}succeeded$/m);

    const renamed = csv(10).replace('externalId', 'crm_id');
    const packed = await file('e.csv.gz', gzipSync(renamed));
    const mapped = await runCli(['import', packed, ...LIST, '--map', 'crm_id=externalId', '--watch'], env);
    expect(mapped.stdout).toMatch(/^ +1 {2}succeeded$/m);
  });

  test('--validate-only sends nothing', async () => {
    const before = gateway.sandbox.control.requestLog().at(-1)?.number ?? 0;
    const { stdout, code } = await runCli(
      ['import', await file('f.csv', csv(11)), ...LIST, '--validate-only', '--watch'],
      env,
    );
    expect(stdout).toMatch(/^ +1 {2}row received$/m);
    expect(stdout).toMatch(/^ +1 {2}valid, not sent$/m);
    expect(code).toBe(0);
    const since = gateway.sandbox.control.requestLog().filter(({ number }) => number > before);
    expect(since.filter(({ method, url }) => method === 'POST' && url.endsWith('/contacts'))).toEqual([]);
  });

  test.each([
    ['no kind', ['import', 'x.csv', '--list', 'a'], /--kind is missing\. It is one of outbound, contacts/],
    ['an unknown kind', ['import', 'x.csv', '--kind', 'people'], /--kind is one of outbound.*not people/],
    ['no list', ['import', 'x.csv', '--kind', 'outbound'], /go into a contact list\. Give it: --list ID/],
    ['a list for contacts', ['import', 'x.csv', '--kind', 'contacts', '--list', 'a'], /--book ID/],
    ['a list for segments', ['import', 'x.csv', '--kind', 'segments', '--list', 'a'], /Leave --list/],
    ['a file that says nothing of its format', ['import', 'x.xlsx', ...LIST], /--format is missing/],
    ['a mapping without a target', ['import', 'x.csv', ...LIST, '--map', 'a='], /--map takes SOURCE=TARGET/],
    ['a file that is not there', ['import', '/nowhere/x.csv', ...LIST], /There is no file \/nowhere\/x\.csv/],
    ['a folder', ['import', tmpdir(), '--format', 'csv', ...LIST], /is a folder/],
    [
      'two files',
      ['import', 'x.csv', 'y.csv', ...LIST],
      /The command import takes one operand: cxone-gateway import FILE/,
    ],
    ['an option of another command', ['status', '--follow'], /The command status has no option --follow/],
    ['an unknown option', ['status', '--colour'], /--colour'\.$/m],
    ['an option without its value', ['import', 'x.csv', '--kind'], /^--kind needs a value behind it/],
    [
      'a value that looks like an option',
      ['import', 'x.csv', ...LIST, '--max-failures', '-1'],
      /^--max-failures needs a value; one that begins with a dash goes in as --max-failures=-/,
    ],
    ['a value for an option that has none', ['status', '--json=yes'], /^--json takes no value/],
    ['an empty id', ['import', 'x.csv', '--kind', 'outbound', '--list', ''], /Give it: --list ID/],
    ['a key with a space', ['status', '--api-key', 'k y'], /plain characters without spaces/],
    ['an unknown command', ['frob'], /There is no command frob/],
    ['an address that is none', ['status', '--url', 'gateway'], /must be an http or https URL, not gateway/],
  ])('exit code 2, and nothing done: %s', async (_name, args, message) => {
    const { stdout, stderr, code } = await runCli(args, env);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^(?:[A-Z]|--|\/).*\.\ncxone-gateway --help lists/);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  test('exit code 2: what the gateway does not accept, in its words, and by the option it is about', async () => {
    const path = await file('g.csv', csv(12));
    const { stderr, code } = await runCli(['import', path, ...LIST, '--default-country', 'QQ'], env);
    expect(stderr).toContain('--default-country: This is not an ISO 3166-1 alpha-2 code, such as US.');
    expect(code).toBe(2);
  });

  test('exit code 1: no such list', async () => {
    const path = await file('h.csv', csv(13));
    const { stderr, code } = await runCli(['import', path, '--kind', 'outbound', '--list', 'none'], env);
    expect(stderr).toMatch(/no such contact list/i);
    expect(code).toBe(1);
  });
});
