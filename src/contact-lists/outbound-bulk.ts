/**
 * The bulk operation of outbound contacts (cxone-api.md, section 4): at most 1000 a call, never repeatable by itself.
 * What became of a call without an answer is told by the list's own count, so a list takes one call at a time.
 */
import { randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { BulkOperation, BulkResult, ItemOutcome, Settlement } from '../bulk/bulk-operation.ts';
import { discrepancyOf, doubtTaken } from '../bulk/count-mismatch.ts';
import { sendIsolatingRefusals } from '../bulk/isolate-refusals.ts';
import type { Clock } from '../clock.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { cleanText } from '../cxone/error-body.ts';
import { OutcomeUnknownError, UpstreamError } from '../errors.ts';
import type { ContactListClient, WireOutboundAnswer } from './client.ts';
import type { OutboundContact } from './model.ts';

/** Section 4: contacts a call. */
export const MAX_OUTBOUND_BATCH = 1000;

/**
 * How long a count that has been read serves as the state before the next call. Others write to the list too: the
 * older the count, the likelier that a call which has to be settled by it cannot be.
 */
const COUNT_SERVES_MS = 1000;

/** Sends of a part of a batch, each but the first after the list's count told that the one before took no effect. */
const MAX_SENDS = 3;

/** Lists whose counts are remembered; one that is forgotten is read again. */
const MAX_LISTS = 1000;

/** `run` tells whether `added` counts on in the same process. */
const checkpointShape = z.object({ count: z.number().nullable(), added: z.number(), run: z.string() });

interface ListCount {
  /** As last read, and counted on from there. */
  count: number | null;
  readAt: number;
  /** Contacts this process has added to the list so far, whoever asked for it. */
  added: number;
}

/**
 * One instance serves all that this process writes: what single mutations add while a batch of an import is under way
 * must not be taken for the batch.
 */
export function createOutboundOperation(deps: {
  client: ContactListClient;
  clock: Clock;
  /** How long a count may need to show a call that was cut off: it is looked at twice before that counts as not applied. */
  secondLookMs: number;
}): BulkOperation<OutboundContact> {
  const { client, clock, secondLookMs } = deps;
  const run = randomUUID();
  const lists = new LRUCache<string, ListCount>({ max: MAX_LISTS });
  const stateOf = (target: string): ListCount => {
    const known = lists.get(target) ?? { count: null, readAt: Number.NEGATIVE_INFINITY, added: 0 };
    lists.set(target, known);
    return known;
  };

  async function post(
    state: ListCount,
    target: string,
    contacts: readonly OutboundContact[],
    call: CallContext,
  ): Promise<BulkResult> {
    try {
      const answer = await client.addOutbound(target, JSON.stringify(contacts), call);
      const result = readAnswer(answer.body, contacts.length, answer.upstreamRequestId, answer.latencyMs);
      const created = result.outcomes.filter((outcome) => outcome.status === 'created').length;
      const certain = result.outcomes.every((outcome) => outcome.status !== 'unknown') && !result.discrepancy;
      state.added += created;
      if (state.count !== null) state.count = certain ? state.count + created : null;
      return result;
    } catch (error) {
      if (!(error instanceof UpstreamError && error.fault === 'refused')) state.count = null;
      throw error;
    }
  }

  /** Remembers it, unless something was added meanwhile: then nobody knows whether that is in it. */
  async function readCount(state: ListCount, target: string, call: CallContext): Promise<number | null> {
    const addedBefore = state.added;
    const count = (await client.get(target, call))?.totalContactCount ?? null;
    Object.assign(state, { count: state.added === addedBefore ? count : null, readAt: clock.monotonic() });
    return count;
  }

  /** @param before as it was when `size` contacts were sent, whose answer never came */
  async function settleByCount(
    state: ListCount,
    target: string,
    size: number,
    before: z.infer<typeof checkpointShape> | undefined,
    call: CallContext,
  ): Promise<Settlement> {
    state.count = null;
    if (!before || before.count === null)
      return unknown(
        'How many contacts the list had before is not known, so nothing tells whether the call went through.',
      );
    for (const look of ['first', 'second'] as const) {
      const count = await readCount(state, target, call);
      if (count === null)
        return unknown('CXone gives no count of the list, so nothing tells whether the call went through.');
      const byOthers = before.run === run ? state.added - before.added : 0;
      const grown = count - before.count - byOthers;
      if (grown === size) {
        state.added += size;
        return { verdict: 'settled', result: allCreated(size) };
      }
      if (grown !== 0)
        return unknown(
          `The list grew by ${grown} while ${size} contacts were under way: others wrote to it, or some were refused.`,
        );
      if (look === 'first') await clock.sleep(secondLookMs, call.signal);
    }
    return { verdict: 'notApplied' };
  }

  return {
    name: 'outboundContacts',
    concurrency: 1,
    maxBatchSize: () => Promise.resolve(MAX_OUTBOUND_BATCH),

    async checkpoint(target, call) {
      const state = stateOf(target);
      if (state.count === null || clock.monotonic() - state.readAt >= COUNT_SERVES_MS)
        await readCount(state, target, call);
      return { count: state.count, added: state.added, run };
    },

    async send(target, items, _attempt, call) {
      const state = stateOf(target);
      return await sendIsolatingRefusals(items, async (part) => {
        // The batch as a whole is settled by whoever sent it, with what was noted before.
        if (part.length === items.length) return await post(state, target, part, call);
        for (let sends = 1; ; sends++) {
          const before = { count: state.count, added: state.added, run };
          try {
            return await post(state, target, part, call);
          } catch (lost) {
            if (!(lost instanceof OutcomeUnknownError)) throw lost;
            const settlement = await settleByCount(state, target, part.length, before, call).catch(() => undefined);
            call.signal?.throwIfAborted();
            if (settlement?.verdict === 'settled') return settlement.result;
            if (settlement?.verdict !== 'notApplied' || sends === MAX_SENDS) throw lost;
          }
        }
      });
    },

    async settle(target, items, attempt, call): Promise<Settlement> {
      const before = checkpointShape.safeParse(attempt.checkpoint).data;
      return await settleByCount(stateOf(target), target, items.length, before, call);
    },
  };
}

function unknown(reason: string): Settlement {
  return { verdict: 'unknown', reason };
}

function allCreated(size: number): BulkResult {
  return {
    outcomes: Array.from({ length: size }, () => ({ status: 'created' })),
    upstreamRequestId: undefined,
    latencyMs: 0,
  };
}

/** An answer names the refused; who is not named got in, as far as the counts bear that out. */
function readAnswer(
  answer: WireOutboundAnswer,
  size: number,
  upstreamRequestId: string | undefined,
  latencyMs: number,
): BulkResult {
  const outcomes = Array.from({ length: size }, (): ItemOutcome => ({ status: 'created' }));
  const strange: string[] = [];
  let refused = 0;
  for (const { index, code, message } of answer.rejected ?? []) {
    if (!Number.isInteger(index) || index < 0 || index >= size || outcomes[index]?.status !== 'created') {
      strange.push(`it refused a contact at index ${index}, which is none of the ${size} or was refused already`);
      continue;
    }
    refused += 1;
    const said = cleanText(message ?? undefined) ?? 'CXone refused it and gave no reason.';
    outcomes[index] = { status: 'failed', issue: { path: [], code: code ?? 'REFUSED', message: said } };
  }
  const named = size - refused;
  const accepted = answer.accepted ?? named;
  if (accepted !== named) {
    strange.push(`it accepted ${accepted} of ${size}, but refused ${refused}`);
    // Fewer than the unnamed: some of these did not get in, and nothing says which.
    if (!(accepted >= named)) doubtTaken(outcomes, 'CXone accepted fewer contacts than it did not refuse');
  }
  return { outcomes, upstreamRequestId, latencyMs, discrepancy: discrepancyOf(strange) };
}
