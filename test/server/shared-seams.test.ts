/** What is told to many at whatever pace they read: each of them everything from where it began, once and in order. */
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import type { ExecutionResult } from 'graphql';
import { expect, test } from 'vitest';
import type { GraphQLContext } from '../../src/graphql/context.ts';
import { encodeEventCursor } from '../../src/graphql/event-cursors.ts';
import { followLive, type LiveRun } from '../../src/graphql/live-subscription.ts';
import { createSharedSubscriptions, type SharedSubscriptions } from '../../src/server/shared-subscriptions.ts';
import { createFakeClock } from '../support/clock.ts';
import { createNewsLog, type NewsLog } from './news-log.ts';

interface Member {
  /** The cursor that it began behind. */
  readonly begin: number;
  readonly seen: number[];
  setBusy(isBusy: boolean): void;
  leave(): void;
  readonly over: Promise<void>;
}

/** Subscribes somebody, who is told numbers: those of the events. */
function join(shared: SharedSubscriptions, log: NewsLog, begin: number): Member {
  const seen: number[] = [];
  const leaving = new AbortController();
  let busy: PromiseWithResolvers<void> | undefined;
  const run = async (live: LiveRun, signal: AbortSignal): Promise<AsyncIterable<ExecutionResult>> => {
    // Nothing else of a context is needed.
    const context = { live, call: { signal }, services: { liveEvents: log } } as unknown as GraphQLContext;
    const news = await followLive(context, encodeEventCursor(begin), log.follow);
    return (async function* () {
      for await (const { seq } of news) yield { data: { seq } };
    })();
  };
  const take = async () => {
    const followed = await shared.follow({
      key: 'all',
      runOwn: run,
      runNews: run,
      reader: {
        tell: (results) => seen.push(...results.map(({ json }) => Number(JSON.parse(json).data.seq))),
        isBusy: () => busy !== undefined,
        drained: () => busy?.promise ?? Promise.resolve(),
        cutOff: () => expect.unreachable('nobody is cut off while the clock stands still'),
      },
      signal: leaving.signal,
    });
    if (!(Symbol.asyncIterator in followed)) throw new Error(JSON.stringify(followed));
    for await (const { data } of followed) {
      seen.push(Number(data?.seq));
      if (busy) await busy.promise;
    }
  };
  return {
    begin,
    seen,
    over: take(),
    setBusy(isBusy) {
      if (isBusy) busy ??= Promise.withResolvers();
      else {
        busy?.resolve();
        busy = undefined;
      }
    },
    leave: () => leaving.abort(),
  };
}

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('append' as const), count: fc.constantFrom(1, 3, 150, 4_500) }),
    fc.record({ kind: fc.constant('join' as const), behind: fc.constantFrom(0, 0, 1, 20, 3_900, 9_000) }),
    fc.record({ kind: fc.constantFrom('busy' as const, 'free' as const), member: fc.nat(5) }),
    fc.record({ kind: fc.constant('turn' as const), turns: fc.constantFrom(1, 2, 10) }),
  ),
  { maxLength: 40 },
);

test('each is told everything behind its cursor, whoever joins, stalls and goes on in between', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const log = createNewsLog();
      const shared = createSharedSubscriptions({ clock: createFakeClock() });
      const members: Member[] = [];
      let head = 0;
      for (const step of script) {
        if (step.kind === 'append') for (let n = 0; n < step.count; n++) log.append(String(++head));
        if (step.kind === 'join') members.push(join(shared, log, Math.max(head - step.behind, 0)));
        if (step.kind === 'busy' || step.kind === 'free') members[step.member]?.setBusy(step.kind === 'busy');
        if (step.kind === 'turn') for (let turn = 0; turn < step.turns; turn++) await setImmediate();
      }
      for (const member of members) member.setBusy(false);
      log.append(String(++head));
      // The test's own time limit ends it where somebody is not told.
      while (members.some(({ seen }) => seen.at(-1) !== head)) await setImmediate();
      for (const { begin, seen } of members) {
        expect(seen).toEqual(Array.from({ length: head - begin }, (_, index) => begin + index + 1));
      }
      for (const member of members) member.leave();
      await Promise.all(members.map(({ over }) => over));
      while (log.sources() > 0) await setImmediate();
    }),
    { numRuns: 60 },
  );
});
