/** What GraphQL needs of CXone's webhooks. Taking the deliveries themselves is the receiver's (receiver.ts). */
import { createEnrichmentFeed, type EnrichmentFeed } from './enrichment-feed.ts';
import { createRecentLists, type RecentLists } from './recent-lists.ts';
import { createWebhookRegistrations, type WebhookRegistrations } from './registration.ts';

export interface Webhooks extends WebhookRegistrations, EnrichmentFeed, RecentLists {}

export function createWebhooks(
  deps: Parameters<typeof createWebhookRegistrations>[0] &
    Parameters<typeof createEnrichmentFeed>[0] & { contactLists: Parameters<typeof createRecentLists>[0]['client'] },
): Webhooks {
  return {
    ...createWebhookRegistrations(deps),
    ...createEnrichmentFeed(deps),
    ...createRecentLists({ client: deps.contactLists, clock: deps.clock }),
  };
}
