import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { startGateway } from '../support/gateway.ts';
import { createUpload, finished, outboundRow, put, startImport } from '../support/imports.ts';
import { startReceiver } from './receiver.ts';

const SECRET = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;

test('a CRM is told of every batch and of the end, in order and signed, with the totals the import ends with', async () => {
  await using crm = await startReceiver();
  await using own = await startReceiver();
  await using gateway = await startGateway({
    env: { CRM_WEBHOOK_URL: crm.url, CRM_WEBHOOK_SECRET: SECRET, CALLBACK_ALLOWED_HOSTS: own.host },
  });
  const rows = [...Array.from({ length: 2_500 }, (_, index) => outboundRow(index)), { externalId: 'no phone' }];
  const id = await startImport(gateway, rows, { options: { callbackUrl: own.url } });
  const { progress } = await finished(gateway, id);
  for (const receiver of [crm, own]) {
    const received = await receiver.waitFor(progress.batchesTotal + 1);
    const bodies = received.map(({ body, headers }) => {
      new Webhook(SECRET).verify(body, headers as Record<string, string>); // Node gives each of these once, as text.
      return JSON.parse(body);
    });
    expect(received).toHaveLength(progress.batchesTotal + 1);
    expect(bodies.map(({ event }) => event)).toEqual([
      ...Array(progress.batchesTotal).fill('cxone_contact_import_batch_complete'),
      'cxone_contact_import_complete',
    ]);
    const processed = bodies.map(({ metrics }) => metrics.totalProcessed);
    expect(processed).toEqual(processed.toSorted((a, b) => a - b));
    expect(bodies.at(-1)).toMatchObject({
      importId: id.replace('gid://cxone/Import/', ''),
      kind: 'OUTBOUND_CONTACTS',
      metrics: { totalProcessed: 2_500, successCount: 2_500, failureCount: 0, successRatePercent: 100 },
      auditTrailer: {
        batchIndex: progress.batchesTotal,
        recordCount: 2_501,
        details: { state: 'COMPLETED', rejected: 1 },
      },
    });
    const trailers = bodies.map(({ auditTrailer }) => auditTrailer.auditId);
    const { auditEntries } = await gateway.data('{ auditEntries(first: 250) { nodes { id action } } }');
    const audited = auditEntries.nodes.filter(({ action }: { action: string }) =>
      /import\.(batch|finish)/.test(action),
    );
    expect(new Set(trailers).size).toBe(audited.length);
  }
});

test('an import that ends without having sent anything is told of, too', async () => {
  await using crm = await startReceiver();
  await using gateway = await startGateway({ env: { CRM_WEBHOOK_URL: crm.url, CRM_WEBHOOK_SECRET: SECRET } });
  const cancelled = await createUpload(gateway);
  await gateway.data('mutation ($id: ID!) { cancelImport(input: { id: $id }) { __typename } }', { id: cancelled.id });
  const unreadable = await createUpload(gateway);
  expect((await put(unreadable.url, '\0')).status).toBe(422);
  const ends = (await crm.waitFor(2)).map(({ body }) => JSON.parse(body));
  expect(ends).toMatchObject([
    { event: 'cxone_contact_import_complete', auditTrailer: { status: 'FAILED', details: { state: 'CANCELLED' } } },
    { event: 'cxone_contact_import_complete', auditTrailer: { status: 'FAILED', details: { state: 'FAILED' } } },
  ]);
});

test('a CRM is told of the end of a cancelled import last, with the totals of all its calls', async () => {
  await using crm = await startReceiver();
  await using gateway = await startGateway({
    env: { CRM_WEBHOOK_URL: crm.url, CRM_WEBHOOK_SECRET: SECRET, CXONE_LIMITS: '{"records":1000}' },
    sandbox: { limits: { records: 1000 } },
  });
  const answers = gateway.sandbox.control.hold({ method: 'POST', path: '/api/v2/contactlists/{listId}/records' });
  const records = Array.from({ length: 300 }, (_, index) => ({
    contactId: `c-${index}`,
    phoneNumbers: [{ type: 'mobile', number: outboundRow(index).phone }],
    consentTimestamp: '2026-01-01T00:00:00Z',
    optInStatus: 'confirmed',
  }));
  const id = await startImport(gateway, records, { kind: 'RECORDS' });
  await expect.poll(answers.held, { timeout: 60_000 }).toBe(3);
  await gateway.data('mutation ($id: ID!) { cancelImport(input: { id: $id }) { __typename } }', { id });
  answers.release();
  const bodies = (await crm.waitFor(4)).map(({ body }) => JSON.parse(body));
  expect(bodies.map(({ event, metrics }) => [event, metrics.totalProcessed])).toEqual([
    ['cxone_contact_import_batch_complete', 100],
    ['cxone_contact_import_batch_complete', 200],
    ['cxone_contact_import_batch_complete', 300],
    ['cxone_contact_import_complete', 300],
  ]);
  expect(bodies.at(-1).auditTrailer).toMatchObject({
    status: 'FAILED',
    details: { state: 'CANCELLED', succeeded: 300 },
  });
});

test('an import with a callback to a host that is not allowed is refused', async () => {
  await using gateway = await startGateway({ env: { CALLBACK_ALLOWED_HOSTS: 'crm.example.com' } });
  for (const callbackUrl of [
    'https://other.example.com/',
    'http://127.0.0.1:1/',
    'https://crm.example.com@evil.net/',
  ]) {
    await expect(startImport(gateway, [outboundRow(1)], { options: { callbackUrl } })).rejects.toThrow('callbackUrl');
  }
});
