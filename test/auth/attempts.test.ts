import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Attempts, createAttempts, networkOf } from '../../src/auth/attempts.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';

let clock: FakeClock;
let attempts: Attempts;
beforeEach(() => {
  clock = createFakeClock();
  attempts = createAttempts({ clock });
});

const fail = (address: string, times: number) => {
  for (let i = 0; i < times; i += 1) attempts.noteFailure(address);
};

test('ten failures within a minute are one too many for the next, until the first is a minute old', async () => {
  fail('192.0.2.1', 9);
  await clock.advance(10_000);
  expect(attempts.waitMs('192.0.2.1')).toBe(0);
  fail('192.0.2.1', 1);
  expect(attempts.waitMs('192.0.2.1')).toBe(50_000);
  await clock.advance(49_999);
  expect(attempts.waitMs('192.0.2.1')).toBe(1);
  await clock.advance(1);
  expect(attempts.waitMs('192.0.2.1')).toBe(0);
});

test('never more than ten failures are let through in any minute', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 60 }), async (gaps) => {
      const ownClock = createFakeClock();
      const own = createAttempts({ clock: ownClock });
      const admitted: number[] = [];
      for (const gap of gaps) {
        await ownClock.advance(gap);
        if (own.waitMs('192.0.2.1') > 0) continue;
        own.noteFailure('192.0.2.1');
        admitted.push(ownClock.monotonic());
      }
      for (const [index, at] of admitted.entries()) {
        expect(at - (admitted[index - 10] ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(60_000);
      }
    }),
    { numRuns: 30 },
  );
});

test('other addresses are not held to account', () => {
  fail('192.0.2.1', 10);
  expect(attempts.waitMs('192.0.2.2')).toBe(0);
});

test('a flood from ever new addresses forgets old ones and grows no further', () => {
  fail('192.0.2.1', 10);
  for (let i = 0; i < 10_000; i += 1) attempts.noteFailure(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  expect(attempts.waitMs('192.0.2.1')).toBe(0);
});

describe('an IPv6 guesser has a whole /64', () => {
  test('and is one all over it', () => {
    for (let i = 0; i < 10; i += 1) attempts.noteFailure(`2001:db8:1:2::${i}`);
    expect(attempts.waitMs('2001:db8:1:2:ffff::1')).toBeGreaterThan(0);
    expect(attempts.waitMs('2001:db8:1:3::1')).toBe(0);
  });

  test.each([
    ['2001:0DB8:0001:0002:0:0:0:9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['192.0.2.1', '192.0.2.1'],
    ['unknown', 'unknown'],
  ])('%s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});
