/** What the GraphQL resolvers work with: one service per slice. */
import type { ContactLists } from './contact-lists/service.ts';
import type { ImportFeed } from './imports/import-feed.ts';
import type { Imports } from './imports/service.ts';
import type { Status } from './status/service.ts';
import type { AuditLog } from './store/audit-log.ts';

export interface Services {
  contactLists: ContactLists;
  imports: Imports;
  importFeed: ImportFeed;
  audit: AuditLog;
  status: Status;
}
