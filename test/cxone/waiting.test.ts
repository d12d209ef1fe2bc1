import { expect, test } from 'vitest';
import { MAX_WAITING, MAX_WAITING_PER_CALLER } from '../../src/cxone/limits.ts';
import { createRateLimiter } from '../../src/cxone/rate-limiter.ts';
import { RateLimitedError } from '../../src/errors.ts';
import { createFakeClock } from '../support/clock.ts';
import { answerOf, exchangeOf, fakeWire, pass } from './fixture.ts';

function setUp(limit: number) {
  const clock = createFakeClock();
  const limiter = createRateLimiter({ group: 'outbound', limit, clock });
  const wire = fakeWire(clock, () => ({ arrivesAfterMs: 1, answersAfterMs: 4 }));
  return { clock, limiter, wire };
}

test('a call that cannot have its turn before its deadline is refused at once, and told when to come', async () => {
  const { clock, limiter, wire } = setUp(10);
  void Promise.all(Array.from({ length: 60 }, () => pass(limiter, exchangeOf(), wire.next)));
  const refused = pass(limiter, exchangeOf({ deadlineAt: 3000 }), wire.next);
  const error = await refused.catch((thrown: unknown) => thrown);
  expect(clock.monotonic()).toBe(0);
  expect(error).toBeInstanceOf(RateLimitedError);
  expect(error).toMatchObject({ code: 'RATE_LIMITED', retryAfterMs: 5000 });
});

test('a call whose deadline comes while it waits leaves the line then', async () => {
  const { clock, limiter } = setUp(1);
  // A request that is never sent and never ends holds the only place.
  void pass(limiter, exchangeOf(), () => new Promise(() => {}));
  const late = pass(limiter, exchangeOf({ deadlineAt: 700 }), () => Promise.resolve(answerOf(200)));
  late.catch(() => {});
  await clock.advance(699);
  expect(limiter.status().queued).toBe(1);
  await clock.advance(1);
  await expect(late).rejects.toBeInstanceOf(RateLimitedError);
  expect(limiter.status().queued).toBe(0);
});

test('a caller that gives up leaves the line, and its turn goes to the next', async () => {
  const { clock, limiter, wire } = setUp(1);
  const first = pass(limiter, exchangeOf(), wire.next);
  const cancel = new AbortController();
  const second = pass(limiter, exchangeOf({ signal: cancel.signal }), wire.next);
  const third = pass(limiter, exchangeOf(), wire.next);
  cancel.abort(new Error('gone'));
  await expect(second).rejects.toThrow('gone');
  await clock.advanceUntil(Promise.all([first, third]));
  expect(wire.arrivals).toHaveLength(2);
  expect(clock.monotonic()).toBeLessThan(1100);
});

test('the line is bounded: one more than that is refused at once', async () => {
  const { limiter, wire } = setUp(1);
  const ask = (key: string) => pass(limiter, exchangeOf({ lane: { kind: 'interactive', key } }), wire.next);
  const fill = (key: string, count: number) => {
    for (let index = 0; index < count; index++) ask(key).catch(() => {});
  };
  fill('greedy', MAX_WAITING_PER_CALLER + 1);
  await expect(ask('greedy')).rejects.toBeInstanceOf(RateLimitedError);
  expect(limiter.status().queued).toBe(MAX_WAITING_PER_CALLER);
  // The rest is left to others.
  fill('other', MAX_WAITING - MAX_WAITING_PER_CALLER);
  await expect(ask('third')).rejects.toBeInstanceOf(RateLimitedError);
  expect(limiter.status().queued).toBe(MAX_WAITING);
  limiter[Symbol.dispose]();
  expect(limiter.status().queued).toBe(0);
});

test('waiting is counted in the tally', async () => {
  const { clock, limiter, wire } = setUp(1);
  await clock.advanceUntil(pass(limiter, exchangeOf(), wire.next));
  const exchange = exchangeOf();
  await clock.advanceUntil(pass(limiter, exchange, wire.next));
  expect(exchange.tally.waitedMs).toBeGreaterThan(990);
  expect(exchange.tally.waitedMs).toBeLessThan(1010);
});

test('the limiter sets no timer while nobody waits, and one while somebody does', async () => {
  const { clock, limiter, wire } = setUp(2);
  await clock.advanceUntil(
    Promise.all([pass(limiter, exchangeOf(), wire.next), pass(limiter, exchangeOf(), wire.next)]),
  );
  expect(clock.pendingSleeps).toBe(0);
  for (let index = 0; index < 5; index++) pass(limiter, exchangeOf(), wire.next).catch(() => {});
  expect(clock.pendingSleeps).toBe(1);
  limiter[Symbol.dispose]();
  expect(clock.pendingSleeps).toBe(0);
});
