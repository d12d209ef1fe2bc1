/** Numbers and times as the commands print them, the same in every locale. */

export function whole(count: number): string {
  return count.toLocaleString('en');
}

/** At most one decimal. */
export function decimal(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 1 });
}

/** A length of time in two units at most: `2 h 5 min`, `1 min 20 s`, `9 s`. */
export function duration(seconds: number): string {
  const total = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(total / 3600), Math.floor((total % 3600) / 60), total % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${rest} s` : `${rest} s`;
}

/** The time of day of an ISO 8601 time, in UTC. */
export function timeOfDay(iso: string): string {
  return iso.slice(11, 19);
}

/** A whole text table, columns padded to their widest cell; numbers go to the right. */
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
