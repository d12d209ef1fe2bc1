/**
 * The composition root: makes every part and hands parts to parts. The only file that sees all of them; what it makes
 * it also ends, in reverse order.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import packageJson from '../package.json' with { type: 'json' };

import { createAddressBooks } from './address-books/service.ts';
import { createApiKeys } from './auth/api-keys.ts';
import { createAuthenticator } from './auth/authenticator.ts';
import { createTokenVerifier } from './auth/token-verifier.ts';
import { createAudited } from './bulk/audited.ts';
import { createBulkAudit } from './bulk/bulk-audit.ts';
import { createBulkLoader } from './bulk/bulk-loader.ts';
import type { ImportKind } from './bulk/import-kind.ts';
import { readAllowedHosts } from './callbacks/allowed-hosts.ts';
import { createCallbackDelivery } from './callbacks/callback-delivery.ts';
import { resolveBySystem } from './callbacks/guarded-lookup.ts';
import { createImportNotices } from './callbacks/import-notices.ts';
import { checkCallbackUrl } from './callbacks/url-guard.ts';
import { ownOperations } from './client/own-operations.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Config, ConfigError } from './config.ts';
import { createContactListClient } from './contact-lists/client.ts';
import { createOutboundOperation } from './contact-lists/outbound-bulk.ts';
import { createOutboundContacts } from './contact-lists/outbound-contacts.ts';
import { createOutboundImportKind } from './contact-lists/outbound-import.ts';
import { createContactListRecords } from './contact-lists/records/service.ts';
import { createContactLists } from './contact-lists/service.ts';
import { createContactImportKind } from './contacts/contact-import.ts';
import { createContacts } from './contacts/service.ts';
import { newUpstreamTally } from './cxone/call-context.ts';
import { createCxoneClient } from './cxone/client.ts';
import { cxoneHost } from './cxone/hosts.ts';
import { dashboardRoutes } from './dashboard/route.ts';
import { createContactRate } from './enrichment/contact-rate.ts';
import { MAX_CONTACTS_PER_SECOND } from './enrichment/model.ts';
import { createEnrichment } from './enrichment/service.ts';
import { createRequestLoaders } from './graphql/context.ts';
import { encodeGlobalId } from './graphql/global-ids.ts';
import { createBatchSender } from './imports/batch-sender.ts';
import { createImportBooks } from './imports/import-books.ts';
import { createImportEvents } from './imports/import-events.ts';
import { createImportFeed } from './imports/import-feed.ts';
import { createImportIntake } from './imports/import-intake.ts';
import { createImportRetry } from './imports/import-retry.ts';
import { createImportRunner } from './imports/import-runner.ts';
import { createLinkTokens } from './imports/link-tokens.ts';
import { importRoutes } from './imports/routes.ts';
import { createImports } from './imports/service.ts';
import { startSharedBudget } from './replicas/shared-budget.ts';
import { createSchema } from './schema.ts';
import { createSegments } from './segments/service.ts';
import { ANONYMOUS_ADMIN, type Authenticate, openToEveryone } from './server/authenticate.ts';
import { GRAPHIQL_EXAMPLES } from './server/graphiql-examples.ts';
import { startServer } from './server/http-server.ts';
import { createShutdown } from './server/shutdown.ts';
import { createTrustedDocuments, parseManifest, type TrustedDocuments } from './server/trusted-documents.ts';
import { createStatus } from './status/service.ts';
import { createUpstreamProblems } from './status/upstream-problems.ts';
import { createAuditLog } from './store/audit-log.ts';
import { openDatabase } from './store/database.ts';
import { createEventLog } from './store/event-log.ts';
import { createIdempotencyKeys } from './store/idempotency-keys.ts';
import { createImportStore } from './store/import-store.ts';
import { createLeases } from './store/leases.ts';
import { createLiveEvents } from './store/live-events.ts';
import { createOutbox } from './store/outbox.ts';
import { processOwner } from './store/process-owner.ts';
import { createReplicaStore } from './store/replicas.ts';
import { createRetention } from './store/retention.ts';
import { keptSetting } from './store/settings.ts';
import { createThrottledAudit } from './store/throttled-audit.ts';
import type { Log } from './telemetry/log.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { createDeliveryStore } from './webhooks/delivery-store.ts';
import { createWebhookReceiver } from './webhooks/receiver.ts';
import { createWebhooks } from './webhooks/service.ts';

export interface App {
  /** Where it listens. */
  readonly url: string;
  /** Where the built-in sandbox listens, if it stands in for CXone. */
  readonly sandboxUrl: string | null;
  /** Ends everything gently, within bounds; true where all went well. Calling it again gives the same promise. */
  stop(): Promise<boolean>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** How long batches under way may take to finish when the gateway stops; what is cut off is settled at the next start. */
const IMPORT_GRACE_MS = 8000;

/** A database that starts together with the gateway may take so long. */
const DATABASE_WAIT_MS = 30_000;

const DAY_MS = 24 * 3_600_000;
const RETENTION_INTERVAL_MS = 3_600_000;

export async function createApp(deps: {
  config: Config;
  log: Log;
  clock?: Clock;
  random?: () => number;
}): Promise<App> {
  const { config, log, clock = systemClock, random = Math.random } = deps;
  const parts = new AsyncDisposableStack();
  try {
    const metrics = createMetrics();
    const upstreamProblems = createUpstreamProblems();
    const upstream = config.cxone
      ? { ...config.cxone, webhookSecrets: [], sandboxUrl: null }
      : await startBuiltInSandbox(config, parts);
    const host = cxoneHost(upstream.location);
    const cxone = parts.use(
      createCxoneClient({
        baseUrl: host.baseUrl,
        credentials: {
          clientId: upstream.clientId,
          clientSecret: upstream.clientSecret,
          style: upstream.oauthStyle ?? host.tokenStyle,
        },
        limits: config.limits,
        timeoutMs: config.timeoutMs,
        retryBaseMs: config.retryBaseMs,
        clock,
        random,
        log: log.child({ part: 'cxone' }),
        onAttempt: (report) => {
          const { group, fault, status, latencyMs } = report;
          metrics.upstreamCall(group, fault ?? statusClass(status), latencyMs);
          upstreamProblems.note(report);
        },
        onSlowDown: (group, waitMs): Promise<void> => budget.tellSlowDown(group, waitMs),
        currentHold: () => leases.currentHold(),
      }),
    );
    metrics.watchUpstream(() => cxone.status());
    const problems = () => upstreamProblems.list(cxone.status());

    const database = parts.use(await openDatabase({ url: config.databaseUrl, clock, log, waitMs: DATABASE_WAIT_MS }));
    const owner = processOwner(randomUUID());
    const leases = createLeases({ database, clock, owner });
    const replicas = createReplicaStore({ database });
    const contactRate = createContactRate({ perSecond: MAX_CONTACTS_PER_SECOND, clock });
    const limits = [...cxone.sharedLimits, contactRate.limit];
    const budget = parts.use(await startSharedBudget({ store: replicas, owner, limits, upstream: cxone, clock, log }));
    const audit = createAuditLog({ database });
    const eventLog = parts.use(createEventLog({ database, clock, log }));

    const publicUrl = () => config.publicUrl ?? server.url;
    const idempotencyKeys = createIdempotencyKeys({ database, leases });

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

    const loader = parts.use(
      createBulkLoader({
        clock,
        onCall: createBulkAudit({
          append: (entries) =>
            database.transaction(async (tx) => {
              for (const entry of entries) await audit.append(tx, entry);
            }),
          log,
        }),
      }),
    );
    const audited = createAudited({ database, audit, clock, log });
    const bulkWriting = { cxone, lists, loader, audited, globalId: encodeGlobalId, clock, log };
    const contactListRecords = createContactListRecords(bulkWriting);
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

    const outbound = createOutboundOperation({ client: lists, clock, secondLookMs: 4 * config.retryBaseMs.other });
    const outboundContacts = createOutboundContacts({ operation: outbound, loader, globalId: encodeGlobalId });
    const importKinds = [
      createOutboundImportKind({ client: lists, operation: outbound }),
      createContactImportKind({ contacts, addressBooks, cxone, clock }),
      contactListRecords.importKind,
      enrichment.importKind,
      segments.importKind,
    ] as ImportKind[];
    const kinds = new Map(importKinds.map((kind) => [kind.name, kind]));
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
      checkCallbackUrl: (url, path) => checkCallbackUrl(url, { allowedHosts, path, isSigned: true }),
      publicUrl,
      clock,
    });
    const importFeed = createImportFeed({ store: importStore, eventLog, clock });
    const sender = createBatchSender({
      database,
      store: importStore,
      books,
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
      kinds,
      replicas: () => budget.replicas(),
      clock,
      log,
    });

    const webhooks = createWebhooks({
      cxone,
      database,
      leases,
      audit,
      publicUrl,
      allowedHosts,
      resolve: resolveBySystem,
      liveEvents: createLiveEvents({ eventLog, clock }),
      contactLists: lists,
      clock,
      log,
    });
    const deliveries = createDeliveryStore({ database, eventLog });
    const throttled = () => createThrottledAudit({ database, audit, clock, log });
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

    const status = createStatus({
      version: packageJson.version,
      sandbox: config.cxone === null,
      engine: database.engine,
      replicas: () => replicas.count(),
      cxone,
      problems,
      baselineCache: () => contacts.cacheStats(),
      activity: () => imports.activity(),
    });
    const services = {
      addressBooks,
      contacts,
      contactLists,
      contactListRecords,
      outboundContacts,
      enrichment,
      segments,
      imports,
      importFeed,
      audit,
      idempotencyKeys,
      webhooks,
      status,
    };
    parts.use(
      createRetention({
        leases,
        clock,
        intervalMs: RETENTION_INTERVAL_MS,
        chores: [
          { name: 'events', run: () => eventLog.prune(config.retentionDays * DAY_MS) },
          { name: 'imports', run: () => importStore.clearFinished(clock.now() - config.retentionDays * DAY_MS, 100) },
          { name: 'idempotency keys', run: () => idempotencyKeys.prune() },
          { name: 'webhook deliveries', run: () => deliveries.prune(config.retentionDays * DAY_MS) },
          { name: 'leases', run: () => leases.prune() },
        ],
        log,
      }),
    );
    const authenticate = authentication(config, {
      audit: createThrottledAudit({ database, audit, clock, log }),
      onRefused: metrics.authRefused,
      clock,
    });
    const server = parts.use(
      await startServer({
        schema: createSchema(),
        host: config.host,
        port: config.port,
        graphiql: config.graphiql,
        introspection: config.graphiql,
        documents: await trustedDocuments(config),
        defaultQuery: config.cxone === null ? GRAPHIQL_EXAMPLES : undefined,
        allowedOrigins: config.allowedOrigins,
        makeContext: ({ actor, requestId, signal }) => ({
          services,
          actor,
          requestId,
          call: { requestId, lane: { kind: 'interactive', key: actor?.name }, signal, tally: newUpstreamTally() },
          loaders: createRequestLoaders(),
        }),
        authenticate,
        routes: [...dashboardRoutes(), ...importRoutes(imports), receiver.route],
        healthChecks: { store: () => database.ping() },
        problems,
        metrics,
        log,
        clock,
      }),
    );
    runner.start();
    callbacks.start();

    const shutdown = createShutdown(
      [
        {
          name: 'imports and requests',
          timeoutMs: 12_000,
          run: () => finish(server.drain(), runner.drain(IMPORT_GRACE_MS)),
        },
        { name: 'parts', timeoutMs: 5000, run: () => parts.disposeAsync() },
      ],
      { log, clock },
    );
    return {
      url: server.url,
      sandboxUrl: upstream.sandboxUrl,
      stop: shutdown,
      async [Symbol.asyncDispose]() {
        await shutdown();
      },
    };
  } catch (error) {
    await parts.disposeAsync();
    throw error;
  }
}

async function finish(...work: Promise<void>[]): Promise<void> {
  await Promise.all(work);
}

/** @throws ConfigError for a file that cannot be read or is no manifest */
async function trustedDocuments({ persistedOperations }: Config): Promise<TrustedDocuments> {
  // The dashboard and the command line are never strangers.
  if (!persistedOperations) return createTrustedDocuments(ownOperations(), { only: false });
  const { file, only } = persistedOperations;
  try {
    const documents = { ...ownOperations(), ...parseManifest(await readFile(file, 'utf8')) };
    return createTrustedDocuments(documents, { only });
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unreadable';
    throw new ConfigError([`GATEWAY_PERSISTED_OPERATIONS: ${file}: ${reason}`]);
  }
}

/** Where there are neither keys nor tokens, there is nothing to hold credentials against: they are not looked at. */
function authentication(
  config: Config,
  deps: Pick<Parameters<typeof createAuthenticator>[0], 'audit' | 'onRefused' | 'clock'>,
): Authenticate {
  if (config.apiKeys.length === 0 && !config.jwt) return openToEveryone();
  return createAuthenticator({
    apiKeys: createApiKeys(config.apiKeys),
    tokens: config.jwt ? createTokenVerifier({ issuer: config.jwt, clock: deps.clock }) : undefined,
    anonymous: config.openToEveryone ? ANONYMOUS_ADMIN : null,
    ...deps,
  });
}

/** The sandbox keeps its own file beside the gateway's, so that both go on together where they ended. */
async function startBuiltInSandbox(config: Config, parts: AsyncDisposableStack) {
  const { SANDBOX_CLIENT_ID, SANDBOX_CLIENT_SECRET } = await import('./sandbox/options.ts');
  const { startSandbox } = await import('./sandbox/server.ts');
  const file = config.databaseUrl.startsWith('file:') ? config.databaseUrl.slice('file:'.length) : './data/gateway.db';
  await mkdir(dirname(file), { recursive: true });
  const sandbox = parts.use(
    await startSandbox({ file: join(dirname(file), 'sandbox.db'), limits: { ...config.limits } }),
  );
  return {
    clientId: SANDBOX_CLIENT_ID,
    clientSecret: SANDBOX_CLIENT_SECRET,
    location: { baseUrl: sandbox.url },
    oauthStyle: null,
    webhookSecrets: [sandbox.webhookSecret],
    sandboxUrl: sandbox.url,
  };
}

function statusClass(status: number | undefined): string {
  return status === undefined ? 'none' : status === 429 ? 'rateLimited' : `${Math.floor(status / 100)}xx`;
}
