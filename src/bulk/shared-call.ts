/** The context of one bulk call that many callers wait for: it lasts as long as the most patient of them, and ends with the last. */
import { type CallContext, newUpstreamTally } from '../cxone/call-context.ts';
import type { BulkCall } from './bulk-loader.ts';

export interface SharedCall {
  readonly context: CallContext;
  /** One of the callers has stopped waiting. After the last of them nobody needs the answer, and the call is cut. */
  gaveUp(): void;
  /** Adds what the call cost to the tally of each operation that had an item in it, once. */
  settle(bulkCall: BulkCall): void;
}

/** @param members at least one. `deadlineAt` in monotonic milliseconds. */
export function shareCall(
  members: readonly {
    readonly call: CallContext;
    readonly deadlineAt: number | undefined;
    readonly isRetry: boolean;
  }[],
): SharedCall {
  const [first] = members;
  if (!first) throw new Error('A call without callers.');
  const abort = new AbortController();
  const tally = newUpstreamTally();
  const deadlines = members.map(({ deadlineAt }) => deadlineAt ?? Number.POSITIVE_INFINITY);
  const deadlineAt = Math.max(...deadlines);
  let waiting = members.length;

  return {
    context: {
      requestId: first.call.requestId,
      lane: members.find(({ call }) => call.lane.kind === 'interactive')?.call.lane ?? first.call.lane,
      signal: abort.signal,
      ...(Number.isFinite(deadlineAt) && { deadlineAt }),
      tally,
    },
    gaveUp() {
      waiting--;
      if (waiting === 0) abort.abort(new Error('Nobody waits for this call any more.'));
    },
    settle(bulkCall) {
      const retrying = new Set(members.filter(({ isRetry }) => isRetry).map(({ call }) => call.tally));
      for (const caller of new Set(members.map(({ call }) => call.tally))) {
        caller.calls += tally.calls;
        caller.retries += tally.retries + (retrying.has(caller) ? 1 : 0);
        caller.waitedMs += tally.waitedMs;
        caller.cacheHits += tally.cacheHits;
        if (tally.calls > 0) caller.batches.push(bulkCall);
      }
    },
  };
}
