/**
 * The rate limiter of one endpoint group: never more than `limit` requests arrive upstream in any one second, people
 * before imports, imports in turn. After a 429 the whole group pauses and slows down.
 *
 * Each request holds a place. Its place comes free one second after its answer began, so surely one second after it
 * arrived; when the answer is slow, one second and an allowance for the way after it was sent. Not a token bucket:
 * that lets twice the limit through around a refill.
 */
import type { Clock } from '../clock.ts';
import { GatewayError, RateLimitedError } from '../errors.ts';
import { MAX_WAITING } from './limits.ts';
import type { EndpointGroup } from './request.ts';
import type { Exchange, Step } from './step.ts';
import { createWaitingLine, type Waiter } from './waiting-line.ts';

/** The window, and a little more, so that two clocks that differ by a few milliseconds agree about it. */
const WINDOW_MS = 1_000 + 5;
/** A request that was sent has arrived after this long, milliseconds. */
const ON_ITS_WAY_MS = 150;
/** From nothing back to the full rate in this time of success, milliseconds. */
const RECOVERY_MS = 15_000;
/** Imports are spread over the second, but for this much at once, milliseconds: who clicks waits that long at most. */
const IMPORT_BURST_MS = 100;
/** A Retry-After beyond a day is taken for a mistake: after a day the group asks again. */
const LONGEST_PAUSE_MS = 24 * 3_600_000;

export interface RateLimiter {
  step: Step;
  /** The part of the limits that is this process's own, above 0 to 1. */
  setShare(share: number): void;
  /** Rejects everybody who waits for a place with `reason`. */
  turnAway(reason: Error): void;
  /** When the pause after a 429 ends, monotonic milliseconds; in the past where there is none. */
  pausedUntil(): number;
  status(): { inFlight: number; queued: number; limitPerSecond: number };
  [Symbol.dispose](): void;
}

/** A request from its turn until the second after its arrival is over. */
interface Place {
  sentAt: number | undefined;
  /** When it comes free, as far as that is known. */
  freeAt: number;
}

/** @param limit requests per second */
export function createRateLimiter(deps: { group: EndpointGroup; limit: number; clock: Clock }): RateLimiter {
  const { group, limit, clock } = deps;
  const line = createWaitingLine<Place>();
  /** Taken places, each set by when they come free: not sent yet, sent without an answer so far, answered soon. */
  const unsent = new Set<Place>();
  const sent = new Set<Place>();
  const answered = new Set<Place>();
  let inFlight = 0;
  let share = 1;
  /** What 429s left of the rate, above 0 to 1. */
  let throttle = 1;
  let throttledAt = Number.NEGATIVE_INFINITY;
  let recoveredAt = Number.NEGATIVE_INFINITY;
  let pausedUntil = Number.NEGATIVE_INFINITY;
  let nextImportAt = Number.NEGATIVE_INFINITY;
  let earliestDeadline = Number.POSITIVE_INFINITY;
  let wake: { at: number; timer: AbortController } | undefined;

  const fullRate = () => limit * share;
  const rate = () => Math.max(fullRate() * throttle, Math.min(1, fullRate()));
  /** Requests in a window. A rate below one a second makes the window longer instead. */
  const capacity = () => Math.max(1, Math.floor(rate()));
  const windowMs = () => WINDOW_MS * Math.max(1, capacity() / rate());
  const taken = () => unsent.size + sent.size + answered.size;

  function giveBack(now: number): void {
    for (const places of [sent, answered]) {
      for (const place of places) {
        if (place.freeAt > now) break;
        places.delete(place);
      }
    }
  }

  /** Lets go whoever can go, and sleeps exactly until somebody else may. */
  function serve(): void {
    const now = clock.monotonic();
    giveBack(now);
    if (now >= earliestDeadline) refuseLate(now);
    let importsFrom = Number.POSITIVE_INFINITY;
    while (now >= pausedUntil && taken() < capacity()) {
      const imports = now >= nextImportAt - IMPORT_BURST_MS;
      const waiter = line.next({ imports, share });
      if (!waiter) {
        if (!imports) importsFrom = nextImportAt - IMPORT_BURST_MS;
        break;
      }
      if (waiter.lane.kind === 'import') nextImportAt = Math.max(now, nextImportAt) + 1000 / rate();
      const place: Place = { sentAt: undefined, freeAt: Number.POSITIVE_INFINITY };
      unsent.add(place);
      inFlight++;
      waiter.admit(place);
    }
    if (line.size() > 0) wakeAt(Math.min(earliestDeadline, nextTurn(now, importsFrom)));
  }

  function nextTurn(now: number, importsFrom: number): number {
    if (now < pausedUntil) return pausedUntil;
    if (taken() < capacity()) return importsFrom;
    const [firstSent] = sent;
    const [firstAnswered] = answered;
    return Math.min(firstSent?.freeAt ?? Number.POSITIVE_INFINITY, firstAnswered?.freeAt ?? Number.POSITIVE_INFINITY);
  }

  function wakeAt(at: number): void {
    if (at === Number.POSITIVE_INFINITY || (wake && wake.at <= at)) return;
    wake?.timer.abort(null);
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

  function markSent(place: Place): void {
    if (!unsent.delete(place)) return;
    place.sentAt = clock.monotonic();
    place.freeAt = place.sentAt + windowMs() + ON_ITS_WAY_MS;
    sent.add(place);
    if (line.size() > 0) wakeAt(place.freeAt);
  }

  function markAnswered(place: Place): void {
    const freeAt = clock.monotonic() + windowMs();
    // Answered late: the allowance, which counts from when it was sent, is over sooner.
    if (freeAt >= place.freeAt || !sent.delete(place)) return;
    place.freeAt = freeAt;
    answered.add(place);
  }

  function markDone(place: Place, inFlightKey: string | undefined): void {
    inFlight--;
    if (inFlightKey !== undefined) line.leave(inFlightKey);
    // What was never sent arrives nowhere.
    unsent.delete(place);
    serve();
  }

  function refuseLate(now: number): void {
    earliestDeadline = Number.POSITIVE_INFINITY;
    for (const waiter of line.all()) {
      if (waiter.deadlineAt === undefined) continue;
      if (waiter.deadlineAt > Math.max(now, pausedUntil)) {
        earliestDeadline = Math.min(earliestDeadline, waiter.deadlineAt);
      } else if (line.remove(waiter)) {
        waiter.refuse(tooLate(pausedUntil - now));
      }
    }
  }

  function tooLate(waitMs: number): RateLimitedError {
    return new RateLimitedError(
      `CXone's ${group} take no more calls in the time that this one has.`,
      Math.ceil(Math.max(waitMs, 1000 / rate())),
    );
  }

  /** The least that somebody who comes now has to wait, milliseconds. */
  function leastWaitMs({ lane }: Exchange, now: number): number {
    const ahead = lane.kind === 'interactive' ? line.interactiveSize() : line.size();
    const roundsAhead = Math.floor((ahead + taken() - capacity()) / capacity());
    return Math.max(0, pausedUntil - now, roundsAhead * 1000);
  }

  function enter(exchange: Exchange): Promise<Place> {
    const { signal, lane, inFlight, deadlineAt } = exchange;
    signal?.throwIfAborted();
    const now = clock.monotonic();
    giveBack(now);
    const waitMs = leastWaitMs(exchange, now);
    if (deadlineAt !== undefined && now + waitMs > deadlineAt) throw tooLate(waitMs);
    if (line.size() >= MAX_WAITING) {
      throw new RateLimitedError(`${MAX_WAITING} calls already wait for CXone's ${group}.`, Math.max(1000, waitMs));
    }
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        if (line.remove(waiter)) reject(signal?.reason);
      };
      const leaveLine = () => signal?.removeEventListener('abort', onAbort);
      const waiter: Waiter<Place> = {
        lane,
        inFlight,
        deadlineAt,
        admit: (place) => {
          leaveLine();
          resolve(place);
        },
        refuse: (error) => {
          leaveLine();
          reject(error);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      earliestDeadline = Math.min(earliestDeadline, deadlineAt ?? Number.POSITIVE_INFINITY);
      line.join(waiter);
      serve();
    });
  }

  /** Once for all that were under way together: what was sent before the rate was cut says nothing about the cut. */
  function slowDown(place: Place, retryAfterMs: number | undefined): void {
    const now = clock.monotonic();
    if (retryAfterMs !== undefined) {
      pausedUntil = Math.max(pausedUntil, now + Math.min(retryAfterMs, LONGEST_PAUSE_MS));
      refuseLate(now);
    }
    if (place.sentAt === undefined || place.sentAt <= throttledAt) return;
    throttle = Math.max(throttle / 2, Math.min(1, 1 / fullRate()));
    throttledAt = now;
    recoveredAt = now;
  }

  /** Additive: each second in which something succeeds gives back the same part of the full rate. */
  function recover(place: Place): void {
    if (throttle === 1 || place.sentAt === undefined || place.sentAt <= throttledAt) return;
    const now = clock.monotonic();
    throttle = Math.min(1, throttle + Math.min(now - recoveredAt, 1000) / RECOVERY_MS);
    recoveredAt = now;
  }

  function turnAway(reason: Error): void {
    for (const waiter of line.all()) if (line.remove(waiter)) waiter.refuse(reason);
  }

  return {
    async step(exchange, next) {
      const cameAt = clock.monotonic();
      const place = await enter(exchange).finally(() => {
        exchange.tally.waitedMs += clock.monotonic() - cameAt;
      });
      const wire = { onSent: () => markSent(place), onAnswered: () => markAnswered(place) };
      try {
        const outcome = await next({ ...exchange, wire });
        if (outcome.kind === 'answer' && outcome.status === 429) slowDown(place, outcome.retryAfterMs);
        else if (outcome.kind === 'answer' && outcome.status < 500) recover(place);
        return outcome;
      } finally {
        markDone(place, exchange.inFlight?.key);
      }
    },
    setShare(newShare) {
      share = newShare;
      serve();
    },
    turnAway,
    pausedUntil: () => pausedUntil,
    status: () => ({ inFlight, queued: line.size(), limitPerSecond: rate() }),
    [Symbol.dispose]() {
      wake?.timer.abort(null);
      turnAway(new GatewayError('UNAVAILABLE', 'The gateway is stopping.'));
    },
  };
}
