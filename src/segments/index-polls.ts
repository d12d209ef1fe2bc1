/**
 * Watches CXone's index for memberships that were written (cxone-api.md, section 6). Time is cut into windows that all
 * of a segment's contacts share; whoever waits or asks, a contact is polled at most once in each of them.
 */
import { LRUCache } from 'lru-cache';
import { agesBy, type Clock } from '../clock.ts';
import { type CallContext, newUpstreamTally, type UpstreamTally } from '../cxone/call-context.ts';
import { entriesAtMost } from '../entry-bound.ts';
import type { SegmentClient } from './client.ts';
import type { IndexedMember } from './model.ts';

/** Section 6: how long a confirmed answer may be kept, milliseconds. */
const CONFIRMED_TTL_MS = 60_000;
const MAX_REMEMBERED = 50_000;

export interface IndexPolls extends Disposable {
  /**
   * Waits until the index shows the contact; null where it did not in time.
   *
   * @param patience.untilMs until when, monotonic
   * @param patience.polls for how many answers; without it, any number
   * @throws the reason of the signal
   */
  untilShown(
    segmentId: string,
    contactId: string,
    patience: { untilMs: number; polls?: number },
    call: CallContext,
  ): Promise<IndexedMember | null>;
  /** What the index says now, or said when it was last asked in this window of somebody's waiting. */
  read(segmentId: string, contactId: string, call: CallContext): Promise<IndexedMember>;
}

interface Waiter {
  readonly tally: UpstreamTally;
  pollsLeft: number;
  readonly enough: () => void;
}

interface Watch {
  readonly key: string;
  readonly segmentId: string;
  readonly contactId: string;
  readonly waiting: Set<Waiter>;
  readonly shown: PromiseWithResolvers<IndexedMember>;
  readonly ended: AbortController;
}

/** @param pollMs the length of a window, milliseconds */
export function createIndexPolls(deps: { client: SegmentClient; pollMs: number; clock: Clock }): IndexPolls {
  const { client, pollMs, clock } = deps;
  const confirmed = new LRUCache<string, IndexedMember>({
    ...entriesAtMost(MAX_REMEMBERED),
    ttl: CONFIRMED_TTL_MS,
    ...agesBy(clock),
  });
  /** The window in which a contact was polled last. */
  const polled = new LRUCache<string, number>(entriesAtMost(MAX_REMEMBERED));
  const watches = new Map<string, Watch>();
  const asking = new Map<string, Promise<IndexedMember>>();
  const stopped = new AbortController();

  const windowNow = () => Math.floor(clock.monotonic() / pollMs);

  /** The same question at the same time is asked once. */
  function ask(key: string, segmentId: string, contactId: string, call: CallContext): Promise<IndexedMember> {
    let question = asking.get(key);
    if (!question) {
      polled.set(key, windowNow());
      question = client
        .membership(segmentId, contactId, call)
        .then((answer) => {
          if (answer.isMember) confirmed.set(key, answer);
          return answer;
        })
        .finally(() => asking.delete(key));
      asking.set(key, question);
    }
    return question;
  }

  /** Goes on until the contact is shown or nobody waits for it any more. */
  async function poll(watch: Watch): Promise<void> {
    const { key, segmentId, contactId, waiting, shown, ended } = watch;
    const signal = AbortSignal.any([ended.signal, stopped.signal]);
    while (!signal.aborted) {
      const window = windowNow();
      if ((polled.get(key) ?? -1) < window || asking.has(key)) {
        const tally = newUpstreamTally();
        // Nobody who clicks waits behind the polls of those who wait anyway.
        const lane = { kind: 'import', key: `segment-index/${segmentId}` } as const;
        const answer = await ask(key, segmentId, contactId, {
          requestId: `segment-index/${segmentId}`,
          lane,
          signal,
          tally,
        }).catch(() => undefined); // Not known in this window; the next may tell.
        addTo(new Set([...waiting].map((waiter) => waiter.tally)), tally);
        if (answer?.isMember) {
          shown.resolve(answer);
          return;
        }
        if (answer) for (const waiter of waiting) if (--waiter.pollsLeft === 0) waiter.enough();
      }
      const nextAt = (windowNow() + 1) * pollMs;
      await clock.sleep(Math.max(1, Math.ceil(nextAt - clock.monotonic())), signal).catch(() => undefined);
    }
  }

  function watchOf(segmentId: string, contactId: string, key: string): Watch {
    let watch = watches.get(key);
    if (!watch) {
      const begun: Watch = {
        key,
        segmentId,
        contactId,
        waiting: new Set(),
        shown: Promise.withResolvers(),
        ended: new AbortController(),
      };
      watch = begun;
      watches.set(key, begun);
      // A turn later, when whoever began it is among those who wait.
      void Promise.resolve().then(() => poll(begun));
    }
    return watch;
  }

  return {
    async untilShown(segmentId, contactId, { untilMs, polls = Number.POSITIVE_INFINITY }, { signal, tally }) {
      signal?.throwIfAborted();
      const key = JSON.stringify([segmentId, contactId]);
      const known = confirmed.get(key);
      if (known) {
        tally.cacheHits++;
        return known;
      }
      const watch = watchOf(segmentId, contactId, key);
      const enough = Promise.withResolvers<null>();
      const me = { tally, pollsLeft: polls, enough: () => enough.resolve(null) };
      watch.waiting.add(me);
      const done = new AbortController();
      const ended = AbortSignal.any([done.signal, stopped.signal, ...(signal ? [signal] : [])]);
      const timeUp = clock.sleep(Math.max(0, Math.ceil(untilMs - clock.monotonic())), ended).then(() => null);
      try {
        return await Promise.race([watch.shown.promise, enough.promise, timeUp]);
      } finally {
        done.abort();
        timeUp.catch(() => {});
        watch.waiting.delete(me);
        if (watch.waiting.size === 0) {
          watch.ended.abort();
          watches.delete(key);
        }
      }
    },

    async read(segmentId, contactId, call) {
      const key = JSON.stringify([segmentId, contactId]);
      const known = confirmed.get(key);
      if (known || (watches.has(key) && polled.get(key) === windowNow() && !asking.has(key))) {
        call.tally.cacheHits++;
        return known ?? { isMember: false, addedAt: null };
      }
      // Others may be waiting for this answer by the time its first caller goes away.
      return await ask(key, segmentId, contactId, { ...call, signal: undefined });
    },

    [Symbol.dispose]() {
      stopped.abort(new Error('The gateway is stopping.'));
    },
  };
}

function addTo(tallies: ReadonlySet<UpstreamTally>, spent: UpstreamTally): void {
  for (const tally of tallies) {
    tally.calls += spent.calls;
    tally.retries += spent.retries;
  }
}
