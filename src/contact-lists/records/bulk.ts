/**
 * The bulk operation of consent records (cxone-api.md, section 3): at most 100 a call, all or none. Duplicates are told
 * as warnings, or by a 409 for the whole batch: the others get in all the same, and each duplicate is treated as its
 * own sender wants.
 */
import type { BulkOperation, BulkResult, ItemOutcome } from '../../bulk/bulk-operation.ts';
import { sendIsolatingRefusals } from '../../bulk/isolate-refusals.ts';
import { isOutcome, outcomeOf, sendInParts } from '../../bulk/send-in-parts.ts';
import type { Clock } from '../../clock.ts';
import type { CallContext } from '../../cxone/call-context.ts';
import { readErrorBody } from '../../cxone/error-body.ts';
import { OutcomeUnknownError, UpstreamError } from '../../errors.ts';
import { type RecordClient, readConflict } from './client.ts';
import type { RecordItem } from './model.ts';
import { readNotices, soundsLikeDuplicate } from './notices.ts';
import { readRecordsAnswer, refusalOf } from './read-answer.ts';

/** Section 3: records a call. */
export const MAX_RECORD_BATCH = 100;
/** Batches for one list under way at once: the limit is on requests, so that more of them gain nothing. */
const CONCURRENCY = 4;
/** Updates of duplicates under way at once. */
const PARALLEL_UPDATES = 8;
/** How often a part of a batch is sent until CXone answers. The first pause between two is doubled with each. */
const MAX_POSTS = 6;
/** Calls that a batch whose 409s name nobody may cost beyond the first. */
const MAX_EXTRA_CALLS = 64;

/** The code of a record that was there already, for senders who take that for a failure. */
export const DUPLICATE = 'DUPLICATE';

/** @param deps.firstPauseMs before a part of a batch that got no answer is sent again */
export function createRecordOperation(deps: {
  client: RecordClient;
  clock: Clock;
  firstPauseMs: number;
}): BulkOperation<RecordItem> {
  return {
    name: 'records',
    concurrency: CONCURRENCY,
    maxBatchSize: () => Promise.resolve(MAX_RECORD_BATCH),
    send: (target, items, _attempt, call) => sendBatch({ ...deps, target, call }, items, false),
    // A batch is taken as a whole or not at all, so sending it again tells: if all of it is there, it was taken.
    settle: async (target, items, _attempt, call) => ({
      verdict: 'settled',
      result: await sendBatch({ ...deps, target, call }, items, true),
    }),
  };
}

interface Destination {
  readonly client: RecordClient;
  readonly clock: Clock;
  readonly firstPauseMs: number;
  readonly target: string;
  readonly call: CallContext;
}

/** @param attempted whether exactly these items were sent before, without an answer */
function sendBatch(to: Destination, items: readonly RecordItem[], attempted: boolean): Promise<BulkResult> {
  return sendInParts(items, { keyOf: contactIdOf }, async (wave) => {
    const poster = createPoster(to);
    const posted = await sendIsolatingRefusals(wave, (part) =>
      part.length === items.length ? poster.post(part, attempted) : poster.postSurely(part, attempted),
    );
    return await treatDuplicates(to, wave, posted, poster.ours);
  });
}

function contactIdOf({ record }: RecordItem): string {
  return record.contactId;
}

/** Posts records until each of them is in, refused or a duplicate. Outcome `skipped`: a duplicate. */
function createPoster({ client, clock, firstPauseMs, target, call }: Destination) {
  /** Duplicates of what an earlier call of ours put there. */
  const ours = new Set<RecordItem>();
  let extraCalls = 0;

  const claim = (items: readonly RecordItem[]) => {
    for (const item of items) ours.add(item);
  };

  async function post(items: readonly RecordItem[], attempted: boolean): Promise<BulkResult> {
    const contactIds = items.map(contactIdOf);
    const records = items.map(({ record }) => record);
    const answer = await client.add(target, records, call);
    const { upstreamRequestId, latencyMs } = answer;
    if (answer.status === 409) return await leaveOutDuplicates(items, attempted, answer);
    const { outcomes, discrepancy } = readRecordsAnswer(answer.body, contactIds);
    if (attempted && outcomes.every(({ status }) => status !== 'created')) claim(items);
    return { outcomes, discrepancy, upstreamRequestId, latencyMs };
  }

  /** A 409 took nothing: without those it names, the others are sent again; where it names none, in halves. */
  async function leaveOutDuplicates(
    items: readonly RecordItem[],
    attempted: boolean,
    refusal: { body: unknown; upstreamRequestId: string | undefined; latencyMs: number },
  ): Promise<BulkResult> {
    const outcomes = new Array<ItemOutcome>(items.length);
    const { warnings, errors } = readConflict(refusal.body);
    const contactIds = items.map(contactIdOf);
    for (const { index } of readNotices(warnings, contactIds)) {
      if (index !== undefined) outcomes[index] = { status: 'skipped' };
    }
    for (const notice of readNotices(errors, contactIds)) {
      if (notice.index === undefined || outcomes[notice.index]) continue;
      outcomes[notice.index] = notice.isDuplicate ? { status: 'skipped' } : refusalOf(notice);
    }
    const named = items.filter((_item, index) => outcomes[index]);
    const rest = items.map((_item, index) => index).filter((index) => !outcomes[index]);
    let { upstreamRequestId, latencyMs } = refusal;
    let discrepancy: string | undefined;
    const sendRest = async (indexes: readonly number[], again: boolean) => {
      extraCalls++;
      const answered = await postSurely(
        indexes.map((index) => items[index] as RecordItem),
        again,
      );
      answered.outcomes.forEach((outcome, position) => {
        outcomes[indexes[position] as number] = outcome;
      });
      upstreamRequestId = answered.upstreamRequestId;
      latencyMs += answered.latencyMs;
      discrepancy = answered.discrepancy ?? discrepancy;
    };

    if (named.length === items.length) {
      if (attempted) claim(named);
    } else if (named.length > 0) await sendRest(rest, false);
    else if (items.length === 1) {
      const { code, message } = readErrorBody(refusal.body, 409);
      const said = `${code ?? ''} ${message ?? ''}`.trim();
      // Of duplicates alone section 3 says 409: it need not say so again, but it may speak of something else.
      if (/^(?:\W|409|conflict)*$/i.test(said) || soundsLikeDuplicate(said)) {
        outcomes[0] = { status: 'skipped' };
        if (attempted) claim(items);
      } else
        outcomes[0] = { status: 'failed', issue: { path: [], code: code ?? 'CONFLICT', message: message ?? said } };
    } else if (extraCalls >= MAX_EXTRA_CALLS) {
      const message = 'CXone refused the batch for duplicates and did not say which. Send these rows again.';
      outcomes.fill({ status: 'failed', issue: { path: [], code: 'DUPLICATES_UNNAMED', message } });
    } else {
      const middle = Math.ceil(items.length / 2);
      await sendRest(rest.slice(0, middle), attempted);
      await sendRest(rest.slice(middle), attempted).catch((error: unknown) => {
        // The first half has been taken: from here on the items' fates are their own.
        if (!isOutcome(error)) throw error;
        outcomes.fill(outcomeOf(error), middle);
      });
    }
    return { outcomes, discrepancy, upstreamRequestId, latencyMs };
  }

  /** A part of a batch is not what `settle` will be asked about, so a lost answer is looked into here. */
  async function postSurely(items: readonly RecordItem[], attempted: boolean): Promise<BulkResult> {
    let lost: OutcomeUnknownError | undefined;
    for (let posts = 1; ; posts++) {
      try {
        return await post(items, attempted || lost !== undefined);
      } catch (error) {
        if (error instanceof OutcomeUnknownError) lost ??= error;
        // What is refused for its content now was not taken before either.
        else if (!lost || !isOutcome(error) || (error instanceof UpstreamError && error.status === 400)) throw error;
        if (posts === MAX_POSTS || !(await pause(posts))) throw lost;
      }
    }
  }

  /** False where the deadline comes first. */
  async function pause(posts: number): Promise<boolean> {
    const pauseMs = firstPauseMs * 2 ** (posts - 1);
    if (clock.monotonic() + pauseMs >= (call.deadlineAt ?? Number.POSITIVE_INFINITY)) return false;
    await clock.sleep(pauseMs, call.signal);
    return true;
  }

  return { post, postSurely, ours };
}

/** SKIP leaves duplicates as they are, UPDATE replaces them, FAIL reports them. What an earlier call of ours put there was created. */
async function treatDuplicates(
  to: Destination,
  items: readonly RecordItem[],
  posted: BulkResult,
  ours: ReadonlySet<RecordItem>,
): Promise<BulkResult> {
  const outcomes = [...posted.outcomes];
  const toUpdate: number[] = [];
  items.forEach((item, index) => {
    if (outcomes[index]?.status !== 'skipped') return;
    if (item.onDuplicate === 'UPDATE') toUpdate.push(index);
    else if (ours.has(item)) outcomes[index] = { status: 'created' };
    else if (item.onDuplicate === 'FAIL') outcomes[index] = { status: 'failed', issue: DUPLICATE_ISSUE };
  });
  const update = async () => {
    for (let index = toUpdate.shift(); index !== undefined; index = toUpdate.shift()) {
      outcomes[index] = await updateOne(to, items[index] as RecordItem);
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_UPDATES, toUpdate.length) }, update));
  return { ...posted, outcomes };
}

const DUPLICATE_ISSUE = {
  path: [],
  code: DUPLICATE,
  message: 'A record with this contact and phone is there already.',
};

/** Never throws what CXone says: the batch it belongs to has been taken. */
async function updateOne({ client, target, call }: Destination, { record }: RecordItem): Promise<ItemOutcome> {
  try {
    const { found } = await client.replace(target, record, call);
    if (found) return { status: 'updated' };
    const message = 'CXone called it a duplicate, but has no such record to update. Look before sending it again.';
    return { status: 'failed', issue: { path: [], code: 'NOT_FOUND', message } };
  } catch (error) {
    if (isOutcome(error)) return outcomeOf(error);
    throw error;
  }
}
