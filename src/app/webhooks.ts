/** Webhooks: where CXone delivers, and who follows what it says. */

import { readAllowedHosts } from '../callbacks/allowed-hosts.ts';
import { resolveBySystem } from '../callbacks/guarded-lookup.ts';
import { createThrottledAudit } from '../store/throttled-audit.ts';
import { createDeliveryStore } from '../webhooks/delivery-store.ts';
import { createWebhookReceiver } from '../webhooks/receiver.ts';
import { createWebhooks } from '../webhooks/service.ts';
import type { Ground } from './ground.ts';
import type { Slices } from './slices.ts';
import type { Storage } from './storage.ts';
import type { Upstream } from './upstream.ts';

export function createWebhookParts(
  { config, clock, log, metrics, parts }: Ground,
  { database, leases, audit, eventLog, liveEvents }: Storage,
  upstream: Upstream,
  { contacts, lists, publicUrl }: Pick<Slices, 'contacts' | 'lists'> & { publicUrl: () => string },
) {
  const webhooks = createWebhooks({
    cxone: upstream.cxone,
    database,
    leases,
    audit,
    publicUrl,
    allowedHosts: readAllowedHosts(config.callbackAllowedHosts),
    resolve: resolveBySystem,
    liveEvents,
    contactLists: lists,
    clock,
    log,
  });
  const deliveries = createDeliveryStore({ database, eventLog });
  const throttled = () => createThrottledAudit({ audit, clock, log });
  const receiver = parts.use(
    createWebhookReceiver({
      secrets: config.webhookSecrets.length > 0 ? config.webhookSecrets : upstream.webhookSecrets,
      store: deliveries,
      audits: { signed: throttled(), unsigned: throttled() },
      onContactChanged: contacts.forget,
      count: metrics.webhookDelivery,
      clock,
    }),
  );
  return { webhooks, receiver, deliveries };
}
