/** How commands end, for the scripts that call them. */

import type { ImportState } from '../client/generated/graphql.ts';

export const EXIT = {
  ok: 0,
  /** The gateway cannot be reached, refused the call, or broke. */
  failure: 1,
  /** The command or its input is wrong: nothing was done. */
  usage: 2,
  completedWithFailures: 3,
  /** The import failed as a whole, or was cancelled. */
  importFailed: 4,
  /** 128 + SIGINT, as shells have it. */
  interrupted: 130,
} as const;

/** What a finished import means to a script. @throws where it is not finished */
export function exitCodeOf(state: ImportState): number {
  if (state === 'COMPLETED') return EXIT.ok;
  if (state === 'COMPLETED_WITH_FAILURES') return EXIT.completedWithFailures;
  if (state === 'FAILED' || state === 'CANCELLED') return EXIT.importFailed;
  throw new Error(`the import is ${state}, not finished`);
}
