/**
 * One bad item must not keep the others out: a batch that CXone refuses as a whole is sent again without the items
 * it named, or, where it named none, in halves until the bad ones stand alone.
 */
import { type Issue, UpstreamError } from '../errors.ts';
import type { BulkResult, ItemOutcome } from './bulk-operation.ts';
import { isOutcome, outcomeOf } from './send-in-parts.ts';

/**
 * How many calls one batch may cost beyond the first. Halving finds one bad item among 1000 with 2 log2(1000) = 20
 * calls; a batch with more bad items than this reaches fails for the rest with CXone's own words.
 */
const MAX_EXTRA_CALLS = 64;

/** Statuses with which CXone refuses a body for its content, all or nothing. */
const CONTENT_REFUSALS: ReadonlySet<number> = new Set([400, 422]);

/**
 * Sends `items` through `sendOnce`, isolating refused items.
 *
 * @param options.onlyNamed where CXone has another way to tell of single items: a refusal that names none means the whole
 * @returns an outcome for each item. Once any call has succeeded, nothing is thrown: what later calls could not
 *   deliver is `failed` (certainly not taken) or `unknown`.
 * @throws whatever the first call throws, unless it is a refusal for content whose items are isolated.
 */
export async function sendIsolatingRefusals<Item>(
  items: readonly Item[],
  sendOnce: (items: readonly Item[]) => Promise<BulkResult>,
  { onlyNamed = false }: { onlyNamed?: boolean } = {},
): Promise<BulkResult> {
  const outcomes = new Array<ItemOutcome | undefined>(items.length);
  let extraCalls = 0;
  let answered = false;
  let last: { upstreamRequestId: string | undefined; discrepancy?: string | undefined } = {
    upstreamRequestId: undefined,
  };
  let latencyMs = 0;

  const settle = (indexes: readonly number[], outcome: (position: number) => ItemOutcome) => {
    indexes.forEach((index, position) => {
      outcomes[index] = outcome(position);
    });
  };

  const send = async (indexes: readonly number[]): Promise<void> => {
    let refusal: UpstreamError;
    try {
      const result = await sendOnce(indexes.map((index) => items[index] as Item));
      answered = true;
      latencyMs += result.latencyMs;
      last = { upstreamRequestId: result.upstreamRequestId, discrepancy: result.discrepancy ?? last.discrepancy };
      settle(indexes, (position) => result.outcomes[position] as ItemOutcome);
      return;
    } catch (error) {
      if (error instanceof UpstreamError && CONTENT_REFUSALS.has(error.status ?? 0)) refusal = error;
      else if (answered && isOutcome(error)) {
        settle(indexes, () => outcomeOf(error));
        return;
      } else throw error;
    }
    last = { ...last, upstreamRequestId: refusal.upstreamRequestId };
    await isolate(indexes, refusal);
  };

  const isolate = async (indexes: readonly number[], refusal: UpstreamError): Promise<void> => {
    const named = namedItems(refusal, indexes.length);
    if (named.size === 0 && onlyNamed && !answered) throw refusal;
    const budgetLeft = extraCalls < MAX_EXTRA_CALLS;
    if (named.size === 0 && (indexes.length === 1 || onlyNamed || !budgetLeft)) {
      answered = true;
      settle(indexes, () => failure(refusal));
      return;
    }
    // A refusal proves that the upstream answers: from here on the items' fates are their own.
    answered = true;
    for (const [position, issue] of named) outcomes[indexes[position] as number] = failure(refusal, issue);
    const rest = indexes.filter((_, position) => !named.has(position));
    if (rest.length === 0) return;
    if (named.size > 0 && budgetLeft) {
      extraCalls += 1;
      await send(rest);
    } else if (budgetLeft) {
      extraCalls += 2;
      const middle = Math.ceil(rest.length / 2);
      await send(rest.slice(0, middle));
      await send(rest.slice(middle));
    } else settle(rest, () => failure(refusal));
  };

  await send(items.map((_, index) => index));
  return { outcomes: outcomes as ItemOutcome[], latencyMs, ...last };
}

/** Which items a refusal names: the first number in an issue's path is the place in the body's array. */
function namedItems(refusal: UpstreamError, size: number): Map<number, Issue> {
  const named = new Map<number, Issue>();
  for (const issue of refusal.issues) {
    const at = issue.path.findIndex((part) => /^\d{1,6}$/.test(part));
    const position = Number(issue.path[at]);
    if (at === -1 || position >= size || named.has(position)) continue;
    named.set(position, { path: issue.path.slice(at + 1), code: 'REFUSED', message: issue.message });
  }
  return named;
}

/** @param issue what is said of the item itself; without it, what is said of the whole */
function failure(refusal: UpstreamError, issue?: Issue): ItemOutcome {
  const { upstreamCode: code = 'REFUSED', upstreamMessage: message = refusal.message } = refusal;
  return { status: 'failed', issue: issue ?? { path: [], code, message }, refusedWith: refusal.status };
}
