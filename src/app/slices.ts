/** The slices that speak to CXone about single things, and the bulk operations that they share with imports. */
import { createAddressBooks } from '../address-books/service.ts';
import { createAudited } from '../bulk/audited.ts';
import { createBulkAudit } from '../bulk/bulk-audit.ts';
import { createBulkLoader } from '../bulk/bulk-loader.ts';
import type { ImportKind, ImportKindName } from '../bulk/import-kind.ts';
import { createContactListClient } from '../contact-lists/client.ts';
import { createOutboundOperation } from '../contact-lists/outbound-bulk.ts';
import { createOutboundContacts } from '../contact-lists/outbound-contacts.ts';
import { createOutboundImportKind } from '../contact-lists/outbound-import.ts';
import { createContactListRecords } from '../contact-lists/records/service.ts';
import { createContactLists } from '../contact-lists/service.ts';
import { createContactImportKind } from '../contacts/contact-import.ts';
import { createContacts } from '../contacts/service.ts';
import type { CxoneClient } from '../cxone/client.ts';
import type { ContactRate } from '../enrichment/contact-rate.ts';
import { createEnrichment } from '../enrichment/service.ts';
import { encodeGlobalId } from '../graphql/global-ids.ts';
import { createSegments } from '../segments/service.ts';
import type { Ground } from './ground.ts';
import type { Storage } from './storage.ts';

export type Slices = Awaited<ReturnType<typeof createSlices>>;

export async function createSlices(
  { config, clock, random, log, parts }: Ground,
  { database, owner, leases, audit, eventLog, idempotencyKeys }: Storage,
  { cxone, contactRate }: { cxone: CxoneClient; contactRate: ContactRate },
) {
  const addressBooks = createAddressBooks({ cxone, database, leases, audit, globalId: encodeGlobalId, clock, log });
  const contacts = parts.use(
    await createContacts({
      cxone,
      addressBooks,
      database,
      leases,
      events: eventLog,
      audit,
      globalId: encodeGlobalId,
      origin: owner,
      baselineCache: config.baselineCache,
      clock,
      random,
      log,
    }),
  );
  const lists = createContactListClient(cxone);
  const contactLists = createContactLists({ client: lists });

  const loader = createBulkLoader({
    clock,
    beforeCall: () => database.ping(),
    onCall: createBulkAudit({ audit, log }),
  });
  const audited = createAudited({ database, audit, clock, log });
  const bulkWriting = { cxone, lists, loader, audited, globalId: encodeGlobalId, clock, log };
  const contactListRecords = createContactListRecords({ ...bulkWriting, retryBaseMs: config.retryBaseMs.other });
  const enrichment = parts.use(createEnrichment({ ...bulkWriting, rate: contactRate }));
  const segments = parts.use(
    createSegments({
      ...bulkWriting,
      idempotencyKeys,
      pollMs: config.segmentPollMs,
      confirmMs: config.segmentConfirmMs,
      retryBaseMs: config.retryBaseMs.segments,
      random,
    }),
  );
  // Ended first: what it hurries out still has lists refreshed.
  parts.use(loader);

  const outbound = createOutboundOperation({ client: lists, clock, secondLookMs: 4 * config.retryBaseMs.other });
  const outboundContacts = createOutboundContacts({ operation: outbound, loader, globalId: encodeGlobalId });
  const importKinds = [
    createOutboundImportKind({ client: lists, operation: outbound }),
    createContactImportKind({ contacts, addressBooks, cxone, clock }),
    contactListRecords.importKind,
    enrichment.importKind,
    segments.importKind,
  ] as ImportKind[];
  return {
    addressBooks,
    contacts,
    contactLists,
    contactListRecords,
    outboundContacts,
    enrichment,
    segments,
    lists,
    importKinds: new Map<ImportKindName, ImportKind>(importKinds.map((kind) => [kind.name, kind])),
  };
}
