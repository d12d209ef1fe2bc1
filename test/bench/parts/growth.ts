/** How what the gateway takes grows: with how far down a list one reads, rows of an import, subscribers, replicas. */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPostgresProcess } from '../../soak/postgres-process.ts';
import { ask, upstreamCounts } from '../harness/ask.ts';
import { drawPanels, type Panel, type Point } from '../harness/drawing.ts';
import { runLoad } from '../harness/http-load.ts';
import { runImport } from '../harness/import-run.ts';
import type { Part } from '../harness/part.ts';
import type { Table } from '../harness/report.ts';
import { median } from '../harness/rounds.ts';
import { createSampleFolder } from '../harness/sample-on-disk.ts';
import { type Contender, NO_LIMITS, startGateway, startMock } from '../servers/contenders.ts';
import { measureSubscribers, WEBHOOK_SECRET } from './subscriptions.ts';

const OFFSETS = [100, 1_000, 10_000, 100_000, 1_000_000];
const IMPORT_ROWS = [10, 100, 1_000, 10_000, 100_000];
/** Only where there is the time: the first takes some twenty seconds, the second some minutes. */
const LARGE_IMPORT_ROWS = [1_000_000, 10_000_000];
const SUBSCRIBERS = [1, 10, 100, 1_000];
const REPLICAS = [1, 2, 3];
const LIMIT_PER_SECOND = 50;
const LIMITED_MS = 4_000;
const RAMP_MS = 1_500;
const READS = 40;
const WARM_UP_READS = 300;

interface Growth {
  readonly table: Table;
  readonly panel: Panel;
}

export const growth: Part = {
  name: 'growth',
  description: 'with list size, rows of an import, subscribers, replicas; 10 million rows with --full',
  seconds: 90,
  async run({ endsAt, isFull, progress }) {
    const notes: string[] = [];
    await using parts = new AsyncDisposableStack();
    const mock = parts.use(await startMock());
    const found: Growth[] = [];
    {
      await using gateway = await startGateway(mock.url);
      progress('lists');
      found.push(await withListSize(gateway, mock.url));
    }
    progress('imports');
    found.push(
      await withImportSize(mock.url, (rows) => isFull || (rows <= 1e6 && performance.now() < endsAt - 70_000)),
    );
    progress('subscribers');
    found.push(await withSubscribers(mock.url));
    progress('replicas');
    try {
      found.push(await withReplicas(mock.url));
    } catch (error) {
      notes.push(`without replicas: ${String(error)}`);
    }
    return {
      tables: found.map(({ table }) => table),
      bars: [],
      notes,
      drawing: drawPanels(found.map(({ panel }) => panel)),
    };
  },
};

async function withListSize(gateway: Contender, mockUrl: string): Promise<Growth> {
  const query = `query ($after: String) { addressBook(id: "gid://cxone/AddressBook/b1") {
    contacts(first: 100, after: $after) { nodes { id firstName lastName } pageInfo { endCursor } } } }`;
  const rows: { offset: number; pageMs: number; cpuMs: number; calls: number }[] = [];
  for (let number = 0; number < WARM_UP_READS; number++) await ask(gateway.url, query, { after: null });
  for (const offset of OFFSETS) {
    const after = Buffer.from(JSON.stringify([1, 'contacts', offset - 1])).toString('base64url');
    await ask(gateway.url, query, { after });
    await upstreamCounts(mockUrl);
    const before = await gateway.mark();
    const times: number[] = [];
    for (let number = 0; number < READS; number++) {
      const startedAt = performance.now();
      await ask(gateway.url, query, { after });
      times.push(performance.now() - startedAt);
    }
    const { cpuMs } = await gateway.usage();
    const { calls } = await upstreamCounts(mockUrl);
    rows.push({ offset, pageMs: median(times), cpuMs: (cpuMs - before.cpuMs) / READS, calls: calls / READS });
  }
  return {
    table: {
      title: 'a page of 100 contacts, from',
      columns: ['ms', 'CPU ms', 'upstream calls'],
      rows: rows.map(({ offset, pageMs, cpuMs, calls }) => ({ name: String(offset), values: [pageMs, cpuMs, calls] })),
    },
    panel: {
      title: 'A page of a list',
      across: 'contacts before it',
      lines: [
        {
          name: 'processor time of a page of 100',
          unit: 'ms',
          points: rows.map(({ offset, cpuMs }): Point => [offset, cpuMs]),
        },
        { name: 'its upstream calls', unit: '', points: rows.map(({ offset, calls }): Point => [offset, calls]) },
      ],
    },
  };
}

async function withImportSize(mockUrl: string, mayRun: (rows: number) => boolean): Promise<Growth> {
  await using files = await createSampleFolder();
  const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-growth-'));
  const found: {
    rows: number;
    perSecond: number;
    perCore: number;
    memoryMb: number;
    storedMb: number;
    reportMs: number;
  }[] = [];
  try {
    for (const rows of [...IMPORT_ROWS, ...LARGE_IMPORT_ROWS]) {
      if (!mayRun(rows)) break;
      const file = await files.writePlain(rows);
      const database = join(folder, `${rows}.db`);
      await using gateway = await startGateway(mockUrl, { DATABASE_URL: `file:${database}` });
      const warm = await files.writePlain(1_001);
      await runImport(gateway.url, { file: warm, format: 'csv', rows: 1_001, listId: 'warm' });
      const idle = await gateway.mark();
      const { id, wallMs } = await runImport(gateway.url, { file, format: 'csv', rows, listId: 'growth' });
      const { peakMb, cpuMs } = await gateway.usage();
      const times: number[] = [];
      for (let number = 0; number < READS; number++) {
        const startedAt = performance.now();
        await ask(gateway.url, REPORT, { id });
        times.push(performance.now() - startedAt);
      }
      found.push({
        rows,
        perSecond: (rows / wallMs) * 1000,
        perCore: (rows / (cpuMs - idle.cpuMs)) * 1000,
        memoryMb: Math.max(0, peakMb - idle.rssMb),
        storedMb: (await bytesOf(folder, `${rows}.db`)) / 1e6,
        reportMs: median(times),
      });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return {
    table: {
      title: 'an import of rows',
      columns: ['rows/s', 'rows/s per core', 'MB above idle', 'MB stored', 'report ms'],
      rows: found.map(({ rows, perSecond, perCore, memoryMb, storedMb, reportMs }) => ({
        name: String(rows),
        values: [perSecond, perCore, memoryMb, storedMb, reportMs],
      })),
    },
    panel: {
      title: 'An import',
      across: 'rows',
      lines: [
        {
          name: 'rows a second of one core',
          unit: '',
          points: found.map(({ rows, perCore }): Point => [rows, perCore]),
        },
        { name: 'memory above idle', unit: 'MB', points: found.map(({ rows, memoryMb }): Point => [rows, memoryMb]) },
      ],
    },
  };
}

const REPORT = `query ($id: ID!) { import(id: $id) { state
  progress { received valid rejected duplicates succeeded skipped failed unknown pending }
  report { successRatePercent p95BatchLatencyMs } batches(first: 50) { nodes { number state } } } }`;

/** The database file and what belongs to it. */
async function bytesOf(folder: string, name: string): Promise<number> {
  const files = (await readdir(folder)).filter((file) => file.startsWith(name));
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, file))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function withSubscribers(mockUrl: string): Promise<Growth> {
  await using gateway = await startGateway(mockUrl, { CXONE_WEBHOOK_SECRET: WEBHOOK_SECRET });
  const found: ({ count: number } & Record<string, number>)[] = [];
  for (const count of SUBSCRIBERS) {
    found.push({ count, ...(await measureSubscribers({ protocol: 'websocket', server: gateway }, count, 2_000)) });
  }
  const figures = ['perSecond', 'p50Ms', 'p99Ms', 'cpuUs', 'peakMb'];
  const line = (figure: string): Point[] => found.map((each) => [each.count, each[figure] ?? Number.NaN]);
  return {
    table: {
      title: 'subscribers, 100 events/s',
      columns: ['delivered/s', 'p50 ms', 'p99 ms', 'CPU µs each', 'MB'],
      rows: found.map((each) => ({ name: String(each.count), values: figures.map((figure) => each[figure] ?? null) })),
    },
    panel: {
      title: 'Subscribers, 100 events a second',
      across: 'subscribers',
      lines: [
        { name: 'processor time of a delivery', unit: 'µs', points: line('cpuUs') },
        { name: 'memory', unit: 'MB', points: line('peakMb') },
      ],
    },
  };
}

async function withReplicas(mockUrl: string): Promise<Growth> {
  await using postgres = await startPostgresProcess();
  const limits = JSON.stringify({ ...NO_LIMITS, addressBooks: LIMIT_PER_SECOND });
  const found: { count: number; callsPerSecond: number; idleCpuMs: number; memoryMb: number }[] = [];
  await using replicas = new AsyncDisposableStack();
  const running: Contender[] = [];
  let contacts = 0;
  for (const count of REPLICAS) {
    running.push(replicas.use(await startGateway(mockUrl, { DATABASE_URL: postgres.url, CXONE_LIMITS: limits })));
    // They agree on their shares before anything is measured.
    await sleep(2_000);
    const before = await Promise.all(running.map((replica) => replica.mark()));
    await sleep(2_000);
    const idle = await Promise.all(running.map((replica) => replica.usage()));
    const load = Promise.all(
      running.map(({ url }) =>
        runLoad({
          url,
          connections: 20,
          durationMs: RAMP_MS + LIMITED_MS + RAMP_MS,
          next: () => ({
            method: 'POST',
            path: '/graphql',
            body: JSON.stringify({ query: `{ contact(id: "gid://cxone/Contact/b1/r${contacts++}") { id } }` }),
          }),
        }),
      ),
    );
    // The limit's first second goes all at once: it is the seconds after it that count.
    await sleep(RAMP_MS);
    await upstreamCounts(mockUrl);
    const startedAt = performance.now();
    await sleep(LIMITED_MS);
    const { calls } = await upstreamCounts(mockUrl);
    const seconds = (performance.now() - startedAt) / 1000;
    await load;
    found.push({
      count,
      callsPerSecond: calls / seconds,
      idleCpuMs: median(idle.map(({ cpuMs }, index) => (cpuMs - (before[index]?.cpuMs ?? 0)) / 2)),
      memoryMb: median(idle.map(({ rssMb }) => rssMb)),
    });
  }
  return {
    table: {
      title: `replicas under ${LIMIT_PER_SECOND} calls/s`,
      columns: ['calls/s, all together', 'idle CPU ms/s each', 'idle MB each'],
      rows: found.map(({ count, callsPerSecond, idleCpuMs, memoryMb }) => ({
        name: String(count),
        values: [callsPerSecond, idleCpuMs, memoryMb],
      })),
    },
    panel: {
      title: `Replicas under one limit of ${LIMIT_PER_SECOND} calls a second`,
      across: 'replicas',
      lines: [
        {
          name: 'calls a second, all together',
          unit: '',
          points: found.map((each): Point => [each.count, each.callsPerSecond]),
        },
        {
          name: 'idle processor time, each',
          unit: 'ms/s',
          points: found.map((each): Point => [each.count, each.idleCpuMs]),
        },
        { name: 'idle memory, each', unit: 'MB', points: found.map((each): Point => [each.count, each.memoryMb]) },
      ],
    },
  };
}
