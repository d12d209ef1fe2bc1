/** How many contacts a campaign allows in a call; read from CXone now and then, since campaigns change. */
import { LRUCache } from 'lru-cache';
import { agesBy, type Clock } from '../clock.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { ConflictError, NotFoundError } from '../errors.ts';
import type { EnrichmentClient } from './client.ts';
import { type Campaign, MAX_CONTACTS_PER_SECOND, maxEnrichmentBatch } from './model.ts';

const TTL_MS = 60_000;
const MAX_CAMPAIGNS = 1000;

export interface Campaigns {
  /** As it is now; null where there is none. */
  get(campaignId: string, call: CallContext): Promise<Campaign | null>;
  /**
   * Contacts a call may hold, 1 to 500; not older than a minute.
   *
   * @throws NotFoundError; ConflictError NOT_IN_THIS_STATE where its timeout leaves room for nobody
   */
  maxBatchSize(campaignId: string, call: CallContext): Promise<number>;
}

export function createCampaigns(deps: {
  client: EnrichmentClient;
  globalId: (type: string, id: string) => string;
  clock: Clock;
}): Campaigns {
  const { client, globalId, clock } = deps;
  const known = new LRUCache<string, { campaign: Campaign | null }, CallContext>({
    max: MAX_CAMPAIGNS,
    ttl: TTL_MS,
    ...agesBy(clock),
    // A newer answer that comes meanwhile ends nobody's waiting for this one.
    ignoreFetchAbort: true,
    async fetchMethod(campaignId, _outdated, { context }) {
      // Others may be waiting for this answer by the time its first caller goes away.
      return { campaign: await client.campaign(campaignId, { ...context, signal: undefined }) };
    },
  });

  return {
    async get(campaignId, call) {
      const campaign = await client.campaign(campaignId, call);
      known.set(campaignId, { campaign });
      return campaign;
    },
    async maxBatchSize(campaignId, call) {
      const campaign = (await known.fetch(campaignId, { context: call }))?.campaign;
      if (!campaign) {
        known.delete(campaignId);
        throw new NotFoundError('There is no such campaign. Check its id.', globalId('Campaign', campaignId));
      }
      const most = maxEnrichmentBatch(campaign);
      if (most >= 1) return Math.min(most, MAX_CONTACTS_PER_SECOND);
      throw new ConflictError(
        'NOT_IN_THIS_STATE',
        'The campaign’s enrichment timeout leaves no time for any contact. Raise it in CXone, or name no campaign.',
      );
    },
  };
}
