import { expect, test } from 'vitest';
import { createRateLimiter } from '../../src/cxone/rate-limiter.ts';
import { RateLimitedError } from '../../src/errors.ts';
import { createFakeClock } from '../support/clock.ts';
import { answerOf, exchangeOf, fakeWire, pass } from './fixture.ts';

const quick = { arrivesAfterMs: 1, answersAfterMs: 4 };
const tooMany = (retryAfterMs?: number) => ({ ...quick, outcome: answerOf(429, { retryAfterMs }) });

function setUp(limit: number) {
  const clock = createFakeClock();
  const limiter = createRateLimiter({ group: 'outbound', limit, clock });
  let reply = () => tooMany();
  const wire = fakeWire(clock, () => reply());
  return {
    clock,
    limiter,
    wire,
    answer: (next: () => ReturnType<typeof tooMany> | typeof quick) => {
      reply = next as typeof reply;
    },
    send: (deadlineAt?: number) => pass(limiter, exchangeOf({ deadlineAt }), wire.next),
  };
}

test('after a 429 nobody of the group is sent before its Retry-After is over', async () => {
  const { clock, wire, answer, send } = setUp(10);
  answer(() => tooMany(7000));
  await clock.advanceUntil(send());
  answer(() => quick);
  const calls = Promise.all([send(), send(), send()]);
  await clock.advance(6999);
  expect(wire.arrivals).toHaveLength(1);
  await clock.advanceUntil(calls);
  expect(wire.arrivals[1]).toBeGreaterThanOrEqual(7005);
  expect(wire.arrivals[1]).toBeLessThan(7010);
});

test('whoever cannot wait that long is refused at once, those in the line too', async () => {
  const { clock, limiter, answer, send } = setUp(1);
  answer(() => tooMany(60_000));
  const first = send();
  const waiting = send(9000);
  waiting.catch(() => {});
  await clock.advanceUntil(first);
  expect(clock.monotonic()).toBe(5);
  await expect(waiting).rejects.toMatchObject({ code: 'RATE_LIMITED', retryAfterMs: 60_000 });
  await expect(send(9000)).rejects.toBeInstanceOf(RateLimitedError);
  expect(limiter.status().queued).toBe(0);
  expect(limiter.pausedUntil()).toBe(60_005);
});

test('the rate is halved once for all that were under way together, and again for what was sent afterwards', async () => {
  const { clock, limiter, send } = setUp(40);
  await clock.advanceUntil(Promise.all(Array.from({ length: 10 }, () => send())));
  expect(limiter.status().limitPerSecond).toBe(20);
  await clock.advance(1);
  await clock.advanceUntil(send());
  expect(limiter.status().limitPerSecond).toBe(10);
});

test('the rate never falls below one a second', async () => {
  const { clock, limiter, send } = setUp(8);
  for (let round = 0; round < 10; round++) {
    await clock.advanceUntil(send());
    await clock.advance(1);
  }
  expect(limiter.status().limitPerSecond).toBe(1);
});

test('success brings the rate back, gradually: the full rate after 10 to 20 s from the bottom', async () => {
  const { clock, limiter, answer, send } = setUp(16);
  for (let round = 0; round < 6; round++) {
    await clock.advanceUntil(send());
    await clock.advance(1);
  }
  expect(limiter.status().limitPerSecond).toBe(1);
  answer(() => quick);
  const startedAt = clock.monotonic();
  const rates: number[] = [];
  while (limiter.status().limitPerSecond < 16) {
    await clock.advanceUntil(send());
    rates.push(limiter.status().limitPerSecond);
  }
  expect(clock.monotonic() - startedAt).toBeGreaterThan(10_000);
  expect(clock.monotonic() - startedAt).toBeLessThan(20_000);
  expect(rates).toEqual([...rates].sort((a, b) => a - b));
  expect(Math.max(...rates.map((rate, index) => rate - (rates[index - 1] ?? 1)))).toBeLessThan(1.2);
});

test('a Retry-After of centuries stops a group for a day, not until the next restart', async () => {
  const { clock, limiter, answer, send } = setUp(10);
  answer(() => tooMany(1e15));
  await clock.advanceUntil(send());
  expect(limiter.pausedUntil()).toBe(24 * 3_600_000 + 5);
});

test('what one limiter learns from a 429 it tells once for all that were under way, and another obeys it', async () => {
  const clock = createFakeClock();
  const told: number[] = [];
  const teacher = createRateLimiter({
    group: 'outbound',
    limit: 10,
    clock,
    onSlowDown: async (ms) => void told.push(ms),
  });
  const refusing = fakeWire(clock, () => tooMany(3000));
  await clock.advanceUntil(Promise.all([1, 2, 3].map(() => pass(teacher, exchangeOf(), refusing.next))));
  expect(told).toEqual([3000]);

  const learner = createRateLimiter({ group: 'outbound', limit: 10, clock });
  learner.slowDown({ waitMs: 3000, isFresh: true });
  const taughtAt = clock.monotonic();
  const wire = fakeWire(clock, () => quick);
  await clock.advanceUntil(pass(learner, exchangeOf(), wire.next));
  expect(clock.monotonic() - taughtAt).toBeGreaterThanOrEqual(3000);
  expect(learner.status().limitPerSecond).toBeLessThan(6);
});

test('nobody hears of a 429 before it was told: a process that is killed then finds it stored', async () => {
  const clock = createFakeClock();
  const stored = Promise.withResolvers<void>();
  const limiter = createRateLimiter({ group: 'outbound', limit: 10, clock, onSlowDown: () => stored.promise });
  let isHeard = false;
  const asked = pass(limiter, exchangeOf(), fakeWire(clock, () => tooMany(3000)).next).then(() => {
    isHeard = true;
  });
  await clock.advance(2000);
  expect(limiter.pausedUntil()).toBeGreaterThan(0);
  expect(isHeard).toBe(false);
  stored.resolve();
  await asked;
});

test('the same 429s, met by several at once, slow each of them down once; old ones only hold up', async () => {
  const { clock, limiter, answer, send } = setUp(10);
  answer(() => tooMany());
  await clock.advanceUntil(send());
  expect(limiter.status().limitPerSecond).toBe(5);
  limiter.slowDown({ waitMs: 0, isFresh: true });
  expect(limiter.status().limitPerSecond).toBe(5);
  await clock.advance(2000);
  limiter.slowDown({ waitMs: 400, isFresh: false });
  expect(limiter.status().limitPerSecond).toBe(5);
  expect(limiter.pausedUntil()).toBe(clock.monotonic() + 400);
  limiter.slowDown({ waitMs: 0, isFresh: true });
  expect(limiter.status().limitPerSecond).toBe(2.5);
});
