/** From the outcome of an item to what its single caller is told: how it got in, or the error that says why it did not. */
import { OutcomeUnknownError, UpstreamError } from '../errors.ts';
import type { LoadedItem } from './bulk-loader.ts';
import type { ItemOutcome } from './bulk-operation.ts';

/** How many digits an HTTP status in front of one of CXone's codes has, as in `409 ContactAlreadyInSegment`. */
const STATUS_IN_FRONT = /^([45]\d\d)\s/;

/**
 * How the item got in.
 *
 * @param thing what it is, for the message: "contact", "record"
 * @throws UpstreamError where CXone refused it; OutcomeUnknownError where nothing tells whether it was taken
 */
export function takenAs({ outcome, upstreamRequestId }: LoadedItem, thing: string): 'created' | 'updated' | 'skipped' {
  if (!('issue' in outcome)) return outcome.status;
  const { issue } = outcome;
  if (outcome.status === 'unknown') {
    throw new OutcomeUnknownError(
      `The ${thing} was sent to CXone, and nothing tells whether it was taken. ${issue.message}`,
      upstreamRequestId,
    );
  }
  const status = STATUS_IN_FRONT.exec(issue.code)?.[1];
  throw new UpstreamError(`CXone refused the ${thing} (${issue.code}): ${issue.message}`, {
    fault: 'refused',
    status: outcome.refusedWith ?? (status === undefined ? undefined : Number(status)),
    upstreamRequestId,
    upstreamCode: issue.code,
    issues: [issue],
    retryable: false,
  });
}

/** Whether CXone may take it another time: it failed, and not for what it says. */
export function isWorthAnotherTry(outcome: ItemOutcome | undefined): boolean {
  return outcome?.status === 'failed' && outcome.refusedWith === undefined;
}
