/** A thousand subscribers and a hundred events a second: what arrives, how late, and what it takes. */
import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Pool } from 'undici';
import { startBenchProcess } from '../harness/bench-process.ts';
import type { Part } from '../harness/part.ts';
import type { Bar, Table } from '../harness/report.ts';
import { alternate, medianOf, medianRatio } from '../harness/rounds.ts';
import { type Contender, startBareBroadcast, startGateway, startMock } from '../servers/contenders.ts';

export const SUBSCRIBERS = 1000;
const EVENTS_PER_SECOND = 100;
const MEASURED_MS = 5_000;
const WARM_UP_MS = 1_000;
/** What is still under way when the last event has been published. */
const SETTLE_MS = 1_000;

export const QUERY =
  'subscription { contactEnriched { cursor at type occurredAt contactId late attributes contactList { id } } }';

const key = randomBytes(32);
export const WEBHOOK_SECRET = `whsec_${key.toString('base64')}`;

interface Way {
  readonly name: string;
  readonly protocol: 'bare' | 'websocket' | 'sse';
  readonly server: Contender;
}

export const BARE = 'bare ws';

export const subscriptions: Part = {
  name: 'subscriptions',
  description: '1000 subscribers × 100 events a second, over WebSocket and SSE, against a bare ws broadcast',
  seconds: 90,
  async run({ rounds, endsAt, progress }) {
    await using parts = new AsyncDisposableStack();
    const mock = parts.use(await startMock());
    const bare = parts.use(await startBareBroadcast());
    const startOwn = () => startGateway(mock.url, { CXONE_WEBHOOK_SECRET: WEBHOOK_SECRET });
    progress(`${SUBSCRIBERS} subscribers`);
    const ways: (Way & { readonly subscribers: Subscribers })[] = [];
    for (const way of [
      { name: BARE, protocol: 'bare', server: bare },
      { name: 'gateway, WebSocket', protocol: 'websocket', server: parts.use(await startOwn()) },
      { name: 'gateway, SSE', protocol: 'sse', server: parts.use(await startOwn()) },
    ] as const) {
      const subscribers = parts.use(await subscribe(way, SUBSCRIBERS));
      await measure(way, subscribers, WARM_UP_MS);
      ways.push({ ...way, subscribers });
    }
    const measureWay = (way: (typeof ways)[number]) => measure(way, way.subscribers, MEASURED_MS);
    const measured = await alternate(ways, Math.min(rounds, 3), measureWay, endsAt - 30_000);

    const table: Table = {
      title: `${SUBSCRIBERS} subscribers × ${EVENTS_PER_SECOND} events/s`,
      columns: ['of bare', 'delivered/s', 'p50 ms', 'p99 ms', 'CPU µs each', 'peak MB'],
      rows: ways.map(({ name }) => ({
        name,
        values: [
          medianRatio(measured, name, BARE, 'perSecond'),
          ...['perSecond', 'p50Ms', 'p99Ms', 'cpuUs', 'peakMb'].map((figure) => medianOf(measured, name, figure)),
        ],
      })),
    };
    const bars: Bar[] = ways.slice(1).flatMap(({ name, protocol }) => [
      {
        what: `${name}: delivered, of the bare broadcast`,
        got: medianRatio(measured, name, BARE, 'perSecond'),
        atLeast: protocol === 'sse' ? 0.5 : 0.85,
      },
      ...(protocol === 'sse'
        ? []
        : [
            {
              what: `${name}: p99, of the bare broadcast's`,
              got: medianRatio(measured, name, BARE, 'p99Ms'),
              atMost: 10,
            },
          ]),
      { what: `${name}: peak memory, MB`, got: medianOf(measured, name, 'peakMb'), atMost: 250 },
    ]);
    return { tables: [table], bars, notes: [] };
  },
};

/** What has arrived since it was last asked for. */
interface Received {
  readonly delivered: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

interface Subscribers extends AsyncDisposable {
  collect(): Promise<Received>;
}

async function subscribe({ protocol, server }: Omit<Way, 'name'>, count: number): Promise<Subscribers> {
  const subscribers = await startBenchProcess({
    script: new URL('../servers/subscribers.ts', import.meta.url).pathname,
    args: [protocol, server.url, String(count), QUERY],
  });
  return {
    async collect() {
      const answer = once(subscribers.child, 'message');
      subscribers.child.send('collect');
      const [received] = await answer;
      return received as Received; // As subscribers.ts sends it.
    },
    [Symbol.asyncDispose]: subscribers[Symbol.asyncDispose],
  };
}

/** Publishes for that long, and says what arrived. */
async function measure(
  { protocol, server }: Omit<Way, 'name'>,
  subscribers: Subscribers,
  durationMs: number,
): Promise<Record<string, number>> {
  const before = await server.mark();
  const startedAt = performance.now();
  await publish(server.url, protocol === 'bare', durationMs);
  const publishedMs = performance.now() - startedAt;
  const { delivered, p50Ms, p99Ms } = await settled(subscribers.collect);
  const { cpuMs, peakMb } = await server.usage();
  return {
    perSecond: (delivered / publishedMs) * 1000,
    p50Ms,
    p99Ms,
    cpuUs: ((cpuMs - before.cpuMs) * 1000) / delivered,
    peakMb,
  };
}

/** Subscribes that many, publishes for that long, and says what arrived. */
export async function measureSubscribers(
  way: Omit<Way, 'name'>,
  count: number,
  durationMs: number,
): Promise<Record<string, number>> {
  await using subscribers = await subscribe(way, count);
  return await measure(way, subscribers, durationMs);
}

/** What arrived by a while after the last event; what comes later than that is lost. */
async function settled<T>(collect: () => Promise<T>): Promise<T> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  return collect();
}

/** At an even rate, by the clock: what is late is made up for. */
async function publish(url: string, isBare: boolean, durationMs: number): Promise<void> {
  const pool = new Pool(url, { connections: 20, pipelining: 1 });
  const startedAt = performance.now();
  const total = Math.round((durationMs / 1000) * EVENTS_PER_SECOND);
  const sent: Promise<unknown>[] = [];
  while (sent.length < total) {
    const due = Math.min(total, Math.ceil(((performance.now() - startedAt) / 1000) * EVENTS_PER_SECOND));
    while (sent.length < due) sent.push(isBare ? postBare(pool) : postDelivery(pool));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await Promise.all(sent);
  await pool.close();
}

const nowUs = () => Math.round((performance.timeOrigin + performance.now()) * 1000);

async function postBare(pool: Pool): Promise<void> {
  // As long as what the gateway sends.
  const body = `{"id":"1","type":"next","payload":{"data":{"contactEnriched":{"cursor":"${'x'.repeat(24)}","at":"2026-11-21T14:00:00.000Z","type":"CONTACT_ENRICHED","occurredAt":"2026-11-21T14:00:00.000Z","contactId":"contact-1","late":false,"attributes":{"tier":"gold","sentAt":${nowUs()}},"contactList":{"id":"gid://cxone/ContactList/bench"}}}}}`;
  const answer = await pool.request({ method: 'POST', path: '/', body });
  await answer.body.dump();
}

async function postDelivery(pool: Pool): Promise<void> {
  const id = randomUUID();
  const timestamp = String(Math.floor(Date.now() / 1000));
  const body = JSON.stringify({
    id,
    type: 'contact.enriched',
    occurredAt: new Date().toISOString(),
    contactListId: 'bench',
    contactId: `contact-${id.slice(0, 6)}`,
    attributes: { tier: 'gold', sentAt: nowUs() },
  });
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  const answer = await pool.request({
    method: 'POST',
    path: '/webhooks/cxone',
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`,
    },
    body,
  });
  const text = await answer.body.text();
  if (answer.statusCode >= 300) throw new Error(`the gateway did not take an event: ${answer.statusCode} ${text}`);
}
