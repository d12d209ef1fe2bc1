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

/** So many callers, each with its next item as soon as the one before is answered; requests arrive `gapMs` apart. */
async function closedLoop(options: {
  clock: FakeClock;
  callers: number;
  items: number;
  gapMs: number;
  write: (item: number) => Promise<void>;
}): Promise<void> {
  const { clock, callers, items, gapMs, write } = options;
  let next = 0;
  let free = 0;
  const arrive = async () => {
    free = Math.max(free, clock.monotonic()) + gapMs;
    await clock.sleep(free - clock.monotonic());
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

  it('sends a full batch at once and what gathered meanwhile as soon as the lane is free', async () => {
    const clock = createFakeClock();
    const { calls, write } = createTargets({ clock, latencyMs: 1000, targets: 1 });
    const all = Array.from({ length: MAX_ITEMS + 5 }, () => write(0));
    expect(calls).toEqual([{ target: 0, size: MAX_ITEMS, at: 0 }]);
    await clock.advanceUntil(Promise.all(all));
    expect(calls[1]).toMatchObject({ size: 5, at: 1000 });
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
