/** The calls to CXone that an import makes: after everybody who waits for an answer, and in turn with other imports. */
import { type CallContext, newUpstreamTally } from '../cxone/call-context.ts';

/** @param batch the number of the batch it is made for, where it is one's */
export function importCall(importId: string, signal: AbortSignal, batch?: number): CallContext {
  return {
    requestId: batch === undefined ? importId : `${importId}/${batch}`,
    lane: { kind: 'import', key: importId },
    signal,
    tally: newUpstreamTally(),
  };
}
