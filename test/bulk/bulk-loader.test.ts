import { describe, expect, it } from 'vitest';
import { type BulkCallReport, createBulkLoader, type SharedWrite } from '../../src/bulk/bulk-loader.ts';
import type { BulkOperation, BulkResult, ItemOutcome, Settlement } from '../../src/bulk/bulk-operation.ts';
import { type CallContext, newUpstreamTally } from '../../src/cxone/call-context.ts';
import { GatewayError, OutcomeUnknownError, RateLimitedError, UpstreamError } from '../../src/errors.ts';
import { createFakeClock } from '../support/clock.ts';

type Send = BulkOperation<string>['send'];
const created: ItemOutcome = { status: 'created' };
const allCreated = (items: readonly unknown[]): BulkResult => ({
  outcomes: items.map(() => created),
  upstreamRequestId: 'upstream-1',
  latencyMs: 1,
});

function createWrite(operation: Partial<BulkOperation<string>> & { send: Send }): SharedWrite<string> {
  return {
    operation: {
      name: 'letters',
      concurrency: 1,
      maxBatchSize: () => Promise.resolve(3),
      settle: () => Promise.reject(new Error('There was nothing to settle.')),
      ...operation,
    },
    action: 'letter.add',
    subject: (target) => `gid://cxone/Box/${target}`,
    idOf: (item) => item,
  };
}

function createCaller(call: Partial<CallContext> = {}) {
  return {
    actor: 'somebody',
    call: { requestId: 'request', lane: { kind: 'interactive' }, tally: newUpstreamTally(), ...call } as CallContext,
  };
}

function setUp(options: { maxWaitingItems?: number; beforeCall?: () => Promise<void> } = {}) {
  const clock = createFakeClock();
  const reports: BulkCallReport[] = [];
  const onCall = async (report: BulkCallReport) => void reports.push(report);
  return { clock, reports, loader: createBulkLoader({ clock, beforeCall: async () => {}, onCall, ...options }) };
}

describe('the bulk loader', () => {
  it('gives each caller its own outcome of the call they share', async () => {
    const { clock, reports, loader } = setUp();
    const refused: ItemOutcome = { status: 'failed', issue: { path: [], code: 'NO', message: 'no' } };
    const sent: string[][] = [];
    const write = createWrite({
      send: async (_target, items) => {
        sent.push([...items]);
        return { ...allCreated(items), outcomes: items.map((item) => (item === 'b' ? refused : created)) };
      },
    });
    const [a, b] = await clock.advanceUntil(
      Promise.all(['a', 'b'].map((item) => loader.load(write, 'box', item, createCaller()))),
    );
    expect(sent).toEqual([['a', 'b']]);
    expect(a?.outcome).toEqual(created);
    expect(b?.outcome).toEqual(refused);
    expect(a?.bulkCall).toEqual({ id: b?.bulkCall.id, size: 2 });
    expect(reports).toMatchObject([{ action: 'letter.add', subject: 'gid://cxone/Box/box', bulkCall: { size: 2 } }]);
  });

  it('never sends more than fit, nor items of two targets together', async () => {
    const { clock, loader } = setUp();
    const sent: string[] = [];
    const write = createWrite({
      send: async (target, items) => {
        sent.push(`${target}:${items.join('')}`);
        return allCreated(items);
      },
    });
    const loads = [...'abcdefg'].map((item) => loader.load(write, 'x', item, createCaller()));
    loads.push(loader.load(write, 'y', 'z', createCaller()));
    await clock.advanceUntil(Promise.all(loads));
    expect(sent.toSorted()).toEqual(['x:abc', 'x:def', 'x:g', 'y:z']);
  });

  it('refuses at once what its queue has no room for', async () => {
    const { clock, loader } = setUp({ maxWaitingItems: 2 });
    const write = createWrite({ send: async (_target, items) => allCreated(items) });
    const loads = ['a', 'b'].map((item) => loader.load(write, 'box', item, createCaller()));
    await expect(loader.load(write, 'box', 'c', createCaller())).rejects.toThrow(RateLimitedError);
    await clock.advanceUntil(Promise.all(loads));
    await clock.advanceUntil(loader.load(write, 'box', 'c', createCaller()));
  });

  it('sends nothing where the call could not be told of afterwards', async () => {
    let isAway = true;
    const { clock, reports, loader } = setUp({
      maxWaitingItems: 2,
      beforeCall: async () => {
        if (isAway) throw new GatewayError('UNAVAILABLE', 'The database cannot be used.');
      },
    });
    const sent: string[] = [];
    const write = createWrite({
      send: async (_target, items) => {
        sent.push(items.join(''));
        return allCreated(items);
      },
    });
    const loads = () => Promise.allSettled(['a', 'b'].map((item) => loader.load(write, 'box', item, createCaller())));
    const refused = await clock.advanceUntil(loads());
    expect(refused).toMatchObject([{ reason: { code: 'UNAVAILABLE' } }, { reason: { code: 'UNAVAILABLE' } }]);
    expect([sent, reports]).toEqual([[], []]);
    isAway = false;
    // Nothing of them waits any more: there is room for two.
    expect(await clock.advanceUntil(loads())).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }]);
  });

  it('leaves out the item of a caller who gave up before the call left', async () => {
    const { clock, reports, loader } = setUp();
    const write = createWrite({ send: async (_target, items) => allCreated(items) });
    const leaving = new AbortController();
    const gone = loader.load(write, 'box', 'gone', createCaller({ signal: leaving.signal }));
    const stays = loader.load(write, 'box', 'stays', createCaller());
    await clock.settle();
    leaving.abort(new Error('had enough'));
    await expect(gone).rejects.toThrow('had enough');
    await clock.advanceUntil(stays);
    expect(reports.map(({ items }) => items.map(({ id }) => id))).toEqual([['stays']]);
  });

  it('sends nothing when all have given up', async () => {
    const { clock, reports, loader } = setUp();
    const write = createWrite({ send: async (_target, items) => allCreated(items) });
    const leaving = new AbortController();
    const gone = loader.load(write, 'box', 'gone', createCaller({ signal: leaving.signal }));
    gone.catch(() => {});
    await clock.settle();
    leaving.abort(new Error('had enough'));
    await clock.advance(100);
    await expect(gone).rejects.toThrow('had enough');
    expect(reports).toEqual([]);
  });

  it('goes on with a call as long as anybody waits for it, and cuts it after the last', async () => {
    const { clock, loader } = setUp();
    let cut = false;
    const write = createWrite({
      send: (_target, _items, _attempt, call) =>
        new Promise((_resolve, reject) => {
          call.signal?.addEventListener('abort', () => {
            cut = true;
            reject(new OutcomeUnknownError('cut'));
          });
        }),
    });
    const [first, second] = [new AbortController(), new AbortController()];
    const loads = [first, second].map(({ signal }, index) =>
      loader.load(write, 'box', String(index), createCaller({ signal })).catch((error: Error) => error.message),
    );
    await clock.advance(50);
    first.abort(new Error('one'));
    await clock.settle();
    expect(cut).toBe(false);
    second.abort(new Error('two'));
    await clock.settle();
    expect(cut).toBe(true);
    expect(await Promise.all(loads)).toEqual(['one', 'two']);
  });

  it('tells whose time is over before the call left that nothing was sent, and whose item has left that it may have been', async () => {
    const { clock, loader } = setUp();
    const write = createWrite({ send: () => new Promise(() => {}) });
    const soon = { deadlineAt: 1000 };
    const sent = loader.load(write, 'box', 'sent', createCaller(soon));
    sent.catch(() => {});
    await clock.advance(100);
    const waiting = loader.load(write, 'box', 'waiting', createCaller(soon));
    waiting.catch(() => {});
    await clock.advance(5000);
    await expect(waiting).rejects.toThrow(RateLimitedError);
    await expect(sent).rejects.toThrow(OutcomeUnknownError);
  });

  it('waits no longer than the latest of its items’ deadlines allows', async () => {
    const { clock, loader } = setUp();
    const deadlines: (number | undefined)[] = [];
    const write = createWrite({
      send: async (_target, items, _attempt, call) => {
        deadlines.push(call.deadlineAt);
        return allCreated(items);
      },
    });
    await clock.advanceUntil(
      Promise.all([500, 800, 700].map((deadlineAt) => loader.load(write, 'box', 'x', createCaller({ deadlineAt })))),
    );
    expect(deadlines).toEqual([800]);
  });

  it('adds what a call cost to each operation once, however many of its items travelled in it', async () => {
    const { clock, loader } = setUp();
    const write = createWrite({
      send: async (_target, items, _attempt, { tally }) => {
        tally.calls += 2;
        tally.retries += 1;
        tally.waitedMs += 7;
        return allCreated(items);
      },
    });
    const [mine, yours] = [newUpstreamTally(), newUpstreamTally()];
    const [loaded] = await clock.advanceUntil(
      Promise.all([mine, mine, yours].map((tally) => loader.load(write, 'box', 'x', createCaller({ tally })))),
    );
    for (const tally of [mine, yours]) {
      expect(tally).toEqual({ calls: 2, retries: 1, waitedMs: 7, cacheHits: 0, batches: [loaded?.bulkCall] });
    }
  });

  describe('when no answer came', () => {
    const lost = new OutcomeUnknownError('No answer.', 'upstream-9');

    async function loadWith(send: Send, settlement: Settlement | Error) {
      const { clock, loader } = setUp();
      const settled: unknown[] = [];
      const write = createWrite({
        send,
        checkpoint: async () => ({ count: 5 }),
        settle: async (target, items, attempt) => {
          settled.push({ target, items, checkpoint: attempt.checkpoint });
          if (settlement instanceof Error) throw settlement;
          return settlement;
        },
      });
      const loaded = loader.load(write, 'box', 'a', createCaller());
      loaded.catch(() => {});
      const result = await clock.advanceUntil(loaded).catch((error: unknown) => error);
      return { result, settled };
    }

    it('answers what could be found out', async () => {
      const { result, settled } = await loadWith(() => Promise.reject(lost), {
        verdict: 'settled',
        result: allCreated(['a']),
      });
      expect(result).toMatchObject({ outcome: created });
      expect(settled).toEqual([{ target: 'box', items: ['a'], checkpoint: { count: 5 } }]);
    });

    it('sends again what was not taken, under another attempt', async () => {
      const attempts: string[] = [];
      const { result } = await loadWith(
        async (_target, items, { id }) => {
          attempts.push(id);
          if (attempts.length === 1) throw lost;
          return allCreated(items);
        },
        { verdict: 'notApplied' },
      );
      expect(result).toMatchObject({ outcome: created });
      expect(new Set(attempts).size).toBe(2);
    });

    it('does not say that nothing was sent where there is no time left to send it again', async () => {
      let sends = 0;
      const tooLate = new UpstreamError('It was not sent: its deadline had passed.', { fault: 'timeout' });
      const send = () => Promise.reject(++sends === 1 ? lost : tooLate);
      const { result } = await loadWith(send, { verdict: 'notApplied' });
      expect(result).toMatchObject({ fault: 'timeout', retryable: true, cause: tooLate });
      expect((result as Error).message).toMatch(/no answer.*did not take it/);
    });

    it('says so where nothing tells', async () => {
      const { result } = await loadWith(() => Promise.reject(lost), { verdict: 'unknown', reason: 'two wrote to it' });
      expect(result).toBeInstanceOf(OutcomeUnknownError);
      expect(result).toMatchObject({ upstreamRequestId: 'upstream-9', message: expect.stringContaining('two wrote') });
    });

    it('says so where CXone cannot be asked', async () => {
      const { result } = await loadWith(
        () => Promise.reject(lost),
        new UpstreamError('down', { fault: 'unavailable' }),
      );
      expect(result).toBe(lost);
    });
  });

  it('hurries out what waits when it ends, and takes nothing new', async () => {
    const { clock, reports, loader } = setUp();
    let answer = () => {};
    const write = createWrite({
      send: (_target, items) =>
        new Promise((resolve) => {
          answer = () => resolve(allCreated(items));
        }),
    });
    const loaded = loader.load(write, 'box', 'a', createCaller());
    await clock.settle();
    let ended = false;
    const ending = loader[Symbol.asyncDispose]().then(() => {
      ended = true;
    });
    await expect(loader.load(write, 'box', 'b', createCaller())).rejects.toThrow('stopping');
    await clock.settle();
    expect(ended).toBe(false);
    answer();
    await ending;
    expect(await loaded).toMatchObject({ outcome: created });
    expect(reports.length).toBe(1);
    expect(clock.pendingSleeps).toBe(0);
  });
});
