/** The newest results of a shared subscription as text: those who join or fall behind go on from here. */

/** One result; the same object for all who are told it. */
export interface Told {
  /** The cursor behind it. Grows from each to the next. */
  readonly at: number;
  readonly json: string;
}

/** Characters that all shared subscriptions together may keep; one that is not told yet is kept in any case. */
export interface CharacterBudget {
  left: number;
}

/** Of one subscription: as many as it may begin behind (live-subscription.ts), where they are not long. */
const MAX_RESULTS = 4_000;
const MAX_CHARACTERS = 4 * 1024 * 1024;

export interface RecentResults {
  /** Every result with `from < at <= to` is here. */
  readonly from: number;
  readonly to: number;
  add(told: Told): void;
  /** The first ones behind a cursor that is not below `from`: at most so many, and no more than that many characters but for the first. */
  after(cursor: number, max: { readonly results: number; readonly characters: number }): readonly Told[];
  /** Drops what is beyond the bounds, the oldest first, but nothing behind the cursor `kept`. */
  trim(kept: number): void;
  /** Drops everything. */
  clear(): void;
}

export function createRecentResults(begin: number, budget: CharacterBudget): RecentResults {
  let from = begin;
  let to = begin;
  let results: Told[] = [];
  let characters = 0;

  const weigh = (delta: number) => {
    characters += delta;
    budget.left -= delta;
  };

  return {
    get from() {
      return from;
    },
    get to() {
      return to;
    },
    add(told) {
      results.push(told);
      to = told.at;
      weigh(told.json.length);
    },
    after(cursor, max) {
      const start = firstAfter(results, cursor);
      let end = start;
      let length = 0;
      for (; end < results.length && end - start < max.results; end++) {
        length += results[end]?.json.length ?? 0;
        if (length > max.characters && end > start) break;
      }
      return results.slice(start, end);
    },
    trim(kept) {
      let count = 0;
      while (results.length - count > MAX_RESULTS || characters > MAX_CHARACTERS || budget.left < 0) {
        const oldest = results[count];
        if (!oldest || oldest.at > kept) break;
        from = oldest.at;
        weigh(-oldest.json.length);
        count++;
      }
      results = count > 0 ? results.slice(count) : results;
    },
    clear() {
      weigh(-characters);
      results = [];
      from = to;
    },
  };
}

function firstAfter(results: readonly Told[], cursor: number): number {
  let low = 0;
  let high = results.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((results[middle]?.at ?? 0) > cursor) high = middle;
    else low = middle + 1;
  }
  return low;
}
