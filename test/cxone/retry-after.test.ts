import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRetryAfter } from '../../src/cxone/retry-after.ts';
import { createStillClient, importCall, interactive, read, write } from './fixture.ts';
import { json, startScriptedUpstream } from './scripted-upstream.ts';

const now = Date.UTC(2026, 10, 21, 12, 0, 0);
const parse = (value: string | undefined, date?: string) => parseRetryAfter(value, { date, now });
const at = (ms: number) => new Date(ms).toUTCString();

test('seconds, however many', () => {
  expect(parse('0')).toBe(0);
  expect(parse(' 7 ')).toBe(7000);
  expect(parse('1.5')).toBe(1500);
  expect(parse('3600')).toBe(3_600_000);
  expect(parse('99999999999999999999')).toBe(365 * 24 * 3_600_000);
});

test('dates, against the Date of the same answer, so that a wrong clock of ours makes no difference', () => {
  expect(parse(at(now + 30_000))).toBe(30_000);
  expect(parse(at(now + 30_000), at(now - 3_600_000))).toBe(3_630_000);
  expect(parse(at(now - 1000))).toBe(0);
  expect(parse('Saturday, 21-Nov-26 12:01:00 GMT')).toBe(60_000);
  expect(parse('2026-11-21T12:00:10Z')).toBe(10_000);
  expect(parse(at(now + 5000), 'not a date')).toBe(5000);
});

test.each([undefined, '', '-5', 'soon', 'GMT, 5', '5 s', '0x10', '1e3', 'Sat, 99 Nov 2026 12:00:00 GMT', '٣', '2, 2'])(
  'unreadable: %s',
  (value) => {
    expect(parse(value)).toBeUndefined();
  },
);

test('whatever it says, the answer is a whole number of milliseconds or nothing', () => {
  fc.assert(
    fc.property(fc.string(), (value) => {
      const ms = parse(value);
      expect(ms === undefined || (Number.isSafeInteger(ms) && ms >= 0)).toBe(true);
    }),
  );
});

/** The gap between the first and the second request, milliseconds. */
async function gapAfter429(headers: Record<string, string>, group: 'addressBooks' | 'outbound' = 'addressBooks') {
  await using upstream = await startScriptedUpstream();
  await using still = createStillClient(upstream.baseUrl);
  upstream.script(json(429, undefined, headers), json(200, { id: '1' }));
  await still.settled(still.client.send({ ...read, group }, importCall()));
  expect(upstream.requests).toHaveLength(2);
  return still.clock.monotonic();
}

test('a call comes back when Retry-After says, not before and not much later', async () => {
  expect(await gapAfter429({ 'retry-after': '45' })).toBe(45_000);
  // node:http adds the Date that this is measured against; both have whole seconds.
  const dated = await gapAfter429({ 'retry-after': at(Date.now() + 60_000) });
  expect(dated).toBeGreaterThanOrEqual(59_000);
  expect(dated).toBeLessThanOrEqual(61_000);
});

test.each(['0', '-1', 'garbage', at(0)])('Retry-After %s leaves it to our own backoff', async (value) => {
  const gap = await gapAfter429({ 'retry-after': value });
  expect(gap).toBeGreaterThanOrEqual(50);
  expect(gap).toBeLessThanOrEqual(500);
});

test('outbound contact lists: 5 s where Retry-After is missing or unreadable', async () => {
  expect(await gapAfter429({}, 'outbound')).toBe(5000);
  expect(await gapAfter429({ 'retry-after': 'garbage' }, 'outbound')).toBe(5000);
  expect(await gapAfter429({ 'retry-after': '2' }, 'outbound')).toBe(2000);
});

test('a 503 that names no time is no rate limit: our own backoff, outbound too', async () => {
  await using upstream = await startScriptedUpstream();
  await using still = createStillClient(upstream.baseUrl);
  upstream.script(json(503), json(200, { id: '1' }));
  await still.settled(still.client.send({ ...read, group: 'outbound' }, importCall()));
  expect(still.clock.monotonic()).toBeLessThanOrEqual(500);
});

test.each(['3600', '99999999999999999999'])(
  'Retry-After %s: somebody who waits is told so after one request',
  async (value) => {
    await using upstream = await startScriptedUpstream();
    await using still = createStillClient(upstream.baseUrl);
    upstream.script(json(429, undefined, { 'retry-after': value }));
    const error = await still.settled(still.client.send(write, interactive()).catch((thrown: unknown) => thrown));
    expect(error).toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterMs: Math.min(Number(value) * 1000, 365 * 24 * 3_600_000),
    });
    expect(still.clock.monotonic()).toBe(0);
    expect(upstream.requests).toHaveLength(1);
  },
);

test('a wall clock that jumps by an hour moves no request', async () => {
  await using upstream = await startScriptedUpstream();
  await using still = createStillClient(upstream.baseUrl);
  upstream.script(json(429, undefined, { 'retry-after': '20' }), json(200, { id: '1' }));
  const call = still.client.send(read, importCall());
  await upstream.arrived(1);
  await upstream.quiet();
  still.clock.jumpWallClock(3_600_000);
  await still.clock.advance(19_999);
  expect(upstream.requests).toHaveLength(1);
  await still.settled(call);
  expect(upstream.requests).toHaveLength(2);
});
