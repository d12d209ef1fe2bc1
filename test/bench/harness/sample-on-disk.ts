/** Sample files in a folder of the run's own, which goes with it. */
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { outboundContacts } from '../../../src/samples/outbound-contacts.ts';
import { sampleFile } from '../../../src/samples/sample-file.ts';
import type { ImportFormat } from './import-run.ts';

export interface SampleFolder extends AsyncDisposable {
  /** The path of a file of so many clean outbound contacts. */
  write(rows: number, format: ImportFormat): Promise<string>;
  /** The same in CSV for more rows than there are sample contacts: up to a hundred million, much alike. */
  writePlain(rows: number): Promise<string>;
}

export async function createSampleFolder(): Promise<SampleFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-files-'));
  return {
    async write(rows, format) {
      const path = join(folder, `${rows}.${format}`);
      const pieces = sampleFile(outboundContacts({ rows, dirtyShare: 0, seed: 7 }), format);
      await pipeline(Readable.from(pieces), createWriteStream(path));
      return path;
    },
    async writePlain(rows) {
      const path = join(folder, `${rows}-plain.csv`);
      await pipeline(Readable.from(plainRows(rows)), createWriteStream(path));
      return path;
    },
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const ROWS_IN_A_PIECE = 1_000;

function* plainRows(rows: number): Generator<string> {
  let piece = 'externalId,firstName,lastName,phone,email,countryCode,doNotCall,doNotEmail\r\n';
  for (let row = 0; row < rows; row++) {
    const digits = String(row).padStart(8, '0');
    piece += `CRM-${digits},Ada,Example,+4479${digits},person${row}@example.com,GB,false,${row % 2 === 0}\r\n`;
    if (row % ROWS_IN_A_PIECE !== 0) continue;
    yield piece;
    piece = '';
  }
  yield piece;
}
