import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CALLBACK_TTL_MS, nextTryInMs } from '../../src/callbacks/callback-schedule.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;

test('the tries follow the schedule of Standard Webhooks within the day, and end with one at its end', () => {
  const delays: number[] = [];
  let ageMs = 0;
  for (let attempts = 1; ageMs < CALLBACK_TTL_MS; attempts++) {
    const delayMs = nextTryInMs({ attempts, ageMs, retryAfterMs: undefined, random: 0 });
    delays.push(delayMs);
    ageMs += delayMs;
  }
  expect(delays.slice(0, -1)).toEqual([5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR]);
  expect(ageMs).toBe(CALLBACK_TTL_MS);
});

test('jitter spreads receivers that failed together, and never shortens a delay', () => {
  const delay = (random: number) => nextTryInMs({ attempts: 2, ageMs: 0, retryAfterMs: undefined, random });
  expect([delay(0), delay(0.5), delay(0.999)]).toEqual([300_000, 330_000, 359_940]);
});

test('no try comes before Retry-After, before a second, or more than a day after the last', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: -HOUR, max: 2 * CALLBACK_TTL_MS }),
      fc.option(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), { nil: undefined }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (attempts, ageMs, retryAfterMs, random) => {
        const delayMs = nextTryInMs({ attempts, ageMs, retryAfterMs, random });
        expect(delayMs).toBeGreaterThanOrEqual(Math.min(retryAfterMs ?? 0, CALLBACK_TTL_MS));
        expect(delayMs).toBeGreaterThanOrEqual(SECOND);
        expect(delayMs).toBeLessThanOrEqual(CALLBACK_TTL_MS * 1.2);
      },
    ),
  );
});
