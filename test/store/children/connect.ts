/** What every child does first: opens the database named on its command line, and says what it has to say by lines. */
import { randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { systemClock } from '../../../src/clock.ts';
import { openDatabase } from '../../../src/store/database.ts';
import { createLeases } from '../../../src/store/leases.ts';
import { processOwner } from '../../../src/store/process-owner.ts';

const [url = '', ...parameters] = process.argv.slice(2);

export const owner = processOwner(randomUUID());
export { parameters };

export async function connect() {
  const database = await openDatabase({ url, clock: systemClock });
  return { database, leases: createLeases({ database, clock: systemClock, owner }) };
}

/** Written when this returns: a kill afterwards cannot take it back. */
export function say(line: string): void {
  writeSync(1, `${line}\n`);
}

const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

export async function heard(): Promise<void> {
  await input.next();
}
