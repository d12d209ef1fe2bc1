import { createClient as createSseClient } from 'graphql-sse';
import { describe, expect, test } from 'vitest';
import { UpstreamError } from '../../src/errors.ts';
import { encodeEventCursor } from '../../src/graphql/event-cursors.ts';
import { ENGINES } from '../store/open-database.ts';
import { createFakeClock } from '../support/clock.ts';
import { change, startWebhookServer, type WebhookServer, type WebhookServerOptions } from './webhook-server.ts';

interface Told {
  cursor: string;
  contactId: string;
  late: boolean;
  [field: string]: unknown;
}

interface Result {
  data?: { contactEnriched: Told } | null;
  errors?: readonly { message: string; path?: readonly unknown[]; extensions?: Record<string, unknown> }[];
}

type Variables = Record<string, unknown>;
/** Follows until `stop` says so of a result. */
type Follow = (server: WebhookServer, query: string, variables: Variables) => AsyncIterable<Result>;

const QUERY = `subscription ($contactListId: ID, $after: String) {
  contactEnriched(contactListId: $contactListId, after: $after) {
    cursor at type occurredAt late contactId attributes contactList { id cxoneId }
  } }`;

async function* overWebSocket(server: WebhookServer, query: string, variables: Variables): AsyncGenerator<Result> {
  const client = server.client();
  try {
    for await (const result of client.iterate({ query, variables })) yield result as Result;
  } finally {
    client.terminate();
    await client.dispose();
  }
}

async function* overSse(server: WebhookServer, query: string, variables: Variables): AsyncGenerator<Result> {
  const client = createSseClient({ url: `${server.url}/graphql`, retryAttempts: 0 });
  try {
    for await (const result of client.iterate({ query, variables })) yield result as Result;
  } finally {
    client.dispose();
  }
}

const TRANSPORTS: [string, Follow][] = [
  ['WebSocket', overWebSocket],
  ['SSE', overSse],
];

async function take(events: AsyncIterable<Result>, count: number): Promise<Told[]> {
  const told: Told[] = [];
  for await (const { data, errors } of events) {
    if (!data) throw new Error(JSON.stringify(errors));
    told.push(data.contactEnriched);
    if (told.length === count) break;
  }
  return told;
}

/** The first error a subscription ends with, however its transport tells it. */
async function failureOf(events: AsyncIterable<Result>): Promise<Record<string, unknown> | undefined> {
  try {
    for await (const { errors } of events) return errors?.[0]?.extensions;
  } catch (error) {
    const [first] = Array.isArray(error) ? (error as NonNullable<Result['errors']>) : [];
    if (!first) throw error;
    return first.extensions;
  }
  return undefined;
}

/** Takes deliveries without HTTP, as the receiver does once it has checked them. */
async function enrich(server: WebhookServer, from: number, to: number, contactListId = 'list-1'): Promise<void> {
  const events = Array.from({ length: to - from + 1 }, (_, index) => ({
    topic: 'enrichment',
    subject: contactListId,
    type: 'CONTACT_ENRICHED',
    data: { contactId: `contact-${from + index}`, occurredAt: 0, late: false, attributes: {} },
  }));
  await server.database.transaction((tx) => server.eventLog.appendAll(tx, events));
}

async function cursorNow(server: WebhookServer): Promise<string> {
  return encodeEventCursor(await server.eventLog.head());
}

const ids = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `contact-${from + index}`);

describe.each(TRANSPORTS)('contactEnriched over %s', (_name, follow) => {
  test('tells a delivery as the contract says', async () => {
    await using server = await startWebhookServer();
    const after = await cursorNow(server);
    const told = take(follow(server, QUERY, { after }), 2);
    await server.deliver(change({ attributes: { score: 7, tier: 'gold' } }));
    await server.deliver(change({ type: 'contact.updated', occurredAt: '2026-11-21T13:59:59+00:00' }));
    const [first, second] = await told;
    expect(first).toMatchObject({
      type: 'CONTACT_ENRICHED',
      occurredAt: '2026-11-21T14:00:00.000Z',
      late: false,
      contactId: 'contact-1',
      attributes: { score: 7, tier: 'gold' },
      contactList: { id: 'gid://cxone/ContactList/list-1', cxoneId: 'list-1' },
    });
    expect(Date.parse(String(first?.at))).toBeGreaterThan(Date.UTC(2020));
    expect(second).toMatchObject({ type: 'CONTACT_UPDATED', occurredAt: '2026-11-21T13:59:59.000Z', late: true });
  });

  test('goes on from each cursor without a gap or a repeat, cut off again and again while events come', async () => {
    await using server = await startWebhookServer();
    const total = 1_000;
    let after = await cursorNow(server);
    const appending = (async () => {
      for (let n = 1; n <= total; n += 10) {
        await enrich(server, n, n + 9);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const told: string[] = [];
    for (let cut = 1; told.length < total; cut++) {
      const events = await take(follow(server, QUERY, { after }), Math.min(1 + ((cut * 37) % 90), total - told.length));
      told.push(...events.map(({ contactId }) => contactId));
      after = events.at(-1)?.cursor ?? after;
    }
    await appending;
    expect(told).toEqual(ids(1, total));
  });

  test.each([
    ['which nobody gave out', 'e1.zzzzz', 'BAD_USER_INPUT'],
    ['of another kind', 'MTIz', 'BAD_USER_INPUT'],
    ['that is empty', '', 'BAD_USER_INPUT'],
  ])('refuses a cursor %s', async (_case, after, code) => {
    await using server = await startWebhookServer();
    expect((await failureOf(follow(server, QUERY, { after })))?.code).toBe(code);
  });

  test('says when events after a cursor are no longer kept', async () => {
    const clock = createFakeClock();
    await using server = await startWebhookServer({ clock });
    const after = await cursorNow(server);
    await enrich(server, 1, 1);
    await clock.advance(10_000);
    await server.eventLog.prune(5_000);
    expect((await failureOf(follow(server, QUERY, { after })))?.code).toBe('CURSOR_EXPIRED');
  });
});

test('a list can be followed alone; an id that is no list’s is refused', async () => {
  await using server = await startWebhookServer();
  const contactListId = 'gid://cxone/ContactList/list-2';
  const told = take(overWebSocket(server, QUERY, { contactListId, after: await cursorNow(server) }), 2);
  await enrich(server, 1, 3, 'list-1');
  await enrich(server, 4, 4, 'list-2');
  await enrich(server, 5, 5, 'list-1');
  await enrich(server, 6, 6, 'list-2');
  expect((await told).map(({ contactId }) => contactId)).toEqual(['contact-4', 'contact-6']);
  for (const wrong of ['gid://cxone/Segment/1', 'list-2', '']) {
    expect((await failureOf(overWebSocket(server, QUERY, { contactListId: wrong })))?.code).toBe('BAD_USER_INPUT');
  }
});

describe.each(ENGINES)('over %s', (engine) => {
  test('many subscribers are each told everything once', async () => {
    await using server = await startWebhookServer({ engine });
    const after = await cursorNow(server);
    const all = Array.from({ length: 20 }, () => take(overWebSocket(server, QUERY, { after }), 100));
    for (let n = 1; n <= 100; n += 20) await enrich(server, n, n + 19);
    for (const told of await Promise.all(all)) expect(told.map(({ contactId }) => contactId)).toEqual(ids(1, 100));
  });
});

describe('the list of an event', () => {
  const WITH_LIST = `subscription ($after: String) { contactEnriched(after: $after) {
    cursor contactId late contactList { id name totalContactCount } } }`;

  async function results(getList: WebhookServerOptions['getList'], query: string, count: number) {
    await using server = await startWebhookServer(getList ? { getList } : {});
    const after = await cursorNow(server);
    await enrich(server, 1, count);
    const found: Result[] = [];
    for await (const result of overWebSocket(server, query, { after })) {
      found.push(result);
      if (found.length === count) break;
    }
    return { found, calls: server.listCalls };
  }

  test('costs no call to CXone where only its id is asked for', async () => {
    const { found, calls } = await results(async () => null, QUERY, 5);
    expect(found.at(-1)?.data?.contactEnriched.contactList).toMatchObject({ cxoneId: 'list-1' });
    expect(calls).toEqual([]);
  });

  test('is read once for a burst of events', async () => {
    const list = { id: 'list-1', name: 'Autumn', totalContactCount: 12 };
    const { found, calls } = await results(async () => list, WITH_LIST, 50);
    for (const { data } of found)
      expect(data?.contactEnriched.contactList).toMatchObject({ name: 'Autumn', totalContactCount: 12 });
    expect(calls).toEqual(['list-1']);
  });

  test('that CXone does not know, or does not tell of, takes nothing from the event', async () => {
    const unknown = await results(async () => null, WITH_LIST, 1);
    expect(unknown.found[0]?.data?.contactEnriched.contactList).toMatchObject({ name: null, totalContactCount: null });
    const down = async () => {
      throw new UpstreamError('CXone did not answer.', { fault: 'timeout' });
    };
    const failed = await results(down, WITH_LIST, 1);
    expect(failed.found[0]?.data?.contactEnriched).toMatchObject({
      contactId: 'contact-1',
      contactList: { id: 'gid://cxone/ContactList/list-1', name: null },
    });
    expect(failed.found[0]?.errors?.[0]?.path).toEqual(['contactEnriched', 'contactList', 'name']);
    expect(failed.found[0]?.errors?.[0]?.extensions?.code).toBe('UPSTREAM_ERROR');
  });
});
