/** What the sandbox was asked: counts, sizes, peaks and broken rules, in memory that does not grow with the traffic. */
import { type Exchange, type Route, routeName } from './exchange.ts';
import { LIMIT_GROUPS, type LimitGroup } from './options.ts';
import { createSlidingWindow } from './rate-limits.ts';
import type { TokenStyle } from './tokens.ts';

/** Requests, idempotency keys and violation details remembered one by one; the oldest give way. */
const MAX_REMEMBERED = 5000;

/** One request, as it looked when its body had come; `status` follows once it is answered (0: cut off without one). */
export interface ObservedRequest {
  readonly number: number;
  /** Milliseconds since the epoch, when its head arrived. */
  readonly at: number;
  readonly method: string;
  /** Path and query as they came. */
  readonly url: string;
  /** `POST /api/v2/segments/{segmentId}/contacts`, or `unknown`. */
  readonly route: string;
  readonly params: Exchange['params'];
  /** Items of a bulk body; 0 for the others. */
  readonly items: number;
  readonly idempotencyKey: string | undefined;
  readonly ifMatch: string | undefined;
  readonly requestId: string;
  status: number | undefined;
}

export interface RouteCounts {
  requests: number;
  /** How often each status was answered; `0` counts those cut off. */
  statuses: Record<string, number>;
  /** Items of all bulk bodies together. */
  items: number;
  /** How many bulk bodies had each size. */
  batchSizes: Record<string, number>;
}

export interface Violation {
  rule: string;
  count: number;
  /** The last details that were noted. */
  details: string[];
}

export interface Observations {
  total: number;
  routes: Record<string, RouteCounts>;
  /** The most requests that arrived within any one second, refused ones included. */
  peakPerSecond: Record<LimitGroup, number>;
  peakInFlight: { total: number; byAddressBook: Record<string, number> };
  inFlight: number;
  /** Requests refused with 429 by the limits (not by programmed faults). */
  rateLimited: Record<LimitGroup, number>;
  violations: Violation[];
  /** How often each key was seen. */
  idempotencyKeys: Record<string, number>;
  tokens: Record<TokenStyle, number>;
}

export interface Observer {
  /** Counts an arrival in its group's window and in flight. @returns how many calls its book has now, and what ends it */
  arrive(group: LimitGroup | null, bookId: string | undefined): { bookInFlight: number; leave: () => void };
  /** Notes the request with its body. */
  note(request: Omit<ObservedRequest, 'number' | 'status'>): ObservedRequest;
  answered(request: ObservedRequest, status: number): void;
  violate(rule: string, detail?: string): void;
  limited(group: LimitGroup): void;
  token(style: TokenStyle): void;
  snapshot(): Observations;
  /** The remembered requests, oldest first. */
  log(): readonly ObservedRequest[];
  reset(): void;
  /** Calls the listener with every request when it is noted and again when it is answered, until unsubscribed. */
  subscribe(listener: (request: ObservedRequest) => void): () => void;
}

const LISTED_DETAILS = 10;

/** @param deps `monotonic`: milliseconds of a clock that never jumps, for the windows of one second */
export function createObserver({ monotonic }: { monotonic: () => number }): Observer {
  const zeroes = (): Record<LimitGroup, number> => ({
    addressBooks: 0,
    records: 0,
    outbound: 0,
    enrichment: 0,
    segments: 0,
  });
  const windows = new Map(LIMIT_GROUPS.map((group) => [group, createSlidingWindow()]));
  const listeners = new Set<(request: ObservedRequest) => void>();
  const byBook = new Map<string, number>();
  let inFlight = 0;
  let counted = empty();
  let log: ObservedRequest[] = [];

  function empty() {
    return {
      total: 0,
      routes: new Map<string, RouteCounts>(),
      peakPerSecond: zeroes(),
      peakInFlight: inFlight,
      peakByBook: new Map<string, number>(),
      rateLimited: zeroes(),
      violations: new Map<string, Violation>(),
      keys: new Map<string, number>(),
      tokens: { form: 0, basic: 0, json: 0 },
    };
  }

  function routeCounts(name: string): RouteCounts {
    let counts = counted.routes.get(name);
    if (!counts) {
      counts = { requests: 0, statuses: {}, items: 0, batchSizes: {} };
      counted.routes.set(name, counts);
    }
    return counts;
  }

  return {
    arrive: (group, bookId) => {
      inFlight += 1;
      counted.peakInFlight = Math.max(counted.peakInFlight, inFlight);
      const window = group === null ? undefined : windows.get(group);
      if (group !== null && window) {
        const nowMs = monotonic();
        window.add(nowMs, 1);
        counted.peakPerSecond[group] = Math.max(counted.peakPerSecond[group], window.sum(nowMs));
      }
      let bookInFlight = 0;
      if (bookId !== undefined) {
        bookInFlight = (byBook.get(bookId) ?? 0) + 1;
        byBook.set(bookId, bookInFlight);
        if (counted.peakByBook.has(bookId) || counted.peakByBook.size < MAX_REMEMBERED) {
          counted.peakByBook.set(bookId, Math.max(counted.peakByBook.get(bookId) ?? 0, bookInFlight));
        }
      }
      let left = false;
      const leave = () => {
        if (left) return;
        left = true;
        inFlight -= 1;
        if (bookId === undefined) return;
        const others = (byBook.get(bookId) ?? 1) - 1;
        if (others > 0) byBook.set(bookId, others);
        else byBook.delete(bookId);
      };
      return { bookInFlight, leave };
    },
    note: (noted) => {
      counted.total += 1;
      const request: ObservedRequest = { ...noted, number: counted.total, status: undefined };
      const counts = routeCounts(request.route);
      counts.requests += 1;
      if (request.items > 0) {
        counts.items += request.items;
        counts.batchSizes[request.items] = (counts.batchSizes[request.items] ?? 0) + 1;
      }
      if (request.idempotencyKey !== undefined) {
        counted.keys.set(request.idempotencyKey, (counted.keys.get(request.idempotencyKey) ?? 0) + 1);
        if (counted.keys.size > MAX_REMEMBERED) counted.keys.delete(counted.keys.keys().next().value ?? '');
      }
      log.push(request);
      if (log.length > MAX_REMEMBERED * 2) log = log.slice(-MAX_REMEMBERED);
      for (const listener of listeners) listener(request);
      return request;
    },
    answered: (request, status) => {
      request.status = status;
      const { statuses } = routeCounts(request.route);
      statuses[status] = (statuses[status] ?? 0) + 1;
      for (const listener of listeners) listener(request);
    },
    violate: (rule, detail) => {
      const violation = counted.violations.get(rule) ?? { rule, count: 0, details: [] };
      violation.count += 1;
      if (detail !== undefined) violation.details = [...violation.details, detail].slice(-LISTED_DETAILS);
      counted.violations.set(rule, violation);
    },
    limited: (group) => {
      counted.rateLimited[group] += 1;
    },
    token: (style) => {
      counted.tokens[style] += 1;
    },
    snapshot: () => ({
      total: counted.total,
      routes: structuredClone(Object.fromEntries(counted.routes)),
      peakPerSecond: { ...counted.peakPerSecond },
      peakInFlight: { total: counted.peakInFlight, byAddressBook: Object.fromEntries(counted.peakByBook) },
      inFlight,
      rateLimited: { ...counted.rateLimited },
      violations: structuredClone([...counted.violations.values()]),
      idempotencyKeys: Object.fromEntries(counted.keys),
      tokens: { ...counted.tokens },
    }),
    log: () => log.slice(-MAX_REMEMBERED),
    reset: () => {
      log = [];
      counted = empty();
      for (const group of LIMIT_GROUPS) windows.set(group, createSlidingWindow());
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The name a request is counted under. */
export function observedRoute(route: Route | undefined): string {
  return route ? routeName(route) : 'unknown';
}
