/** How fast is too fast: true sliding windows of one second, as cxone-api.md counts requests, and enriched contacts. */
import { LIMIT_GROUPS, type LimitGroup, type Settings } from './options.ts';
import { Refusal } from './refusal.ts';

const WINDOW_MS = 1000;
/** Enriched contacts a second (cxone-api.md, section 5). */
const MAX_CONTACTS_PER_SECOND = 500;
/** Calls in flight for one address book (cxone-api.md, section 2). */
export const MAX_IN_FLIGHT_PER_BOOK = 15;

export interface SlidingWindow {
  /** What the last second holds. */
  sum(nowMs: number): number;
  add(nowMs: number, amount: number): void;
  /** When enough of the window will have passed for its sum to be at most `max`. */
  freeAt(nowMs: number, max: number): number;
}

/** The sum of what was added within the last second, exact to the entry. */
export function createSlidingWindow(): SlidingWindow {
  let entries: { at: number; amount: number }[] = [];
  let first = 0;
  let sum = 0;
  const forget = (nowMs: number) => {
    for (let entry = entries[first]; entry && entry.at <= nowMs - WINDOW_MS; entry = entries[first]) {
      sum -= entry.amount;
      first += 1;
    }
    if (first > 1024 && first * 2 > entries.length) {
      entries = entries.slice(first);
      first = 0;
    }
  };
  return {
    sum: (nowMs) => {
      forget(nowMs);
      return sum;
    },
    add: (nowMs, amount) => {
      forget(nowMs);
      entries.push({ at: nowMs, amount });
      sum += amount;
    },
    freeAt: (nowMs, max) => {
      forget(nowMs);
      let left = sum;
      for (let index = first; index < entries.length && left > max; index += 1) {
        const entry = entries[index];
        if (!entry) break;
        left -= entry.amount;
        if (left <= max) return entry.at + WINDOW_MS;
      }
      return nowMs;
    },
  };
}

export interface RateLimits {
  /** Counts a request. @throws Refusal 429 with `Retry-After` when its group had all it may have within the last second */
  admitRequest(group: LimitGroup): void;
  /** Counts contacts to be enriched. @throws Refusal 429 beyond 500 a second */
  admitContacts(count: number): void;
}

export interface RateLimitDeps {
  settings: Settings;
  /** Milliseconds of a clock that never jumps. */
  monotonic: () => number;
  onLimited: (group: LimitGroup) => void;
}

/** Only what was admitted counts: being refused does not make the wait longer. */
export function createRateLimits({ settings, monotonic, onLimited }: RateLimitDeps): RateLimits {
  const windows = new Map(LIMIT_GROUPS.map((group) => [group, createSlidingWindow()]));
  const contacts = createSlidingWindow();
  const admit = (window: SlidingWindow, amount: number, max: number, group: LimitGroup, what: string) => {
    const nowMs = monotonic();
    if (window.sum(nowMs) + amount > max) {
      onLimited(group);
      const waitMs = window.freeAt(nowMs, max - amount) - nowMs;
      throw new Refusal(429, 'TooManyRequests', `More than ${max} ${what} a second.`, {
        headers: { 'retry-after': String(Math.max(1, Math.ceil(waitMs / 1000))) },
      });
    }
    window.add(nowMs, amount);
  };
  return {
    admitRequest: (group) => {
      const window = windows.get(group);
      if (window) admit(window, 1, settings.limits[group], group, 'requests');
    },
    // Without a limit on the requests there is none on what they carry: benchmarks turn off one switch, not two.
    admitContacts: (count) => {
      if (settings.limits.enrichment === Number.POSITIVE_INFINITY) return;
      admit(contacts, count, MAX_CONTACTS_PER_SECOND, 'enrichment', 'contacts');
    },
  };
}
