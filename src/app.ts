/**
 * The composition root: makes every part and hands parts to parts. It and its folder are the only place that sees all
 * of them; what is made here is also ended here, in reverse order.
 */
import packageJson from '../package.json' with { type: 'json' };
import { createAuthentication, trustedDocuments } from './app/admission.ts';
import type { Ground } from './app/ground.ts';
import { createImporting } from './app/imports.ts';
import { createSlices } from './app/slices.ts';
import { openStorage } from './app/storage.ts';
import { connectUpstream } from './app/upstream.ts';
import { createWebhookParts } from './app/webhooks.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Config } from './config.ts';
import { newUpstreamTally } from './cxone/call-context.ts';
import { dashboardRoutes } from './dashboard/route.ts';
import { createContactRate } from './enrichment/contact-rate.ts';
import { MAX_CONTACTS_PER_SECOND } from './enrichment/model.ts';
import { createRequestLoaders } from './graphql/context.ts';
import { importRoutes } from './imports/routes.ts';
import { startSharedBudget } from './replicas/shared-budget.ts';
import { createSchema } from './schema.ts';
import { GRAPHIQL_EXAMPLES } from './server/graphiql-examples.ts';
import { startServer } from './server/http-server.ts';
import { createShutdown } from './server/shutdown.ts';
import type { Services } from './services.ts';
import { createStatus } from './status/service.ts';
import { createReplicaStore } from './store/replicas.ts';
import { createRetention } from './store/retention.ts';
import type { Log } from './telemetry/log.ts';
import { createMetrics } from './telemetry/metrics.ts';

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
  const metrics = createMetrics();
  const ground: Ground = { config, clock, random, log, metrics, parts };
  try {
    const storage = await openStorage(ground);
    const { database, owner, leases, audit, eventLog, liveEvents, idempotencyKeys } = storage;
    const upstream = await connectUpstream(ground, {
      onSlowDown: (group, waitMs): Promise<void> => budget.tellSlowDown(group, waitMs),
      currentHold: leases.currentHold,
    });
    const { cxone, problems } = upstream;

    const replicas = createReplicaStore({ database });
    const contactRate = createContactRate({ perSecond: MAX_CONTACTS_PER_SECOND, clock });
    const limits = [...cxone.sharedLimits, contactRate.limit];
    const budget = parts.use(await startSharedBudget({ store: replicas, owner, limits, upstream: cxone, clock, log }));

    const publicUrl = () => config.publicUrl ?? server.url;
    const { lists, importKinds, ...slices } = await createSlices(ground, storage, { cxone, contactRate });
    const { contacts } = slices;
    const { imports, importFeed, importStore, runner, callbacks, outbox } = await createImporting(ground, storage, {
      kinds: importKinds,
      replicas: () => budget.replicas(),
      publicUrl,
    });
    const { webhooks, receiver, deliveries } = createWebhookParts(ground, storage, upstream, {
      contacts,
      lists,
      publicUrl,
    });
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
    const services: Services = {
      ...slices,
      imports,
      importFeed,
      audit,
      idempotencyKeys,
      liveEvents,
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
          { name: 'closed outbox streams', run: () => outbox.prune(config.retentionDays * DAY_MS) },
          { name: 'leases', run: () => leases.prune() },
        ],
        log,
      }),
    );
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
        trustedProxies: config.trustedProxies,
        makeContext: ({ actor, requestId, signal }) => ({
          services,
          actor,
          requestId,
          call: { requestId, lane: { kind: 'interactive', key: actor?.name }, signal, tally: newUpstreamTally() },
          loaders: createRequestLoaders(),
        }),
        authenticate: createAuthentication(ground, storage),
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
