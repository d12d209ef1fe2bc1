/** Puts the sandbox together and gives it a port. */
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { addressBookRoutes } from './address-books.ts';
import { contactRoutes } from './contacts.ts';
import { createControl, type SandboxControl } from './control.ts';
import { createControlRoutes } from './control-routes.ts';
import { openDatabase } from './database.ts';
import { createDeliverer } from './deliveries.ts';
import { enrichmentRoutes } from './enrichment.ts';
import { createFaults } from './faults.ts';
import { groupRoutes } from './groups.ts';
import { createHolds } from './holds.ts';
import { createObserver } from './observations.ts';
import { initialSettings, type SandboxOptions } from './options.ts';
import { outboundRoutes } from './outbound.ts';
import { createPipeline } from './pipeline.ts';
import { createRateLimits } from './rate-limits.ts';
import { recordRoutes } from './records.ts';
import { createRivals } from './rivals.ts';
import { createRouter } from './router.ts';
import { seedStore } from './seed.ts';
import { segmentRoutes } from './segments.ts';
import { isWebhookSecret, newWebhookSecret } from './signatures.ts';
import { checkToken, tokenRoutes } from './tokens.ts';
import { presetWebhook, webhookRoutes } from './webhooks.ts';

export interface Sandbox extends AsyncDisposable {
  /** The base URL, without a slash at the end. */
  readonly url: string;
  /** Signs the webhooks. */
  readonly webhookSecret: string;
  readonly control: SandboxControl;
}

/** Milliseconds an idle connection is kept: longer than clients keep theirs, so that it is they who close. */
const KEEP_ALIVE_MS = 65_000;

/**
 * Starts a sandbox. It listens when the promise resolves; disposing it ends connections, waits and deliveries.
 * @throws when the port is taken, the file is no SQLite file or the webhook secret is malformed
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { port = 0, host = '127.0.0.1', file = ':memory:', random = Math.random } = options;
  const now = options.now ?? Date.now;
  const monotonic = options.now ?? (() => performance.now());
  const webhookSecret = options.webhookSecret ?? newWebhookSecret();
  if (!isWebhookSecret(webhookSecret)) throw new Error('The webhook secret must be whsec_ and base64.');

  const settings = initialSettings(options);
  const stop = new AbortController();
  const db = openDatabase(file);
  seedStore(db, options.seed ?? 'demo', now);
  const observer = createObserver({ monotonic });
  const limits = createRateLimits({ settings, monotonic, onLimited: observer.limited });
  const faults = createFaults({ random });
  const holds = createHolds();
  const rivals = createRivals({ db });
  const deliverer = createDeliverer({ db, secret: webhookSecret, now, random });
  presetWebhook(db, options.webhookUrl);

  const router = createRouter([
    ...tokenRoutes({ db, settings, now, onToken: observer.token }),
    ...addressBookRoutes({ db }),
    ...contactRoutes({ db, settings, beforePut: rivals.beforePut }),
    ...groupRoutes({ db }),
    ...recordRoutes({ db, settings, now }),
    ...outboundRoutes({ db }),
    ...enrichmentRoutes({
      db,
      now,
      admitContacts: limits.admitContacts,
      onEnriched: (contactListId, contacts) =>
        deliverer.enqueue(contacts.map((contact) => ({ type: 'contact.enriched', contactListId, ...contact }))),
    }),
    ...webhookRoutes({ db }),
    ...segmentRoutes({ db, settings, now }),
  ]);
  const prefix = randomBytes(4).toString('hex');
  let requests = 0;
  const answer = createPipeline({
    db,
    router,
    observer,
    limits,
    faults,
    holds,
    checkToken: (headers, route) => checkToken({ db, settings, now }, headers, route),
    now,
    nextRequestId: () => {
      requests += 1;
      return `sbx-${prefix}-${requests}`;
    },
  });
  const control = createControl({
    db,
    settings,
    observer,
    faults,
    holds,
    rivals,
    deliverer,
    now,
    stopped: stop.signal,
  });
  const answerControl = createControlRoutes(control);

  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    const isControl = /^\/_sandbox(?:[/?]|$)/.test(request.url ?? '');
    void (isControl ? answerControl : answer)(request, response).catch((error: unknown) => {
      // Only a connection that broke while it was written to gets here: there is nobody left to tell.
      response.destroy(error instanceof Error ? error : undefined);
    });
  });
  const url = await listen(server, port, host).catch(async (error: unknown) => {
    await deliverer[Symbol.asyncDispose]();
    db.close();
    throw error;
  });

  return {
    url,
    webhookSecret,
    control,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      holds.releaseAll();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      await deliverer[Symbol.asyncDispose]();
      db.close();
    },
  };
}

function listen(server: Server, port: number, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const address = server.address();
      const bound = typeof address === 'object' && address !== null ? address.port : port;
      resolve(`http://${host.includes(':') ? `[${host}]` : host}:${bound}`);
    });
  });
}
