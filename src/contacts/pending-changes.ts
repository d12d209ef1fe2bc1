/** The changes that wait for one contact, and what is known of each of them so far. */
import type { Clock } from '../clock.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { type OutcomeUnknownError, UpstreamError } from '../errors.ts';
import type { Changed } from './change-queue.ts';
import type { TagForm } from './client.ts';
import type { Foldable } from './fold.ts';
import { settlingCall } from './shared-call.ts';

export interface PendingChange extends Foldable {
  readonly call: CallContext;
  attempts: number;
  alone: boolean;
  carried: readonly string[];
  /** The last PUT that carried it got no answer. */
  unanswered: OutcomeUnknownError | undefined;
  /** For finding out what became of it, whatever time the caller had left. */
  settling: CallContext | undefined;
  readonly resolve: (changed: Changed) => void;
  readonly reject: (error: unknown) => void;
}

export interface ChangeLine {
  readonly bookId: string;
  readonly contactId: string;
  /** In the order they came. */
  waiting: PendingChange[];
  /** The cache is not to be asked for the next baseline. */
  readAgain: boolean;
  /** The ETag that the last 412 refused, in the form it was sent in. */
  refused: { readonly etag: string | null | undefined; readonly tagForm: TagForm } | undefined;
}

/** Sends of one change: the first and five more (faults.md, section 3: "<= 6 PUTs, jittered"). */
const MAX_ATTEMPTS = 6;

export function takeOut(line: ChangeLine, isTaken: (change: PendingChange) => boolean): PendingChange[] {
  const taken = line.waiting.filter(isTaken);
  if (taken.length > 0) line.waiting = line.waiting.filter((change) => !isTaken(change));
  return taken;
}

export function rejectAll(changes: readonly PendingChange[], error: unknown): void {
  for (const change of changes) change.reject(error);
}

/** Puts changes back in front, where they were; those that have been sent often enough end with `error`. */
export function tryAgain(line: ChangeLine, changes: readonly PendingChange[], error: Error): void {
  for (const change of changes) change.attempts++;
  line.waiting.unshift(...changes.filter(({ attempts }) => attempts < MAX_ATTEMPTS));
  rejectAll(
    changes.filter(({ attempts }) => attempts >= MAX_ATTEMPTS),
    error,
  );
}

/** Notes that a PUT which carried the changes got no answer: from now on it is found out what became of them. */
export function markUnanswered(changes: readonly PendingChange[], error: OutcomeUnknownError, clock: Clock): void {
  for (const change of changes) {
    change.unanswered = error;
    change.settling ??= settlingCall(change.call, clock);
  }
}

/** The context a change is worked on with. */
export function callOf({ call, settling }: PendingChange): CallContext {
  return settling ?? call;
}

/** Whether nobody waits for the change any more. One that may have been made is looked after a little longer. */
export function hasLeft(change: PendingChange, clock: Clock): boolean {
  const { signal, deadlineAt } = callOf(change);
  return signal?.aborted === true || (deadlineAt !== undefined && clock.monotonic() >= deadlineAt);
}

export function leaveReason({ call, unanswered }: PendingChange): unknown {
  if (unanswered) return unanswered;
  if (call.signal?.aborted) return call.signal.reason;
  return new UpstreamError(
    'There was no time left to change the contact: changes before this one took too long. Try again in a moment.',
    {
      fault: 'timeout',
    },
  );
}
