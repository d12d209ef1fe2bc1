/** Equal items of one call are sent once, and each gets the outcome of the one that was sent. */
import type { BulkOperation, BulkResult, ItemOutcome } from './bulk-operation.ts';

/**
 * The operation, for endpoints that would take the same thing twice, or refuse that.
 *
 * @param keyOf equal for equal items alone
 * @param ofRepeat the outcome of an item whose equal came before it, from that one's
 */
export function sendingEqualsOnce<Item>(
  operation: BulkOperation<Item>,
  keyOf: (item: Item) => string,
  ofRepeat: (outcome: ItemOutcome) => ItemOutcome = (outcome) => outcome,
): BulkOperation<Item> {
  return {
    ...operation,
    async send(target, items, attempt, call) {
      const once = distinct(items, keyOf);
      return forAll(once, await operation.send(target, once.items, attempt, call), ofRepeat);
    },
    async settle(target, items, attempt, call) {
      const once = distinct(items, keyOf);
      const settlement = await operation.settle(target, once.items, attempt, call);
      if (settlement.verdict !== 'settled') return settlement;
      return { ...settlement, result: forAll(once, settlement.result, ofRepeat) };
    },
  };
}

interface Distinct<Item> {
  /** The first of each. */
  readonly items: readonly Item[];
  /** For each item that was given: the place of its equal among these. */
  readonly places: readonly number[];
}

function distinct<Item>(given: readonly Item[], keyOf: (item: Item) => string): Distinct<Item> {
  const placeOf = new Map<string, number>();
  const items: Item[] = [];
  const places = given.map((item) => {
    const key = keyOf(item);
    const place = placeOf.get(key) ?? items.push(item) - 1;
    placeOf.set(key, place);
    return place;
  });
  return { items, places };
}

function forAll(
  { items, places }: Distinct<unknown>,
  { lastTaken, ...result }: BulkResult,
  ofRepeat: (outcome: ItemOutcome) => ItemOutcome,
): BulkResult {
  const seen = new Set<number>();
  const outcomes = places.map((place, index) => {
    const outcome = result.outcomes[place];
    if (!outcome) throw new Error(`no outcome for item ${index} of ${items.length}`);
    if (seen.has(place)) return ofRepeat(outcome);
    seen.add(place);
    return outcome;
  });
  return {
    ...result,
    outcomes,
    ...(lastTaken && { lastTaken: { ...lastTaken, index: places.indexOf(lastTaken.index) } }),
  };
}
