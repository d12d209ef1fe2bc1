/** Several replicas in one process on one store, each with a limit that a test uses as it likes. */
import type { Clock } from '../../src/clock.ts';
import type { Share, SharedLimit } from '../../src/cxone/shared-limit.ts';
import { GatewayError } from '../../src/errors.ts';
import { type SharedBudget, startSharedBudget } from '../../src/replicas/shared-budget.ts';
import type { Database } from '../../src/store/database.ts';
import { createReplicaStore, type ReplicaStore } from '../../src/store/replicas.ts';
import type { FakeClock } from '../support/clock.ts';

/** A limit on how much is sent in a second, of which a test says how much that is. */
export interface TestLimit extends SharedLimit {
  /** Sends as much as it may, `wanted` at most. */
  send(wanted: number): void;
  allowed(): number;
  held(): number;
}

export function createTestLimit(name: string, places: number, clock: Clock): TestLimit {
  let share: Share = { allowed: () => places, held: () => places, coming: () => places, onShort: () => {} };
  /** When what was sent within the last second comes free. */
  let sent: number[] = [];
  let shortAt = Number.NEGATIVE_INFINITY;
  const used = () => {
    sent = sent.filter((freeAt) => freeAt > clock.monotonic());
    return sent.length;
  };
  return {
    name,
    places,
    settleMs: 1_000,
    used,
    shortAt: () => shortAt,
    setShare(given) {
      share = given;
    },
    reconsider: () => {},
    allowed: () => share.allowed(),
    held: () => share.held(),
    send(wanted) {
      const count = Math.max(0, Math.min(wanted, share.allowed() - used()));
      for (let index = 0; index < count; index++) sent.push(clock.monotonic() + 1_000);
      if (count === wanted) return;
      shortAt = clock.monotonic();
      share.onShort();
    },
  };
}

export interface TestReplica {
  readonly owner: string;
  readonly limits: readonly TestLimit[];
  readonly budget: SharedBudget;
  /** 429s it was told of. */
  readonly learned: { group: string; waitMs: number; isFresh: boolean }[];
  /** Time goes on, but not for it, as with SIGSTOP. */
  pause(): void;
  resume(): void;
  /** Cuts it off from the database, or connects it again. */
  setAway(isAway: boolean): void;
  /** What it stores is stored, and it does not learn of it. */
  loseAnswers(isLosing: boolean): void;
  /** As with SIGKILL: it does nothing more, and tells nobody. */
  kill(): void;
}

/** @param limits places by name */
export async function startReplica(options: {
  owner: string;
  limits: Readonly<Record<string, number>>;
  database: Database;
  clock: FakeClock;
}): Promise<TestReplica> {
  const { owner, database, clock } = options;
  let paused: PromiseWithResolvers<void> | undefined;
  let isAway = false;
  let isLosing = false;
  const ownClock: Clock = {
    now: clock.now,
    monotonic: clock.monotonic,
    after: clock.after,
    async sleep(ms, signal) {
      await clock.sleep(ms, signal);
      await paused?.promise;
    },
  };
  const store = createReplicaStore({ database });
  const flaky: ReplicaStore = {
    ...store,
    beat: async (...given) => {
      if (isAway) throw new GatewayError('UNAVAILABLE', 'away');
      await store.beat(...given);
      if (isLosing) throw new GatewayError('UNAVAILABLE', 'the connection broke');
    },
    onNews: (listener) =>
      store.onNews(() => {
        if (!paused && !isAway) listener();
      }),
  };
  const learned: TestReplica['learned'] = [];
  const limits = Object.entries(options.limits).map(([name, places]) => createTestLimit(name, places, clock));
  const budget = await startSharedBudget({
    store: flaky,
    owner,
    limits,
    upstream: { slowDown: (group, { waitMs, isFresh }) => void learned.push({ group, waitMs, isFresh }) },
    clock: ownClock,
    log: { warn: () => {} },
  });
  return {
    owner,
    limits,
    budget,
    learned,
    pause() {
      paused ??= Promise.withResolvers();
    },
    resume() {
      paused?.resolve();
      paused = undefined;
    },
    setAway(away) {
      isAway = away;
    },
    loseAnswers(losing) {
      isLosing = losing;
    },
    kill() {
      isAway = true;
      paused ??= Promise.withResolvers();
    },
  };
}
