import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CallContext, newUpstreamTally } from '../../src/cxone/call-context.ts';
import { createContactRate } from '../../src/enrichment/contact-rate.ts';
import { RateLimitedError } from '../../src/errors.ts';
import { createFakeClock } from '../support/clock.ts';

function call(rest: Partial<CallContext> = {}): CallContext {
  return { requestId: 'request', lane: { kind: 'interactive' }, tally: newUpstreamTally(), ...rest };
}

describe('the rate of contacts', () => {
  it('is never above 500 in any one second, however calls come and however long they take', async () => {
    const calls = fc.array(
      fc.record({ count: fc.integer({ min: 1, max: 500 }), gapMs: fc.nat(400), latencyMs: fc.nat(1500) }),
      { minLength: 1, maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(calls, async (plan) => {
        const clock = createFakeClock();
        const rate = createContactRate({ perSecond: 500, clock });
        const arrived: { at: number; count: number }[] = [];
        const send = async ({ count, latencyMs }: { count: number; latencyMs: number }) => {
          const done = await rate.take(count, call());
          // CXone counts it anywhere between departure and answer: here at the end.
          await clock.sleep(latencyMs);
          arrived.push({ at: clock.monotonic(), count });
          done();
        };
        const sent: Promise<void>[] = [];
        for (const each of plan) {
          sent.push(send(each));
          await clock.advance(each.gapMs);
        }
        await clock.advanceUntil(Promise.all(sent));
        for (const { at } of arrived) {
          const within = arrived.filter((other) => other.at >= at && other.at < at + 1000);
          expect(within.reduce((sum, { count }) => sum + count, 0)).toBeLessThanOrEqual(500);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is given to people before imports', async () => {
    const clock = createFakeClock();
    const rate = createContactRate({ perSecond: 500, clock });
    (await rate.take(500, call()))();
    const order: string[] = [];
    const wait = (name: string, lane: CallContext['lane']) =>
      rate.take(500, call({ lane })).then((done) => {
        order.push(name);
        done();
      });
    await clock.advanceUntil(
      Promise.all([wait('import', { kind: 'import', key: '1' }), wait('person', { kind: 'interactive' })]),
    );
    expect(order).toEqual(['person', 'import']);
  });

  it('refuses who cannot be served before the deadline, and forgets who has gone', async () => {
    const clock = createFakeClock();
    const rate = createContactRate({ perSecond: 500, clock });
    const done = await rate.take(500, call());
    const late = rate.take(1, call({ deadlineAt: 300 }));
    late.catch(() => {});
    const leaving = new AbortController();
    const gone = rate.take(1, call({ signal: leaving.signal }));
    gone.catch(() => {});
    leaving.abort(new Error('gone'));
    await clock.advance(300);
    await expect(late).rejects.toThrow(RateLimitedError);
    await expect(gone).rejects.toThrow('gone');
    done();
    await clock.advance(2000);
    expect(clock.pendingSleeps).toBe(0);
  });

  it("is one process's at a time, where several share it", async () => {
    const clock = createFakeClock();
    const rate = createContactRate({ perSecond: 500, clock });
    const share = { places: 0, shortage: 0 };
    const places = () => share.places;
    rate.limit.setShare({ allowed: places, held: places, coming: places, onShort: () => share.shortage++ });
    let admitted = false;
    const taking = rate.take(300, call()).then((done) => {
      admitted = true;
      return done;
    });
    await clock.advance(5000);
    expect([admitted, share.shortage > 0, rate.limit.used()]).toEqual([false, true, 0]);
    share.places = 1;
    rate.limit.reconsider();
    const done = await taking;
    // Under way, and for a second after: until then it cannot be given to another.
    expect(rate.limit.used()).toBe(1);
    done();
    await clock.advance(1000);
    expect(rate.limit.used()).toBe(1);
    await clock.advance(5);
    expect(rate.limit.used()).toBe(0);
  });
});
