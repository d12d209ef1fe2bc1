import { expect, test } from 'vitest';
import type { CallContext } from '../../src/cxone/call-context.ts';
import { createCircuitBreaker } from '../../src/cxone/circuit-breaker.ts';
import type { Exchange, Outcome } from '../../src/cxone/step.ts';
import { RateLimitedError, UpstreamError } from '../../src/errors.ts';
import { createFakeClock } from '../support/clock.ts';
import { answerOf, createStillClient, exchangeOf, failureOf, importCall, interactive, pass, read } from './fixture.ts';
import { hang, json, startScriptedUpstream } from './scripted-upstream.ts';

const importLane = { kind: 'import', key: 'a' } as const;

function setUp() {
  const clock = createFakeClock();
  const breaker = createCircuitBreaker({ group: 'addressBooks', clock, turnAway: () => {} });
  let asked = 0;
  let outcome: Outcome = answerOf(200);
  const next = async (): Promise<Outcome> => {
    asked++;
    return outcome;
  };
  const send = (overrides: Partial<Exchange> = {}) => pass(breaker, exchangeOf(overrides), next);
  return {
    clock,
    breaker,
    send,
    asked: () => asked,
    answer: (next: Outcome) => {
      outcome = next;
    },
    async fail(times: number, next: Outcome) {
      outcome = next;
      for (let time = 0; time < times; time++) await send({ attempt: 2, deadlineAt: clock.monotonic() + 60_000 });
    },
  };
}

test('three rate-limit failures in a row open the circuit, two do not', async () => {
  const { breaker, fail } = setUp();
  await fail(2, answerOf(429));
  await fail(1, answerOf(200));
  await fail(2, answerOf(429));
  expect(breaker.state()).toBe('CLOSED');
  await fail(1, answerOf(429));
  expect(breaker.state()).toBe('OPEN');
});

test.each([
  ['5xx', answerOf(503)],
  ['timeouts', failureOf({ fault: 'timeout' })],
  ['no connection', failureOf({ reached: 'connect' })],
])('eight failures in a row open the circuit, seven do not: %s', async (_name, outcome) => {
  const { breaker, fail } = setUp();
  await fail(7, outcome);
  await fail(1, answerOf(404));
  await fail(7, outcome);
  expect(breaker.state()).toBe('CLOSED');
  await fail(1, outcome);
  expect(breaker.state()).toBe('OPEN');
});

test.each([
  ['no token', failureOf({ reached: 'token', fault: 'auth' }), undefined],
  ['a deadline too near', failureOf({ fault: 'timeout', hurried: true }), undefined],
  ['a caller that gave up', failureOf({ fault: 'timeout' }), AbortSignal.abort()],
])('what says nothing about CXone opens nothing: %s', async (_name, outcome, signal) => {
  const { breaker, answer, send } = setUp();
  answer(outcome);
  for (let time = 0; time < 20; time++) await send({ signal });
  expect(breaker.state()).toBe('CLOSED');
});

test('while it is open, new calls fail at once, by what opened it, and say when to come again', async () => {
  const { clock, send, asked, fail } = setUp();
  await fail(3, answerOf(429));
  await clock.advance(500);
  const refused = await send().catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(RateLimitedError);
  expect(refused).toMatchObject({ retryAfterMs: 1500 });
  expect(asked()).toBe(3);
  const other = setUp();
  await other.fail(8, answerOf(500));
  await expect(other.send()).rejects.toBeInstanceOf(UpstreamError);
  await expect(other.send()).rejects.toMatchObject({ fault: 'unavailable', retryable: true });
});

test('it stays open twice as long each time, 30 s at most, and short again after a success', async () => {
  const { clock, breaker, send, answer, fail } = setUp();
  await fail(3, answerOf(429));
  const openMs: number[] = [];
  for (let round = 0; round < 6; round++) {
    openMs.push(breaker.openUntil() - clock.monotonic());
    await clock.advance(breaker.openUntil() - clock.monotonic());
    await send();
  }
  expect(openMs).toEqual([2000, 4000, 8000, 16_000, 30_000, 30_000]);
  answer(answerOf(200));
  await clock.advance(30_000);
  await send();
  expect(breaker.state()).toBe('CLOSED');
  await fail(3, answerOf(429));
  expect(breaker.openUntil() - clock.monotonic()).toBe(2000);
});

test('it stays open as long as Retry-After says, where that is longer', async () => {
  const { clock, breaker, fail } = setUp();
  await fail(3, answerOf(429, { retryAfterMs: 9000 }));
  expect(breaker.openUntil() - clock.monotonic()).toBe(9000);
});

test('half-open, one call at a time asks; the others wait for it shortly and all go when it succeeds', async () => {
  const { clock, breaker, fail } = setUp();
  await fail(3, answerOf(429));
  await clock.advance(2000);
  const probe = Promise.withResolvers<Outcome>();
  let asked = 0;
  const next = () => {
    asked++;
    return asked === 1 ? probe.promise : Promise.resolve(answerOf(200));
  };
  const calls = Array.from({ length: 20 }, () => pass(breaker, exchangeOf(), next));
  await clock.settle();
  expect(asked).toBe(1);
  expect(breaker.state()).toBe('HALF_OPEN');
  probe.resolve(answerOf(200));
  expect(await Promise.all(calls)).toHaveLength(20);
  expect(breaker.state()).toBe('CLOSED');
});

test('a probe that hangs holds new calls for less than half a second', async () => {
  const { clock, breaker, fail, send } = setUp();
  await fail(3, answerOf(429));
  await clock.advance(2000);
  void pass(breaker, exchangeOf(), () => new Promise(() => {}));
  const call = send();
  call.catch(() => {});
  await clock.advance(300);
  await expect(call).rejects.toBeInstanceOf(RateLimitedError);
});

test('a probe whose caller gives up leaves the next one to ask', async () => {
  const { clock, breaker, fail, send, answer } = setUp();
  await fail(3, answerOf(429));
  await clock.advance(2000);
  await expect(pass(breaker, exchangeOf(), () => Promise.reject(new Error('gone')))).rejects.toThrow('gone');
  answer(answerOf(200));
  await send();
  expect(breaker.state()).toBe('CLOSED');
});

test('a call inside its retries waits for the half-open circuit if its deadline allows', async () => {
  const { clock, fail, send, answer } = setUp();
  await fail(3, answerOf(429));
  answer(answerOf(200));
  await expect(send({ attempt: 2, deadlineAt: clock.monotonic() + 1999 })).rejects.toBeInstanceOf(RateLimitedError);
  await clock.advanceUntil(send({ attempt: 2, deadlineAt: clock.monotonic() + 5000 }));
  expect(clock.monotonic()).toBe(2000);
});

test('imports wait for it, until their signal ends them', async () => {
  const { clock, breaker, fail, send, answer } = setUp();
  await fail(3, answerOf(429));
  const cancel = new AbortController();
  const given = send({ lane: importLane, signal: cancel.signal });
  const waits = send({ lane: importLane });
  cancel.abort(new Error('paused'));
  await expect(given).rejects.toThrow('paused');
  answer(answerOf(200));
  await clock.advanceUntil(waits);
  expect(clock.monotonic()).toBe(2000);
  expect(breaker.state()).toBe('CLOSED');
});

test('late answers of calls sent before the circuit opened neither prolong it nor pass for its probe', async () => {
  const { clock, breaker, fail } = setUp();
  const late = Array.from({ length: 4 }, () => Promise.withResolvers<Outcome>());
  const calls = late.map(({ promise }) => pass(breaker, exchangeOf(), () => promise));
  await fail(3, answerOf(429));
  const openUntil = breaker.openUntil();
  await clock.advance(1000);
  for (const { resolve } of late.slice(1)) resolve(answerOf(429));
  await Promise.all(calls.slice(1));
  expect(breaker.openUntil()).toBe(openUntil);
  await clock.advance(1000);
  void pass(breaker, exchangeOf(), () => new Promise(() => {}));
  expect(breaker.state()).toBe('HALF_OPEN');
  late[0]?.resolve(answerOf(200));
  await calls[0];
  expect(breaker.state()).toBe('HALF_OPEN');
});

test('a failure of another kind in between is no row of rate-limit failures', async () => {
  const { breaker, fail } = setUp();
  for (const status of [429, 429, 500, 429, 429]) await fail(1, answerOf(status));
  expect(breaker.state()).toBe('CLOSED');
});

test('reads that were given a tenth of a second each open nothing, those that were given time do', async () => {
  await using upstream = await startScriptedUpstream();
  await using still = createStillClient(upstream.baseUrl);
  upstream.script(hang);
  for (const [round, givenMs, circuit] of [
    [1, 100, 'CLOSED'],
    [2, 5000, 'OPEN'],
  ] as const) {
    const deadlineAt = still.clock.monotonic() + givenMs;
    const calls = Promise.allSettled(
      Array.from({ length: 10 }, () => still.client.send(read, interactive({ deadlineAt }))),
    );
    await upstream.arrived(10 * round);
    await still.clock.advance(givenMs);
    await calls;
    expect(still.client.status()[0]).toMatchObject({ group: 'addressBooks', circuit });
  }
});

const reads = (client: { send: (request: typeof read, call: CallContext) => Promise<unknown> }, count: number) =>
  Promise.allSettled(Array.from({ length: count }, () => client.send(read, interactive())));

test('100 reads while it is open make no request, and all fail at once with a typed error', async () => {
  await using upstream = await startScriptedUpstream();
  await using still = createStillClient(upstream.baseUrl);
  upstream.script(json(429));
  await still.settled(reads(still.client, 3));
  const before = upstream.requests.length;
  const cameAt = still.clock.monotonic();
  // The three gave up at their deadline; the circuit is open still.
  expect(still.client.status().find(({ group }) => group === 'addressBooks')).toMatchObject({ circuit: 'OPEN' });
  const results = await still.settled(reads(still.client, 100));
  expect(still.clock.monotonic() - cameAt).toBe(0);
  expect(upstream.requests.length).toBe(before);
  expect(results.every((result) => result.status === 'rejected' && result.reason instanceof RateLimitedError)).toBe(
    true,
  );
});

test('calls that wait for their turn when the circuit opens are not sent into it', async () => {
  await using upstream = await startScriptedUpstream();
  await using still = createStillClient(upstream.baseUrl, {
    limits: { addressBooks: 3, records: 1, outbound: 1, enrichment: 1, segments: 1 },
  });
  upstream.script(json(429), json(429), json(429), json(200, { id: '1' }));
  const people = Array.from({ length: 9 }, () => still.client.send(read, interactive()));
  const background = still.client.send(read, importCall());
  const results = await still.settled(Promise.allSettled(people));
  // The three that were sent come through in their retries; the six that waited fail instead of piling up.
  expect(results.map(({ status }) => status)).toEqual([...Array(3).fill('fulfilled'), ...Array(6).fill('rejected')]);
  expect(await still.settled(background)).toMatchObject({ status: 200 });
  expect(upstream.requests).toHaveLength(3 + 3 + 1);
});

test('one group that fails leaves the others alone', async () => {
  await using upstream = await startScriptedUpstream();
  await using still = createStillClient(upstream.baseUrl);
  upstream.script(json(500));
  await still.settled(reads(still.client, 10));
  upstream.script(json(200, { id: '1' }));
  await expect(still.client.send(read, interactive())).rejects.toBeInstanceOf(UpstreamError);
  await expect(still.client.send({ ...read, group: 'segments' }, interactive())).resolves.toMatchObject({
    status: 200,
  });
});

test('work that parks is told when its group is available again, Retry-After included', async () => {
  await using upstream = await startScriptedUpstream();
  await using still = createStillClient(upstream.baseUrl);
  upstream.script(json(429, undefined, { 'retry-after': '3600' }));
  await expect(still.settled(still.client.send(read, interactive()))).rejects.toBeInstanceOf(RateLimitedError);
  expect(still.client.availableAt('addressBooks')).toBe(3_600_000);
  expect(still.client.availableAt('segments')).toBeLessThanOrEqual(0);
  await still.clock.advanceUntil(still.client.whenAvailable('addressBooks'));
  expect(still.clock.monotonic()).toBe(3_600_000);
});

test('a hanging probe does not keep parked work waiting for ever', async () => {
  await using upstream = await startScriptedUpstream();
  await using still = createStillClient(upstream.baseUrl);
  upstream.script(json(429), json(429), json(429), hang);
  void reads(still.client, 3);
  await upstream.arrived(3);
  await still.clock.advance(2500);
  await upstream.arrived(4);
  const cancel = new AbortController();
  const parked = still.client.whenAvailable('addressBooks', cancel.signal);
  cancel.abort(new Error('stop'));
  await expect(parked).rejects.toThrow('stop');
});
