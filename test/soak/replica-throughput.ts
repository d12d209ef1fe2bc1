/**
 * How much faster two replicas import than one: `npm run bench:replicas -- [rows] [lists] [rounds] [latency]`. Files are
 * uploaded to all replicas at once, each into a list of its own, as a list takes one call at a time; CXone has no limit,
 * and answers at once unless told to take so many milliseconds. Rounds with one and with two replicas alternate on the
 * same database server; the ratio is of their medians. Tells which process used the processor how much, and how much
 * faster two could be at most if nothing but this machine's processors bounded them.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { outboundContacts } from '../../src/samples/outbound-contacts.ts';
import { sampleFile } from '../../src/samples/sample-file.ts';
import { dataOf, query } from '../replicas/processes.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { put } from '../support/imports.ts';
import { startPostgresProcess } from './postgres-process.ts';

const [rows = 20_000, lists = 8, rounds = 3, latencyMs = 0] = process.argv.slice(2).map(Number);
/** More than any machine does. */
const NO_LIMIT = '{"outbound":100000}';

const file = [...sampleFile(outboundContacts({ rows, dirtyShare: 0, seed: 7 }), 'csv')].join('');

async function startSandboxProcess(): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [resolve(import.meta.dirname, '../../src/sandbox/main.ts')], {
    env: { PATH: process.env.PATH, SANDBOX_PORT: '0', SANDBOX_LIMITS: '{"outbound":null}' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const [, url] = /CXone sandbox\s+(\S+)/.exec(line) ?? [];
    if (url === undefined) continue;
    child.stdout.resume();
    return { child, url };
  }
  throw new Error('The sandbox did not start.');
}

/** What the system tells of a process after its name, from its state on; nothing where it has ended. */
function statOf(pid: number | string | undefined): string[] {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
  } catch {
    return [];
  }
}

const parentOf = (pid: number | string) => Number(statOf(pid)[1]);

/** Processor time of a process and its ended children so far, seconds; NaN where the system does not tell. */
function cpuSeconds(pid: number | string | undefined): number {
  const ticks = statOf(pid).slice(11, 15);
  return ticks.length === 0 ? Number.NaN : sum(ticks.map(Number)) / 100;
}

/** Of all processes of the database server, those that have ended included. */
async function postgresCpuSeconds(url: string): Promise<number> {
  const [checkpointer] = await query(url, "select pid from pg_stat_activity where backend_type = 'checkpointer'");
  const server = parentOf(Number(checkpointer?.pid));
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && parentOf(name) === server);
  return sum([server, ...pids].map((pid) => cpuSeconds(pid) || 0));
}

async function importInto(gateway: GatewayProcess, list: string): Promise<void> {
  const { createImportUpload } = await dataOf(
    gateway,
    `mutation ($input: CreateImportUploadInput!) { createImportUpload(input: $input) {
       ... on CreateImportUploadPayload { url import { id } } } }`,
    { input: { kind: 'OUTBOUND_CONTACTS', targetId: `gid://cxone/ContactList/${list}`, format: 'CSV' } },
  );
  await put(createImportUpload.url, file);
  for (;;) {
    const { import: current } = await dataOf(gateway, 'query ($id: ID!) { import(id: $id) { state } }', {
      id: createImportUpload.import.id,
    });
    if (current.state === 'COMPLETED') return;
    if (/FAIL|CANCEL/.test(current.state)) throw new Error(`It ended as ${current.state}.`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

/** Rows a second, and what they cost. */
async function round(count: number, postgresUrl: string) {
  const sandbox = await startSandboxProcess();
  const name = `bench_${Date.now()}`;
  await query(postgresUrl, `create database ${name}`);
  const databaseUrl = new URL(postgresUrl);
  databaseUrl.pathname = name;
  const gateways: GatewayProcess[] = [];
  try {
    for (let index = 0; index < count; index++) {
      const env = { CXONE_LIMITS: NO_LIMIT };
      gateways.push(await startGatewayProcess({ databaseUrl: databaseUrl.href, cxoneUrl: sandbox.url, env }));
    }
    const names = Array.from({ length: lists }, (_, index) => `list-bench-${index}`);
    for (const id of names)
      await fetch(`${sandbox.url}/_sandbox/state/contactlists`, {
        method: 'POST',
        body: JSON.stringify({ id, name: id }),
      });
    if (latencyMs > 0) {
      const slow = { method: 'POST', path: '/api/v2/outbound/contactlists/{id}/contacts', delayMs: latencyMs };
      await fetch(`${sandbox.url}/_sandbox/faults`, { method: 'POST', body: JSON.stringify(slow) });
    }
    // They have agreed on their shares before the clock runs.
    await new Promise((done) => setTimeout(done, 1_000));
    const pids = [...gateways.map(({ child }) => child.pid), sandbox.child.pid];
    const before = pids.map(cpuSeconds);
    const postgresBefore = await postgresCpuSeconds(postgresUrl);
    const startedAt = performance.now();
    await Promise.all(names.map((list, index) => importInto(gateways[index % count] as GatewayProcess, list)));
    const seconds = (performance.now() - startedAt) / 1000;
    const cpu = pids.map((pid, index) => cpuSeconds(pid) - (before[index] ?? 0));
    /** Microseconds of processor time a row. */
    const perRow = (cpuTime: number) => ((cpuTime * 1e6) / (rows * lists)).toFixed(1);
    const gatewayCpu = cpu.slice(0, count);
    const gatewaysCpu = sum(gatewayCpu);
    const postgresCpu = (await postgresCpuSeconds(postgresUrl)) - postgresBefore;
    const sandboxCpu = cpu[count] ?? 0;
    return {
      rowsPerSecond: (rows * lists) / seconds,
      // One gateway has one processor at most, two have what the database and the sandbox leave of all.
      atMost: Math.min(2, (availableParallelism() * gatewaysCpu) / (gatewaysCpu + postgresCpu + sandboxCpu)),
      costs: `processor time a row, µs: gateway ${perRow(gatewaysCpu)}, Postgres ${perRow(postgresCpu)}, sandbox ${perRow(
        sandboxCpu,
      )}; gateways busy ${gatewayCpu.map((each) => (each / seconds).toFixed(2)).join(', ')}`,
    };
  } finally {
    for (const gateway of gateways) await gateway.stop();
    sandbox.child.kill();
    await once(sandbox.child, 'exit');
    await query(postgresUrl, `drop database ${name} with (force)`);
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

await using postgres = await startPostgresProcess();
const results: Record<1 | 2, number[]> = { 1: [], 2: [] };
const bounds: number[] = [];
process.stdout.write(
  `${lists} lists of ${rows} rows, ${availableParallelism()} processors, CXone answers after ${latencyMs} ms\n`,
);
for (let index = 0; index < rounds; index++) {
  for (const count of [1, 2] as const) {
    const { rowsPerSecond, costs, atMost } = await round(count, postgres.url);
    results[count].push(rowsPerSecond);
    bounds.push(atMost);
    process.stdout.write(`${count} gateway${count === 1 ? ' ' : 's'} ${Math.round(rowsPerSecond)} rows/s  ${costs}\n`);
  }
}
process.stdout.write(
  `two replicas / one: ${(median(results[2]) / median(results[1])).toFixed(2)}, by the processors at most ${median(bounds).toFixed(2)}\n`,
);
