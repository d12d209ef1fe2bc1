/** A million outbound rows from CSV and from NDJSON: rows a second of one core, and the memory they take. */
import { startBenchProcess } from '../harness/bench-process.ts';
import { type ImportFormat, runImport } from '../harness/import-run.ts';
import type { Part } from '../harness/part.ts';
import type { Bar, Table } from '../harness/report.ts';
import { alternate, medianOf, medianRatio } from '../harness/rounds.ts';
import { createSampleFolder } from '../harness/sample-on-disk.ts';
import { GATEWAY, startGateway, startMock } from '../servers/contenders.ts';

/** A million rows; fewer where the machine is so slow or busy that they would take longer than there is time. */
const ROWS = [1_000_000, 500_000, 250_000, 100_000];
const WARM_UP_ROWS = 50_000;
/** A round takes this much longer than the import in it: the floor, and writing the file. */
const ROUND_SHARE = 1.6;
const MOST_ROUNDS = 2;
const FLOOR = 'floor';
const FORMATS: readonly ImportFormat[] = ['csv', 'ndjson'];
const LEAST_CSV_ROWS_PER_SECOND = 60_000;
const MOST_MEMORY_MB = 250;

export const imports: Part = {
  name: 'imports',
  description: 'a million rows from CSV and from NDJSON; rows a second per core and peak memory, against the floor',
  seconds: 140,
  async run({ rounds, endsAt, progress }) {
    await using parts = new AsyncDisposableStack();
    const files = parts.use(await createSampleFolder());
    const mock = parts.use(await startMock());
    const gateway = parts.use(await startGateway(mock.url));
    const startedAt = performance.now();
    const notes: string[] = [];
    const tables: Table[] = [];
    const bars: Bar[] = [];
    let lists = 0;

    for (const [number, format] of FORMATS.entries()) {
      const half = (endsAt - startedAt) / FORMATS.length;
      const importFile = (path: string, count: number) =>
        runImport(gateway.url, { file: path, format, rows: count, listId: `bench-${format}-${lists++}` });
      progress(`${WARM_UP_ROWS} rows of ${format.toUpperCase()}`);
      const { wallMs: warmUpMs } = await importFile(await files.write(WARM_UP_ROWS, format), WARM_UP_ROWS);
      const rows = fitting((warmUpMs / WARM_UP_ROWS) * ROUND_SHARE, half) ?? WARM_UP_ROWS;
      if (rows !== ROWS[0]) notes.push(`${format.toUpperCase()}: ${rows} rows, as more would have taken too long here`);
      progress(`${rows} rows of ${format.toUpperCase()}`);
      const file = await files.write(rows, format);

      const measureGateway = async () => {
        const idle = await gateway.mark();
        const { wallMs } = await importFile(file, rows);
        const { cpuMs, peakMb } = await gateway.usage();
        return { ...speed(rows, wallMs, cpuMs - idle.cpuMs), memoryMb: peakMb - idle.rssMb };
      };
      const measureFloor = async () => {
        await using floor = await startBenchProcess({
          script: new URL('../servers/import-floor.ts', import.meta.url).pathname,
          args: [format, file],
        });
        const idle = await floor.mark();
        const startedAt = performance.now();
        const { rows: read } = (await floor.ask('run')) as { rows: number }; // As import-floor.ts sends it.
        const wallMs = performance.now() - startedAt;
        if (read !== rows) throw new Error(`The floor read ${read} rows of ${rows}.`);
        const { cpuMs, peakMb } = await floor.usage();
        return { ...speed(rows, wallMs, cpuMs - idle.cpuMs), memoryMb: peakMb - idle.rssMb };
      };
      const contenders = [
        { name: FLOOR, measure: measureFloor },
        { name: GATEWAY, measure: measureGateway },
      ];
      // A further round takes about as long as the first one: one that would end too late is not begun.
      const measured = await alternate(
        contenders,
        Math.min(rounds, MOST_ROUNDS),
        ({ measure }) => measure(),
        startedAt + half * (number + 0.5),
      );
      tables.push({
        title: `${format.toUpperCase()}, up to ${ROWS[0]} rows`,
        columns: ['of the floor', 'rows/s per core', 'rows/s', 'MB above idle'],
        rows: contenders.map(({ name }) => ({
          name,
          values: [
            medianRatio(measured, name, FLOOR, 'perCore'),
            ...['perCore', 'perSecond', 'memoryMb'].map((figure) => medianOf(measured, name, figure)),
          ],
        })),
      });
      const perCore = medianOf(measured, GATEWAY, 'perCore');
      if (format === 'csv') {
        bars.push({ what: 'CSV: rows a second per core', got: perCore, atLeast: LEAST_CSV_ROWS_PER_SECOND });
      }
      bars.push({
        what: `${format.toUpperCase()}: peak memory above idle, MB`,
        got: medianOf(measured, GATEWAY, 'memoryMb'),
        atMost: MOST_MEMORY_MB,
      });
    }
    return { tables, bars, notes };
  },
};

function speed(rows: number, wallMs: number, cpuMs: number): { perSecond: number; perCore: number } {
  return { perSecond: (rows / wallMs) * 1000, perCore: (rows / cpuMs) * 1000 };
}

/** The most rows that are done within `availableMs`. */
function fitting(rowMs: number, availableMs: number): number | undefined {
  return ROWS.find((rows) => rows * rowMs <= availableMs);
}
