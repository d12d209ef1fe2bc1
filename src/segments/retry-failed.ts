/** Batches of imports: only the contacts that failed are sent again, five tries together and a last one alone. */
import type { BulkOperation, BulkResult, ItemOutcome } from '../bulk/bulk-operation.ts';
import { isWorthAnotherTry } from '../bulk/item-outcome.ts';
import { isOutcome } from '../bulk/send-in-parts.ts';
import type { Clock } from '../clock.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { MAX_TRIES, retryDelayMs } from './backoff.ts';

/**
 * The operation with failed items sent again. Each try is an attempt of its own made from the batch's, so that a batch
 * that is settled after a crash goes through the very same calls.
 *
 * @param baseMs the first delay @param random returns 0 to below 1
 */
export function retryingFailed(
  operation: BulkOperation<string>,
  { baseMs, clock, random }: { baseMs: number; clock: Clock; random: () => number },
): BulkOperation<string> {
  async function sendAll(
    send: BulkOperation<string>['send'],
    [target, items, attempt, call]: Parameters<BulkOperation<string>['send']>,
  ): Promise<BulkResult> {
    let result = await send(target, items, attempt, call);
    const outcomes = [...result.outcomes];
    let lastTaken = lastOf(outcomes);
    const failed = () => items.flatMap((_item, index) => (isWorthAnotherTry(outcomes[index]) ? [index] : []));

    /** @returns false where CXone could not be asked: what failed before stays all that is known */
    async function again(indexes: readonly number[], name: string): Promise<boolean> {
      const some = indexes.map((index) => items[index] as string);
      try {
        const retried = await operation.send(target, some, { ...attempt, id: `${attempt.id}.${name}` }, call);
        retried.outcomes.forEach((outcome: ItemOutcome, position) => {
          outcomes[indexes[position] as number] = outcome;
        });
        const taken = lastOf(retried.outcomes);
        if (taken) lastTaken = { ...taken, index: indexes[taken.index] as number };
        const { discrepancy = result.discrepancy, upstreamRequestId } = retried;
        result = { ...result, discrepancy, upstreamRequestId, latencyMs: result.latencyMs + retried.latencyMs };
        return true;
      } catch (error) {
        if (!isOutcome(error)) throw error;
        return false;
      }
    }

    let reached = true;
    for (let tries = 1; tries < MAX_TRIES && reached && failed().length > 0; tries++) {
      await pause(tries, call);
      call.tally.retries++;
      reached = await again(failed(), String(tries + 1));
    }
    for (const index of reached ? failed() : []) if (!(await again([index], `alone.${index}`))) break;
    return { ...result, outcomes, lastTaken };
  }

  /** Who was a member before tells nothing about when the others can be seen. */
  function lastOf(outcomes: readonly ItemOutcome[]): BulkResult['lastTaken'] {
    const created = outcomes.findLastIndex(({ status }) => status === 'created');
    const index = created === -1 ? outcomes.findLastIndex(({ status }) => status === 'skipped') : created;
    return index === -1 ? undefined : { index, at: clock.now() };
  }

  async function pause(failedTries: number, { signal, tally }: CallContext): Promise<void> {
    const { least, jitter } = retryDelayMs(baseMs, failedTries);
    const delayMs = Math.ceil(least + jitter * random());
    await clock.sleep(delayMs, signal);
    tally.waitedMs += delayMs;
  }

  return {
    ...operation,
    send: (...batch) => sendAll(operation.send, batch),
    async settle(...batch) {
      const first = await operation.settle(...batch);
      if (first.verdict !== 'settled') return first;
      return { verdict: 'settled', result: await sendAll(() => Promise.resolve(first.result), batch) };
    },
  };
}
