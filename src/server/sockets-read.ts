/** Time that passed while the process was busy is nobody's silence: before somebody is cut off for it, sockets are read. */
import { setImmediate } from 'node:timers/promises';

/** Resolves once all that had arrived before it was called has been read. */
export async function socketsRead(): Promise<void> {
  await setImmediate();
  await setImmediate(); // Between the two the sockets have been looked at.
}
