import { expect, test } from 'vitest';
import { createFakeClock } from './clock.ts';

test('sleeps end in the order of their times, each with its consequences before the next', async () => {
  const clock = createFakeClock();
  const seen: string[] = [];
  void clock.sleep(20).then(() => seen.push(`b at ${clock.monotonic()}`));
  void clock
    .sleep(10)
    .then(() => seen.push(`a at ${clock.monotonic()}`))
    .then(() => clock.sleep(5))
    .then(() => seen.push(`a again at ${clock.monotonic()}`));
  await clock.advance(30);
  expect(seen).toEqual(['a at 10', 'a again at 15', 'b at 20']);
  expect(clock.monotonic()).toBe(30);
  expect(clock.pendingSleeps).toBe(0);
});

test('an aborted sleep rejects with its reason and leaves nothing behind', async () => {
  const clock = createFakeClock();
  const cancel = new AbortController();
  const sleep = clock.sleep(1000, cancel.signal);
  cancel.abort(new Error('enough'));
  await expect(sleep).rejects.toThrow('enough');
  expect(clock.pendingSleeps).toBe(0);
});

test('advanceUntil returns the value as soon as it is there, and refuses to wait for what cannot come', async () => {
  const clock = createFakeClock();
  expect(await clock.advanceUntil(clock.sleep(5000).then(() => 'value'))).toBe('value');
  expect(clock.monotonic()).toBe(5000);
  await expect(clock.advanceUntil(new Promise(() => {}))).rejects.toThrow('nothing sleeps');
});

test('a jump of the wall clock moves no wait', async () => {
  const clock = createFakeClock();
  const before = clock.now();
  let woken = false;
  void clock.sleep(100).then(() => {
    woken = true;
  });
  clock.jumpWallClock(3_600_000);
  await clock.settle();
  expect(woken).toBe(false);
  expect(clock.now() - before).toBe(3_600_000);
  await clock.advance(100);
  expect(woken).toBe(true);
});
