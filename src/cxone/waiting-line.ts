/**
 * Who goes next: people before imports; callers in turn, however much each of them asks for, and imports in turn,
 * whatever their length; each in the order of coming. Whoever is held up by a full in-flight bound holds up nobody else.
 */
import type { Exchange } from './step.ts';

export interface Waiter<Place> extends Pick<Exchange, 'lane' | 'inFlight' | 'deadlineAt'> {
  admit(place: Place): void;
  refuse(error: unknown): void;
}

export interface WaitingLine<Place> {
  join(waiter: Waiter<Place>): void;
  /**
   * Takes out who goes next, and counts it against its in-flight bound until `leave`.
   *
   * @param imports whether imports may go
   * @param bound what is left of an in-flight bound for this process
   */
  next(options: { imports: boolean; bound: (max: number) => number }): Waiter<Place> | undefined;
  /** Whoever went with this in-flight key is done. */
  leave(key: string): void;
  /** How many went with this in-flight key and are not done. */
  underWay(key: string): number;
  /** The most that are under way with one key. */
  mostUnderWay(): number;
  /** Whether it was still waiting. */
  remove(waiter: Waiter<Place>): boolean;
  /** A snapshot. */
  all(): Waiter<Place>[];
  size(): number;
  interactiveSize(): number;
  /** How many interactive ones would go before the next of this key, if none came after it. */
  interactiveAhead(key: string | undefined): number;
}

/** Waiters in order of coming, apart by in-flight key, so that only the heads need looking at. */
type Queue<Place> = Map<string, Set<Waiter<Place>>>;

/** Those of one caller or import, each apart from the others; in the order of their next turn. */
type Lane<Place> = Map<string, Queue<Place>>;

/** The key of those without an in-flight bound. */
const UNBOUND = '';

export function createWaitingLine<Place>(): WaitingLine<Place> {
  const lanes: Record<Waiter<Place>['lane']['kind'], Lane<Place>> = { interactive: new Map(), import: new Map() };
  const numbers = new WeakMap<Waiter<Place>, number>();
  const underWay = new Map<string, number>();
  let lastNumber = 0;
  const sizes = { interactive: 0, import: 0 };

  function mayGo({ inFlight }: Waiter<Place>, bound: (max: number) => number): boolean {
    return !inFlight || (underWay.get(inFlight.key) ?? 0) < bound(inFlight.max);
  }

  /** Among the heads that may go, the one that came first. */
  function head(queue: Queue<Place>, bound: (max: number) => number): Waiter<Place> | undefined {
    let first: Waiter<Place> | undefined;
    for (const [waiter] of queue.values()) {
      if (!waiter || !mayGo(waiter, bound)) continue;
      if (!first || (numbers.get(waiter) ?? 0) < (numbers.get(first) ?? 0)) first = waiter;
    }
    return first;
  }

  /** The head of whoever's turn it is; it is somebody else's then. */
  function nextTurn(lane: Lane<Place>, bound: (max: number) => number): Waiter<Place> | undefined {
    for (const [key, queue] of lane) {
      const waiter = head(queue, bound);
      if (!waiter) continue;
      lane.delete(key);
      lane.set(key, queue);
      return waiter;
    }
    return undefined;
  }

  function remove(waiter: Waiter<Place>): boolean {
    const { kind, key: owner = '' } = waiter.lane;
    const lane = lanes[kind];
    const queue = lane.get(owner);
    const key = waiter.inFlight?.key ?? UNBOUND;
    const same = queue?.get(key);
    if (!queue || !same?.delete(waiter)) return false;
    if (same.size === 0) queue.delete(key);
    if (queue.size === 0) lane.delete(owner);
    sizes[kind]--;
    return true;
  }

  return {
    join(waiter) {
      numbers.set(waiter, ++lastNumber);
      const { kind, key: owner = '' } = waiter.lane;
      const queue: Queue<Place> = lanes[kind].get(owner) ?? new Map();
      lanes[kind].set(owner, queue);
      const key = waiter.inFlight?.key ?? UNBOUND;
      const same = queue.get(key);
      if (same) same.add(waiter);
      else queue.set(key, new Set([waiter]));
      sizes[kind]++;
    },
    next({ imports: importsMayGo, bound }) {
      const waiter = nextTurn(lanes.interactive, bound) ?? (importsMayGo ? nextTurn(lanes.import, bound) : undefined);
      if (!waiter) return undefined;
      remove(waiter);
      const key = waiter.inFlight?.key;
      if (key !== undefined) underWay.set(key, (underWay.get(key) ?? 0) + 1);
      return waiter;
    },
    leave(key) {
      const left = (underWay.get(key) ?? 0) - 1;
      if (left > 0) underWay.set(key, left);
      else underWay.delete(key);
    },
    underWay: (key) => underWay.get(key) ?? 0,
    mostUnderWay: () => Math.max(0, ...underWay.values()),
    remove,
    all: () =>
      [lanes.interactive, lanes.import].flatMap((lane) =>
        [...lane.values()].flatMap((queue) => [...queue.values()].flatMap((same) => [...same])),
      ),
    size: () => sizes.interactive + sizes.import,
    interactiveSize: () => sizes.interactive,
    interactiveAhead(key = '') {
      const own = sizeOf(lanes.interactive.get(key));
      let ahead = own;
      for (const [other, queue] of lanes.interactive) if (other !== key) ahead += Math.min(sizeOf(queue), own + 1);
      return ahead;
    },
  };
}

function sizeOf<Place>(queue: Queue<Place> | undefined): number {
  let size = 0;
  for (const same of queue?.values() ?? []) size += same.size;
  return size;
}
