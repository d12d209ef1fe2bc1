import { describe, expect, it } from 'vitest';
import type { Audited } from '../../src/bulk/audited.ts';
import type { EnrichmentClient } from '../../src/enrichment/client.ts';
import { createListRefreshes } from '../../src/enrichment/list-refreshes.ts';
import { createFakeClock } from '../support/clock.ts';

function setUp({ fails = false } = {}) {
  const clock = createFakeClock();
  const refreshed: { listId: string; at: number }[] = [];
  const warnings: string[] = [];
  const refresh: EnrichmentClient['refresh'] = async (listId) => {
    refreshed.push({ listId, at: clock.monotonic() });
    if (fails) throw new Error('down');
    return { found: true, upstreamRequestId: undefined, latencyMs: 1 };
  };
  const audited: Audited = async (_caller, _write, run) => (await run()).result;
  const refreshes = createListRefreshes({
    client: { refresh } as EnrichmentClient, // No other endpoint is asked.
    audited,
    globalId: (type, id) => `${type}/${id}`,
    clock,
    log: { warn: (_fields, message) => void warnings.push(message) },
  });
  const write = (listId: string, ms: number, wrote = true) =>
    refreshes.during(
      listId,
      () => clock.sleep(ms),
      () => wrote,
    );
  return { clock, refreshed, warnings, refreshes, write };
}

describe('the refresh of a list', () => {
  it('comes once, a second after the last of a burst of calls', async () => {
    const { clock, refreshed, write } = setUp();
    for (let count = 0; count < 10; count++) await clock.advanceUntil(write('list', 300));
    const last = write('list', 2500);
    await clock.advanceUntil(last);
    expect(refreshed).toEqual([]);
    await clock.advance(10_000);
    expect(refreshed).toEqual([{ listId: 'list', at: 3000 + 2500 + 1000 }]);
  });

  it('is not put off for longer than 30 s by calls that do not end', async () => {
    const { clock, refreshed, write } = setUp();
    for (let count = 0; count < 100; count++) await clock.advanceUntil(write('list', 900));
    // The second burst begins with the first call that ends after the first refresh.
    expect(refreshed.map(({ at }) => at)).toEqual([30_000, 60_600]);
  });

  it('does not come where nothing got in, or where somebody has refreshed the list since', async () => {
    const { clock, refreshed, refreshes, write } = setUp();
    await clock.advanceUntil(write('list', 10, false));
    await clock.advanceUntil(write('other', 10));
    refreshes.forget('other');
    await clock.advance(60_000);
    expect(refreshed).toEqual([]);
    expect(clock.pendingSleeps).toBe(0);
  });

  it('follows a call that ended after somebody else’s refresh', async () => {
    const { clock, refreshed, refreshes, write } = setUp();
    const writing = write('list', 500);
    await clock.advance(100);
    refreshes.forget('list');
    await clock.advanceUntil(writing);
    await clock.advance(5000);
    expect(refreshed).toEqual([{ listId: 'list', at: 1500 }]);
  });

  it('that fails is told in the log', async () => {
    const { clock, warnings, write } = setUp({ fails: true });
    await clock.advanceUntil(write('list', 10));
    await clock.advance(5000);
    expect(warnings.length).toBe(1);
  });

  it('is made up for at the end', async () => {
    const { clock, refreshed, refreshes, write } = setUp();
    await clock.advanceUntil(write('list', 10));
    await refreshes[Symbol.asyncDispose]();
    expect(refreshed).toEqual([{ listId: 'list', at: 10 }]);
    expect(clock.pendingSleeps).toBe(0);
  });
});
