/**
 * Group commit: items that come one by one are stored together. What gathers while a group is being stored is the next
 * group. The number and the size of what waits are bounded.
 */
import type { Clock } from '../clock.ts';
import { GatewayError } from '../errors.ts';

export interface GroupCommitBounds {
  /** Items of one group. */
  readonly maxGroup: number;
  /** Items that wait, and their weight in all. What comes beyond is refused. */
  readonly maxWaiting: number;
  readonly maxWaitingWeight: number;
  /** How long the first of a group waits for others, in milliseconds. */
  readonly windowMs: number;
}

export interface GroupCommit<Item, Outcome> {
  /**
   * Resolves once the item is stored.
   * @throws GatewayError UNAVAILABLE when too much waits already; what storing it throws
   */
  add(item: Item): Promise<Outcome>;
  /** Stores what still waits. */
  [Symbol.asyncDispose](): Promise<void>;
}

interface Waiting<Item, Outcome> {
  readonly item: Item;
  readonly weight: number;
  readonly done: PromiseWithResolvers<Outcome>;
}

/** @param deps.commit stores all of a group or nothing, and gives their outcomes in their order */
export function createGroupCommit<Item, Outcome>(deps: {
  commit: (items: readonly Item[]) => Promise<readonly Outcome[]>;
  weigh: (item: Item) => number;
  bounds: GroupCommitBounds;
  clock: Clock;
}): GroupCommit<Item, Outcome> {
  const { commit, weigh, bounds, clock } = deps;
  const stop = new AbortController();
  const waiting: Waiting<Item, Outcome>[] = [];
  let waitingWeight = 0;
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (waiting.length > 0) {
      await clock.sleep(bounds.windowMs, stop.signal).catch(() => {});
      const group = waiting.splice(0, bounds.maxGroup);
      for (const { weight } of group) waitingWeight -= weight;
      await store(group);
    }
    running = undefined;
  }

  async function store(group: readonly Waiting<Item, Outcome>[]): Promise<void> {
    try {
      const outcomes = await commit(group.map(({ item }) => item));
      group.forEach(({ done }, index) => {
        // There are as many outcomes as items.
        done.resolve(outcomes[index] as Outcome);
      });
    } catch (error) {
      if (group.length === 1 || error instanceof GatewayError) {
        for (const { done } of group) done.reject(error);
      } else {
        // One of them cannot be stored: that is its failure alone.
        for (const one of group) await store([one]);
      }
    }
  }

  return {
    add(item) {
      const weight = weigh(item);
      if (waiting.length >= bounds.maxWaiting || waitingWeight + weight > bounds.maxWaitingWeight) {
        return Promise.reject(
          new GatewayError('UNAVAILABLE', 'Too much is waiting to be stored. Send it again later.'),
        );
      }
      const done = Promise.withResolvers<Outcome>();
      waiting.push({ item, weight, done });
      waitingWeight += weight;
      running ??= run();
      return done.promise;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}
