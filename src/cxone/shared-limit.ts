/**
 * What it takes to share one of CXone's limits among processes: it is cut into whole places, and each place is one
 * process's at a time. Who has how many is decided elsewhere (`replicas/`); here it is only asked.
 */

export interface SharedLimit {
  /** Stable: the processes know it by this name. */
  readonly name: string;
  /** How many places there are, over all processes. */
  readonly places: number;
  /** How long a place stays used after the answer to what it was used for, milliseconds. */
  readonly settleMs: number;
  /** How many places this process uses now: these it cannot give away. */
  used(): number;
  /** When somebody last had to wait because this process may use no more places, monotonic milliseconds. */
  shortAt(): number;
  /** Puts it under `share`. Until then all places are this process's own. */
  setShare(share: Share): void;
  /** More may be allowed than before: lets those who wait look again. */
  reconsider(): void;
}

/** A process's part of a limit: asked before each use, so that it shrinks by the mere passing of time. */
export interface Share {
  /** Places it may use. */
  allowed(): number;
  /** Places nobody else has: those allowed, and those that are still in use from before. */
  held(): number;
  /** Places it may use as soon as the others have given them up; those allowed among them. */
  coming(): number;
  /** Told whenever somebody has to wait for a place. */
  onShort(): void;
}

/** As the one sees it who lets calls go. */
export interface OwnPart extends SharedLimit, Pick<Share, 'allowed' | 'held' | 'coming'> {
  /** Somebody has to wait since all places allowed are used. */
  markShort(nowMs: number): void;
}

/** @param deps.limit of which each place is the same part; below 1 it is one place */
export function createSharedLimit(
  deps: Pick<SharedLimit, 'name' | 'settleMs' | 'used' | 'reconsider'> & { limit: number },
): OwnPart {
  const { limit, ...own } = deps;
  const places = Math.max(1, Math.floor(limit));
  let share: Share | undefined;
  let shortAt = Number.NEGATIVE_INFINITY;
  return {
    ...own,
    places,
    allowed: () => share?.allowed() ?? places,
    held: () => share?.held() ?? places,
    coming: () => share?.coming() ?? places,
    shortAt: () => shortAt,
    markShort(nowMs) {
      shortAt = nowMs;
      share?.onShort();
    },
    setShare(newShare) {
      share = newShare;
      own.reconsider();
    },
  };
}
