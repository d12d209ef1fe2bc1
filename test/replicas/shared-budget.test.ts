import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { ENGINES, openFreshDatabase } from '../store/open-database.ts';
import { createFakeClock } from '../support/clock.ts';
import { startReplica, type TestReplica } from './fleet.ts';

const LIMIT = 50;
const allowedOf = (replicas: readonly TestReplica[]) => replicas.map(({ limits: [limit] }) => limit?.allowed() ?? 0);
const heldBy = (replicas: readonly TestReplica[]) =>
  replicas.reduce((total, { limits: [limit] }) => total + (limit?.held() ?? 0), 0);
/** What all together have sent within the last second, as CXone sees it. */
const sentBy = (replicas: readonly TestReplica[]) =>
  replicas.reduce((total, { limits: [limit] }) => total + (limit?.used() ?? 0), 0);
const send = (replica: TestReplica, wanted = LIMIT) => replica.limits[0]?.send(wanted);

async function openFleet(engine: 'sqlite' | 'postgres', places = LIMIT) {
  const clock = createFakeClock();
  const opened = await openFreshDatabase(engine, clock);
  const replicas: TestReplica[] = [];
  return {
    clock,
    replicas,
    database: opened.database,
    async join(owner: string): Promise<TestReplica> {
      const replica = await startReplica({ owner, limits: { outbound: places }, database: opened.database, clock });
      replicas.push(replica);
      return replica;
    },
    /** Lets time pass in steps, and `busy` use all they can at each. */
    async pass(ms: number, busy: readonly TestReplica[] = []): Promise<void> {
      for (let passed = 0; passed < ms; passed += 50) {
        for (const replica of busy) send(replica);
        await clock.advance(50);
        expect(sentBy(replicas)).toBeLessThanOrEqual(places);
        expect(heldBy(replicas)).toBeLessThanOrEqual(places);
      }
    },
    /** Until it holds: the doorbell rings by itself, and the gap between two heartbeats passes. */
    async soon(isTrue: () => void): Promise<void> {
      await vi.waitFor(
        async () => {
          await clock.advance(5);
          isTrue();
        },
        { timeout: 5_000, interval: 5 },
      );
    },
    async [Symbol.asyncDispose]() {
      for (const replica of replicas) replica.resume();
      await Promise.all(replicas.map(({ budget }) => budget[Symbol.asyncDispose]()));
      await opened[Symbol.asyncDispose]();
    },
  };
}

describe.each(ENGINES)('one budget on %s', (engine) => {
  test('the first has everything at once; each that comes has its part within moments where nothing is used', async () => {
    await using fleet = await openFleet(engine);
    const a = await fleet.join('a');
    expect(allowedOf([a])).toEqual([50]);
    const b = await fleet.join('b');
    await fleet.soon(() => expect(allowedOf([a, b])).toEqual([25, 25]));
    expect(a.budget.replicas()).toBe(2);
    const c = await fleet.join('c');
    await fleet.soon(() => expect(allowedOf([a, b, c]).toSorted()).toEqual([16, 17, 17]));
    expect(heldBy(fleet.replicas)).toBe(50);
    // Sooner than any heartbeat of their own would have told them.
    expect(fleet.clock.monotonic()).toBeLessThan(1_000);
  });

  test('one that leaves gives everything back at once where it used nothing', async () => {
    await using fleet = await openFleet(engine);
    const a = await fleet.join('a');
    const b = await fleet.join('b');
    await fleet.soon(() => expect(allowedOf([a, b])).toEqual([25, 25]));
    await b.budget[Symbol.asyncDispose]();
    expect(allowedOf([b])).toEqual([0]);
    await fleet.soon(() => expect(allowedOf([a])).toEqual([50]));
    expect(a.budget.replicas()).toBe(1);
    expect(fleet.clock.monotonic()).toBeLessThan(1_000);
  });

  test('what one learns from a 429 the others know in a moment, and one that comes later too', async () => {
    await using fleet = await openFleet(engine);
    const a = await fleet.join('a');
    const b = await fleet.join('b');
    await a.budget.tellSlowDown('outbound', 60_000);
    await fleet.soon(() => expect(b.learned).toHaveLength(1));
    expect(fleet.clock.monotonic()).toBeLessThan(1_000);
    expect(b.learned[0]).toMatchObject({ group: 'outbound', isFresh: true });
    expect(b.learned[0]?.waitMs).toBeGreaterThan(55_000);
    expect(b.learned[0]?.waitMs).toBeLessThanOrEqual(60_000);
    const c = await fleet.join('c');
    expect(c.learned).toHaveLength(1);
    // It is told once, not with every heartbeat.
    await fleet.pass(2_000);
    expect(b.learned).toHaveLength(1);
  });
});

test('a shorter Retry-After does not shorten a longer one', async () => {
  await using fleet = await openFleet('sqlite');
  const a = await fleet.join('a');
  await a.budget.tellSlowDown('outbound', 60_000);
  await fleet.soon(() => expect(a.learned).toHaveLength(1));
  await a.budget.tellSlowDown('outbound', 1_000);
  await fleet.soon(() => expect(a.learned).toHaveLength(2));
  expect(a.learned[1]?.waitMs).toBeGreaterThan(59_000);
});

test('places in use go over as they come free: a newcomer among busy ones has its part a good second later', async () => {
  await using fleet = await openFleet('sqlite');
  const a = await fleet.join('a');
  await fleet.pass(500, [a]);
  const b = await fleet.join('b');
  expect(allowedOf([b])).toEqual([0]);
  await fleet.pass(400, [a, b]);
  expect(allowedOf([b])).toEqual([0]);
  await fleet.pass(900, [a, b]);
  expect(allowedOf([a, b])).toEqual([25, 25]);
});

test('one that leaves leaves its places when what it sent last no longer counts', async () => {
  await using fleet = await openFleet('sqlite');
  const a = await fleet.join('a');
  const b = await fleet.join('b');
  await fleet.pass(3_000, [a, b]);
  await b.budget[Symbol.asyncDispose]();
  send(b);
  await fleet.pass(900, [a]);
  expect(allowedOf([a, b])).toEqual([25, 0]);
  await fleet.pass(400, [a]);
  expect(allowedOf([a, b])).toEqual([50, 0]);
});

test('who is busy has what the idle ones do not need, and gives it up when they do', async () => {
  await using fleet = await openFleet('sqlite');
  const a = await fleet.join('a');
  const b = await fleet.join('b');
  const c = await fleet.join('c');
  await fleet.pass(1_500, [a]);
  expect(allowedOf([a, b, c])).toEqual([34, 8, 8]);
  await fleet.pass(1_500, [a, b]);
  expect(allowedOf([a, b, c])).toEqual([21, 21, 8]);
  // Nobody wants more than a few any more: what is left lies ready for all alike.
  await fleet.pass(5_000);
  expect(allowedOf([a, b, c]).toSorted()).toEqual([16, 17, 17]);
});

test('one place for three: each has it in turn, and never two of them', async () => {
  await using fleet = await openFleet('sqlite', 1);
  const replicas = [await fleet.join('a'), await fleet.join('b'), await fleet.join('c')];
  const turns = new Set<number>();
  for (let passed = 0; passed < 20_000; passed += 50) {
    await fleet.pass(50, replicas);
    const has = allowedOf(replicas).indexOf(1);
    if (has !== -1) turns.add(has);
  }
  expect([...turns].toSorted()).toEqual([0, 1, 2]);
});

test('a replica that is paused has lost its places when it wakes, before it looks; a few it keeps', async () => {
  await using fleet = await openFleet('sqlite');
  const a = await fleet.join('a');
  const b = await fleet.join('b');
  await fleet.pass(1_500, [a]);
  expect(allowedOf([a, b])).toEqual([38, 12]);
  a.pause();
  await fleet.pass(4_000, [b]);
  expect(allowedOf([a, b])).toEqual([38, 12]);
  await fleet.pass(3_500, [b]);
  // 12 of the 50 are a's reserve: they are still its own.
  expect(allowedOf([a, b])).toEqual([12, 38]);
  expect(b.budget.replicas()).toBe(1);
  await fleet.pass(310_000);
  expect(allowedOf([a, b])).toEqual([0, 50]);
  a.resume();
  await fleet.pass(2_000, [a, b]);
  expect(allowedOf([a, b])).toEqual([25, 25]);
});

test('a replica that only it cannot reach the database sends less before the others send more, and nothing before they have all', async () => {
  await using fleet = await openFleet('sqlite');
  const a = await fleet.join('a');
  const b = await fleet.join('b');
  await fleet.pass(1_500, [a, b]);
  a.setAway(true);
  await fleet.pass(8_000, [a, b]);
  expect(allowedOf([a, b])).toEqual([12, 38]);
  await fleet.pass(289_000);
  await fleet.pass(5_000, [a, b]);
  expect(allowedOf([a, b])).toEqual([0, 50]);
});

test('without the database each keeps its reserve for minutes, and has its part again when it is back', async () => {
  await using fleet = await openFleet('sqlite');
  const replicas = [await fleet.join('a'), await fleet.join('b')];
  await fleet.pass(1_100);
  for (const replica of replicas) replica.setAway(true);
  await fleet.pass(60_000);
  expect(allowedOf(replicas)).toEqual([12, 12]);
  for (const replica of replicas) replica.setAway(false);
  await fleet.pass(2_000);
  expect(allowedOf(replicas)).toEqual([25, 25]);
});

test('a replica that was killed is inherited from once its time is over, but for its reserve, and that later', async () => {
  await using fleet = await openFleet('sqlite');
  const a = await fleet.join('a');
  const b = await fleet.join('b');
  await fleet.pass(1_100);
  b.kill();
  await fleet.pass(8_000);
  expect(allowedOf([a])).toEqual([38]);
  await fleet.pass(302_000);
  expect(allowedOf([a])).toEqual([50]);
});

test('a heartbeat of which nobody knows whether it was stored changes nothing for the better, and nothing for the others', async () => {
  await using fleet = await openFleet('sqlite');
  const a = await fleet.join('a');
  const b = await fleet.join('b');
  await fleet.pass(1_500, [a]);
  expect(allowedOf([a, b])).toEqual([38, 12]);
  // What it tells arrives, and it never learns that it did.
  a.loseAnswers(true);
  await fleet.pass(3_000, [a, b]);
  expect(allowedOf([b])).toEqual([25]);
  expect(allowedOf([a])[0]).toBeLessThanOrEqual(25);
  // Nor does it keep what it told that it would not.
  await fleet.join('c');
  await fleet.pass(2_000, [a, b]);
  a.setAway(true);
  await fleet.pass(6_000);
  expect(allowedOf([a])).toEqual([8]);
});

test('at no moment do all together send more than there is, whoever comes, goes, is busy, paused, cut off or killed', async () => {
  const who = fc.nat({ max: 5 });
  const happening = fc.oneof(
    { weight: 2, arbitrary: fc.record({ what: fc.constant('join' as const), who }) },
    {
      weight: 5,
      arbitrary: fc.record({
        what: fc.constant('wait' as const),
        ms: fc.constantFrom(50, 300, 1_500, 7_000),
        busy: fc.nat(),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        what: fc.constantFrom('leave', 'pause', 'resume', 'cut off', 'connect', 'lose answers', 'kill'),
        who,
      }),
    },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 12 }),
      fc.array(happening, { maxLength: 30 }),
      async (places, script) => {
        await using fleet = await openFleet('sqlite', places);
        const gone = new Set<TestReplica>();
        const paused = new Set<TestReplica>();
        const awake = () => fleet.replicas.filter((replica) => !gone.has(replica) && !paused.has(replica));
        for (const event of script) {
          if ('ms' in event) {
            // Some are busy and some are not. A paused one sends nothing: it is stopped.
            const isBusy = (_: unknown, index: number) => (event.busy >> index) % 2 === 0;
            await fleet.pass(event.ms, awake().filter(isBusy));
            continue;
          }
          if (event.what === 'join') {
            if (fleet.replicas.length < 5) await fleet.join(`replica ${fleet.replicas.length}`);
            continue;
          }
          const replica = fleet.replicas[event.who % Math.max(1, fleet.replicas.length)];
          if (!replica || gone.has(replica)) continue;
          if (event.what === 'pause') {
            paused.add(replica);
            replica.pause();
          } else if (event.what === 'resume') {
            paused.delete(replica);
            // What it does first, before it has noticed anything.
            send(replica, places);
            replica.resume();
          } else if (event.what === 'kill') {
            gone.add(replica);
            replica.kill();
          } else if (event.what === 'leave') {
            gone.add(replica);
            replica.resume();
            await replica.budget[Symbol.asyncDispose]();
          } else {
            replica.setAway(event.what === 'cut off');
            replica.loseAnswers(event.what === 'lose answers');
          }
          expect(sentBy(fleet.replicas)).toBeLessThanOrEqual(places);
        }
      },
    ),
    { numRuns: 60 },
  );
});
