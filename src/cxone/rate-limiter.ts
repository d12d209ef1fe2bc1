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
import { createCallerShares } from './caller-shares.ts';
import { createFifo } from './fifo.ts';
import { ADDRESS_BOOK_MAX_IN_FLIGHT, MAX_WAITING, MAX_WAITING_PER_CALLER } from './limits.ts';
import type { EndpointGroup } from './request.ts';
import { createSharedLimit, type SharedLimit } from './shared-limit.ts';
import { type Exchange, isThrottled, type Outcome, type Place, type WireEvents, type WireRefusal } from './step.ts';
import { createThrottle } from './throttle.ts';
import { callerOf, createWaitingLine, type Waiter } from './waiting-line.ts';

/** The window, and a little more, so that two clocks that differ by a few milliseconds agree about it. */
const WINDOW_MS = 1_000 + 5;
/**
 * A request that was sent has arrived after this long, milliseconds: also where either end is held up by a busy machine.
 * While answers are slower than this, the rate is two thirds of the limit; they usually are not.
 */
const ON_ITS_WAY_MS = 500;
/** Callers refused in a row before others get their turn. */
const REFUSED_AT_ONCE = 100;
/** Imports are spread over the second, but for this much at once, milliseconds: who clicks waits that long at most. */
const IMPORT_BURST_MS = 100;

/** To be told, for whoever was let in, what becomes of the request on the wire. */
export interface RateLimiter extends WireEvents<Exchange> {
  /** Gives a try its place: at once, or when the promise resolves. Throws, or rejects, where there is none for it. */
  enter(exchange: Exchange): Promise<void> | undefined;
  /** The try has ended, with this outcome or with none; after a 429, when the promise resolves. */
  leave(exchange: Exchange, outcome: Outcome | undefined): Promise<void> | undefined;
  /** The rate, in requests a second; and the in-flight bounds, whose places are those of every address book alike. */
  readonly limits: { readonly rate: SharedLimit; readonly inFlight: SharedLimit };
  /** What another process learned from a 429: no request for `waitMs`; and slower ones, where it was just now. */
  slowDown(learned: { waitMs: number; isFresh: boolean }): void;
  /** Rejects everybody who waits for a place with `reason`. */
  turnAway(reason: Error): void;
  /** When the pause after a 429 ends, monotonic milliseconds; in the past where there is none. */
  pausedUntil(): number;
  status(): { inFlight: number; queued: number; limitPerSecond: number };
  [Symbol.dispose](): void;
}

/**
 * @param deps.limit requests per second
 * @param deps.onSlowDown told what a 429 taught: not to send for so many milliseconds (0: only to be slower). Waited for
 */
export function createRateLimiter(deps: {
  group: EndpointGroup;
  limit: number;
  clock: Clock;
  onSlowDown?: (waitMs: number) => Promise<void> | undefined;
}): RateLimiter {
  const { group, limit, clock, onSlowDown } = deps;
  const line = createWaitingLine<Place>();
  const callers = createCallerShares({ clock });
  /** Taken places, by when they come free: not sent yet, sent without an answer so far, answered soon. */
  let unsent = 0;
  let sent = 0;
  /** Some of them may have been answered meanwhile. */
  const sentInOrder = createFifo<Place>();
  const answered = createFifo<Place>();
  let inFlight = 0;
  let nextImportAt = Number.NEGATIVE_INFINITY;
  let earliestDeadline = Number.POSITIVE_INFINITY;
  let wake: { at: number; timer: AbortController } | undefined;

  const taken = () => unsent + sent + answered.size();
  const rateLimit = createSharedLimit({
    name: group,
    limit,
    settleMs: WINDOW_MS * Math.max(1, 1 / limit) + ON_ITS_WAY_MS,
    used: () => {
      giveBack(clock.monotonic());
      return Math.ceil(taken() / Math.max(1, limit / rateLimit.places));
    },
    reconsider: serve,
  });
  const inFlightLimit = createSharedLimit({
    name: `${group} in flight`,
    limit: ADDRESS_BOOK_MAX_IN_FLIGHT,
    settleMs: 0,
    used: () => line.mostUnderWay(),
    reconsider: serve,
  });

  const rateOf = (places: number) => (limit / rateLimit.places) * places;
  const fullRate = () => rateOf(rateLimit.allowed());
  const throttle = createThrottle({ fullRate, clock, onLearned: (waitMs) => onSlowDown?.(waitMs) });
  const { pausedUntil } = throttle;
  const rate = () => Math.max(fullRate() * throttle.left(), Math.min(1, fullRate()));
  /** Requests in a window. A rate below one a second makes the window longer instead. */
  const capacityAt = (perSecond: number) => (perSecond === 0 ? 0 : Math.max(1, Math.floor(perSecond)));
  const capacity = () => capacityAt(rate());
  const windowMs = () => WINDOW_MS * Math.max(1, capacity() === 0 ? 1 : capacity() / rate());
  const partOf = (max: number, places: number) => Math.floor((max * places) / inFlightLimit.places);
  const ofAll = (max: number) => partOf(max, inFlightLimit.allowed());
  const bounds = { ofAll, ofCaller: (max: number) => callers.inFlightBound(ofAll(max)) };

  function free(place: Place): void {
    place.stage = 'free';
    if (place.caller !== undefined) callers.giveBack(place.caller);
  }

  /** The one that has been without an answer for longest. */
  function firstSent(): Place | undefined {
    for (let place = sentInOrder.first(); place; place = sentInOrder.first()) {
      if (place.stage === 'sent') return place;
      sentInOrder.shift();
    }
    return undefined;
  }

  function giveBack(now: number): void {
    for (let place = firstSent(); place && place.freeAt <= now; place = firstSent()) {
      sent--;
      free(place);
    }
    for (let place = answered.first(); place && place.freeAt <= now; place = answered.first()) {
      answered.shift();
      free(place);
    }
  }

  function giveBackUnsent(place: Place): void {
    if (place.stage !== 'unsent') return;
    unsent--;
    free(place);
  }

  /** Lets go whoever can go, and sleeps exactly until somebody else may. */
  function serve(): void {
    if (line.size() === 0) return;
    const now = clock.monotonic();
    giveBack(now);
    if (now >= earliestDeadline) refuseLate(now);
    // There are more whose time is over: they must not be let go.
    if (now >= earliestDeadline) return;
    let importsFrom = Number.POSITIVE_INFINITY;
    let leftToOthers = false;
    const mayTake = (caller: string) => {
      const may = callers.mayTake(caller, capacity(), taken());
      leftToOthers ||= !may;
      return may;
    };
    while (now >= pausedUntil() && taken() < capacity()) {
      const imports = now >= nextImportAt - IMPORT_BURST_MS;
      leftToOthers = false;
      const waiter = line.next({ imports, mayTake, bounds });
      if (!waiter) {
        if (!imports) importsFrom = nextImportAt - IMPORT_BURST_MS;
        // Who may go by the rate, and does not, is held up by an in-flight bound.
        if (leftToOthers) rateLimit.markShort(now);
        else if (line.interactiveSize() + (imports ? line.size() : 0) > 0) inFlightLimit.markShort(now);
        break;
      }
      waiter.admit(takePlace(waiter, now));
    }
    if (line.size() === 0) return;
    if (now >= pausedUntil() && taken() >= capacityAt(fullRate())) rateLimit.markShort(now);
    wakeAt(Math.min(earliestDeadline, nextTurn(now, importsFrom, leftToOthers)));
  }

  function takePlace(who: Pick<Exchange, 'lane'>, now: number): Place {
    const isImport = who.lane.kind === 'import';
    if (isImport) nextImportAt = Math.max(now, nextImportAt) + 1000 / rate();
    const caller = isImport ? undefined : callerOf(who);
    if (caller !== undefined) callers.take(caller);
    unsent++;
    inFlight++;
    return { caller, stage: 'unsent', sentAt: undefined, freeAt: Number.POSITIVE_INFINITY };
  }

  /** A place for somebody who overtakes nobody and need not wait. */
  function placeAtOnce(exchange: Exchange, now: number): Place | undefined {
    if (line.size() > 0 || now < pausedUntil() || taken() >= capacity()) return undefined;
    const mayGo =
      exchange.lane.kind === 'import'
        ? now >= nextImportAt - IMPORT_BURST_MS
        : callers.mayTake(callerOf(exchange), capacity(), taken());
    return mayGo && line.pass(exchange, bounds) ? takePlace(exchange, now) : undefined;
  }

  function nextTurn(now: number, importsFrom: number, leftToOthers: boolean): number {
    if (now < pausedUntil()) return pausedUntil();
    if (taken() < capacity() && !leftToOthers) return importsFrom;
    const firstFree = Math.min(
      firstSent()?.freeAt ?? Number.POSITIVE_INFINITY,
      answered.first()?.freeAt ?? Number.POSITIVE_INFINITY,
    );
    return taken() < capacity() ? Math.min(importsFrom, firstFree) : firstFree;
  }

  function wakeAt(at: number): void {
    if (at === Number.POSITIVE_INFINITY || (wake && wake.at <= at)) return;
    wake?.timer.abort(null);
    const timer = new AbortController();
    wake = { at, timer };
    clock.sleep(Math.max(0, Math.ceil(at - clock.monotonic())), timer.signal).then(
      () => {
        wake = undefined;
        serve();
      },
      () => {}, // An earlier wake-up took its place.
    );
  }

  /** Whether a process that was paused has lost places since this one was given out: then it is given back unsent. */
  function refusal({ place, inFlight }: Exchange): WireRefusal | undefined {
    const isOver =
      rateLimit.used() > rateLimit.held() ||
      (inFlight && line.underWay(inFlight.key) > partOf(inFlight.max, inFlightLimit.held()));
    if (!place || !isOver) return undefined;
    giveBackUnsent(place);
    return { reason: 'its place under the rate limit was lost before it was sent', lasting: false };
  }

  function onSent({ place }: Exchange): void {
    if (place?.stage !== 'unsent') return;
    unsent--;
    sent++;
    place.stage = 'sent';
    place.sentAt = clock.monotonic();
    place.freeAt = place.sentAt + windowMs() + ON_ITS_WAY_MS;
    sentInOrder.push(place);
    if (line.size() > 0) wakeAt(place.freeAt);
  }

  function onAnswered({ place }: Exchange): void {
    if (place?.stage !== 'sent') return;
    const freeAt = clock.monotonic() + windowMs();
    // Answered late: the allowance, which counts from when it was sent, is over sooner.
    if (freeAt >= place.freeAt) return;
    sent--;
    place.stage = 'answered';
    place.freeAt = freeAt;
    answered.push(place);
  }

  function markDone(place: Place, exchange: Exchange): void {
    exchange.place = undefined;
    inFlight--;
    line.leave(exchange);
    // What was never sent arrives nowhere.
    giveBackUnsent(place);
    serve();
  }

  /** Learns from a 429, and from every answer that is none. */
  function learn({ sentAt }: Place, exchange: Exchange, outcome: Outcome): Promise<void> | undefined {
    if (outcome.kind === 'failure') return undefined;
    if (!isThrottled(exchange, outcome)) {
      if (outcome.status < 500) throttle.succeeded(sentAt);
      return undefined;
    }
    const told = throttle.rateLimited(sentAt, outcome.retryAfterMs);
    refuseLate(clock.monotonic());
    return told;
  }

  /** Refuses whoever cannot be served in time any more: some at a time, for each has somebody to be told. */
  function refuseLate(now: number): void {
    earliestDeadline = Number.POSITIVE_INFINITY;
    const refusal = tooLate(pausedUntil() - now);
    let refused = 0;
    for (const waiter of line.all()) {
      if (waiter.deadlineAt === undefined) continue;
      if (waiter.deadlineAt > Math.max(now, pausedUntil())) {
        earliestDeadline = Math.min(earliestDeadline, waiter.deadlineAt);
      } else if (refused === REFUSED_AT_ONCE) {
        earliestDeadline = now;
        break;
      } else if (line.remove(waiter)) {
        refused++;
        waiter.refuse(refusal);
      }
    }
    if (earliestDeadline <= now) wakeAt(now);
  }

  function tooLate(waitMs: number): RateLimitedError {
    const ms = Math.ceil(Math.max(waitMs, 1000 / Math.max(rate(), 1)));
    return new RateLimitedError(
      `CXone's limit for ${group} leaves this call no place in the time it has. Try again in ${Math.ceil(ms / 1000)} s.`,
      ms,
    );
  }

  /** The least that somebody who comes now has to wait, milliseconds. */
  function leastWaitMs({ lane }: Exchange, now: number): number {
    const ahead = lane.kind === 'interactive' ? line.interactiveAhead(lane.key) : line.size();
    // One that has just joined the others has few places yet, and is about to get more.
    const perRound = Math.max(1, capacityAt(rateOf(rateLimit.coming()) * throttle.left()), capacity());
    const roundsAhead = Math.floor((ahead + taken() - perRound) / perRound);
    return Math.max(0, pausedUntil() - now, roundsAhead * 1000);
  }

  function enter(exchange: Exchange): Promise<void> | undefined {
    const { signal, lane, deadlineAt } = exchange;
    signal?.throwIfAborted();
    const now = clock.monotonic();
    giveBack(now);
    const waitMs = leastWaitMs(exchange, now);
    if (deadlineAt !== undefined && now + waitMs > deadlineAt) throw tooLate(waitMs);
    if (line.size() >= MAX_WAITING || line.sizeOf(callerOf(exchange)) >= MAX_WAITING_PER_CALLER) {
      throw new RateLimitedError(
        `Too many calls already wait for CXone's limit for ${group}. Try again in a moment.`,
        Math.max(1000, waitMs),
      );
    }
    if (lane.kind === 'interactive') callers.noteAsking(callerOf(exchange));
    exchange.place = placeAtOnce(exchange, now);
    return exchange.place ? undefined : wait(exchange, now);
  }

  function wait(exchange: Exchange, cameAt: number): Promise<void> {
    const { signal, lane, inFlight, deadlineAt, tally } = exchange;
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        if (line.remove(waiter)) waiter.refuse(signal?.reason);
      };
      let isWaiting = true;
      const leaveLine = () => {
        isWaiting = false;
        tally.waitedMs += clock.monotonic() - cameAt;
        signal?.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter<Place> = {
        lane,
        inFlight,
        deadlineAt,
        admit: (place) => {
          leaveLine();
          exchange.place = place;
          resolve();
        },
        refuse: (error) => {
          leaveLine();
          reject(error);
        },
      };
      earliestDeadline = Math.min(earliestDeadline, deadlineAt ?? Number.POSITIVE_INFINITY);
      line.join(waiter);
      serve();
      // Most go at once: who has nothing to wait for need not be told that the wait is over.
      if (isWaiting) signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  function turnAway(reason: Error): void {
    for (const waiter of line.all()) if (line.remove(waiter)) waiter.refuse(reason);
  }

  return {
    enter,
    refusal,
    onSent,
    onAnswered,
    leave(exchange, outcome) {
      const { place } = exchange;
      if (!place) return undefined;
      const done = () => markDone(place, exchange);
      // Before anybody hears of a 429: a process that is killed then starts again where it was, not too early.
      const told = outcome && learn(place, exchange, outcome);
      if (told !== undefined) return told.finally(done);
      done();
      return undefined;
    },
    limits: { rate: rateLimit, inFlight: inFlightLimit },
    slowDown(learned) {
      throttle.learn(learned);
      refuseLate(clock.monotonic());
    },
    turnAway,
    pausedUntil,
    status: () => ({ inFlight, queued: line.size(), limitPerSecond: rate() }),
    [Symbol.dispose]() {
      wake?.timer.abort(null);
      turnAway(new GatewayError('UNAVAILABLE', 'The gateway is stopping. Try again in a moment.'));
    },
  };
}
