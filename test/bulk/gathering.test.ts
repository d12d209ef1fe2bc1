import { describe, expect, it } from 'vitest';
import { createGathering, type GatheringLane } from '../../src/bulk/gathering.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';

const WINDOW_MS = 4;
const MAX_ITEMS = 200;

/** Targets whose calls take `latencyMs`; remembers when which batch left and how large it was. */
function createTargets(options: { clock: FakeClock; latencyMs: number; targets: number; concurrency?: number }) {
  const { clock, latencyMs, targets, concurrency = 1 } = options;
  const gathering = createGathering({ windowMs: WINDOW_MS, clock });
  const calls: { target: number; size: number; at: number }[] = [];
  const lanes = Array.from({ length: targets }, (_, target) => {
    let waiting: (() => void)[][] = [];
    const lane: GatheringLane = gathering.lane({ maxItems: MAX_ITEMS, concurrency, onIdle: () => {} });
    return {
      write(): Promise<void> {
        let batch = waiting.at(-1);
        if (!batch || batch.length === MAX_ITEMS) {
          const opened: (() => void)[] = [];
          batch = opened;
          waiting.push(opened);
          lane.open(async () => {
            waiting = waiting.filter((each) => each !== opened);
            calls.push({ target, size: opened.length, at: clock.monotonic() });
            await clock.sleep(latencyMs);
            for (const answer of opened) answer();
          });
        }
        const answered = new Promise<void>((resolve) => batch.push(resolve));
        lane.joined();
        return answered;
      },
    };
  });
  return {
    gathering,
    calls,
    write: (target: number) => lanes[target]?.write() ?? Promise.reject(new Error('no lane')),
  };
}

/** So many callers, each with its next item as soon as the one before is answered; requests arrive `gapMs` apart, so many at a time. */
async function closedLoop(options: {
  clock: FakeClock;
  callers: number;
  items: number;
  gapMs: number;
  burst?: number;
  write: (item: number) => Promise<void>;
}): Promise<void> {
  const { clock, callers, items, gapMs, burst = 1, write } = options;
  let next = 0;
  let free = 0;
  const arrive = async () => {
    free = Math.max(free, clock.monotonic()) + gapMs;
    const together = burst > 1 ? Math.ceil(free / (burst * gapMs)) * burst * gapMs : free;
    await clock.sleep(together - clock.monotonic());
  };
  const caller = async () => {
    for (let item = next++; item < items; item = next++) {
      await arrive();
      await write(item);
    }
  };
  await clock.advanceUntil(Promise.all(Array.from({ length: callers }, caller)));
}

describe('gathering', () => {
  it('lets somebody alone go after one window', async () => {
    const clock = createFakeClock();
    const { calls, write } = createTargets({ clock, latencyMs: 10, targets: 1 });
    await clock.advanceUntil(write(0));
    expect(calls).toEqual([{ target: 0, size: 1, at: WINDOW_MS }]);
  });

  it('keeps a batch open while items keep coming, for three windows at most', async () => {
    const clock = createFakeClock();
    const { calls, write } = createTargets({ clock, latencyMs: 10, targets: 1 });
    const all: Promise<void>[] = [];
    for (let item = 0; item < 8; item++) {
      all.push(write(0));
      await clock.advance(2);
    }
    await clock.advanceUntil(Promise.all(all));
    expect(calls.map(({ size, at }) => ({ size, at }))).toEqual([
      { size: 6, at: 3 * WINDOW_MS },
      { size: 2, at: 3 * WINDOW_MS + 10 },
    ]);
  });

  it('sends a full batch at once, and what gathered meanwhile when the lane is free and its callers had time to come back', async () => {
    const clock = createFakeClock();
    const { calls, write } = createTargets({ clock, latencyMs: 1000, targets: 1 });
    const all = Array.from({ length: MAX_ITEMS + 5 }, () => write(0));
    expect(calls).toEqual([{ target: 0, size: MAX_ITEMS, at: 0 }]);
    await clock.advanceUntil(Promise.all(all));
    expect(calls[1]).toMatchObject({ size: 5, at: 1030 });
  });

  it('gathers what comes while a call to the same target is under way, few as they are, for two seconds at most', async () => {
    const clock = createFakeClock();
    const { calls, write } = createTargets({ clock, latencyMs: 400, targets: 2, concurrency: 4 });
    const all = [write(0)];
    await clock.advance(50);
    for (let item = 0; item < 5; item++) {
      all.push(write(0));
      await clock.advance(30);
    }
    all.push(write(1));
    await clock.advanceUntil(Promise.all(all));
    expect(calls).toEqual([
      { target: 0, size: 1, at: WINDOW_MS },
      { target: 1, size: 1, at: 200 + WINDOW_MS },
      { target: 0, size: 5, at: WINDOW_MS + 400 },
    ]);

    const hanging = createTargets({ clock, latencyMs: 60_000, targets: 1, concurrency: 4 });
    const since = clock.monotonic();
    const stuck = [hanging.write(0)];
    await clock.advance(50);
    stuck.push(hanging.write(0));
    await clock.advanceUntil(Promise.all(stuck));
    expect(hanging.calls.map(({ at }) => at - since)).toEqual([WINDOW_MS, 2050]);
  });

  it('keeps a burst of one turn together, however large', async () => {
    const clock = createFakeClock();
    const { calls, write } = createTargets({ clock, latencyMs: 10, targets: 1 });
    await clock.advanceUntil(Promise.all(Array.from({ length: 150 }, () => write(0))));
    expect(calls.map(({ size }) => size)).toEqual([150]);
  });

  it.each([
    { latencyMs: 1, gapMs: 0.3 },
    { latencyMs: 10, gapMs: 1 },
    { latencyMs: 3, gapMs: 1.5 },
    { latencyMs: 100, gapMs: 0.5 },
    { latencyMs: 200, gapMs: 0.3 },
  ])(
    'makes at most 20 calls of 1000 items of 100 callers to 2 targets ($latencyMs ms a call, $gapMs ms a request)',
    async ({ latencyMs, gapMs }) => {
      for (const targetOf of [(item: number) => item % 2, (item: number) => Math.floor(item / 500)]) {
        const clock = createFakeClock();
        const { calls, write } = createTargets({ clock, latencyMs, targets: 2 });
        await closedLoop({ clock, callers: 100, items: 1000, gapMs, write: (item) => write(targetOf(item)) });
        expect(calls.reduce((sum, { size }) => sum + size, 0)).toBe(1000);
        expect(calls.length, calls.map(({ target, size }) => `${target}:${size}`).join(' ')).toBeLessThanOrEqual(20);
      }
    },
  );

  it.each([
    { latencyMs: 200, gapMs: 1, burst: 40 },
    { latencyMs: 200, gapMs: 2, burst: 10 },
    { latencyMs: 200, gapMs: 5, burst: 40 },
    { latencyMs: 1000, gapMs: 2, burst: 40 },
    { latencyMs: 1000, gapMs: 0.3, burst: 1 },
  ])(
    'waits longer for those who take longer to come back, and so makes at most 20 calls too ($latencyMs ms a call, $burst requests every $gapMs ms each)',
    async ({ latencyMs, gapMs, burst }) => {
      const clock = createFakeClock();
      const { calls, write } = createTargets({ clock, latencyMs, targets: 2, concurrency: 4 });
      await closedLoop({ clock, callers: 100, items: 1000, gapMs, burst, write: (item) => write(item % 2) });
      expect(calls.length, calls.map(({ target, size }) => `${target}:${size}`).join(' ')).toBeLessThanOrEqual(20);
    },
  );

  it('holds nobody of a crowd for longer than 250 ms while calls for other targets hang', async () => {
    const clock = createFakeClock();
    const { calls, write } = createTargets({ clock, latencyMs: 5000, targets: 2 });
    const all = Array.from({ length: 100 }, (_, item) => write(item < 60 ? 0 : 1));
    await clock.advanceUntil(Promise.all(all));
    expect(calls.map(({ target, size }) => [target, size])).toEqual([
      [0, 60],
      [1, 40],
    ]);
    expect(calls[1]?.at).toBeLessThanOrEqual(250);
  });

  it('does not let requests that never pause hold a batch open: 50 ms apart they leave one by one', async () => {
    const clock = createFakeClock();
    const { calls, write } = createTargets({ clock, latencyMs: 5, targets: 1 });
    const all: Promise<void>[] = [];
    for (let item = 0; item < 10; item++) {
      all.push(write(0));
      await clock.advance(50);
    }
    await clock.advanceUntil(Promise.all(all));
    expect(calls.every(({ size, at }) => size === 1 && at % 50 === WINDOW_MS)).toBe(true);
  });

  it('hurries everything out when told to', async () => {
    const clock = createFakeClock();
    const { gathering, calls, write } = createTargets({ clock, latencyMs: 10, targets: 1 });
    const one = write(0);
    gathering.hurry();
    expect(calls).toEqual([{ target: 0, size: 1, at: 0 }]);
    await clock.advanceUntil(one);
  });
});
