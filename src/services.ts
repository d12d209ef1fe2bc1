/** What the GraphQL resolvers work with: one service per slice. */
import type { AddressBooks } from './address-books/service.ts';
import type { OutboundContacts } from './contact-lists/outbound-contacts.ts';
import type { ContactListRecords } from './contact-lists/records/service.ts';
import type { ContactLists } from './contact-lists/service.ts';
import type { Contacts } from './contacts/service.ts';
import type { Enrichment } from './enrichment/service.ts';
import type { ImportFeed } from './imports/import-feed.ts';
import type { Imports } from './imports/service.ts';
import type { Segments } from './segments/service.ts';
import type { Status } from './status/service.ts';
import type { AuditLog } from './store/audit-log.ts';
import type { IdempotencyKeys } from './store/idempotency-keys.ts';
import type { LiveEvents } from './store/live-events.ts';
import type { Webhooks } from './webhooks/service.ts';

export interface Services {
  addressBooks: AddressBooks;
  contacts: Contacts;
  contactLists: ContactLists;
  outboundContacts: OutboundContacts;
  contactListRecords: ContactListRecords;
  enrichment: Enrichment;
  segments: Segments;
  imports: Imports;
  importFeed: ImportFeed;
  audit: AuditLog;
  idempotencyKeys: IdempotencyKeys;
  liveEvents: LiveEvents;
  webhooks: Webhooks;
  status: Status;
}
