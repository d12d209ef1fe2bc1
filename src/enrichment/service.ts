/** Single enrichments in shared bulk calls, refreshing a list, and campaigns. */
import { LRUCache } from 'lru-cache';
import type { Audited } from '../bulk/audited.ts';
import type { BulkCall, BulkCaller, BulkLoader, SharedWrite } from '../bulk/bulk-loader.ts';
import type { ImportKind } from '../bulk/import-kind.ts';
import { takenAs } from '../bulk/item-outcome.ts';
import type { Clock } from '../clock.ts';
import type { ContactListClient } from '../contact-lists/client.ts';
import type { AttributeDefinition, ContactList } from '../contact-lists/model.ts';
import type { CallContext } from '../cxone/call-context.ts';
import type { CxoneClient } from '../cxone/client.ts';
import { NotFoundError, UpstreamError, ValidationError } from '../errors.ts';
import { createAttributeOperation } from './bulk.ts';
import { createCampaigns } from './campaigns.ts';
import { createEnrichmentClient } from './client.ts';
import type { ContactRate } from './contact-rate.ts';
import { createAttributeImportKind } from './import-kind.ts';
import { createListAttributes } from './list-attributes.ts';
import { createListRefreshes } from './list-refreshes.ts';
import { type AttributeValue, type Campaign, type ContactAttributes, castAttributes, dropEmpty } from './model.ts';

export interface Enriched {
  readonly contactId: string;
  /** What was sent, cast to the list's types. */
  readonly sent: Readonly<Record<string, AttributeValue>>;
  /** Null where nothing was left to send. */
  readonly bulkCall: BulkCall | null;
}

export interface Enrichment extends AsyncDisposable {
  /**
   * @throws ValidationError: keys or types that the list does not have; NotFoundError: no such list or campaign;
   *   ConflictError where the campaign allows no enrichment; what `BulkLoader.load` throws
   */
  enrich(
    request: { listId: string; campaignId: string | null; contactId: string; attributes: Record<string, unknown> },
    caller: BulkCaller,
  ): Promise<Enriched>;
  /** Makes the dialer read the list's attributes now. @throws NotFoundError */
  refreshList(listId: string, caller: BulkCaller): Promise<ContactList>;
  /** Null where CXone knows no such campaign. */
  campaign(campaignId: string, call: CallContext): Promise<Campaign | null>;
  /** What attributes the list's contacts may have. @throws NotFoundError */
  attributesOf(listId: string, call: CallContext): Promise<readonly AttributeDefinition[]>;
  readonly importKind: ImportKind<ContactAttributes>;
}

/** Campaigns whose batches are kept apart at one time. */
const MAX_CAMPAIGNS = 1000;

export function createEnrichment(deps: {
  cxone: CxoneClient;
  lists: ContactListClient;
  loader: BulkLoader;
  audited: Audited;
  /** Of contacts a second (cxone-api.md, section 5). */
  rate: ContactRate;
  globalId: (type: string, id: string) => string;
  clock: Clock;
  log: { warn(fields: object, message: string): void };
}): Enrichment {
  const { cxone, lists, loader, audited, rate, globalId, clock, log } = deps;
  const client = createEnrichmentClient(cxone);
  const attributes = createListAttributes({ lists, clock });
  const campaigns = createCampaigns({ client, globalId, clock });
  const refreshes = createListRefreshes({ client, audited, globalId, clock, log });
  const parts = { client, campaigns, rate, refreshes };
  const gid = (listId: string) => globalId('ContactList', listId);
  const noList = (listId: string) => new NotFoundError('There is no such contact list. Check its id.', gid(listId));

  /** Campaigns have bounds of their own, so their contacts gather apart. The empty id: no campaign. */
  const writes = new LRUCache<string, SharedWrite<ContactAttributes>>({
    max: MAX_CAMPAIGNS,
    memoMethod: (campaignId) => ({
      operation: createAttributeOperation(parts, campaignId || null),
      action: 'contact.enrich',
      subject: gid,
      idOf: ({ contactId }) => contactId,
    }),
  });

  async function definitionsOf(listId: string, call: CallContext, options?: { readSince: number }) {
    const definitions = await attributes.get(listId, call, options);
    if (definitions) return definitions;
    throw noList(listId);
  }

  /** What does not fit the definitions that are remembered may fit those that the list has now. */
  async function cast(listId: string, given: Record<string, unknown>, call: CallContext) {
    const readSince = clock.monotonic();
    const fitted = castAttributes(given, await definitionsOf(listId, call));
    if ('attributes' in fitted) return fitted.attributes;
    const refitted = castAttributes(given, await definitionsOf(listId, call, { readSince }));
    if ('attributes' in refitted) return refitted.attributes;
    throw new ValidationError(refitted.issues);
  }

  return {
    async enrich({ listId, campaignId, contactId, attributes: given }, caller) {
      const filled = dropEmpty(given);
      if (Object.keys(filled).length === 0) return { contactId, sent: {}, bulkCall: null };
      const sent = await cast(listId, filled, caller.call);
      const write = writes.memo(campaignId ?? '');
      const loaded = await loader
        .load(write, listId, { contactId, attributes: sent }, caller)
        .catch((error: unknown) => {
          throw error instanceof UpstreamError && error.status === 404 ? noList(listId) : error;
        });
      takenAs(loaded, 'contact');
      return { contactId, sent, bulkCall: loaded.bulkCall };
    },

    async refreshList(listId, caller) {
      return await audited(caller, { action: 'contactList.refresh', subject: gid(listId) }, async () => {
        const { found, upstreamRequestId, latencyMs } = await client.refresh(listId, caller.call);
        if (!found) throw noList(listId);
        refreshes.forget(listId);
        const result = (await lists.get(listId, caller.call)) ?? { id: listId, name: null, totalContactCount: null };
        return { result, upstreamRequestId, latencyMs };
      });
    },

    campaign: (campaignId, call) => campaigns.get(campaignId, call),

    attributesOf: (listId, call) => definitionsOf(listId, call),
    importKind: createAttributeImportKind({ ...parts, attributes, clock }),
    [Symbol.asyncDispose]: () => refreshes[Symbol.asyncDispose](),
  };
}
