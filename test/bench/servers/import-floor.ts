/**
 * The floor of an import: a file read, parsed, checked, hashed for repeats and written as the JSON of bulk calls, and
 * nothing else. It knows only the files that the benchmarks make: no dirt, no line breaks in quotes.
 *
 * `node import-floor.ts <csv | ndjson> <file>`; says an address at once, and answers the message `run` with the rows.
 */
import { hash } from 'node:crypto';
import { createReadStream } from 'node:fs';

const [format = '', file = ''] = process.argv.slice(2);
const BULK = 1000;
const E164 = /^\+[1-9]\d{7,14}$/;

type Row = Record<string, unknown>;

/** The cells of a line that has quotes in it. */
function splitQuoted(line: string): string[] {
  return Array.from(line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g), ([, quoted, plain]) =>
    quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'),
  );
}

function readCsv(line: string, columns: readonly string[]): Row {
  const cells = line.includes('"') ? splitQuoted(line) : line.split(',');
  const row: Row = {};
  const customFields: Row = {};
  for (let index = 0; index < columns.length; index++) {
    const column = columns[index] ?? '';
    const cell = cells[index] ?? '';
    if (column === 'segment' || column === 'score') customFields[column] = cell;
    else if (column === 'doNotCall' || column === 'doNotEmail') row[column] = cell === 'true';
    else row[column] = cell;
  }
  row.customFields = customFields;
  return row;
}

/** Also makes the phone number E.164 where it is written with spaces and brackets. */
function check(row: Row): boolean {
  if (typeof row.externalId !== 'string' || row.externalId === '' || (!row.phone && !row.email)) return false;
  if (typeof row.doNotCall !== 'boolean' || typeof row.doNotEmail !== 'boolean') return false;
  if (!row.phone) return true;
  if (typeof row.phone !== 'string') return false;
  if (!E164.test(row.phone)) row.phone = row.phone.replaceAll(/[ ().-]/g, '');
  return E164.test(row.phone as string); // A replaced string is one.
}

async function run(): Promise<{ rows: number; bytes: number }> {
  let columns: string[] | undefined;
  let rest = '';
  let rows = 0;
  let bytes = 0;
  let batch: Row[] = [];
  const seen = new Set<string>();
  const send = () => {
    bytes += Buffer.byteLength(JSON.stringify(batch));
    batch = [];
  };
  for await (const chunk of createReadStream(file, { encoding: 'utf8', highWaterMark: 256 * 1024 })) {
    const lines = (rest + chunk).split(format === 'csv' ? '\r\n' : '\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (format === 'csv' && !columns) {
        columns = line.split(',');
        continue;
      }
      const row = columns ? readCsv(line, columns) : (JSON.parse(line) as Row);
      if (!check(row)) continue;
      const key = hash('sha256', `${row.externalId}|${row.phone}|${row.email}`);
      if (seen.has(key)) continue;
      seen.add(key);
      rows++;
      if (batch.push(row) === BULK) send();
    }
  }
  if (batch.length > 0) send();
  return { rows, bytes };
}

process.on('message', (message) => {
  if (message === 'run') void run().then((result) => process.send?.(result));
});
// The channel to whoever started it does not keep a process alive (probe.mjs).
setInterval(() => {}, 60_000);
console.log('http://127.0.0.1:0 reads files');
