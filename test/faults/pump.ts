/** Moves a gateway's clock along while its sockets, which know no clock but the machine's, do their part. */
import { setTimeout as realTime } from 'node:timers/promises';
import type { FakeClock } from '../support/clock.ts';

/** Small beside every wait that is measured, so that what happens in between happens at its time. */
const STEP_MS = 10;

/**
 * Moves the clock in small steps, each with a moment for the sockets, until `work` settles.
 * @throws Error when `maxMs` of the clock have passed before
 */
export async function pump<T>(clock: FakeClock, work: Promise<T>, maxMs = 60_000): Promise<T> {
  let settled = false;
  const done = () => {
    settled = true;
  };
  work.then(done, done);
  const endAt = clock.monotonic() + maxMs;
  while (!settled) {
    await realTime(1);
    if (settled) break;
    if (clock.monotonic() >= endAt) throw new Error(`Still waiting after ${maxMs} ms of the clock.`);
    await clock.advance(STEP_MS);
  }
  return work;
}
