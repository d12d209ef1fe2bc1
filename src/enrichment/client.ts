/** The endpoints of enrichment (cxone-api.md, section 5); the schema of a list is read by the contact lists' client. */
import { z } from 'zod';
import type { CallContext } from '../cxone/call-context.ts';
import type { CxoneAnswer, CxoneClient } from '../cxone/client.ts';
import { wireCode } from '../cxone/error-body.ts';
import { UpstreamError } from '../errors.ts';
import { type Campaign, type ContactAttributes, toCampaign, wireCampaign } from './model.ts';

/** An answer without `processedCount` is an error (section 5). */
const wireEnriched = z.object({
  processedCount: z.number(),
  failed: z
    .array(z.object({ contactId: z.string(), code: wireCode.nullish(), message: z.string().nullish() }))
    .nullish(),
});
export type WireEnriched = z.infer<typeof wireEnriched>;

export interface EnrichmentClient {
  /** Null where CXone knows no such campaign. */
  campaign(campaignId: string, call: CallContext): Promise<Campaign | null>;
  /** Repeatable: the same values twice are the same values. */
  enrich(listId: string, contacts: readonly ContactAttributes[], call: CallContext): Promise<CxoneAnswer<WireEnriched>>;
  /** Makes the dialer read the list's attributes now. `found` is false where there is no such list. */
  refresh(
    listId: string,
    call: CallContext,
  ): Promise<{ found: boolean; upstreamRequestId: string | undefined; latencyMs: number }>;
}

export function createEnrichmentClient(cxone: CxoneClient): EnrichmentClient {
  const listPath = (listId: string) => ['api', 'v2', 'contacts', 'lists', listId];

  return {
    async campaign(campaignId, call) {
      const answer = await cxone.send(
        {
          group: 'enrichment',
          method: 'GET',
          path: ['api', 'v2', 'outbound', 'campaigns', campaignId],
          answer: wireCampaign,
          accept: [404],
        },
        call,
      );
      if (answer.status === 404) return null;
      const campaign = toCampaign(answer.body);
      if (campaign.id === campaignId) return campaign;
      throw new UpstreamError('CXone answered with another campaign than the one asked for.', {
        fault: 'badResponse',
        upstreamRequestId: answer.upstreamRequestId,
      });
    },

    enrich: (listId, contacts, call) =>
      cxone.send(
        {
          group: 'enrichment',
          method: 'POST',
          path: [...listPath(listId), 'contacts'],
          body: { contactListId: listId, contacts },
          answer: wireEnriched,
          repeatable: 'always',
        },
        call,
      ),

    async refresh(listId, call) {
      const { status, upstreamRequestId, latencyMs } = await cxone.send(
        {
          group: 'enrichment',
          method: 'POST',
          path: [...listPath(listId), 'actions', 'refresh'],
          answer: z.unknown(),
          repeatable: 'always',
          accept: [404],
        },
        call,
      );
      return { found: status !== 404, upstreamRequestId, latencyMs };
    },
  };
}
