/** Call contexts that belong to more than the one who called: to several callers at once, or to what must be found out after. */
import type { Clock } from '../clock.ts';
import { type CallContext, newUpstreamTally } from '../cxone/call-context.ts';

export interface SharedCall extends Disposable {
  /** Goes first where any of the callers waits for an answer, lasts as long as the most patient, and ends with none of them. */
  readonly call: CallContext;
}

/** @param calls at least one; the request id is that of the first. Disposing of it adds the cost to each caller's tally. */
export function shareCall(calls: readonly CallContext[]): SharedCall {
  const [first] = calls;
  if (!first) throw new Error('A shared call has at least one caller.');
  const tally = newUpstreamTally();
  const deadlines = calls.map(({ deadlineAt }) => deadlineAt);
  return {
    call: {
      requestId: first.requestId,
      lane: calls.find(({ lane }) => lane.kind === 'interactive')?.lane ?? first.lane,
      deadlineAt: deadlines.includes(undefined) ? undefined : Math.max(...deadlines.map((at) => at ?? 0)),
      tally,
    },
    [Symbol.dispose]() {
      for (const call of calls) {
        call.tally.calls += tally.calls;
        call.tally.retries += tally.retries;
        call.tally.waitedMs += tally.waitedMs;
      }
    },
  };
}

/** How long a write without an answer is looked after once its caller's time is over, in milliseconds (faults.md: "<= 12 s" in all). */
const SETTLE_MS = 2_500;

/** The context for finding out whether a write took effect: it goes on for a while when the caller's time is over, or the caller gone. */
export function settlingCall(call: CallContext, clock: Clock): CallContext {
  const settleBy = clock.monotonic() + SETTLE_MS;
  return {
    ...call,
    signal: undefined,
    deadlineAt: call.deadlineAt === undefined ? undefined : Math.max(call.deadlineAt, settleBy),
  };
}
