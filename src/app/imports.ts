/** Imports: taking in, sending, telling how they go, and the callbacks that tell others. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { ImportKind, ImportKindName } from '../bulk/import-kind.ts';
import { readAllowedHosts } from '../callbacks/allowed-hosts.ts';
import { createCallbackDelivery } from '../callbacks/callback-delivery.ts';
import { resolveBySystem } from '../callbacks/guarded-lookup.ts';
import { createImportNotices } from '../callbacks/import-notices.ts';
import { checkCallbackUrl } from '../callbacks/url-guard.ts';
import { createBatchSender } from '../imports/batch-sender.ts';
import { createImportBooks } from '../imports/import-books.ts';
import { createImportEvents } from '../imports/import-events.ts';
import { createImportFeed } from '../imports/import-feed.ts';
import { createImportIntake } from '../imports/import-intake.ts';
import { createImportRetry } from '../imports/import-retry.ts';
import { createImportRunner } from '../imports/import-runner.ts';
import { createLinkTokens } from '../imports/link-tokens.ts';
import { createImports } from '../imports/service.ts';
import { createUploadTidying } from '../imports/upload-tidying.ts';
import { createImportStore } from '../store/import-store.ts';
import { createOutbox } from '../store/outbox.ts';
import { livesOn } from '../store/process-owner.ts';
import { keptSetting } from '../store/settings.ts';
import type { Ground } from './ground.ts';
import type { Storage } from './storage.ts';
export async function createImporting(
  { config, clock, random, log, metrics, parts }: Ground,
  { database, owner, leases, audit, eventLog, liveEvents }: Storage,
  {
    kinds,
    replicas,
    publicUrl,
  }: {
    kinds: ReadonlyMap<ImportKindName, ImportKind>;
    /** How many processes share the work, this one among them. */
    replicas: () => number;
    publicUrl: () => string;
  },
) {
  const importStore = createImportStore(database);
  const importEvents = createImportEvents({ eventLog, clock });
  const outbox = createOutbox({ database });
  const allowedHosts = readAllowedHosts(config.callbackAllowedHosts);
  const notices = createImportNotices({ outbox, crmUrl: config.crmWebhookUrl, newId: randomUUID, clock });
  const secret =
    config.crmWebhookSecret ??
    (await keptSetting(database, 'callback-secret', () => `whsec_${randomBytes(32).toString('base64')}`));
  const callbacks = parts.use(
    createCallbackDelivery({
      outbox,
      database,
      audit,
      secret,
      // The operator named CRM_WEBHOOK_URL: that is the permission for its host.
      allowedHosts: config.crmWebhookUrl
        ? readAllowedHosts([...config.callbackAllowedHosts, new URL(config.crmWebhookUrl).host])
        : allowedHosts,
      resolve: resolveBySystem,
      clock,
      random,
      log,
    }),
  );
  const books = createImportBooks({
    database,
    store: importStore,
    events: importEvents,
    audit,
    notices,
    count: metrics.importRows,
    clock,
  });
  const intake = createImportIntake({ database, store: importStore, leases, books, kinds, clock });
  const linkKey = await keptSetting(database, 'link-key', () => randomBytes(32).toString('base64url'));
  const tokens = createLinkTokens({ key: Buffer.from(linkKey, 'base64url'), clock });
  const imports = createImports({
    store: importStore,
    books,
    intake,
    tokens,
    retry: createImportRetry({ database, store: importStore, leases, books, intake }),
    kinds,
    checkCallbackUrl: (url, path) => checkCallbackUrl(url, { allowedHosts, path }),
    publicUrl,
    clock,
  });
  const importFeed = createImportFeed({ store: importStore, eventLog, liveEvents, clock });
  const sender = createBatchSender({
    database,
    store: importStore,
    books,
    owner,
    livesOn: (other) => livesOn(other, owner),
    clock,
    log,
    firstPauseMs: 2 * config.retryBaseMs.other,
  });
  const runner = createImportRunner({
    database,
    store: importStore,
    leases,
    books,
    sender,
    uploads: createUploadTidying({ store: importStore, leases, books, clock }),
    kinds,
    replicas,
    lookAgainMs: 2 * config.retryBaseMs.other,
    clock,
    log,
  });
  return { imports, importFeed, runner, callbacks, outbox, importStore };
}
