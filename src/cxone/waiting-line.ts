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
   * @param mayTake whether a caller may have the next place
   */
  next(options: {
    imports: boolean;
    mayTake: (caller: string) => boolean;
    bounds: InFlightBounds;
  }): Waiter<Place> | undefined;
  /**
   * Lets somebody go past the empty line, and counts it against its in-flight bound until `leave`.
   *
   * @returns whether the bound allowed that
   */
  pass(who: Pick<Waiter<Place>, 'lane' | 'inFlight'>, bounds: InFlightBounds): boolean;
  /** Whoever went like this is done. */
  leave(waiter: Pick<Waiter<Place>, 'lane' | 'inFlight'>): void;
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
  /** How many of a caller's calls wait. */
  sizeOf(caller: string): number;
  /** How many interactive ones would go before the next of this key, if none came after it. */
  interactiveAhead(key: string | undefined): number;
}

/** What is left of an in-flight bound: for this process, and of that for one of its callers. */
export interface InFlightBounds {
  ofAll(max: number): number;
  ofCaller(max: number): number;
}

/** The name under which a waiter's caller goes. Whoever has none shares one. */
export function callerOf({ lane }: Pick<Waiter<unknown>, 'lane'>): string {
  return lane.key ?? '';
}

/** Those of one caller or import with one in-flight key: whether one of them may go is the same for all. */
interface Group<Place> extends Pick<Waiter<Place>, 'lane' | 'inFlight'> {
  /** In order of coming, numbered in it. */
  readonly waiters: Map<Waiter<Place>, number>;
}

interface Queue<Place> {
  /** By in-flight key, so that only the heads of those that are not full need looking at. */
  readonly groups: Map<string, Group<Place>>;
  /** Waiters in all of them. */
  size: number;
}

/** Those of one caller or import, each apart from the others; in the order of their next turn. */
type Lane<Place> = Map<string, Queue<Place>>;

/** The key of those without an in-flight bound. */
const UNBOUND = '';

export function createWaitingLine<Place>(): WaitingLine<Place> {
  const lanes: Record<Waiter<Place>['lane']['kind'], Lane<Place>> = { interactive: new Map(), import: new Map() };
  const underWay = createUnderWay();
  let lastNumber = 0;
  const sizes = { interactive: 0, import: 0 };

  function mayGo(who: Pick<Waiter<Place>, 'lane' | 'inFlight'>, bounds: InFlightBounds): boolean {
    const { inFlight } = who;
    if (!inFlight) return true;
    if (underWay.of(inFlight.key) >= bounds.ofAll(inFlight.max)) return false;
    return who.lane.kind === 'import' || underWay.ofCaller(inFlight.key, callerOf(who)) < bounds.ofCaller(inFlight.max);
  }

  /** Among the heads that may go, the one that came first. */
  function head(queue: Queue<Place>, bounds: InFlightBounds): Waiter<Place> | undefined {
    let first: Waiter<Place> | undefined;
    let lowest = Number.POSITIVE_INFINITY;
    for (const group of queue.groups.values()) {
      if (!mayGo(group, bounds)) continue;
      const [oldest] = group.waiters.keys();
      const number = (oldest && group.waiters.get(oldest)) ?? lowest;
      if (number >= lowest) continue;
      first = oldest;
      lowest = number;
    }
    return first;
  }

  /** The head of whoever's turn it is; it is somebody else's then. */
  function nextTurn(
    lane: Lane<Place>,
    bounds: InFlightBounds,
    mayTake: (caller: string) => boolean,
  ): Waiter<Place> | undefined {
    for (const [key, queue] of lane) {
      const waiter = mayTake(key) ? head(queue, bounds) : undefined;
      if (!waiter) continue;
      lane.delete(key);
      lane.set(key, queue);
      return waiter;
    }
    return undefined;
  }

  function remove(waiter: Waiter<Place>): boolean {
    const { kind } = waiter.lane;
    const owner = callerOf(waiter);
    const lane = lanes[kind];
    const queue = lane.get(owner);
    const key = waiter.inFlight?.key ?? UNBOUND;
    const waiters = queue?.groups.get(key)?.waiters;
    if (!queue || !waiters?.delete(waiter)) return false;
    queue.size--;
    if (waiters.size === 0) queue.groups.delete(key);
    if (queue.size === 0) lane.delete(owner);
    sizes[kind]--;
    return true;
  }

  return {
    join(waiter) {
      const { kind } = waiter.lane;
      const owner = callerOf(waiter);
      const queue: Queue<Place> = lanes[kind].get(owner) ?? { groups: new Map(), size: 0 };
      lanes[kind].set(owner, queue);
      queue.size++;
      const { inFlight } = waiter;
      const key = inFlight?.key ?? UNBOUND;
      const group = queue.groups.get(key);
      lastNumber++;
      if (group) group.waiters.set(waiter, lastNumber);
      else queue.groups.set(key, { lane: waiter.lane, inFlight, waiters: new Map([[waiter, lastNumber]]) });
      sizes[kind]++;
    },
    next({ imports: importsMayGo, mayTake, bounds }) {
      const waiter =
        nextTurn(lanes.interactive, bounds, mayTake) ??
        (importsMayGo ? nextTurn(lanes.import, bounds, () => true) : undefined);
      if (!waiter) return undefined;
      remove(waiter);
      underWay.add(waiter, 1);
      return waiter;
    },
    pass(who, bounds) {
      if (!mayGo(who, bounds)) return false;
      underWay.add(who, 1);
      return true;
    },
    leave: (waiter) => underWay.add(waiter, -1),
    underWay: underWay.of,
    mostUnderWay: underWay.most,
    remove,
    all: () =>
      [lanes.interactive, lanes.import].flatMap((lane) =>
        [...lane.values()].flatMap(({ groups }) => [...groups.values()].flatMap(({ waiters }) => [...waiters.keys()])),
      ),
    size: () => sizes.interactive + sizes.import,
    interactiveSize: () => sizes.interactive,
    sizeOf: (caller) => lanes.interactive.get(caller)?.size ?? 0,
    interactiveAhead(key = '') {
      const own = lanes.interactive.get(key)?.size ?? 0;
      let ahead = own;
      for (const [other, { size }] of lanes.interactive) if (other !== key) ahead += Math.min(size, own + 1);
      return ahead;
    },
  };
}

/** How many are under way with each in-flight key, and whose they are; nothing is kept of a key that nobody has. */
function createUnderWay() {
  interface Bound {
    all: number;
    /** By caller; without those of imports. */
    readonly callers: Map<string, number>;
  }
  const bounds = new Map<string, Bound>();
  return {
    of: (key: string) => bounds.get(key)?.all ?? 0,
    ofCaller: (key: string, caller: string) => bounds.get(key)?.callers.get(caller) ?? 0,
    add(who: Pick<Waiter<unknown>, 'lane' | 'inFlight'>, change: 1 | -1) {
      if (!who.inFlight) return;
      const { key } = who.inFlight;
      const bound = bounds.get(key) ?? { all: 0, callers: new Map() };
      bound.all += change;
      if (bound.all > 0) bounds.set(key, bound);
      else bounds.delete(key);
      if (who.lane.kind === 'import') return;
      const caller = callerOf(who);
      const own = (bound.callers.get(caller) ?? 0) + change;
      if (own > 0) bound.callers.set(caller, own);
      else bound.callers.delete(caller);
    },
    most: () => Math.max(0, ...[...bounds.values()].map(({ all }) => all)),
  };
}
