import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { createAddressBooks } from '../../src/address-books/service.ts';
import { systemClock as clock } from '../../src/clock.ts';
import { createContacts } from '../../src/contacts/service.ts';
import { newUpstreamTally } from '../../src/cxone/call-context.ts';
import { createCxoneClient } from '../../src/cxone/client.ts';
import { encodeGlobalId as globalId } from '../../src/graphql/global-ids.ts';
import { SANDBOX_CLIENT_ID, SANDBOX_CLIENT_SECRET } from '../../src/sandbox/options.ts';
import { createAuditLog } from '../../src/store/audit-log.ts';
import { openDatabase } from '../../src/store/database.ts';
import { createEventLog } from '../../src/store/event-log.ts';
import { createLeases } from '../../src/store/leases.ts';
import { freshDatabaseUrl } from '../support/postgres.ts';
import { BOOK, MANY, startEmptySandbox } from './room.ts';

/** The service alone, as an import's batches use it. */
async function startService() {
  const parts = new AsyncDisposableStack();
  const sandbox = parts.use(await startEmptySandbox());
  const { url } = parts.use(await freshDatabaseUrl('sqlite'));
  const database = parts.use(await openDatabase({ url, clock }));
  const cxone = parts.use(
    createCxoneClient({
      baseUrl: sandbox.url,
      credentials: { clientId: SANDBOX_CLIENT_ID, clientSecret: SANDBOX_CLIENT_SECRET, style: 'form' },
      limits: { addressBooks: 5000, records: 50, outbound: 50, enrichment: 50, segments: 50 },
      timeoutMs: 5000,
      retryBaseMs: { segments: 50, other: 50 },
      clock,
      random: Math.random,
    }),
  );
  const owner = randomUUID();
  const log = { warn: () => {}, error: () => {} };
  const shared = {
    cxone,
    database,
    leases: createLeases({ database, clock, owner }),
    audit: createAuditLog({ database }),
    globalId,
    clock,
    log,
  };
  const contacts = parts.use(
    await createContacts({
      ...shared,
      addressBooks: createAddressBooks(shared),
      events: parts.use(createEventLog({ database, clock })),
      origin: owner,
      baselineCache: { size: 1000, ttlMs: 60_000 },
      random: Math.random,
    }),
  );
  return { sandbox, contacts, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

const call = () => ({ requestId: 'batch', lane: { kind: 'import', key: 'i' }, tally: newUpstreamTally() }) as const;
const row = {
  phoneNumbers: [{ number: '044 668 18 00' }],
  customAttributes: { external_ref_id: 'CRM-1', loyalty_points: '12' },
};

test('a row is merged into what is there, leaves it, or fails, as the import was told', async () => {
  await using service = await startService();
  const run = (onDuplicate: 'UPDATE' | 'SKIP' | 'FAIL', more = {}) =>
    service.contacts.upsertForImport(BOOK, { ...row, ...more }, { onDuplicate, defaultCountry: 'CH' }, call());
  expect(await run('FAIL')).toMatchObject({ outcome: 'CREATED' });
  expect(service.sandbox.control.state.contacts(BOOK)).toMatchObject([
    { phoneNumbers: [{ number: '+41446681800', primary: true }], customAttributes: { loyalty_points: 12 } },
  ]);
  expect(await run('SKIP', { firstName: 'Ada' })).toMatchObject({ outcome: 'SKIPPED' });
  expect(await run('UPDATE')).toMatchObject({ outcome: 'UNCHANGED' });
  expect(await run('UPDATE', { firstName: 'Ada' })).toMatchObject({ outcome: 'UPDATED' });
  await expect(run('FAIL')).rejects.toMatchObject({ reason: 'DUPLICATE' });
});

test('a row that is wrong is refused with paths from its root, and one of which nothing is known is unknown', async () => {
  await using service = await startService();
  const run = (contact: object) => service.contacts.upsertForImport(BOOK, contact, { onDuplicate: 'UPDATE' }, call());
  await expect(run(row)).rejects.toMatchObject({
    issues: [{ path: ['phoneNumbers', '0', 'number'], code: 'INVALID_PHONE' }],
  });
  await expect(run({ firstName: 'Ada' })).rejects.toMatchObject({ issues: [{ path: ['match'], code: 'REQUIRED' }] });
  service.sandbox.control.fail({ method: 'POST', path: MANY, cut: 'before' });
  await expect(run({ customAttributes: { external_ref_id: 'CRM-2' } })).rejects.toMatchObject({
    code: 'OUTCOME_UNKNOWN',
  });
});
