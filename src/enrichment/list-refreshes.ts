/**
 * One refresh of a list after a burst of single enrichments, rather than one for each call (cxone-api.md, section 5):
 * when nothing has been written for a moment. Best effort: what a process that dies leaves out is made good by the
 * list's next burst.
 */
import type { Audited } from '../bulk/audited.ts';
import type { Clock } from '../clock.ts';
import { newUpstreamTally } from '../cxone/call-context.ts';
import { INTERACTIVE_DEADLINE_MS } from '../cxone/limits.ts';
import type { EnrichmentClient } from './client.ts';

/** A burst is over when nothing was written for this long, milliseconds. */
const QUIET_MS = 1000;
/** How long a write waits for it at most, milliseconds: the dialer does not know it before. */
const LONGEST_BURST_MS = 30_000;

export interface ListRefreshes extends AsyncDisposable {
  /** Around every enriching call, its waiting included. `wrote`: whether anything got in. */
  during<T>(listId: string, work: () => Promise<T>, wrote: (result: T) => boolean): Promise<T>;
  /** The list was refreshed by somebody else: nothing is due. */
  forget(listId: string): void;
}

interface Burst {
  underWay: number;
  hasWritten: boolean;
  /** When the list is refreshed even if calls go on. */
  readonly latestAt: number;
  timer: AbortController | undefined;
}

export function createListRefreshes(deps: {
  client: EnrichmentClient;
  audited: Audited;
  globalId: (type: string, id: string) => string;
  clock: Clock;
  log: { warn(fields: object, message: string): void };
}): ListRefreshes {
  const { client, audited, globalId, clock, log } = deps;
  const bursts = new Map<string, Burst>();
  const running = new Set<Promise<void>>();

  function burstOf(listId: string): Burst {
    let burst = bursts.get(listId);
    if (!burst) {
      burst = { underWay: 0, hasWritten: false, latestAt: clock.monotonic() + LONGEST_BURST_MS, timer: undefined };
      bursts.set(listId, burst);
    }
    return burst;
  }

  /** Sleeps until the burst is over, as far as that can be told now. */
  function schedule(listId: string, burst: Burst): void {
    burst.timer?.abort();
    if (!burst.hasWritten) {
      if (burst.underWay === 0) bursts.delete(listId);
      return;
    }
    const now = clock.monotonic();
    const dueAt = burst.underWay > 0 ? burst.latestAt : Math.min(now + QUIET_MS, burst.latestAt);
    burst.timer = new AbortController();
    clock.sleep(Math.max(0, Math.ceil(dueAt - now)), burst.timer.signal).then(
      () => begin(listId),
      () => {}, // The burst went on, or the list was refreshed by somebody else.
    );
  }

  function begin(listId: string): void {
    forget(listId);
    const refreshed = refresh(listId).finally(() => running.delete(refreshed));
    running.add(refreshed);
  }

  async function refresh(listId: string): Promise<void> {
    const requestId = `list-refresh/${listId}`;
    const deadlineAt = clock.monotonic() + INTERACTIVE_DEADLINE_MS;
    // Nobody waits for it: whoever does goes first.
    const lane = { kind: 'import', key: 'list-refreshes' } as const;
    const call = { requestId, lane, deadlineAt, tally: newUpstreamTally() };
    const about = { action: 'contactList.refresh', subject: globalId('ContactList', listId) };
    try {
      await audited({ actor: 'gateway', call }, about, async () => {
        const { found, upstreamRequestId, latencyMs } = await client.refresh(listId, call);
        return { result: undefined, detail: { found }, upstreamRequestId, latencyMs };
      });
    } catch (error) {
      log.warn({ error, requestId }, 'a list was not refreshed after it was written to');
    }
  }

  function forget(listId: string): void {
    bursts.get(listId)?.timer?.abort();
    bursts.delete(listId);
  }

  return {
    async during(listId, work, wrote) {
      const began = burstOf(listId);
      began.underWay++;
      schedule(listId, began);
      let hasWritten = false;
      try {
        const result = await work();
        hasWritten = wrote(result);
        return result;
      } finally {
        began.underWay--;
        // Refreshed meanwhile: what was written since belongs to another burst.
        if (bursts.get(listId) === began || hasWritten) {
          const burst = burstOf(listId);
          burst.hasWritten ||= hasWritten;
          schedule(listId, burst);
        }
      }
    },
    forget,
    async [Symbol.asyncDispose]() {
      for (const [listId, { hasWritten }] of bursts) if (hasWritten) begin(listId);
      await Promise.all(running);
    },
  };
}
