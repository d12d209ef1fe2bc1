import { expect, test } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startTestSandbox, type TestSandbox } from './client.ts';

const LIST = DEMO_IDS.contactLists.summerOutreach;
const PATH = `/api/v2/contacts/lists/${LIST}`;

const some = (count: number, attributes: Record<string, unknown> = { churn_risk: 0.5 }) =>
  Array.from({ length: count }, (_, index) => ({ contactId: `c-${index}`, attributes }));
const enrich = (sandbox: TestSandbox, contacts: unknown, contactListId: string = LIST) =>
  sandbox.call('POST', `${PATH}/contacts`, { body: { contactListId, contacts } });

test('attributes are merged key by key, and refreshed only when that is asked for', async () => {
  let nowMs = Date.now();
  await using sandbox = await startTestSandbox({ now: () => nowMs });
  const contactId = 'customer-0001';
  const answer = await enrich(sandbox, [{ contactId, attributes: { churn_risk: 0.5, loyalty_tier: 'gold' } }]);
  expect(answer).toMatchObject({ status: 200, body: { processedCount: 1 } });
  nowMs += 1;
  await enrich(sandbox, [{ contactId, attributes: { churn_risk: 0.7 } }]);
  const attributes = { churn_risk: 0.7, loyalty_tier: 'gold' };
  expect(sandbox.control.state.attributes(LIST)).toEqual([{ contactId, attributes, isRefreshed: false }]);
  nowMs += 1;
  expect((await sandbox.call('POST', `${PATH}/actions/refresh`)).status).toBe(202);
  expect(sandbox.control.state.attributes(LIST)).toEqual([{ contactId, attributes, isRefreshed: true }]);
});

test('the campaign of the list bounds the batch: 3000 ms are 300 contacts', async () => {
  await using sandbox = await startTestSandbox();
  const campaign = await sandbox.call('GET', `/api/v2/outbound/campaigns/${DEMO_IDS.campaigns.summer}`);
  expect(campaign.body).toMatchObject({ maxEnrichmentTimeout: 3000, contactListId: LIST });
  expect((await enrich(sandbox, some(301))).status).toBe(400);
  expect((await enrich(sandbox, some(300))).body).toEqual({ processedCount: 300 });
  expect(sandbox.violations()).toEqual({ 'batch-size': 1 });
});

test.each([null, '', 'null', 'NULL', 'N/A'])('the empty value %j is refused and breaks a rule', async (value) => {
  await using sandbox = await startTestSandbox();
  const answer = await enrich(sandbox, [...some(1), { contactId: 'x', attributes: { loyalty_tier: value } }]);
  expect(answer).toMatchObject({ status: 400, body: { errors: [{ path: 'contacts[1].attributes.loyalty_tier' }] } });
  expect(sandbox.violations()).toHaveProperty('empty-attribute-value', 1);
  expect(sandbox.control.state.contactList(LIST).enrichedContacts).toBe(0);
});

test.each([
  ['an attribute the schema does not know', { unheard: 1 }],
  ['a text for a decimal', { churn_risk: '0.5' }],
  ['a fraction for an integer', { days_since_order: 1.5 }],
  ['a number for a text', { loyalty_tier: 1 }],
  ['no attribute at all', {}],
])('%s is refused', async (_, attributes) => {
  await using sandbox = await startTestSandbox();
  const schema = await sandbox.call('GET', `${PATH}/schema`);
  expect(schema.body.attributes).toContainEqual({ name: 'churn_risk', type: 'decimal' });
  expect((await enrich(sandbox, some(1, attributes))).status).toBe(400);
});

test('a body that names another list than its path is refused', async () => {
  await using sandbox = await startTestSandbox();
  expect((await enrich(sandbox, some(1), 'other')).status).toBe(400);
});

test('the 501st contact within a second is throttled, and is welcome when the second has passed', async () => {
  let nowMs = Date.now();
  await using sandbox = await startTestSandbox({ now: () => nowMs, limits: { enrichment: 1000 } });
  expect((await enrich(sandbox, some(300))).status).toBe(200);
  nowMs += 999;
  expect((await enrich(sandbox, some(200))).status).toBe(200);
  const throttled = await enrich(sandbox, some(1));
  expect(throttled.status).toBe(429);
  expect(throttled.headers.get('retry-after')).toBe('1');
  nowMs += 1;
  expect((await enrich(sandbox, some(300))).status).toBe(200);
  expect(sandbox.control.requests().rateLimited.enrichment).toBe(1);
});
