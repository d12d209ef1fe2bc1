/**
 * The bulk operation of attributes (cxone-api.md, section 5): as many contacts a call as the campaign allows, at most
 * 500 a second, each contact once a call, and the list refreshed once after a burst.
 */
import type { BulkOperation, BulkResult, ItemOutcome } from '../bulk/bulk-operation.ts';
import { discrepancyOf, doubtTaken } from '../bulk/count-mismatch.ts';
import { sendIsolatingRefusals } from '../bulk/isolate-refusals.ts';
import { sendInParts } from '../bulk/send-in-parts.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { cleanText } from '../cxone/error-body.ts';
import type { Campaigns } from './campaigns.ts';
import type { EnrichmentClient, WireEnriched } from './client.ts';
import type { ContactRate } from './contact-rate.ts';
import type { ListRefreshes } from './list-refreshes.ts';
import { type ContactAttributes, UNBOUNDED_BATCH } from './model.ts';

/** Calls for one list under way at once: contacts a second are the limit, not calls. */
const CONCURRENCY = 2;

export interface AttributeParts {
  readonly client: EnrichmentClient;
  readonly campaigns: Campaigns;
  readonly rate: ContactRate;
  readonly refreshes: ListRefreshes;
}

/** @param campaignId whose bound holds; without it, a cautious one */
export function createAttributeOperation(
  { client, campaigns, rate, refreshes }: AttributeParts,
  campaignId: string | null,
): BulkOperation<ContactAttributes> {
  const maxBatchSize = async (call: CallContext) =>
    campaignId === null ? UNBOUNDED_BATCH : await campaigns.maxBatchSize(campaignId, call);

  async function sendPart(
    target: string,
    contacts: readonly ContactAttributes[],
    call: CallContext,
  ): Promise<BulkResult> {
    const done = await rate.take(contacts.length, call);
    try {
      const { body, upstreamRequestId, latencyMs } = await client.enrich(target, contacts, call);
      return { ...readAnswer(body, contacts), upstreamRequestId, latencyMs };
    } finally {
      done();
    }
  }

  async function send(target: string, items: readonly ContactAttributes[], call: CallContext): Promise<BulkResult> {
    // A batch may be older than the campaign's present bound.
    const maxItems = await maxBatchSize(call);
    return await sendInParts(items, { keyOf: ({ contactId }) => contactId, maxItems }, (part) =>
      sendIsolatingRefusals(part, (contacts) => sendPart(target, contacts, call)),
    );
  }

  async function sendFilled(
    target: string,
    items: readonly ContactAttributes[],
    call: CallContext,
  ): Promise<BulkResult> {
    const places = items.flatMap(({ attributes }, index) => (Object.keys(attributes).length > 0 ? [index] : []));
    const outcomes = items.map((): ItemOutcome => LEFT);
    if (places.length === 0) return { outcomes, upstreamRequestId: undefined, latencyMs: 0 };
    const filled = places.map((index) => items[index] as ContactAttributes);
    const result = await (call.lane.kind === 'import'
      ? send(target, filled, call) // It refreshes the list when it is complete.
      : refreshes.during(target, () => send(target, filled, call), hasWritten));
    result.outcomes.forEach((outcome, position) => {
      outcomes[places[position] as number] = outcome;
    });
    return { ...result, outcomes };
  }

  return {
    name: 'attributes',
    concurrency: CONCURRENCY,
    maxBatchSize: (_target, call) => maxBatchSize(call),
    send: (target, items, _attempt, call) => sendFilled(target, items, call),
    // The same values twice are the same values.
    settle: async (target, items, _attempt, call) => ({
      verdict: 'settled',
      result: await sendFilled(target, items, call),
    }),
  };
}

/** Nothing to be sent: the contact is left as it is. */
const LEFT: ItemOutcome = { status: 'skipped' };

function hasWritten({ outcomes }: BulkResult): boolean {
  return outcomes.some(({ status }) => status !== 'failed');
}

/** An answer names the refused; who is not named got in, as far as the count bears that out. */
function readAnswer(
  { processedCount, failed }: WireEnriched,
  contacts: readonly ContactAttributes[],
): Pick<BulkResult, 'outcomes' | 'discrepancy'> {
  const refusals = new Map((failed ?? []).map((refusal) => [refusal.contactId, refusal]));
  const strange: string[] = [];
  const outcomes = contacts.map(({ contactId }): ItemOutcome => {
    const refusal = refusals.get(contactId);
    if (!refusal) return { status: 'updated' };
    refusals.delete(contactId);
    const message = cleanText(refusal.message ?? undefined) ?? 'CXone refused it and gave no reason.';
    return { status: 'failed', issue: { path: [], code: refusal.code ?? 'REFUSED', message } };
  });
  if (refusals.size > 0) strange.push(`it refused ${refusals.size} contacts that were not in the batch`);

  const taken = outcomes.filter(({ status }) => status === 'updated').length;
  // Those it refused may be counted as processed, too.
  if (processedCount !== taken && processedCount !== contacts.length) {
    strange.push(`it processed ${processedCount} of ${contacts.length}, where ${taken} were not refused`);
    if (!(processedCount >= taken)) doubtTaken(outcomes, 'CXone processed fewer contacts than it did not refuse');
  }
  return { outcomes, discrepancy: discrepancyOf(strange) };
}
