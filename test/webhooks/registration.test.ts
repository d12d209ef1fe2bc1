import { randomUUID } from 'node:crypto';
import type { LookupAddress } from 'node:dns';
import { describe, expect, test } from 'vitest';
import { readAllowedHosts } from '../../src/callbacks/allowed-hosts.ts';
import type { ResolveHost } from '../../src/callbacks/guarded-lookup.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import { newUpstreamTally } from '../../src/cxone/call-context.ts';
import { createCxoneClient } from '../../src/cxone/client.ts';
import { OutcomeUnknownError, UpstreamError, ValidationError } from '../../src/errors.ts';
import { SANDBOX_CLIENT_ID, SANDBOX_CLIENT_SECRET } from '../../src/sandbox/options.ts';
import { startSandbox } from '../../src/sandbox/server.ts';
import { createAuditLog } from '../../src/store/audit-log.ts';
import type { Database, Engine } from '../../src/store/database.ts';
import { createLeases } from '../../src/store/leases.ts';
import { createWebhookRegistrations } from '../../src/webhooks/registration.ts';
import { ENGINES, openFreshDatabase } from '../store/open-database.ts';
import { createFakeClock } from '../support/clock.ts';

const PUBLIC_URL = 'https://gateway.example.com';
const publicly: ResolveHost = async () => [{ address: '93.184.216.34', family: 4 }];

interface Setup {
  engine?: Engine;
  resolve?: ResolveHost;
  clock?: Clock;
}

async function open({ engine = 'sqlite', resolve = publicly, clock = systemClock }: Setup = {}) {
  const parts = new AsyncDisposableStack();
  const sandbox = parts.use(await startSandbox({ seed: 'empty' }));
  const opened = parts.use(await openFreshDatabase(engine));
  const cxone = parts.use(
    createCxoneClient({
      baseUrl: sandbox.url,
      credentials: { clientId: SANDBOX_CLIENT_ID, clientSecret: SANDBOX_CLIENT_SECRET, style: 'form' },
      limits: { addressBooks: 50, records: 16, outbound: 50, enrichment: 50, segments: 25 },
      timeoutMs: 5_000,
      retryBaseMs: { segments: 5, other: 5 },
      clock: systemClock,
      random: Math.random,
    }),
  );
  const audit = createAuditLog({ database: opened.database });
  /** A replica: nothing shared but the database. */
  const replica = (database: Database) => {
    const registrations = createWebhookRegistrations({
      cxone,
      database,
      leases: createLeases({ database, clock: systemClock, owner: randomUUID() }),
      audit: createAuditLog({ database }),
      log: { error() {} },
      publicUrl: () => PUBLIC_URL,
      allowedHosts: readAllowedHosts(['hooks.internal:8080']),
      resolve,
      clock,
    });
    return (name: string, url?: string) =>
      registrations.register(
        { name, url },
        {
          actor: 'admin',
          call: { requestId: 'req-1', lane: { kind: 'interactive' }, tally: newUpstreamTally() },
        },
      );
  };
  return {
    sandbox,
    register: replica(opened.database),
    openReplica: async () => replica(await opened.openAgain()),
    audited: async () => (await audit.page({ first: 100, filter: { action: 'webhook.register' } })).entries,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

describe.each(ENGINES)('registering a webhook over %s', (engine) => {
  test('without a url names the gateway’s own address, and is audited', async () => {
    await using gateway = await open({ engine });
    const { webhookId, url } = await gateway.register('gateway_enrichment');
    expect(url).toBe('https://gateway.example.com/webhooks/cxone');
    expect(gateway.sandbox.control.state.webhooks()).toEqual([
      expect.objectContaining({
        id: webhookId,
        name: 'gateway_enrichment',
        url,
        events: ['contact.enriched', 'contact.updated'],
        maxRetries: 3,
        backoffMs: 1000,
      }),
    ]);
    expect((await gateway.audited())[0]).toMatchObject({
      actor: 'admin',
      subject: webhookId,
      outcome: 'SUCCEEDED',
      requestId: 'req-1',
      upstreamRequestId: expect.any(String),
    });
  });

  test('again, also at once and from another replica, gives the one there is', async () => {
    await using gateway = await open({ engine });
    const other = await gateway.openReplica();
    const all = await Promise.all([
      ...Array.from({ length: 5 }, () => gateway.register('a')),
      ...Array.from({ length: 5 }, () => other('a')),
    ]);
    expect(new Set(all.map(({ webhookId }) => webhookId)).size).toBe(1);
    expect((await other('a')).webhookId).toBe(all[0]?.webhookId);
    expect(gateway.sandbox.control.state.webhooks()).toHaveLength(1);
  });

  test('with another name or url is another webhook', async () => {
    await using gateway = await open({ engine });
    const first = await gateway.register('a');
    const second = await gateway.register('b');
    const third = await gateway.register('a', 'https://other.example.com/hooks');
    expect(new Set([first, second, third].map(({ webhookId }) => webhookId)).size).toBe(3);
  });

  test.each([
    ['took effect', true],
    ['took none', false],
  ])('whose answer is lost is never sent a second time: it %s', async (_case, applied) => {
    await using gateway = await open({ engine });
    gateway.sandbox.control.fail({ path: '/api/v2/webhooks', times: 1, cut: 'before', applied });
    await expect(gateway.register('a')).rejects.toThrow(OutcomeUnknownError);
    await expect(gateway.register('a')).rejects.toThrow(OutcomeUnknownError);
    const other = await gateway.openReplica();
    await expect(other('a')).rejects.toThrow('another name');
    expect(gateway.sandbox.control.state.webhooks()).toHaveLength(applied ? 1 : 0);
    expect(gateway.sandbox.control.requests().routes['POST /api/v2/webhooks']?.requests).toBe(1);
    await gateway.register('b');
  });

  test('that CXone refused can be asked for again', async () => {
    await using gateway = await open({ engine });
    gateway.sandbox.control.fail({ path: '/api/v2/webhooks', times: 1, status: 403 });
    await expect(gateway.register('a')).rejects.toThrow(UpstreamError);
    const { webhookId } = await gateway.register('a');
    expect(gateway.sandbox.control.state.webhooks().map(({ id }) => id)).toEqual([webhookId]);
    expect((await gateway.audited()).map(({ outcome }) => outcome)).toEqual(['SUCCEEDED', 'REJECTED']);
  });

  test('waits for CXone’s limit and is then registered once', async () => {
    await using gateway = await open({ engine });
    gateway.sandbox.control.fail({ path: '/api/v2/webhooks', times: 1, status: 429, retryAfter: 0 });
    await gateway.register('a');
    expect(gateway.sandbox.control.state.webhooks()).toHaveLength(1);
  });
});

describe('the url of a webhook', () => {
  async function refusal(url: string, resolve?: ResolveHost): Promise<string> {
    await using gateway = await open(resolve ? { resolve } : {});
    try {
      await gateway.register('a', url);
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
      expect(error.issues[0]?.path).toEqual(['url']);
      expect(gateway.sandbox.control.requests().total).toBe(0);
      return error.issues[0]?.code ?? '';
    }
    return 'accepted';
  }
  const at =
    (...addresses: string[]): ResolveHost =>
    async () =>
      addresses.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 }));

  test.each([
    'http://127.0.0.1/',
    'https://10.0.0.1/',
    'https://localhost/',
    'http://example.com/',
    'file:///etc/passwd',
    '',
  ])('%j is refused before CXone is asked', async (url) => {
    expect(await refusal(url)).toMatch(/^(INVALID_URL|URL_NOT_PUBLIC)$/);
  });

  test('is refused where its name leads to a private address', async () => {
    expect(await refusal('https://hooks.example.com/', at('10.0.0.1'))).toBe('URL_NOT_PUBLIC');
    expect(await refusal('https://hooks.example.com/', at('93.184.216.34', '::1'))).toBe('URL_NOT_PUBLIC');
    expect(await refusal('https://hooks.example.com/', at('93.184.216.34'))).toBe('accepted');
  });

  test('may have a name that only CXone can resolve', async () => {
    const unknown = async () => {
      throw new Error('ENOTFOUND');
    };
    expect(await refusal('https://hooks.example.com/', unknown)).toBe('accepted');
  });

  test('is not held up by a name server that does not answer', async () => {
    const fake = createFakeClock();
    // The deadline of the call to CXone is on the same monotonic clock, which goes on by itself.
    const clock = { ...fake, monotonic: () => systemClock.monotonic() + fake.monotonic() };
    await using gateway = await open({ clock, resolve: () => new Promise(() => {}) });
    const registered = gateway.register('a', 'https://hooks.example.com/');
    await expect(fake.advanceUntil(registered, { isBusy: () => fake.pendingSleeps === 0 })).resolves.toBeDefined();
    expect(fake.monotonic()).toBe(2_000);
  });

  test('may be private where the configuration names its host, as its own address does', async () => {
    expect(await refusal('http://hooks.internal:8080/x')).toBe('accepted');
    expect(await refusal('http://hooks.internal:9090/x')).toBe('URL_NOT_PUBLIC');
    expect(await refusal(`${PUBLIC_URL}/webhooks/cxone`, at('10.0.0.1'))).toBe('accepted');
  });
});

describe.each(ENGINES)('over %s', (engine) => {
  test.each(['', '   ', 'x'.repeat(101), 'a\u0000b', 'half \ud800'])(
    'the name %j is refused, and audited',
    async (name) => {
      await using gateway = await open({ engine });
      await expect(gateway.register(name)).rejects.toThrow(ValidationError);
      expect(gateway.sandbox.control.requests().total).toBe(0);
      expect(await gateway.audited()).toEqual([expect.objectContaining({ outcome: 'REJECTED' })]);
    },
  );
});
