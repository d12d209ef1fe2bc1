/**
 * How a limit's places are shared out: half of them to all alike, so that nobody has to wait for the first ones; the
 * other half where they are wanted. A pure function of what all replicas see, so that all of them come to the same.
 */

export interface Claim {
  readonly owner: string;
  /** How many places it could use. */
  readonly wants: number;
  /** How many it has. */
  readonly holds: number;
}

/** The places a replica has whatever happens, of `places` shared by `replicas`. Whole ones: none where there are few. */
export function reserveOf(places: number, replicas: number): number {
  return Math.floor(places / (2 * Math.max(1, replicas)));
}

/**
 * The parts add up to `places`. Nobody who wants more than it gets has less than another by more than one place, and
 * where there are fewer places than replicas that want one, they take turns.
 *
 * @param claims in any order; each owner once
 * @param turn a whole number that grows with time
 */
export function apportion(places: number, claims: readonly Claim[], turn: number): Map<string, number> {
  const byOwner = [...claims].sort((a, b) => (a.owner < b.owner ? -1 : 1));
  const reserve = reserveOf(places, claims.length);
  const parts = new Map(byOwner.map(({ owner }) => [owner, reserve]));
  const wanted = byOwner.map(({ owner, wants }) => ({ owner, upTo: wants }));
  const left = fill(parts, places - reserve * claims.length, wanted, turn);
  // What nobody wants lies ready for whoever will. The odd ones stay where they are: moving them would gain nothing.
  const byHeld = byOwner.toSorted((a, b) => b.holds - a.holds);
  const anybody = byHeld.map(({ owner }) => ({ owner, upTo: Number.POSITIVE_INFINITY }));
  fill(parts, left, anybody, 0);
  return parts;
}

interface Bid {
  readonly owner: string;
  /** More than this it does not take. */
  readonly upTo: number;
}

/** Raises the parts of all who bid alike, as far as `left` goes. @returns what is left then */
function fill(parts: Map<string, number>, left: number, bids: readonly Bid[], turn: number): number {
  const partOf = ({ owner }: Bid) => parts.get(owner) ?? 0;
  for (;;) {
    const hungry = bids.filter((bid) => partOf(bid) < bid.upTo);
    if (left === 0 || hungry.length === 0) return left;
    const each = Math.floor(left / hungry.length);
    if (each === 0) {
      // Who has some already can do without the odd one: only those who would have none take turns.
      const first = hungry.some((bid) => partOf(bid) === 0) ? turn % hungry.length : 0;
      const inTurn = [...hungry.slice(first), ...hungry.slice(0, first)];
      for (const bid of inTurn.slice(0, left)) parts.set(bid.owner, partOf(bid) + 1);
      return 0;
    }
    for (const bid of hungry) {
      const gain = Math.min(each, bid.upTo - partOf(bid));
      parts.set(bid.owner, partOf(bid) + gain);
      left -= gain;
    }
  }
}
