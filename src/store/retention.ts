/** Forgets in the background what is past its time: each chore now and then, by one of the replicas. */
import type { Clock } from '../clock.ts';
import type { Leases } from './leases.ts';
import { type StoreLog, silentLog } from './storage-engine.ts';

/** No chore takes longer; a replica that died at one holds the others up for no more than this. */
const LEASE_MS = 60_000;

export interface Chore {
  /** For the log. */
  readonly name: string;
  /** Deletes what is past its time. @returns how much that was */
  readonly run: () => Promise<number>;
}

/** Runs all chores at once and then every `intervalMs`, until disposed. One that fails is logged and tried next time. */
export function createRetention(deps: {
  leases: Leases;
  clock: Clock;
  chores: readonly Chore[];
  intervalMs: number;
  log?: StoreLog;
}): AsyncDisposable {
  const { leases, clock, chores, intervalMs, log = silentLog } = deps;
  const stop = new AbortController();

  async function runAll(): Promise<void> {
    const lease = await leases.tryAcquire('retention', LEASE_MS);
    if (!lease) return;
    try {
      for (const { name, run } of chores) {
        if (stop.signal.aborted) return;
        const count = await run().catch((error: unknown) => {
          log.warn({ chore: name, reason: String(error) }, 'could not clear away what is past its time');
          return 0;
        });
        if (count > 0) log.info({ chore: name, count }, 'cleared away what was past its time');
      }
    } finally {
      await leases.release(lease);
    }
  }

  async function runUntilStopped(): Promise<void> {
    while (!stop.signal.aborted) {
      // The database is away: the next round is soon enough.
      await runAll().catch(() => {});
      await clock.sleep(intervalMs, stop.signal).catch(() => {});
    }
  }

  const running = runUntilStopped();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}
