/** Times and tables as the commands print them. */

/** The time of day of an ISO 8601 time, in UTC, and said to be so: `03:04:05Z`. */
export function timeOfDay(iso: string): string {
  return `${iso.slice(11, 19)}Z`;
}

/** Columns padded to their widest cell; the first to the left, the others, which are numbers, to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>(
    (most, row) => row.map((cell, column) => Math.max(most[column] ?? 0, cell.length)),
    [],
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ');
  return rows.map(line).join('\n');
}
