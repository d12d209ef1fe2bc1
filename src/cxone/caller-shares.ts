/**
 * What one caller leaves to the others who are about: as many places of a limit as they may want next. So whoever asks
 * for little is served at once while somebody else asks for all there is; and who is alone has everything.
 */
import type { Clock } from '../clock.ts';

/** Who asked for something within this time is about, milliseconds. */
const ABOUT_MS = 60_000;
/** What a caller used within this time, and within as much before it, it may want again, milliseconds. */
const PEAK_MS = 5_000;
/** Beyond what somebody used lately, places. */
const HEADROOM = 2;
/** Of an in-flight bound: the part that one of several callers leaves free. */
const LEFT_IN_FLIGHT = 1 / 5;
/** Callers kept in mind. With more than these, taking turns is all there is. */
const MAX_CALLERS = 64;

export interface CallerShares {
  /** Somebody asks for a place. */
  noteAsking(caller: string): void;
  /** Whether the caller may have one of `capacity` places, now that `taken` are taken by anybody. */
  mayTake(caller: string, capacity: number, taken: number): boolean;
  take(caller: string): void;
  giveBack(caller: string): void;
  /** What one caller may have under way of an in-flight bound: all of it where nobody else is about. */
  inFlightBound(bound: number): number;
}

interface Caller {
  using: number;
  /** The most it used at a time since `peakFrom`, and in the time before that. */
  peak: number;
  peakBefore: number;
  peakFrom: number;
  askedAt: number;
}

export function createCallerShares({ clock }: { clock: Clock }): CallerShares {
  /** Who asked last is last. */
  const callers = new Map<string, Caller>();
  let askedLast: Caller | undefined;

  function forgetOld(now: number): void {
    for (const [name, caller] of callers) {
      const isOver = caller.using === 0 && now - caller.askedAt > ABOUT_MS;
      if (!isOver && callers.size <= MAX_CALLERS) return;
      callers.delete(name);
    }
  }

  function notePeak(caller: Caller, now: number): void {
    const ageMs = now - caller.peakFrom;
    if (ageMs >= PEAK_MS) {
      caller.peakBefore = ageMs < 2 * PEAK_MS ? caller.peak : caller.using;
      caller.peak = caller.using;
      caller.peakFrom = now;
    }
    caller.peak = Math.max(caller.peak, caller.using);
  }

  /** Places to keep free for those who use fewer than they may want, each at most an equal part of all. */
  function keptFree(forOthersThan: string, capacity: number, now: number): number {
    const part = Math.floor(capacity / callers.size);
    let places = 0;
    for (const [name, caller] of callers) {
      if (name === forOthersThan) continue;
      notePeak(caller, now);
      const wanted = Math.min(part, Math.max(caller.peak, caller.peakBefore) + HEADROOM);
      places += Math.max(0, wanted - caller.using);
    }
    return places;
  }

  return {
    noteAsking(name) {
      const now = clock.monotonic();
      const caller = callers.get(name) ?? { using: 0, peak: 0, peakBefore: 0, peakFrom: now, askedAt: now };
      caller.askedAt = now;
      if (caller !== askedLast) {
        askedLast = caller;
        callers.delete(name);
        callers.set(name, caller);
      }
      forgetOld(now);
    },
    mayTake(name, capacity, taken) {
      if (taken >= capacity) return false;
      return callers.size < 2 || taken + keptFree(name, capacity, clock.monotonic()) < capacity;
    },
    take(name) {
      const caller = callers.get(name);
      if (!caller) return;
      caller.using++;
      notePeak(caller, clock.monotonic());
    },
    giveBack(name) {
      const caller = callers.get(name);
      if (caller && caller.using > 0) caller.using--;
    },
    inFlightBound: (bound) => (callers.size < 2 ? bound : Math.max(1, bound - Math.ceil(bound * LEFT_IN_FLIGHT))),
  };
}
