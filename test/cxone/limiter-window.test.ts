import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRateLimiter } from '../../src/cxone/rate-limiter.ts';
import type { Exchange } from '../../src/cxone/step.ts';
import { createFakeClock } from '../support/clock.ts';
import { answerOf, changeableShare, exchangeOf, fakeWire, mostInAnyWindow, pass } from './fixture.ts';

const atOnce = { arrivesAfterMs: 1, answersAfterMs: 4 };

test('an idle group lets a whole second of requests through at once, and not one more', async () => {
  const clock = createFakeClock();
  const limiter = createRateLimiter({ group: 'addressBooks', limit: 10, clock });
  const wire = fakeWire(clock, () => atOnce);
  const calls = Promise.all(Array.from({ length: 11 }, () => pass(limiter, exchangeOf(), wire.next)));
  await clock.advance(900);
  expect(wire.arrivals).toHaveLength(10);
  expect(limiter.status()).toMatchObject({ inFlight: 0, queued: 1, limitPerSecond: 10 });
  await clock.advanceUntil(calls);
  expect(wire.arrivals).toHaveLength(11);
});

test('never more than the limit arrive in any second, however they come and however long they take', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 7 }),
      fc.array(
        fc.record({
          comesAfterMs: fc.integer({ min: 0, max: 300 }),
          arrivesAfterMs: fc.integer({ min: 0, max: 140 }),
          answersAfterMs: fc.integer({ min: 0, max: 2500 }),
          isImport: fc.boolean(),
        }),
        { minLength: 1, maxLength: 40 },
      ),
      async (limit, requests) => {
        const clock = createFakeClock();
        const limiter = createRateLimiter({ group: 'records', limit, clock });
        let index = 0;
        const wire = fakeWire(clock, () => requests[index++] ?? atOnce);
        const calls: Promise<unknown>[] = [];
        for (const { comesAfterMs, isImport } of requests) {
          await clock.advance(comesAfterMs);
          const lane = isImport ? ({ kind: 'import', key: 'a' } as const) : ({ kind: 'interactive' } as const);
          calls.push(pass(limiter, exchangeOf({ lane }), wire.next));
        }
        await clock.advanceUntil(Promise.all(calls));
        expect(wire.arrivals).toHaveLength(requests.length);
        expect(mostInAnyWindow(wire.arrivals)).toBeLessThanOrEqual(limit);
      },
    ),
    { numRuns: 60 },
  );
});

test('a steady load gets within 2 % of its limit', async () => {
  const clock = createFakeClock();
  const limiter = createRateLimiter({ group: 'outbound', limit: 50, clock });
  const wire = fakeWire(clock, () => atOnce);
  const calls = Promise.all(Array.from({ length: 1000 }, () => pass(limiter, exchangeOf(), wire.next)));
  await clock.advanceUntil(calls);
  // 950 of the 1000 have to wait for a place: 19 s at the least.
  expect(clock.monotonic()).toBeGreaterThan(19_000);
  expect(clock.monotonic()).toBeLessThan(19_000 * 1.02);
});

test('slow answers do not slow the rate beyond the allowance for the way', async () => {
  const clock = createFakeClock();
  const limiter = createRateLimiter({ group: 'outbound', limit: 5, clock });
  const wire = fakeWire(clock, () => ({ arrivesAfterMs: 1, answersAfterMs: 20_000 }));
  void Promise.all(Array.from({ length: 20 }, () => pass(limiter, exchangeOf(), wire.next)));
  await clock.advance(3 * 1510);
  expect(wire.arrivals).toHaveLength(20);
});

test('a place counts from when its request is sent, not from when it was given', async () => {
  const clock = createFakeClock();
  const limiter = createRateLimiter({ group: 'outbound', limit: 2, clock });
  const arrivals: number[] = [];
  // As with a first token that takes two seconds: both places are held all the while.
  let token: Promise<void> | undefined;
  const next = fakeWire(clock, () => atOnce).next;
  const calls = Promise.all(
    Array.from({ length: 4 }, () =>
      pass(limiter, exchangeOf(), async (exchange, told) => {
        token ??= clock.sleep(2000);
        await token;
        arrivals.push(clock.monotonic());
        return next(exchange, told);
      }),
    ),
  );
  await clock.advanceUntil(calls);
  expect(mostInAnyWindow(arrivals)).toBe(2);
});

test('a request that was never sent gives its place back at once', async () => {
  const clock = createFakeClock();
  const limiter = createRateLimiter({ group: 'outbound', limit: 1, clock });
  const wire = fakeWire(clock, () => atOnce);
  await expect(pass(limiter, exchangeOf(), () => Promise.reject(new Error('no connection')))).rejects.toThrow();
  await clock.advanceUntil(pass(limiter, exchangeOf(), wire.next));
  expect(clock.monotonic()).toBeLessThan(10);
});

test('a share of the limit is kept like a limit, and can change while calls wait', async () => {
  const clock = createFakeClock();
  const limiter = createRateLimiter({ group: 'outbound', limit: 12, clock });
  const wire = fakeWire(clock, () => atOnce);
  const share = changeableShare(4);
  limiter.limits.rate.setShare(share);
  const calls = Promise.all(Array.from({ length: 28 }, () => pass(limiter, exchangeOf(), wire.next)));
  await clock.advance(2500);
  expect(mostInAnyWindow(wire.arrivals)).toBe(4);
  expect(limiter.status().limitPerSecond).toBe(4);
  share.places = 12;
  limiter.limits.rate.reconsider();
  await clock.advanceUntil(calls);
  expect(mostInAnyWindow(wire.arrivals)).toBe(12);
});

test('without any place nothing is sent, and nobody is refused before their time', async () => {
  const clock = createFakeClock();
  const limiter = createRateLimiter({ group: 'outbound', limit: 12, clock });
  const wire = fakeWire(clock, () => atOnce);
  const share = changeableShare(0);
  limiter.limits.rate.setShare(share);
  const patient = pass(limiter, exchangeOf({ deadlineAt: 9000 }), wire.next);
  const late = pass(limiter, exchangeOf({ deadlineAt: 3000 }), wire.next);
  await expect(clock.advanceUntil(late)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  expect(clock.monotonic()).toBe(3000);
  expect(wire.arrivals).toEqual([]);
  share.places = 1;
  limiter.limits.rate.reconsider();
  expect(await clock.advanceUntil(patient)).toMatchObject({ status: 200 });
});

test('many wait for places that are about to come, and too many are refused at once', async () => {
  const clock = createFakeClock();
  const limiter = createRateLimiter({ group: 'outbound', limit: 12, clock });
  const wire = fakeWire(clock, () => atOnce);
  const share = changeableShare(0);
  share.more = 4;
  limiter.limits.rate.setShare(share);
  const waiting = Array.from({ length: 44 }, () => pass(limiter, exchangeOf({ deadlineAt: 9000 }), wire.next));
  await expect(pass(limiter, exchangeOf({ deadlineAt: 9000 }), wire.next)).rejects.toMatchObject({
    code: 'RATE_LIMITED',
  });
  share.places = 4;
  share.more = 0;
  limiter.limits.rate.reconsider();
  const answers = await clock.advanceUntil(Promise.allSettled(waiting));
  expect(answers.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(30);
});

test('it tells how many places are used until the second after their answer is over, and that more were wanted', async () => {
  const clock = createFakeClock();
  const limiter = createRateLimiter({ group: 'outbound', limit: 12, clock });
  const wire = fakeWire(clock, () => atOnce);
  const share = changeableShare(2);
  const { rate } = limiter.limits;
  rate.setShare(share);
  await clock.advanceUntil(Promise.all([1, 2].map(() => pass(limiter, exchangeOf(), wire.next))));
  expect([rate.used(), share.shortage]).toEqual([2, 0]);
  const third = pass(limiter, exchangeOf(), wire.next);
  expect([rate.shortAt(), share.shortage]).toEqual([clock.monotonic(), 1]);
  await clock.advanceUntil(third);
  // The first two have come free; the third, sent in their stead, has not.
  expect(rate.used()).toBe(1);
  await clock.advance(rate.settleMs);
  expect(rate.used()).toBe(0);
});

test('who was let go, and was paused until the place was given to others, is not sent', async () => {
  const clock = createFakeClock();
  const limiter = createRateLimiter({ group: 'outbound', limit: 12, clock });
  const share = changeableShare(12);
  limiter.limits.rate.setShare(share);
  const refusals: unknown[] = [];
  const next = async (exchange: Exchange) => {
    await clock.sleep(100);
    refusals.push(limiter.refusal(exchange));
    return answerOf(200);
  };
  const calls = Promise.all([1, 2, 3].map(() => pass(limiter, exchangeOf(), next)));
  share.places = 2;
  await clock.advanceUntil(calls);
  // One too many: as soon as it has stepped back, the others are within what is left.
  expect(refusals).toEqual([{ reason: expect.stringContaining('lost'), lasting: false }, undefined, undefined]);
});

test('a limit below one request a second makes the window longer', async () => {
  const clock = createFakeClock();
  const limiter = createRateLimiter({ group: 'outbound', limit: 0.25, clock });
  const wire = fakeWire(clock, () => atOnce);
  await clock.advanceUntil(Promise.all(Array.from({ length: 3 }, () => pass(limiter, exchangeOf(), wire.next))));
  const [first = 0, second = 0, third = 0] = wire.arrivals;
  expect(second - first).toBeGreaterThanOrEqual(4000);
  expect(third - second).toBeGreaterThanOrEqual(4000);
});
