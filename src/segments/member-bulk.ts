/**
 * The bulk operation of segment members (cxone-api.md, section 6): at most 200 contacts a call, none twice, under a key
 * that is never used for another body, so that a call without an answer can be repeated.
 */
import { hash } from 'node:crypto';
import type { Attempt, BulkOperation, BulkResult, ItemOutcome } from '../bulk/bulk-operation.ts';
import { discrepancyOf, doubtTaken } from '../bulk/count-mismatch.ts';
import { sendingEqualsOnce } from '../bulk/equal-items.ts';
import { sendIsolatingRefusals } from '../bulk/isolate-refusals.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { cleanText } from '../cxone/error-body.ts';
import type { SegmentClient, WireAdded } from './client.ts';
import type { ParallelWrites } from './parallel-writes.ts';

/** Section 6: best 50 to 200. */
export const MAX_MEMBER_BATCH = 200;
/** Calls for one segment under way at once. */
const CONCURRENCY = 4;

/** Counts as done; comes with and without a status in front (section 6). */
const ALREADY_MEMBER = /^(?:\d{3}\s+)?ContactAlreadyInSegment$/;

/** Items are contact ids. Sends each batch once: whoever wants failed contacts sent again sees to it. */
export function createMemberOperation(deps: {
  client: SegmentClient;
  writes: ParallelWrites;
  maxBatchSize?: number;
}): BulkOperation<string> {
  const { client, writes, maxBatchSize = MAX_MEMBER_BATCH } = deps;

  const send = (
    segmentId: string,
    contactIds: readonly string[],
    attempt: Attempt,
    call: CallContext,
    isRepeat = false,
  ): Promise<BulkResult> =>
    sendIsolatingRefusals(contactIds, (some) => sendSome(segmentId, some, attempt, call, isRepeat), {
      onlyNamed: true,
    });

  async function sendSome(
    segmentId: string,
    contactIds: readonly string[],
    attempt: Attempt,
    call: CallContext,
    isRepeat: boolean,
  ) {
    const body = JSON.stringify(contactIds);
    const leave = await writes.enter(contactIds, call);
    try {
      const answer = await client.addContacts(segmentId, body, idempotencyKey(segmentId, body, attempt), call);
      const { outcomes, discrepancy } = readAnswer(answer.body, contactIds);
      const { upstreamRequestId, latencyMs } = answer;
      const ours = isRepeat || answer.isRepeat ? membersOfFirstCall(outcomes) : outcomes;
      return { outcomes: ours, discrepancy, upstreamRequestId, latencyMs };
    } finally {
      leave();
    }
  }

  const operation: BulkOperation<string> = {
    name: 'segmentMembers',
    concurrency: CONCURRENCY,
    maxBatchSize: () => Promise.resolve(maxBatchSize),
    send,
    // Under the same key CXone answers what it answered the first time, or does now what it did not do then.
    settle: async (segmentId, items, attempt, call) => ({
      verdict: 'settled',
      result: await send(segmentId, items, attempt, call, true),
    }),
  };
  return sendingEqualsOnce(operation, (contactId) => contactId, asMemberAlready);
}

/** Of segment and body, so that it can belong to no other, and of the attempt, so that a later one is not taken for this. */
function idempotencyKey(segmentId: string, body: string, attempt: Attempt): string {
  return `${hash('sha256', `${segmentId}\n${body}`, 'hex').slice(0, 32)}-${attempt.id}`;
}

/**
 * What a repeated call found, where it does not give the first one's answer again: a call takes effect as a whole, so
 * where nobody is new, those who are members are by the first.
 */
function membersOfFirstCall(outcomes: readonly ItemOutcome[]): ItemOutcome[] {
  const isDone = !outcomes.some(({ status }) => status === 'created');
  return outcomes.map((outcome) => (isDone && outcome.status === 'skipped' ? { status: 'created' } : outcome));
}

/** An answer names those who failed; who is not named got in, as far as the counts bear that out. */
function readAnswer(
  { successCount, failureCount, failedContacts }: WireAdded,
  contactIds: readonly string[],
): Pick<BulkResult, 'outcomes' | 'discrepancy'> {
  const failures = new Map((failedContacts ?? []).map((failure) => [failure.contactId, failure]));
  const strange: string[] = [];
  const outcomes = contactIds.map((contactId): ItemOutcome => {
    const failure = failures.get(contactId);
    if (!failure) return { status: 'created' };
    failures.delete(contactId);
    if (ALREADY_MEMBER.test(failure.code)) return { status: 'skipped' };
    const message = cleanText(failure.message ?? undefined) ?? 'CXone did not take it and gave no reason.';
    return { status: 'failed', issue: { path: [], code: failure.code, message } };
  });
  if (failures.size > 0) strange.push(`${failures.size} contacts failed that were not in the batch`);

  const count = (status: ItemOutcome['status']) => outcomes.filter((outcome) => outcome.status === status).length;
  const [created, already] = [count('created'), count('skipped')];
  // Who is a member already may be counted either way.
  if (successCount !== created && successCount !== created + already) {
    strange.push(`${successCount} of ${contactIds.length} succeeded, where ${created} are not named`);
    if (!(successCount >= created)) doubtTaken(outcomes, 'CXone added fewer contacts than it did not refuse');
  }
  const failed = count('failed');
  if (failureCount !== failed && failureCount !== failed + already && successCount === created) {
    strange.push(`${failureCount} are said to have failed, and ${failed + already} are named`);
  }
  return { outcomes, discrepancy: discrepancyOf(strange) };
}

/** Who is added the second time is a member already. */
function asMemberAlready(outcome: ItemOutcome): ItemOutcome {
  return outcome.status === 'created' ? { status: 'skipped' } : outcome;
}
