/** What a run found: tables and bars, printed for people and written as JSON that two commits can be compared by. */

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly { readonly name: string; readonly values: readonly (number | null)[] }[];
}

/** A promise about speed, and what was measured. */
export interface Bar {
  readonly what: string;
  readonly got: number;
  /** Kept where `got` is at least this. */
  readonly atLeast?: number;
  /** Kept where `got` is at most this. */
  readonly atMost?: number;
}

export interface PartResult {
  readonly part: string;
  readonly seconds: number;
  readonly tables: readonly Table[];
  readonly bars: readonly Bar[];
  readonly notes: readonly string[];
}

export interface Report {
  readonly commit: string;
  readonly date: string;
  readonly node: string;
  readonly machine: string;
  readonly parts: readonly PartResult[];
}

export function holds({ got, atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY }: Bar): boolean {
  return got >= atLeast && got <= atMost;
}

export function renderPart({ part, seconds, tables, bars, notes }: PartResult): string {
  return [
    `\n## ${part} (${seconds.toFixed(0)} s)`,
    ...tables.map(renderTable),
    ...(bars.length > 0 ? ['', ...bars.map(renderBar)] : []),
    ...notes.map((note) => `note: ${note}`),
  ].join('\n');
}

function renderTable({ title, columns, rows }: Table): string {
  const cells = [
    [title, ...columns],
    ...rows.map(({ name, values }) => [name, ...values.map((value) => formatNumber(value))]),
  ];
  const widths = cells[0]?.map((_cell, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = cells.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  '),
  );
  lines.splice(1, 0, '-'.repeat(lines[0]?.length ?? 0));
  return `\n${lines.join('\n')}`;
}

function renderBar(bar: Bar): string {
  const wanted =
    bar.atLeast === undefined ? `at most ${formatNumber(bar.atMost ?? null)}` : `at least ${formatNumber(bar.atLeast)}`;
  return `${holds(bar) ? 'holds ' : 'BROKEN'}  ${bar.what}: ${formatNumber(bar.got)} (${wanted})`;
}

function formatNumber(value: number | null): string {
  if (value === null || Number.isNaN(value)) return '–';
  if (Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

/** The figures of two reports side by side, with their quotient. */
export function renderComparison(before: Report, after: Report): string {
  const old = figuresOf(before);
  const rows = [...figuresOf(after)].flatMap(([name, value]) => {
    const was = old.get(name);
    return was === undefined ? [] : [{ name, values: [was, value, value / was] }];
  });
  const columns = [before.commit.slice(0, 9), after.commit.slice(0, 9), 'quotient'];
  return renderTable({ title: 'figure', columns, rows });
}

function figuresOf({ parts }: Report): Map<string, number> {
  const figures = new Map<string, number>();
  for (const { part, tables } of parts) {
    for (const { title, columns, rows } of tables) {
      for (const { name, values } of rows) {
        for (const [index, value] of values.entries()) {
          if (value !== null) figures.set(`${part} | ${title} | ${name} | ${columns[index]}`, value);
        }
      }
    }
  }
  return figures;
}
