import { describe, expect, test } from 'vitest';
import type { Lane } from '../../src/cxone/call-context.ts';
import { createRateLimiter } from '../../src/cxone/rate-limiter.ts';
import type { Exchange } from '../../src/cxone/step.ts';
import { createFakeClock } from '../support/clock.ts';
import { changeableShare, exchangeOf, fakeWire, pass } from './fixture.ts';

const interactive: Lane = { kind: 'interactive' };
const importLane = (key: string): Lane => ({ kind: 'import', key });

function setUp(limit: number) {
  const clock = createFakeClock();
  const limiter = createRateLimiter({ group: 'outbound', limit, clock });
  const wire = fakeWire(clock, () => ({ arrivesAfterMs: 1, answersAfterMs: 4 }));
  const order: string[] = [];
  return {
    clock,
    limiter,
    order,
    send: (name: string, overrides: Partial<Exchange>) =>
      pass(limiter, exchangeOf(overrides), (exchange, told) => {
        order.push(name);
        return wire.next(exchange, told);
      }),
  };
}

test('who clicks goes before every import that already waits', async () => {
  const { clock, order, send } = setUp(1);
  const calls = [
    ...[1, 2, 3, 4].map((number) => send(`import ${number}`, { lane: importLane('a') })),
    send('click 1', { lane: interactive }),
    send('click 2', { lane: interactive }),
  ];
  await clock.advanceUntil(Promise.all(calls));
  expect(order).toEqual(['import 1', 'click 1', 'click 2', 'import 2', 'import 3', 'import 4']);
});

test('callers take turns, however much each of them asks for', async () => {
  const { clock, order, send } = setUp(1);
  const lane = (key: string): Lane => ({ kind: 'interactive', key });
  const greedy = Array.from({ length: 6 }, (_, index) => send(`greedy ${index}`, { lane: lane('greedy') }));
  const modest = Array.from({ length: 2 }, (_, index) => send(`modest ${index}`, { lane: lane('modest') }));
  await clock.advanceUntil(Promise.all([...greedy, ...modest]));
  expect(order.slice(0, 5)).toEqual(['greedy 0', 'greedy 1', 'modest 0', 'greedy 2', 'modest 1']);
});

test('a caller who asks for more than can be answered in time is refused, and the next one is not', async () => {
  const { clock, send } = setUp(1);
  const lane = (key: string): Lane => ({ kind: 'interactive', key });
  const ask = (key: string) => send(key, { lane: lane(key), deadlineAt: clock.monotonic() + 9000 });
  const greedy = Promise.allSettled(Array.from({ length: 30 }, () => ask('greedy')));
  const modest = ask('modest').then(() => clock.monotonic());
  expect(await clock.advanceUntil(modest)).toBeLessThan(4000);
  const outcomes = await clock.advanceUntil(greedy);
  expect(outcomes.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(15);
});

describe('beside a caller who asks for all there is', () => {
  const ANSWER_MS = 200;
  const LANES = {
    greedy: { kind: 'interactive', key: 'greedy' },
    modest: { kind: 'interactive', key: 'modest' },
  } as const;
  const book = { inFlight: { key: 'addressBook:1', max: 15 } };

  /** How long each of 100 calls in a row takes, and how many calls the greedy one got meanwhile. */
  async function measure({ limit, greedy, bound }: { limit: number; greedy: number; bound: Partial<Exchange> }) {
    const clock = createFakeClock();
    const limiter = createRateLimiter({ group: 'addressBooks', limit, clock });
    const wire = fakeWire(clock, () => ({ arrivesAfterMs: 1, answersAfterMs: ANSWER_MS - 1 }));
    let isOver = false;
    let served = 0;
    const ask = async (lane: Lane) => {
      const askedAt = clock.monotonic();
      await pass(limiter, exchangeOf({ ...bound, lane, deadlineAt: askedAt + 9000 }), wire.next);
      return clock.monotonic() - askedAt;
    };
    const askOn = async () => {
      while (!isOver) {
        const isServed = await ask(LANES.greedy).then(
          () => true,
          () => false,
        );
        if (isServed) served++;
        else await clock.sleep(10);
      }
    };
    const modest = async (calls: number) => {
      const tookMs: number[] = [];
      for (let call = 0; call < calls; call++) {
        await clock.sleep(10);
        tookMs.push(await ask(LANES.modest));
      }
      return tookMs.sort((a, b) => a - b);
    };
    // What it usually asks for is known.
    await clock.advanceUntil(modest(10));
    const startedAt = clock.monotonic();
    const hog = Promise.all(Array.from({ length: greedy }, askOn));
    const tookMs = await clock.advanceUntil(modest(100));
    const perSecond = (served / (clock.monotonic() - startedAt)) * 1000;
    isOver = true;
    limiter[Symbol.dispose]();
    await clock.advanceUntil(hog);
    return { p99: tookMs[98] ?? 0, perSecond };
  }

  test.each([
    ['of the rate', { limit: 50, greedy: 300, bound: {} }, 30],
    ['of the calls in flight', { limit: 1000, greedy: 300, bound: book }, 50],
  ])(
    'another’s p99 is about what it is alone (twice is the most there may be), and what it does not use is not lost: %s',
    async (_name, load, least) => {
      const alone = await measure({ ...load, greedy: 0 });
      const beside = await measure(load);
      expect(alone.p99).toBe(ANSWER_MS);
      expect(beside.p99).toBeLessThanOrEqual(1.2 * alone.p99);
      expect(beside.perSecond).toBeGreaterThan(least);
    },
  );

  test('once nobody else is about, one caller has all of it again', async () => {
    const { clock, limiter, send } = setUp(10);
    await clock.advanceUntil(send('modest', { lane: LANES.modest }));
    const fill = () => Array.from({ length: 12 }, () => send('greedy', { lane: LANES.greedy }));
    const first = Promise.all(fill());
    await clock.advance(100);
    // One was the modest one's, and it may want more.
    expect(limiter.status().queued).toBeGreaterThan(3);
    await clock.advanceUntil(first);
    await clock.advance(61_000);
    const second = Promise.all(fill());
    await clock.advance(100);
    expect(limiter.status().queued).toBe(2);
    await clock.advanceUntil(second);
  });
});

test('imports take turns, whatever their length', async () => {
  const { clock, order, send } = setUp(1);
  const long = Array.from({ length: 6 }, (_, index) => send(`long ${index}`, { lane: importLane('long') }));
  const short = Array.from({ length: 2 }, (_, index) => send(`short ${index}`, { lane: importLane('short') }));
  await clock.advanceUntil(Promise.all([...long, ...short]));
  expect(order.slice(0, 5)).toEqual(['long 0', 'long 1', 'short 0', 'long 2', 'short 1']);
});

test('while an import uses the whole limit, who clicks waits for a fraction of a second only', async () => {
  const { clock, send } = setUp(50);
  const background = Promise.all(Array.from({ length: 400 }, () => send('import', { lane: importLane('a') })));
  const waits: number[] = [];
  for (let click = 0; click < 20; click++) {
    await clock.advance(211);
    const cameAt = clock.monotonic();
    await clock.advanceUntil(send('click', { lane: interactive }));
    waits.push(clock.monotonic() - cameAt);
  }
  expect(Math.max(...waits)).toBeLessThan(200);
  await clock.advanceUntil(background);
  // Spreading them costs the import no throughput: 420 requests at 50 a second.
  expect(clock.monotonic()).toBeLessThan(9000);
});

test('a full in-flight bound holds up nobody but those it bounds', async () => {
  const clock = createFakeClock();
  const limiter = createRateLimiter({ group: 'addressBooks', limit: 100, clock });
  const wire = fakeWire(clock, () => ({ arrivesAfterMs: 1, answersAfterMs: 500 }));
  let peak = 0;
  let underWay = 0;
  const bounded = { inFlight: { key: 'addressBook:1', max: 3 } };
  const busy = Promise.all(
    Array.from({ length: 10 }, () =>
      pass(limiter, exchangeOf(bounded), async (exchange, told) => {
        peak = Math.max(peak, ++underWay);
        const outcome = await wire.next(exchange, told);
        underWay--;
        return outcome;
      }),
    ),
  );
  const other = pass(limiter, exchangeOf({ inFlight: { key: 'addressBook:2', max: 3 } }), wire.next);
  const unbound = pass(limiter, exchangeOf(), wire.next);
  await clock.advanceUntil(Promise.all([other, unbound]));
  expect(clock.monotonic()).toBeLessThan(510);
  await clock.advanceUntil(busy);
  expect(peak).toBe(3);
});

test('an in-flight bound is shared with the other replicas, place by place', async () => {
  const clock = createFakeClock();
  const limiter = createRateLimiter({ group: 'addressBooks', limit: 100, clock });
  const share = changeableShare(3);
  const { inFlight } = limiter.limits;
  expect(inFlight.places).toBe(15);
  inFlight.setShare(share);
  let peak = 0;
  const sendAll = () =>
    Promise.all(
      Array.from({ length: 8 }, () =>
        pass(limiter, exchangeOf({ inFlight: { key: 'addressBook:1', max: 15 } }), async (exchange, told) => {
          peak = Math.max(peak, inFlight.used());
          return fakeWire(clock, () => ({ arrivesAfterMs: 1, answersAfterMs: 50 })).next(exchange, told);
        }),
      ),
    );
  await clock.advanceUntil(sendAll());
  expect(peak).toBe(3);
  expect(share.shortage).toBeGreaterThan(0);
  expect(inFlight.used()).toBe(0);
  share.places = 5;
  await clock.advanceUntil(sendAll());
  expect(peak).toBe(5);
});
