/** What was opened with credentials lasts no longer than they do. */
import type { Clock } from '../clock.ts';
import type { Actor } from '../graphql/context.ts';

/** Calls `end` when the actor's credentials end, unless the signal says that what they opened has ended before. */
export function endWithCredentials(actor: Actor | null, signal: AbortSignal, clock: Clock, end: () => void): void {
  const { expiresAt } = actor ?? {};
  if (expiresAt === undefined) return;
  const wait = async () => {
    // More than once: a sleep has a longest time, and the wall clock may be set.
    for (let leftMs = 1; leftMs > 0; leftMs = expiresAt - clock.now()) {
      await clock.sleep(Math.max(expiresAt - clock.now(), 0), signal);
    }
    end();
  };
  wait().catch(() => undefined);
}
