import { describe, expect, it } from 'vitest';
import type { Attempt, BulkOperation, BulkResult, ItemOutcome } from '../../src/bulk/bulk-operation.ts';
import { type CallContext, newUpstreamTally } from '../../src/cxone/call-context.ts';
import { UpstreamError } from '../../src/errors.ts';
import { retryDelayMs } from '../../src/segments/backoff.ts';
import { retryingFailed } from '../../src/segments/retry-failed.ts';
import { createRetryRounds } from '../../src/segments/retry-rounds.ts';
import { createFakeClock } from '../support/clock.ts';

function call(rest: Partial<CallContext> = {}): CallContext {
  return { requestId: 'request', lane: { kind: 'interactive' }, tally: newUpstreamTally(), ...rest };
}

it('the delays are 2 s, times 1.5, 30 s at most, with up to 1 s of jitter', () => {
  const delays = [1, 2, 3, 4].map((tries) => retryDelayMs(2000, tries));
  expect(delays.map(({ least }) => least)).toEqual([2000, 3000, 4500, 6750]);
  expect(delays.every(({ jitter }) => jitter === 1000)).toBe(true);
  expect(retryDelayMs(2000, 20).least).toBe(30_000);
});

describe('rounds of retries', () => {
  it('bring contacts together that failed within the jitter of each other, and never earlier than allowed', async () => {
    const clock = createFakeClock();
    const rounds = createRetryRounds({ baseMs: 2000, clock, random: () => 0.5 });
    const woken: { name: string; at: number }[] = [];
    const wait = (name: string, tries = 1) =>
      rounds.next('one', tries, call()).then(() => woken.push({ name, at: clock.monotonic() }));
    const waits = [wait('first')];
    await clock.advance(400);
    waits.push(wait('second'));
    await clock.advance(2200);
    waits.push(wait('too late'));
    await clock.advanceUntil(Promise.all(waits));
    expect(woken).toEqual([
      { name: 'first', at: 2900 },
      { name: 'second', at: 2900 },
      { name: 'too late', at: 5500 },
    ]);
  });

  it.each([0, 0.5, 0.999])(
    'are few: near the end of the jitter that is allowed, or with a round that follows soon (chance: %s)',
    async (chance) => {
      const clock = createFakeClock();
      const rounds = createRetryRounds({ baseMs: 2000, clock, random: () => chance });
      const delays: number[] = [];
      const times = new Set<number>();
      const fail = async () => {
        const failedAt = clock.monotonic();
        await rounds.next('one', 1, call());
        delays.push(clock.monotonic() - failedAt);
        times.add(clock.monotonic());
      };
      const waits: Promise<void>[] = [];
      // One fails every 100 ms, for 1.6 s.
      for (let n = 0; n < 16; n++) {
        waits.push(fail());
        await clock.advance(100);
      }
      await clock.advanceUntil(Promise.all(waits));
      expect(Math.min(...delays)).toBeGreaterThanOrEqual(2000);
      expect(Math.max(...delays)).toBeLessThanOrEqual(3000 + 1500);
      expect(times.size).toBe(1);
    },
  );

  it('end for all who wait for them in one turn, however late the timers of this machine are', async () => {
    const late = createFakeClock();
    let sleeps = 0;
    const clock = { ...late, sleep: (ms: number, signal?: AbortSignal) => late.sleep(ms + 5 * sleeps++, signal) };
    const rounds = createRetryRounds({ baseMs: 2000, clock, random: () => 0 });
    const ended: number[] = [];
    const waits = [1, 2, 3].map(() => rounds.next('one', 1, call()).then(() => ended.push(late.monotonic())));
    await late.advanceUntil(Promise.all(waits));
    expect(new Set(ended).size).toBe(1);
  });

  it('go on for the others when one gives up, and end with the last', async () => {
    const clock = createFakeClock();
    const rounds = createRetryRounds({ baseMs: 2000, clock, random: () => 0 });
    const [first, second] = [new AbortController(), new AbortController()];
    const leaving = rounds.next('one', 1, call({ signal: first.signal }));
    const staying = rounds.next('one', 1, call({ signal: second.signal }));
    first.abort(new Error('gone'));
    await expect(leaving).rejects.toThrow('gone');
    expect(clock.pendingSleeps).toBe(1);
    second.abort(new Error('gone too'));
    await expect(staying).rejects.toThrow('gone too');
    expect(clock.pendingSleeps).toBe(0);
  });

  it('are not waited for where the deadline comes before them', async () => {
    const clock = createFakeClock();
    const rounds = createRetryRounds({ baseMs: 2000, clock, random: () => 0 });
    expect(await rounds.next('one', 1, call({ deadlineAt: 1999 }))).toBe(false);
    expect(clock.pendingSleeps).toBe(0);
  });
});

describe('a batch of an import', () => {
  const failed: ItemOutcome = { status: 'failed', issue: { path: [], code: 'Locked', message: 'locked' } };
  const attempt: Attempt = { id: 'attempt', checkpoint: undefined };

  function setUp(outcomeOf: (item: string, sends: number) => ItemOutcome | Error) {
    const clock = createFakeClock();
    const sends: { items: readonly string[]; id: string; at: number }[] = [];
    const send: BulkOperation<string>['send'] = async (_target, items, { id }) => {
      sends.push({ items, id, at: clock.monotonic() });
      const outcomes = items.map((item) => outcomeOf(item, sends.length));
      const error = outcomes.find((outcome) => outcome instanceof Error);
      if (error) throw error;
      return { outcomes: outcomes as ItemOutcome[], upstreamRequestId: undefined, latencyMs: 1 };
    };
    const once: BulkOperation<string> = {
      name: 'members',
      concurrency: 1,
      maxBatchSize: async () => 200,
      send,
      settle: async () => ({ verdict: 'notApplied' }),
    };
    const operation = retryingFailed(once, { baseMs: 2000, clock, random: () => 0 });
    const run = (items: string[]): Promise<BulkResult> =>
      clock.advanceUntil(operation.send('one', items, attempt, call()));
    return { clock, sends, run };
  }

  it('sends only what failed again, five times together and at last alone, each under a key of its own', async () => {
    const { sends, run } = setUp((item) => (item.startsWith('bad') ? failed : { status: 'created' }));
    const { outcomes } = await run(['good', 'bad-1', 'bad-2']);
    expect(outcomes.map(({ status }) => status)).toEqual(['created', 'failed', 'failed']);
    expect(sends.map(({ items }) => items.length)).toEqual([3, 2, 2, 2, 2, 1, 1]);
    expect(sends.map(({ at }) => at)).toEqual([0, 2000, 5000, 9500, 16_250, 16_250, 16_250]);
    expect(new Set(sends.map(({ id }) => id)).size).toBe(sends.length);
  });

  it('ends with what a later try achieved', async () => {
    const { sends, run } = setUp((item, count) => (item === 'slow' && count < 3 ? failed : { status: 'created' }));
    const { outcomes } = await run(['slow', 'good']);
    expect(outcomes.map(({ status }) => status)).toEqual(['created', 'created']);
    expect(sends.length).toBe(3);
  });

  it('names what CXone took last, which is not what it answered last, nor who was a member before', async () => {
    const { clock, run } = setUp((item, count) => {
      if (item === 'slow' && count === 3) return { status: 'created' };
      if (item === 'member') return { status: 'skipped' };
      return item === 'good' ? { status: 'created' } : failed;
    });
    const begun = clock.now();
    expect((await run(['bad', 'good', 'member'])).lastTaken).toEqual({ index: 1, at: begun });
    const again = clock.now();
    expect((await run(['slow', 'good', 'member'])).lastTaken).toEqual({ index: 1, at: again });
    expect((await run(['bad', 'member'])).lastTaken).toMatchObject({ index: 1 });
    expect((await run(['bad'])).lastTaken).toBeUndefined();
  });

  it('names what a later try of the batch took', async () => {
    const { clock, run } = setUp((item, count) => (item === 'slow' && count < 3 ? failed : { status: 'created' }));
    const begun = clock.now();
    expect((await run(['slow', 'good'])).lastTaken).toEqual({ index: 0, at: begun + 5000 });
  });

  it('keeps what is known when CXone cannot be asked any more', async () => {
    const { run } = setUp((item, count) => {
      if (count > 1) return new UpstreamError('down', { fault: 'unavailable' });
      return item === 'bad' ? failed : { status: 'created' };
    });
    const { outcomes } = await run(['good', 'bad']);
    expect(outcomes).toEqual([{ status: 'created' }, failed]);
  });
});
