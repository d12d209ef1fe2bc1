/**
 * Who goes next: people before imports, imports in turn whatever their length, each in the order of coming. Whoever is
 * held up by a full in-flight bound holds up nobody else.
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
}

/** Waiters in order of coming, apart by in-flight key, so that only the heads need looking at. */
type Queue<Place> = Map<string, Set<Waiter<Place>>>;

/** The key of those without an in-flight bound. */
const UNBOUND = '';

export function createWaitingLine<Place>(): WaitingLine<Place> {
  const interactive: Queue<Place> = new Map();
  /** In the order of their next turn. */
  const imports = new Map<string, Queue<Place>>();
  const numbers = new WeakMap<Waiter<Place>, number>();
  const underWay = new Map<string, number>();
  let lastNumber = 0;
  let interactiveSize = 0;
  let importsSize = 0;

  function queueOf(waiter: Waiter<Place>): Queue<Place> | undefined {
    return waiter.lane.kind === 'interactive' ? interactive : imports.get(waiter.lane.key);
  }

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

  function headOfImports(bound: (max: number) => number): Waiter<Place> | undefined {
    for (const [key, queue] of imports) {
      const waiter = head(queue, bound);
      if (!waiter) continue;
      imports.delete(key);
      imports.set(key, queue);
      return waiter;
    }
    return undefined;
  }

  function remove(waiter: Waiter<Place>): boolean {
    const queue = queueOf(waiter);
    const key = waiter.inFlight?.key ?? UNBOUND;
    const same = queue?.get(key);
    if (!queue || !same?.delete(waiter)) return false;
    if (same.size === 0) queue.delete(key);
    if (waiter.lane.kind === 'interactive') interactiveSize--;
    else {
      importsSize--;
      if (queue.size === 0) imports.delete(waiter.lane.key);
    }
    return true;
  }

  return {
    join(waiter) {
      numbers.set(waiter, ++lastNumber);
      let queue = queueOf(waiter);
      if (!queue) {
        queue = new Map();
        if (waiter.lane.kind === 'import') imports.set(waiter.lane.key, queue);
      }
      const key = waiter.inFlight?.key ?? UNBOUND;
      const same = queue.get(key);
      if (same) same.add(waiter);
      else queue.set(key, new Set([waiter]));
      if (waiter.lane.kind === 'interactive') interactiveSize++;
      else importsSize++;
    },
    next({ imports: importsMayGo, bound }) {
      const waiter = head(interactive, bound) ?? (importsMayGo ? headOfImports(bound) : undefined);
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
    all: () => [interactive, ...imports.values()].flatMap((queue) => [...queue.values()].flatMap((same) => [...same])),
    size: () => interactiveSize + importsSize,
    interactiveSize: () => interactiveSize,
  };
}
