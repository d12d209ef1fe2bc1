/** One deadline for a use case of several calls: without it each call to CXone would have its own, and their sum no bound. */
import type { Clock } from '../clock.ts';
import type { CallContext } from './call-context.ts';
import { INTERACTIVE_DEADLINE_MS } from './limits.ts';

/** The context with the deadline of somebody who waits, unless it has one or is background work. */
export function withDeadline(call: CallContext, clock: Clock): CallContext {
  if (call.deadlineAt !== undefined || call.lane.kind !== 'interactive') return call;
  return { ...call, deadlineAt: clock.monotonic() + INTERACTIVE_DEADLINE_MS };
}
