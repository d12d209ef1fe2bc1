/**
 * The bulk operation of outbound contacts (cxone-api.md, section 4): at most 1000 a call, never repeatable by itself.
 * What became of a call without an answer is told by the list's own count, so a list takes one call at a time.
 */
import { z } from 'zod';
import type { BulkOperation, BulkResult, ItemOutcome, Settlement } from '../bulk/bulk-operation.ts';
import { sendIsolatingRefusals } from '../bulk/isolate-refusals.ts';
import type { Clock } from '../clock.ts';
import type { ContactListClient, WireOutboundAnswer } from './client.ts';
import type { OutboundContact } from './model.ts';

/** Section 4: contacts a call. */
export const MAX_OUTBOUND_BATCH = 1000;

/**
 * How long a count that has been read serves as the state before the next call. Others write to the list too: the
 * older the count, the likelier that a call which has to be settled by it cannot be.
 */
const COUNT_SERVES_MS = 1000;

const checkpointShape = z.object({ count: z.number().nullable() });

export function createOutboundOperation(deps: {
  client: ContactListClient;
  clock: Clock;
  /** How long a count may need to show a call that was cut off: it is looked at twice before that counts as not applied. */
  secondLookMs: number;
}): BulkOperation<OutboundContact> {
  const { client, clock, secondLookMs } = deps;
  const counts = new Map<string, { count: number; readAt: number }>();

  return {
    name: 'outboundContacts',
    concurrency: 1,
    maxBatchSize: () => Promise.resolve(MAX_OUTBOUND_BATCH),

    async checkpoint(target, call) {
      const known = counts.get(target);
      if (known && clock.monotonic() - known.readAt < COUNT_SERVES_MS) return { count: known.count };
      counts.clear();
      const count = (await client.get(target, call))?.totalContactCount ?? null;
      if (count !== null) counts.set(target, { count, readAt: clock.monotonic() });
      return { count };
    },

    async send(target, items, _attempt, call) {
      const known = counts.get(target);
      counts.delete(target);
      const result = await sendIsolatingRefusals(items, async (part) => {
        const answer = await client.addOutbound(target, JSON.stringify(part), call);
        return readAnswer(answer.body, part.length, answer.upstreamRequestId, answer.latencyMs);
      });
      const created = result.outcomes.filter((outcome) => outcome.status === 'created').length;
      const certain = result.outcomes.every((outcome) => outcome.status !== 'unknown') && !result.discrepancy;
      if (known && certain) counts.set(target, { ...known, count: known.count + created });
      return result;
    },

    async settle(target, items, attempt, call): Promise<Settlement> {
      counts.delete(target);
      const before = checkpointShape.safeParse(attempt.checkpoint).data?.count ?? null;
      if (before === null)
        return unknown('CXone gave no count of the list before the call, so nothing tells whether it went through');
      for (const look of ['first', 'second'] as const) {
        const count = (await client.get(target, call))?.totalContactCount ?? null;
        if (count === null) return unknown('CXone gives no count of the list');
        const added = count - before;
        if (added === items.length) return { verdict: 'settled', result: allCreated(items.length) };
        if (added !== 0)
          return unknown(
            `the list grew by ${added} while ${items.length} contacts were under way: others wrote to it, or some were refused`,
          );
        if (look === 'first') await clock.sleep(secondLookMs, call.signal);
      }
      return { verdict: 'notApplied' };
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
    const issue = { path: [], code: code ?? 'REFUSED', message: message ?? 'CXone refused it and gave no reason' };
    outcomes[index] = { status: 'failed', issue };
  }
  const named = size - refused;
  const accepted = answer.accepted ?? named;
  if (accepted !== named) {
    strange.push(`it accepted ${accepted} of ${size}, but refused ${refused}`);
    // Fewer than the unnamed: some of these did not get in, and nothing says which.
    if (!(accepted >= named)) {
      const issue = {
        path: [],
        code: 'COUNT_MISMATCH',
        message: 'CXone accepted fewer contacts than it did not refuse',
      };
      outcomes.forEach((outcome, index) => {
        if (outcome.status === 'created') outcomes[index] = { status: 'unknown', issue };
      });
    }
  }
  const discrepancy = strange.length > 0 ? `CXone's counts do not add up: ${strange.join('; ')}` : undefined;
  return { outcomes, upstreamRequestId, latencyMs, discrepancy };
}
