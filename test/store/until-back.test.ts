import { expect, test } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import { untilBack } from '../../src/store/until-back.ts';
import { createFakeClock } from '../support/clock.ts';

const away = new GatewayError('UNAVAILABLE', 'away');

/** Fails with each of these before it gives something. */
function reading(...failures: Error[]) {
  return async () => {
    const failure = failures.shift();
    if (failure) throw failure;
    return 'row';
  };
}

test('a database that is away for a while makes what is read late, and does not fail it', async () => {
  const clock = createFakeClock();
  const read = untilBack(reading(away, away, away), { clock, signal: undefined });
  expect(await clock.advanceUntil(read)).toBe('row');
  expect(clock.monotonic()).toBe(3_000);
});

test('what is wrong otherwise is told at once', async () => {
  const clock = createFakeClock();
  const wrong = new GatewayError('NOT_FOUND', 'gone');
  await expect(untilBack(reading(wrong), { clock, signal: undefined })).rejects.toBe(wrong);
});

test('nobody who has gone is waited for', async () => {
  const clock = createFakeClock();
  const cancel = new AbortController();
  const read = untilBack(reading(away, away), { clock, signal: cancel.signal });
  read.catch(() => {});
  await clock.settle();
  cancel.abort();
  await expect(read).rejects.toBe(away);
  expect(clock.pendingSleeps).toBe(0);
});
