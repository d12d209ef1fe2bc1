/**
 * How much faster two replicas import than one: `npm run bench:replicas -- --kind RECORDS --rows 100000 --imports 1`.
 * The files are uploaded to all replicas in turn, or with `--to-first` to the first of them, each into a target of its own
 * unless `--targets` says fewer. CXone has no limit and answers at once, or after `--latency` milliseconds. Rounds with one and with two replicas alternate on the
 * same database server; within a round the same is imported `--runs` times by the same processes, the first time by ones
 * that have just started.
 *
 * Tells rows a second, and from the processor time that a row costs in each process what they would be on a machine
 * that has nothing else to do: on two processors, and with a processor for every gateway.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { dataOf, query } from '../replicas/processes.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { put } from '../support/imports.ts';
import { importSample, SAMPLE_KINDS } from './import-samples.ts';
import { startPostgresProcess } from './postgres-process.ts';

const say = (line: string) => process.stdout.write(`${line}\n`);

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    kind: { type: 'string', default: 'OUTBOUND_CONTACTS' },
    rows: { type: 'string', default: '20000' },
    imports: { type: 'string', default: '8' },
    targets: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    runs: { type: 'string', default: '2' },
    latency: { type: 'string', default: '0' },
    'to-first': { type: 'boolean', default: false },
  },
});
if (values.help) {
  say(`npm run bench:replicas -- [options]
  --kind NAME     ${SAMPLE_KINDS.join(', ')}; default ${values.kind}
  --rows N        rows of each import; default ${values.rows}
  --imports N     imports at the same time; default ${values.imports}
  --targets N     lists or segments they go to; default one each
  --to-first      all files are uploaded to the first replica, instead of to all in turn
  --latency MS    CXone answers after so many milliseconds; default ${values.latency}
  --rounds N      rounds with one and with two replicas; default ${values.rounds}
  --runs N        times that the same processes import the same in a round; default ${values.runs}`);
  process.exit();
}
const kind = SAMPLE_KINDS.find((name) => name === values.kind);
if (!kind) throw new Error(`--kind is one of ${SAMPLE_KINDS.join(', ')}.`);
const sampleFor = (target: string) => importSample(kind, rows, target);
const rows = Number(values.rows);
const imports = Number(values.imports);
const targets = Number(values.targets ?? imports);
const rounds = Number(values.rounds);
const runs = Number(values.runs);
/** More than any machine does, in every group. */
const NO_LIMIT = JSON.stringify({ records: 1e5, outbound: 1e5, enrichment: 1e5, segments: 1e5 });
const PROCESSORS = 2;

interface Upstream {
  readonly child: ChildProcess;
  readonly url: string;
}

async function startUpstream(): Promise<Upstream> {
  const script = fileURLToPath(new URL('../bench/servers/mock-cxone.ts', import.meta.url));
  const child = spawn(process.execPath, [script], {
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const url of createInterface({ input: child.stdout })) {
    child.stdout.resume();
    await fetch(`${url}/_mock?latencyMs=${values.latency}`, { method: 'POST' });
    return { child, url };
  }
  throw new Error('The upstream did not start.');
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

async function importInto(gateway: GatewayProcess, target: string, file: string): Promise<void> {
  const targetId = kind === 'SEGMENT_MEMBERS' ? null : `gid://cxone/ContactList/${target}`;
  const { createImportUpload } = await dataOf(
    gateway,
    `mutation ($input: CreateImportUploadInput!) { createImportUpload(input: $input) {
       ... on CreateImportUploadPayload { url import { id } } ... on Error { message } } }`,
    { input: { kind, targetId, format: 'CSV' } },
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

interface Run {
  readonly rowsPerSecond: number;
  /** Microseconds of processor time a row, of all gateways together. */
  readonly gateways: number;
  readonly postgres: number;
  readonly upstream: number;
  /** How much of the gateways' time each of them took; its share of the work, roughly. */
  readonly shares: readonly number[];
}

/** Rows a second of so many gateways on a machine of its own, none of which uses more than one of `processors`. */
function rowsPerSecondOn(processors: number, { gateways, postgres, upstream, shares }: Run): number {
  const busiest = gateways * Math.max(...shares);
  return 1e6 / Math.max(busiest, (gateways + postgres + upstream) / processors);
}

async function round(count: number, postgresUrl: string): Promise<Run[]> {
  const upstream = await startUpstream();
  const name = `bench_${process.pid}_${count}`;
  await query(postgresUrl, `create database ${name}`);
  const databaseUrl = new URL(postgresUrl);
  databaseUrl.pathname = name;
  const gateways: GatewayProcess[] = [];
  try {
    for (let index = 0; index < count; index++) {
      const env = { CXONE_LIMITS: NO_LIMIT };
      gateways.push(await startGatewayProcess({ databaseUrl: databaseUrl.href, cxoneUrl: upstream.url, env }));
    }
    // They have agreed on their shares before the clock runs.
    await new Promise((done) => setTimeout(done, 1_000));
    const receivers = gateways.slice(0, values['to-first'] ? 1 : count);
    const pids = [...gateways.map(({ child }) => child.pid), upstream.child.pid];
    const result: Run[] = [];
    for (let run = 0; run < runs; run++) {
      const names = Array.from({ length: targets }, (_, index) => `bench-${run}-${index}`);
      const files = names.map((target) => ({ target, file: sampleFor(target) }));
      const before = pids.map(cpuSeconds);
      const postgresBefore = await postgresCpuSeconds(postgresUrl);
      const startedAt = performance.now();
      await Promise.all(
        Array.from({ length: imports }, (_, index) => {
          const { target, file } = files[index % targets] as { target: string; file: string }; // There are as many.
          return importInto(receivers[index % receivers.length] as GatewayProcess, target, file); // There is one at least.
        }),
      );
      const seconds = (performance.now() - startedAt) / 1000;
      const perRow = (cpuTime: number) => (cpuTime * 1e6) / (rows * imports);
      const cpu = pids.map((pid, index) => cpuSeconds(pid) - (before[index] ?? 0));
      const own = cpu.slice(0, count);
      result.push({
        rowsPerSecond: (rows * imports) / seconds,
        gateways: perRow(sum(own)),
        postgres: perRow((await postgresCpuSeconds(postgresUrl)) - postgresBefore),
        upstream: perRow(cpu[count] ?? 0),
        shares: own.map((each) => each / sum(own)),
      });
    }
    return result;
  } finally {
    for (const gateway of gateways) await gateway.stop();
    upstream.child.kill();
    await once(upstream.child, 'exit');
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
say(
  `${imports} imports of ${rows} rows, ${kind}, into ${targets} targets; ${availableParallelism()} processors, CXone answers after ${values.latency} ms`,
);
const results: Record<1 | 2, Run[][]> = { 1: [], 2: [] };
for (let index = 0; index < rounds; index++) {
  for (const count of [1, 2] as const) {
    const done = await round(count, postgres.url);
    results[count].push(done);
    done.forEach((run, number) => {
      const costs = [run.gateways, run.postgres, run.upstream].map((cost) => cost.toFixed(1));
      say(
        `${count} gateway${count === 1 ? ' ' : 's'} run ${number + 1}: ${Math.round(run.rowsPerSecond)} rows/s; processor time a row, µs: gateways ${costs[0]} (${run.shares
          .map((share) => `${Math.round(share * 100)} %`)
          .join(' and ')}), Postgres ${costs[1]}, CXone ${costs[2]}`,
      );
    });
  }
}
for (let run = 0; run < runs; run++) {
  const ratio = (of: (run: Run) => number) => {
    const [one, two] = ([1, 2] as const).map((count) => median(results[count].map((each) => of(each[run] as Run))));
    return ((two ?? Number.NaN) / (one ?? Number.NaN)).toFixed(2);
  };
  say(
    `run ${run + 1}: two replicas / one ${ratio(({ rowsPerSecond }) => rowsPerSecond)}; by processor time ${ratio((each) => rowsPerSecondOn(PROCESSORS, each))} on ${PROCESSORS} processors, ${ratio((each) => rowsPerSecondOn(Number.POSITIVE_INFINITY, each))} with one for each`,
  );
}
