import { createServer, type IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startTestSandbox, type TestSandbox, temporaryDirectory } from './client.ts';

const LIST = DEMO_IDS.contactLists.renewals;
const registration = {
  name: 'enrichment',
  events: ['contact.enriched', 'contact.updated'],
  retryPolicy: { maxRetries: '3', backoffMs: '1' },
};

interface Received {
  headers: IncomingHttpHeaders;
  body: string;
}

/** What the reference library makes of a delivery. @throws when it would not trust it */
function verify({ webhookSecret }: TestSandbox, { headers, body }: Received): unknown {
  // None of the headers it reads is ever a list.
  return new Webhook(webhookSecret).verify(body, headers as Record<string, string>);
}

/** A receiver that answers with the given statuses, the last of them from then on. */
async function startReceiver(...statuses: number[]) {
  const received: Received[] = [];
  const waiting: { count: number; done: () => void }[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    received.push({ headers: request.headers, body });
    response.writeHead((statuses.length > 1 ? statuses.shift() : statuses[0]) ?? 204).end();
    for (const { count, done } of waiting) if (received.length >= count) done();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}/hook`,
    received,
    until: (count: number) =>
      new Promise<void>((resolve, reject) => {
        if (received.length >= count) return resolve();
        const timer = setTimeout(() => reject(new Error(`only ${received.length} came`)), 60_000);
        waiting.push({
          count,
          done: () => {
            clearTimeout(timer);
            resolve();
          },
        });
      }),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const enrich = (sandbox: TestSandbox, ...contactIds: string[]) =>
  sandbox.call('POST', `/api/v2/contacts/lists/${LIST}/contacts`, {
    body: {
      contactListId: LIST,
      contacts: contactIds.map((contactId) => ({ contactId, attributes: { churn_risk: 0.5 } })),
    },
  });
const register = (sandbox: TestSandbox, url: string, changes: Record<string, unknown> = {}) =>
  sandbox.call('POST', '/api/v2/webhooks', { body: { ...registration, url, ...changes } });

test('an enrichment is told to every registered url, signed as the specification says', async () => {
  await using receiver = await startReceiver(204);
  await using sandbox = await startTestSandbox();
  expect(await register(sandbox, receiver.url)).toMatchObject({ status: 201, body: { id: expect.any(String) } });
  await enrich(sandbox, 'customer-0001');
  await receiver.until(1);
  const [first] = receiver.received;
  if (!first) throw new Error('nothing came');
  expect(verify(sandbox, first)).toEqual({
    id: first.headers['webhook-id'],
    type: 'contact.enriched',
    occurredAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    contactListId: LIST,
    contactId: 'customer-0001',
    attributes: { churn_risk: 0.5 },
  });
  expect(() => verify(sandbox, { ...first, body: `${first.body} ` })).toThrow();
});

test('a delivery that fails is tried again under the same id, as often as the policy says', async () => {
  await using receiver = await startReceiver(500, 301, 200);
  await using sandbox = await startTestSandbox();
  await register(sandbox, receiver.url);
  await enrich(sandbox, 'a');
  await receiver.until(3);
  expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  await expect
    .poll(() => sandbox.control.deliveries())
    .toMatchObject({ queued: 0, delivered: 1, failedTries: 2, givenUp: 0 });
});

test('a delivery is given up after the retries of the policy', async () => {
  await using receiver = await startReceiver(500);
  await using sandbox = await startTestSandbox();
  await register(sandbox, receiver.url, { retryPolicy: { maxRetries: '2', backoffMs: '1' } });
  await enrich(sandbox, 'a');
  await expect.poll(() => sandbox.control.deliveries()).toMatchObject({ queued: 0, failedTries: 3, givenUp: 1 });
  expect(receiver.received).toHaveLength(3);
});

test('a webhook hears only the events it was registered for; a write that was refused is not told', async () => {
  await using receiver = await startReceiver(204);
  await using sandbox = await startTestSandbox();
  await register(sandbox, receiver.url, { events: ['contact.updated'] });
  await enrich(sandbox, 'a');
  expect(sandbox.control.deliveries().queued).toBe(0);
  await register(sandbox, receiver.url, { events: ['contact.enriched'] });
  sandbox.control.fail({ method: 'POST', refuse: { keys: ['bad'], code: 'Blocked' } });
  await enrich(sandbox, 'good', 'bad');
  await receiver.until(1);
  await expect.poll(() => sandbox.control.deliveries()).toMatchObject({ queued: 0, delivered: 1 });
  expect(receiver.received.map(({ body }) => JSON.parse(body).contactId)).toEqual(['good']);
});

test('deliveries can be made to repeat', async () => {
  await using receiver = await startReceiver(204);
  await using sandbox = await startTestSandbox({ webhookUrl: receiver.url });
  sandbox.control.deliverAs({ times: 3, spreadMs: 5 });
  await enrich(sandbox, 'a', 'b');
  await receiver.until(6);
  expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(2);
});

test('the url given at the start is registered once, and a new one takes its place', async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'cxone.db');
  for (const webhookUrl of ['http://127.0.0.1:1/a', 'http://127.0.0.1:1/a', 'http://127.0.0.1:1/b']) {
    await using sandbox = await startTestSandbox({ file, webhookUrl });
    expect(sandbox.control.state.webhooks().map(({ url }) => url)).toEqual([webhookUrl]);
  }
});

test('deliveries that a stop left behind go out after the next start', async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'cxone.db');
  {
    await using sandbox = await startTestSandbox({ file });
    await register(sandbox, 'http://127.0.0.1:1/', { retryPolicy: { maxRetries: '9', backoffMs: '1' } });
    await enrich(sandbox, 'a');
    await expect.poll(() => sandbox.control.deliveries().failedTries).toBeGreaterThan(0);
  }
  await using sandbox = await startTestSandbox({ file });
  expect(sandbox.control.deliveries().queued).toBe(1);
  await expect.poll(() => sandbox.control.deliveries().failedTries).toBeGreaterThan(0);
});

test('events can be delivered by hand: in any order, repeated, forged or stale', async () => {
  await using receiver = await startReceiver(202);
  await using sandbox = await startTestSandbox({ webhookUrl: receiver.url });
  const event = (id: string, occurredAt: string) => ({ id, type: 'contact.updated', occurredAt, contactListId: LIST });
  const late = event('e2', '2025-06-01T00:00:02Z');
  const early = event('e1', '2025-06-01T00:00:01Z');
  const results = await sandbox.control.deliver([late, early], { times: 2 });
  expect(results.map(({ id, status }) => [id, status])).toEqual([
    ['e2', 202],
    ['e2', 202],
    ['e1', 202],
    ['e1', 202],
  ]);
  expect(receiver.received.map(({ body }) => JSON.parse(body))).toEqual([late, late, early, early]);

  await sandbox.control.deliver(early, { secret: 'whsec_b3RoZXI=' });
  await sandbox.control.deliver(early, { signedAtMs: Date.now() - 6 * 60_000 });
  await sandbox.control.deliver(early, { rawBody: 'not json' });
  const [forged, stale, raw] = receiver.received.slice(-3);
  expect(() => forged && verify(sandbox, forged)).toThrow('signature');
  expect(() => stale && verify(sandbox, stale)).toThrow('old');
  expect(raw?.body).toBe('not json');
});

test.each([
  ['a url that is none', { url: 'nowhere' }, 'url'],
  ['another scheme', { url: 'file:///etc/passwd' }, 'url'],
  ['an unknown event', { events: ['contact.deleted'] }, 'events'],
  ['numbers that are not texts', { retryPolicy: { maxRetries: 3, backoffMs: '1' } }, 'retryPolicy.maxRetries'],
])('a registration with %s is refused', async (_, changes, path) => {
  await using sandbox = await startTestSandbox();
  const answer = await register(sandbox, 'http://127.0.0.1:1/', changes);
  expect(answer).toMatchObject({ status: 400, body: { errors: [{ path }] } });
});

test('a malformed secret is refused at the start', async () => {
  await expect(startTestSandbox({ webhookSecret: 'secret' })).rejects.toThrow('whsec_');
});
