/**
 * At most so many contacts in any one second, whatever the calls they travel in (cxone-api.md, section 5). The requests
 * themselves are limited elsewhere.
 */
import type { Clock } from '../clock.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { createSharedLimit, type SharedLimit } from '../cxone/shared-limit.ts';
import { RateLimitedError } from '../errors.ts';

/** A second, and a little more, so that two clocks that differ by a few milliseconds agree about it. */
const WINDOW_MS = 1_000 + 5;

export interface ContactRate {
  /**
   * Waits for room for `count` contacts: people before imports, each in the order of coming.
   *
   * @returns to be called when the call is over: the second counts from then on, when they surely had arrived
   * @throws RateLimitedError where the deadline comes first; the reason of the signal
   */
  take(count: number, call: CallContext): Promise<() => void>;
  /**
   * The rate as several processes share it: one place, had by one of them at a time. In parts it would be of no use: a
   * single call may hold most of a second's contacts.
   */
  readonly limit: SharedLimit;
}

interface Taken {
  readonly count: number;
  freeAt: number;
}

interface Waiter {
  readonly count: number;
  readonly admit: (taken: Taken) => void;
}

export function createContactRate({ perSecond, clock }: { perSecond: number; clock: Clock }): ContactRate {
  const taken = new Set<Taken>();
  const interactive = new Set<Waiter>();
  const imports = new Set<Waiter>();
  let wake: { at: number; timer: AbortController } | undefined;

  const limit = createSharedLimit({
    name: 'enriched contacts',
    limit: 1,
    settleMs: WINDOW_MS,
    used: () => {
      giveBack();
      return taken.size > 0 ? 1 : 0;
    },
    reconsider: serve,
  });

  function hasRoom(count: number): boolean {
    if (limit.allowed() === 0) return false;
    let sum = 0;
    for (const each of taken) sum += each.count;
    // A call that is larger than the rate goes alone.
    return sum === 0 || sum + count <= perSecond;
  }

  function giveBack(): void {
    const now = clock.monotonic();
    for (const each of taken) if (each.freeAt <= now) taken.delete(each);
  }

  function serve(): void {
    giveBack();
    for (;;) {
      const line = interactive.size > 0 ? interactive : imports;
      const [next] = line;
      if (!next || !hasRoom(next.count)) break;
      line.delete(next);
      const place = { count: next.count, freeAt: Number.POSITIVE_INFINITY };
      taken.add(place);
      next.admit(place);
    }
    if (interactive.size + imports.size === 0) return;
    if (limit.allowed() === 0) limit.markShort(clock.monotonic());
    wakeAt(Math.min(...[...taken].map(({ freeAt }) => freeAt)));
  }

  function wakeAt(at: number): void {
    if (at === Number.POSITIVE_INFINITY || (wake && wake.at <= at)) return;
    wake?.timer.abort();
    const timer = new AbortController();
    wake = { at, timer };
    clock.sleep(Math.ceil(at - clock.monotonic()), timer.signal).then(
      () => {
        wake = undefined;
        serve();
      },
      () => {}, // An earlier wake-up took its place.
    );
  }

  async function enter(count: number, { lane, signal, deadlineAt }: CallContext): Promise<Taken> {
    signal?.throwIfAborted();
    const line = lane.kind === 'interactive' ? interactive : imports;
    const place = Promise.withResolvers<Taken>();
    const waiter = { count, admit: place.resolve };
    const giveUp = (reason: unknown) => {
      if (line.delete(waiter)) place.reject(reason);
    };
    const onAbort = () => giveUp(signal?.reason);
    const admitted = new AbortController();
    signal?.addEventListener('abort', onAbort, { once: true });
    if (deadlineAt !== undefined) {
      clock.sleep(Math.max(0, Math.ceil(deadlineAt - clock.monotonic())), admitted.signal).then(
        () =>
          giveUp(new RateLimitedError(`More than ${perSecond} contacts a second are waiting to be enriched.`, 1000)),
        () => {}, // It was admitted before.
      );
    }
    line.add(waiter);
    serve();
    try {
      return await place.promise;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      admitted.abort();
    }
  }

  return {
    async take(count, call) {
      const cameAt = clock.monotonic();
      const place = await enter(count, call).finally(() => {
        call.tally.waitedMs += clock.monotonic() - cameAt;
      });
      return () => {
        place.freeAt = clock.monotonic() + WINDOW_MS;
        serve();
      };
    },
    limit,
  };
}
