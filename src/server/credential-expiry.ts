/** What was opened with credentials lasts no longer than they do. */
import type { Clock } from '../clock.ts';
import type { Actor } from '../graphql/context.ts';

/** Calls `end` when the actor's credentials end, unless the signal says that what they opened has ended before. */
export function endWithCredentials(actor: Actor | null, signal: AbortSignal, clock: Clock, end: () => void): void {
  if (actor?.expiresAt === undefined) return;
  clock.sleep(Math.max(actor.expiresAt - clock.now(), 0), signal).then(end, () => undefined);
}
