/**
 * Cells a spreadsheet would run as a formula get an apostrophe in front, which makes them text. So does a cell that
 * begins with an apostrophe itself: taking one off again gives back every cell exactly, phone numbers with their `+`
 * included.
 */
const RISKY_START = /^[=+\-@\t\r\n'\uFF1D\uFF0B\uFF0D\uFF20]/;

export function guardCell(cell: string): string {
  return RISKY_START.test(cell) ? `'${cell}` : cell;
}

/** Undoes `guardCell`. An apostrophe that a spreadsheet took away in between is not missed. */
export function unguardCell(cell: string): string {
  return cell.startsWith("'") ? cell.slice(1) : cell;
}
