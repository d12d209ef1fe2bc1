/**
 * Writes a file of sample contacts to standard output: `npm run --silent sample -- --rows 25000 --dirty 0.04 > contacts.csv`.
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import {
  expectedCounts,
  MAX_DIRTY_SHARE,
  MAX_SAMPLE_ROWS,
  outboundContacts,
  type SampleOptions,
} from './outbound-contacts.ts';
import { SAMPLE_FORMATS, type SampleFormat, sampleFile } from './sample-file.ts';

const USAGE = `Usage: npm run --silent sample -- [options] > contacts.csv

Writes contacts of an outbound list to standard output and, to standard error, what an import of them must count.

  --rows <number>      how many, 1 to ${MAX_SAMPLE_ROWS} (default 25000)
  --dirty <share>      share of rows that are wrong in some way, 0 to ${MAX_DIRTY_SHARE} (default 0)
  --seed <integer>     the same seed writes the same file (default 1)
  --format <format>    ${SAMPLE_FORMATS.join(' or ')} (default csv)
  --help               this text
`;

class UsageError extends Error {}

function readArguments(): { options: SampleOptions; format: SampleFormat } | 'help' {
  const { values } = parseArgs({
    options: {
      rows: { type: 'string', default: '25000' },
      dirty: { type: 'string', default: '0' },
      seed: { type: 'string', default: '1' },
      format: { type: 'string', default: 'csv' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  const format = SAMPLE_FORMATS.find((known) => known === values.format);
  if (!format) throw new UsageError(`--format must be ${SAMPLE_FORMATS.join(' or ')}`);
  const options = {
    rows: readNumber('rows', values.rows, { min: 1, max: MAX_SAMPLE_ROWS, isWhole: true }),
    dirtyShare: readNumber('dirty', values.dirty, { min: 0, max: MAX_DIRTY_SHARE, isWhole: false }),
    seed: readNumber('seed', values.seed, { min: 0, max: 2 ** 31 - 1, isWhole: true }),
  };
  return { options, format };
}

function readNumber(name: string, text: string, bounds: { min: number; max: number; isWhole: boolean }): number {
  const { min, max, isWhole } = bounds;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (value >= min && value <= max && (!isWhole || Number.isInteger(value))) return value;
  throw new UsageError(`--${name} must be a ${isWhole ? 'whole number' : 'number'} from ${min} to ${max}`);
}

async function main(): Promise<void> {
  const read = readArguments();
  if (read === 'help') {
    process.stdout.write(USAGE);
    return;
  }
  const { options, format } = read;
  await pipeline(Readable.from(sampleFile(outboundContacts(options), format), { objectMode: false }), process.stdout);
  const { received, valid, rejected, duplicates } = expectedCounts(options);
  process.stderr.write(`${received} rows: ${valid} valid, ${rejected} to be rejected, ${duplicates} duplicates\n`);
}

function isCode(error: unknown, test: (code: string) => boolean): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && test(error.code);
}

try {
  await main();
} catch (error) {
  // A reader that has seen enough (`| head`) is no failure.
  if (!isCode(error, (code) => code === 'EPIPE')) {
    const isUsage = error instanceof UsageError || isCode(error, (code) => code.startsWith('ERR_PARSE_ARGS'));
    if (!isUsage || !(error instanceof Error)) throw error;
    process.stderr.write(`${error.message}\n\n${USAGE}`);
    process.exitCode = 2;
  }
}
