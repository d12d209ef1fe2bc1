/** The webhook route and the subscription behind a real server and store, with a CXone that signs as a test tells it. */
import { randomUUID } from 'node:crypto';
import { type Client, createClient } from 'graphql-ws';
import { Webhook } from 'standardwebhooks';
import { type Clock, systemClock } from '../../src/clock.ts';
import type { ContactList } from '../../src/contact-lists/model.ts';
import { addContactListTypes } from '../../src/contact-lists/schema.ts';
import { newUpstreamTally } from '../../src/cxone/call-context.ts';
import { buildSchema, createBuilder } from '../../src/graphql/builder.ts';
import { createRequestLoaders, type GraphQLContext } from '../../src/graphql/context.ts';
import { openToEveryone } from '../../src/server/authenticate.ts';
import { startServer } from '../../src/server/http-server.ts';
import { createAuditLog } from '../../src/store/audit-log.ts';
import type { Database, Engine } from '../../src/store/database.ts';
import { createEventLog, type EventLog } from '../../src/store/event-log.ts';
import { createLiveEvents } from '../../src/store/live-events.ts';
import { createThrottledAudit } from '../../src/store/throttled-audit.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { createDeliveryStore, type DeliveryStore } from '../../src/webhooks/delivery-store.ts';
import { createEnrichmentFeed } from '../../src/webhooks/enrichment-feed.ts';
import { createWebhookReceiver, type DeliveryOutcome } from '../../src/webhooks/receiver.ts';
import { createRecentLists } from '../../src/webhooks/recent-lists.ts';
import { addWebhookTypes } from '../../src/webhooks/schema.ts';
import { openFreshDatabase } from '../store/open-database.ts';

export const SECRET = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
export const OTHER_SECRET = `whsec_${Buffer.alloc(24, 2).toString('base64')}`;

export interface Sent {
  /** The `webhook-id`; made where it is missing. */
  id?: string;
  secret?: string;
  signedAtMs?: number;
  /** Added to the headers, or replacing them; null takes one away. */
  headers?: Record<string, string | null>;
}

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers are asserted on, not computed with
  body: any;
}

/** A delivery as CXone makes it (cxone-api.md, section 5). */
export function change(more: Record<string, unknown> = {}) {
  return {
    id: 'evt-1',
    type: 'contact.enriched',
    occurredAt: '2026-11-21T14:00:00.000Z',
    contactListId: 'list-1',
    contactId: 'contact-1',
    attributes: { score: 7 },
    ...more,
  };
}

export interface WebhookServer extends AsyncDisposable {
  readonly url: string;
  readonly database: Database;
  readonly eventLog: EventLog;
  readonly counts: Readonly<Record<string, number>>;
  /** `contactId@contactListId`, as caches were told. */
  readonly changed: readonly string[];
  /** Transactions that stored deliveries, by their number of deliveries. */
  readonly groups: readonly number[];
  /** What CXone was asked for. */
  readonly listCalls: readonly string[];
  audited(): Promise<{ subject: string; actor: string; detail: Record<string, unknown> }[]>;
  /** Sends `body` (as JSON, unless it is text or bytes) signed. */
  deliver(body: unknown, sent?: Sent): Promise<Answer>;
  client(): Client;
  openAgain(): Promise<Database>;
}

export interface WebhookServerOptions {
  engine?: Engine;
  clock?: Clock;
  secrets?: readonly string[];
  /** What CXone answers when a list is read; without it, it knows none. */
  getList?: (listId: string) => Promise<ContactList | null>;
  wrapStore?: (store: DeliveryStore) => DeliveryStore;
}

export async function startWebhookServer(options: WebhookServerOptions = {}): Promise<WebhookServer> {
  const { engine = 'sqlite', clock = systemClock, secrets = [SECRET], getList = async () => null } = options;
  const parts = new AsyncDisposableStack();
  const opened = parts.use(await openFreshDatabase(engine, clock));
  const { database } = opened;
  const audit = createAuditLog({ database });
  const eventLog = parts.use(createEventLog({ database, clock }));
  const log = createLog({ level: 'silent' });
  const throttled = () => createThrottledAudit({ audit, clock, log });
  const groups: number[] = [];
  const listCalls: string[] = [];
  const plainStore = createDeliveryStore({ database, eventLog });
  const countingStore: DeliveryStore = {
    ...plainStore,
    takeAll(deliveries) {
      groups.push(deliveries.length);
      return plainStore.takeAll(deliveries);
    },
  };
  const counts: Partial<Record<DeliveryOutcome, number>> = {};
  const changed: string[] = [];
  const receiver = parts.use(
    createWebhookReceiver({
      secrets,
      store: options.wrapStore?.(countingStore) ?? countingStore,
      audits: { signed: throttled(), unsigned: throttled() },
      onContactChanged: (contactId, contactListId) => void changed.push(`${contactId}@${contactListId}`),
      count: (outcome) => {
        counts[outcome] = (counts[outcome] ?? 0) + 1;
      },
      clock,
    }),
  );

  const liveEvents = createLiveEvents({ eventLog });
  const webhooks = {
    ...createEnrichmentFeed({ liveEvents }),
    ...createRecentLists({
      client: {
        get(listId) {
          listCalls.push(listId);
          return getList(listId);
        },
      },
      clock,
    }),
  };
  const builder = createBuilder();
  addWebhookTypes(builder, { contactList: addContactListTypes(builder) });
  const server = parts.use(
    await startServer({
      schema: buildSchema(builder),
      host: '127.0.0.1',
      port: 0,
      graphiql: false,
      allowedOrigins: [],
      makeContext: ({ actor, requestId, signal }): GraphQLContext => ({
        // The subscription uses no other services.
        services: { liveEvents, webhooks } as unknown as GraphQLContext['services'],
        actor,
        requestId,
        call: { requestId, lane: { kind: 'interactive' }, signal, tally: newUpstreamTally() },
        loaders: createRequestLoaders(),
      }),
      authenticate: openToEveryone(),
      routes: [receiver.route],
      healthChecks: {},
      metrics: createMetrics(),
      log,
      clock,
    }),
  );

  return {
    url: server.url,
    database,
    eventLog,
    counts,
    changed,
    groups,
    listCalls,
    audited: async () => (await audit.page({ first: 1_000, filter: { action: 'webhook.rejected' } })).entries,
    async deliver(given, { id = `msg_${randomUUID()}`, secret = SECRET, signedAtMs = clock.now(), headers = {} } = {}) {
      const body = typeof given === 'string' || given instanceof Uint8Array ? given : JSON.stringify(given);
      const signedAt = new Date(signedAtMs);
      const all: Record<string, string | null> = {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(signedAtMs / 1000)),
        'webhook-signature': new Webhook(secret).sign(
          id,
          signedAt,
          typeof body === 'string' ? body : Buffer.from(body),
        ),
        ...headers,
      };
      const present = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== null);
      const response = await fetch(`${server.url}/webhooks/cxone`, {
        method: 'POST',
        headers: present,
        body: body as string | Uint8Array<ArrayBuffer>,
      });
      return { status: response.status, body: await response.json() };
    },
    client: () => createClient({ url: `${server.url.replace(/^http/, 'ws')}/graphql`, retryAttempts: 0 }),
    openAgain: () => opened.openAgain(),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
