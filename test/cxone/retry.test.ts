import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoffMs } from '../../src/cxone/backoff.ts';
import { ENDPOINT_GROUPS } from '../../src/cxone/request.ts';
import { createRetry } from '../../src/cxone/retry.ts';
import { createRetryBudget } from '../../src/cxone/retry-budget.ts';
import type { Exchange, Outcome } from '../../src/cxone/step.ts';
import { OutcomeUnknownError, RateLimitedError, UpstreamError } from '../../src/errors.ts';
import { createFakeClock } from '../support/clock.ts';
import { answerOf, exchangeOf, failureOf } from './fixture.ts';

const importLane = { kind: 'import', key: 'a' } as const;
const once: Partial<Exchange> = { method: 'POST', repeatable: false };
const conditional: Partial<Exchange> = { method: 'PUT', repeatable: true };
const reset = failureOf();
const refusedConnection = failureOf({ reached: 'connect' });

/** Runs a call against these outcomes, the last for ever. */
async function run(overrides: Partial<Exchange>, outcomes: Outcome[], budget = createRetryBudget()) {
  const clock = createFakeClock();
  const retry = createRetry({ budget, clock, random: () => 0.5, onRetry: () => {} });
  const triedAt: number[] = [];
  const exchange = exchangeOf({ deadlineAt: 9000, ...overrides });
  const next = async () => {
    triedAt.push(clock.monotonic());
    return outcomes[Math.min(triedAt.length, outcomes.length) - 1] ?? reset;
  };
  const settled = retry(exchange, next).then(
    (value) => ({ value, error: undefined }),
    (error: unknown) => ({ value: undefined, error }),
  );
  const { value, error } = await clock.advanceUntil(settled);
  return { value, error, triedAt, tally: exchange.tally, endedAt: clock.monotonic() };
}

test.each([
  ['429', answerOf(429)],
  ['refused before it was sent', refusedConnection],
])('every call is sent again after %s, writes too', async (_name, outcome) => {
  for (const call of [{}, once, conditional]) {
    const { value, triedAt } = await run(call, [outcome, answerOf(200)]);
    expect(value).toMatchObject({ status: 200 });
    expect(triedAt).toHaveLength(2);
  }
});

test.each([
  ['a reset connection', reset],
  ['no answer in time', failureOf({ fault: 'timeout' })],
  ['a 503', answerOf(503)],
  ['an unusable answer', failureOf({ fault: 'badResponse', status: 200 })],
])(
  'after %s, reads and repeatable writes are sent again, and a write that must not be repeated has an unknown outcome',
  async (_name, outcome) => {
    for (const call of [{}, conditional]) {
      const { value, triedAt } = await run(call, [outcome, answerOf(200)]);
      expect(value).toMatchObject({ status: 200 });
      expect(triedAt).toHaveLength(2);
    }
    const { error, triedAt } = await run(once, [outcome, answerOf(200)]);
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    expect(triedAt).toHaveLength(1);
  },
);

test.each([400, 403, 404, 409, 412, 413, 422, 301, 307])('%i is never tried again', async (status) => {
  for (const call of [{}, once, conditional]) {
    const { error, triedAt } = await run(call, [answerOf(status)]);
    expect(error).toBeInstanceOf(UpstreamError);
    expect(triedAt).toHaveLength(1);
  }
});

test('a status that the call accepts is an answer', async () => {
  const { value } = await run({ ...conditional, accept: [412] }, [reset, answerOf(412)]);
  expect(value).toMatchObject({ status: 412 });
  // A 429 that is about the thing asked for alone.
  const { value: refused, triedAt } = await run({ accept: [429] }, [answerOf(429)]);
  expect(refused).toMatchObject({ status: 429 });
  expect(triedAt).toHaveLength(1);
  // Not for those that the client itself has to deal with.
  expect((await run({ accept: [503, 401] }, [answerOf(503)])).error).toMatchObject({ fault: 'unavailable' });
});

test('a write that may have been applied once stays unknown, whatever ends the tries after it', async () => {
  for (const last of [answerOf(429, { retryAfterMs: 60_000 }), refusedConnection, answerOf(401), answerOf(503)]) {
    const { error } = await run(conditional, [reset, last]);
    expect(error).toBeInstanceOf(OutcomeUnknownError);
  }
  expect((await run(conditional, [answerOf(503, { upstreamRequestId: 'u-1' })])).error).toMatchObject({
    upstreamRequestId: 'u-1',
  });
});

test('a clear word about the request itself settles an unknown try before it', async () => {
  const { error } = await run(conditional, [reset, answerOf(400)]);
  expect(error).toMatchObject({ code: 'UPSTREAM_ERROR', fault: 'refused', status: 400 });
});

test('people get four tries within their deadline, imports six, and fewer who ask for fewer', async () => {
  const people = await run({}, [answerOf(503)]);
  expect(people.triedAt).toHaveLength(4);
  expect(people.tally.retries).toBe(3);
  expect(people.error).toMatchObject({ code: 'UPSTREAM_ERROR', fault: 'unavailable', status: 503 });
  const imports = await run({ lane: importLane, deadlineAt: undefined }, [answerOf(503)]);
  expect(imports.triedAt).toHaveLength(6);
  expect((await run({ maxAttempts: 2 }, [answerOf(503)])).triedAt).toHaveLength(2);
  expect((await run({ maxAttempts: 9 }, [answerOf(503)])).triedAt).toHaveLength(4);
});

test('a 401 is replayed once, at once, writes too; the second is final', async () => {
  for (const call of [{}, once]) {
    const replayed = await run(call, [answerOf(401), answerOf(200)]);
    expect(replayed.value).toMatchObject({ status: 200 });
    expect(replayed.endedAt).toBe(0);
    const final = await run(call, [answerOf(401)]);
    expect(final.error).toMatchObject({ code: 'UPSTREAM_ERROR', fault: 'auth' });
    expect(final.triedAt).toHaveLength(2);
  }
});

test('without a token nothing is tried again here, and nothing was applied', async () => {
  const { error, triedAt } = await run(once, [failureOf({ reached: 'token', fault: 'auth' })]);
  expect(error).toMatchObject({ code: 'UPSTREAM_ERROR', fault: 'auth' });
  expect(triedAt).toHaveLength(1);
});

test('a call waits as long as Retry-After says, and not at all where its deadline is nearer', async () => {
  const waited = await run({}, [answerOf(429, { retryAfterMs: 4000 }), answerOf(200)]);
  expect(waited.triedAt).toEqual([0, 4000]);
  expect(waited.tally.waitedMs).toBe(4000);
  const refused = await run({}, [answerOf(429, { retryAfterMs: 3_600_000 })]);
  expect(refused.error).toBeInstanceOf(RateLimitedError);
  expect(refused.error).toMatchObject({ retryAfterMs: 3_600_000 });
  expect(refused.endedAt).toBe(0);
  const patient = await run({ lane: importLane, deadlineAt: undefined }, [
    answerOf(429, { retryAfterMs: 3_600_000 }),
    answerOf(200),
  ]);
  expect(patient.triedAt).toEqual([0, 3_600_000]);
});

test('a 503 with Retry-After is not asked again sooner', async () => {
  expect((await run({}, [answerOf(503, { retryAfterMs: 6000 }), answerOf(200)])).triedAt).toEqual([0, 6000]);
});

test('what would be sent after the deadline is not waited for', async () => {
  const { error, endedAt } = await run({ deadlineAt: 100 }, [answerOf(503)]);
  expect(error).toMatchObject({ fault: 'unavailable' });
  expect(endedAt).toBe(0);
});

test('200 reads that keep failing make at most 300 requests', async () => {
  const budget = createRetryBudget();
  let requests = 0;
  for (let call = 0; call < 200; call++) requests += (await run({}, [answerOf(503)], budget)).triedAt.length;
  expect(requests).toBe(300);
  // Success earns retries again.
  for (let call = 0; call < 5; call++) await run({}, [answerOf(200)], budget);
  expect((await run({}, [answerOf(503), answerOf(200)], budget)).value).toMatchObject({ status: 200 });
});

test('imports neither use nor need the budget', async () => {
  const budget = createRetryBudget();
  while (budget.spend());
  expect((await run({ lane: importLane }, [answerOf(503), answerOf(200)], budget)).value).toMatchObject({
    status: 200,
  });
});

test('a backoff is at least 50 ms and at most 30 s and its jitter, and grows', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...ENDPOINT_GROUPS),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 60_000 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (group, retry, baseMs, fraction) => {
        const delay = backoffMs(group, retry, baseMs, () => fraction);
        expect(delay).toBeGreaterThanOrEqual(50);
        expect(delay).toBeLessThanOrEqual(30_000 + Math.ceil(baseMs / 2));
        expect(backoffMs(group, retry + 1, baseMs, () => fraction)).toBeGreaterThanOrEqual(delay);
      },
    ),
  );
});

test('segments: 2 s, times 1.5, 30 s at most, plus up to 1 s', () => {
  const delays = (fraction: number) => [1, 2, 3, 9].map((retry) => backoffMs('segments', retry, 2000, () => fraction));
  expect(delays(0)).toEqual([2000, 3000, 4500, 30_000]);
  expect(delays(0.999)).toEqual([2999, 3999, 5499, 30_999]);
});

test('two callers that failed together do not come back together', () => {
  const delays = new Set(Array.from({ length: 50 }, (_, index) => backoffMs('records', 3, 500, () => index / 50)));
  expect(delays.size).toBe(50);
});
