import { describe, expect, it } from 'vitest';
import { type Data, startGateway, type TestGateway } from '../support/gateway.ts';

const POST = 'POST /api/v2/contacts/lists/{listId}/contacts';
const REFRESH = 'POST /api/v2/contacts/lists/{listId}/actions/refresh';
const SCHEMA = 'GET /api/v2/contacts/lists/{listId}/schema';
const LIST = 'gid://cxone/ContactList/list';
const CAMPAIGN = 'gid://cxone/Campaign/campaign';
const RESULT = `{
  __typename
  ... on EnrichContactPayload { contactId sent bulkCall { id size } }
  ... on ValidationError { issues { path code } }
  ... on ConflictError { reason }
  ... on NotFoundError { id }
  ... on Error { message }
}`;

interface Item {
  contactId: string;
  attributes?: Record<string, unknown>;
  contactListId?: string;
  campaignId?: string | null;
}

async function start(options: { timeoutMs?: number; limits?: number } = {}): Promise<TestGateway> {
  const { timeoutMs = 3000 } = options;
  const gateway = await startGateway({ sandbox: { seed: 'empty' } });
  const { add } = gateway.sandbox.control;
  add.contactList({
    id: 'list',
    name: 'Summer',
    attributes: [
      { name: 'tier', type: 'string' },
      { name: 'visits', type: 'integer' },
    ],
  });
  add.campaign({ id: 'campaign', name: 'Summer', maxEnrichmentTimeoutMs: timeoutMs, contactListId: 'list' });
  return gateway;
}

async function enrichAll(gateway: TestGateway, items: readonly Item[]): Promise<Data[]> {
  const inputs = items.map(({ attributes = { tier: 'gold' }, contactListId = LIST, ...item }) => ({
    attributes,
    contactListId,
    ...item,
  }));
  const variables = Object.fromEntries(inputs.map((input, index) => [`i${index}`, input]));
  const declared = items.map((_item, index) => `$i${index}: EnrichContactInput!`).join(' ');
  const fields = items.map((_item, index) => `a${index}: enrichContact(input: $i${index}) ${RESULT}`).join('\n');
  const { data, errors } = await gateway.graphql(`mutation Enrich(${declared}) { ${fields} }`, variables);
  expect(errors).toBeUndefined();
  return items.map((_item, index) => data[`a${index}`]);
}

const people = (count: number, rest: Partial<Item> = {}): Item[] =>
  Array.from({ length: count }, (_, index) => ({ contactId: `person-${index}`, ...rest }));

const routes = (gateway: TestGateway) => gateway.sandbox.control.requests().routes;

describe('enriched contacts', () => {
  it('of one document share calls as large as the campaign allows, and the list is refreshed once', async () => {
    await using gateway = await start({ timeoutMs: 1000 });
    const refreshed = gateway.sandbox.control.waitFor(({ route }) => route === REFRESH);
    const results = await enrichAll(gateway, people(200, { campaignId: CAMPAIGN }));
    expect(results.every(({ __typename }) => __typename === 'EnrichContactPayload')).toBe(true);
    expect(results[0]).toMatchObject({ contactId: 'person-0', sent: { tier: 'gold' }, bulkCall: { size: 100 } });
    expect(routes(gateway)[POST]).toMatchObject({ requests: 2, batchSizes: { 100: 2 } });
    expect(routes(gateway)[SCHEMA]?.requests).toBe(1);
    await refreshed;
    await gateway[Symbol.asyncDispose]();
    expect(gateway.sandbox.control.requests().routes[REFRESH]?.requests).toBe(1);
    expect(gateway.sandbox.control.requests().violations).toEqual([]);
  });

  it('of a campaign with room for 300 go in one call', async () => {
    await using gateway = await start({ timeoutMs: 3000 });
    await enrichAll(gateway, people(200, { campaignId: CAMPAIGN }));
    expect(routes(gateway)[POST]).toMatchObject({ requests: 1, batchSizes: { 200: 1 } });
  });

  it('without a campaign go in small calls', async () => {
    await using gateway = await start();
    await enrichAll(gateway, people(150));
    expect(routes(gateway)[POST]?.batchSizes).toEqual({ 100: 1, 50: 1 });
  });

  it.each([0, -10, 5])(
    'of a campaign with a timeout of %s ms are refused before anything is sent',
    async (timeoutMs) => {
      await using gateway = await start({ timeoutMs });
      const [result] = await enrichAll(gateway, [{ contactId: 'a', campaignId: CAMPAIGN }]);
      expect(result).toMatchObject({ __typename: 'ConflictError', reason: 'NOT_IN_THIS_STATE' });
      expect(routes(gateway)[POST]).toBeUndefined();
    },
  );

  it('with nothing left to send need no call, and say so', async () => {
    await using gateway = await start();
    const empty = { tier: null, visits: '', other: 'N/A' };
    const [nothing, some] = await enrichAll(gateway, [
      { contactId: 'a', attributes: empty },
      { contactId: 'b', attributes: { ...empty, visits: '7' } },
    ]);
    expect(nothing).toEqual({ __typename: 'EnrichContactPayload', contactId: 'a', sent: {}, bulkCall: null });
    expect(some).toMatchObject({ sent: { visits: 7 }, bulkCall: { size: 1 } });
    expect(gateway.sandbox.control.state.attributes('list')).toMatchObject([
      { contactId: 'b', attributes: { visits: 7 } },
    ]);
  });

  it('fail alone: unknown keys, wrong types, lists and campaigns that are not there', async () => {
    await using gateway = await start();
    const results = await enrichAll(gateway, [
      { contactId: 'a', attributes: { colour: 'red' } },
      { contactId: 'b', attributes: { visits: 'many' } },
      { contactId: 'c', contactListId: 'gid://cxone/ContactList/missing' },
      { contactId: 'd', campaignId: 'gid://cxone/Campaign/missing' },
      { contactId: 'e' },
    ]);
    expect(results).toMatchObject([
      { issues: [{ path: ['attributes', 'colour'], code: 'UNKNOWN_ATTRIBUTE' }] },
      { issues: [{ path: ['attributes', 'visits'], code: 'WRONG_TYPE' }] },
      { __typename: 'NotFoundError', id: 'gid://cxone/ContactList/missing' },
      { __typename: 'NotFoundError', id: 'gid://cxone/Campaign/missing' },
      { contactId: 'e' },
    ]);
    // Read once for all, and once more for those that did not fit.
    expect(routes(gateway)[SCHEMA]?.requests).toBeLessThanOrEqual(3);
  });

  it('see an attribute that the list has only now', async () => {
    await using gateway = await start();
    const { control } = gateway.sandbox;
    control.fail({ path: '/api/v2/contacts/lists/*/schema', times: 1, json: { attributes: [] }, status: 200 });
    await enrichAll(gateway, [{ contactId: 'a' }]);
    expect(await enrichAll(gateway, [{ contactId: 'b' }])).toMatchObject([{ sent: { tier: 'gold' } }]);
    expect(routes(gateway)[SCHEMA]?.requests).toBe(2);
  });

  it('that CXone refuses fail alone', async () => {
    await using gateway = await start();
    gateway.sandbox.control.fail({
      path: '/api/v2/contacts/lists/*/contacts',
      refuse: { keys: ['person-1'], code: 'ContactNotOnList' },
    });
    const results = await enrichAll(gateway, people(3));
    expect(results.map(({ __typename }) => __typename)).toEqual([
      'EnrichContactPayload',
      'UpstreamError',
      'EnrichContactPayload',
    ]);
    expect(results[1].message).toContain('ContactNotOnList');
  });

  it('stand once in a call: the same contact twice keeps its order', async () => {
    await using gateway = await start();
    await enrichAll(gateway, [
      { contactId: 'same', attributes: { tier: 'silver', visits: 1 } },
      { contactId: 'same', attributes: { tier: 'gold' } },
    ]);
    expect(gateway.sandbox.control.state.attributes('list')).toMatchObject([
      { contactId: 'same', attributes: { tier: 'gold', visits: 1 } },
    ]);
  });

  it('are not reported as enriched where CXone counts fewer, or does not count', async () => {
    await using gateway = await start();
    const path = '/api/v2/contacts/lists/*/contacts';
    gateway.sandbox.control.fail({ path, times: 1, merge: { processedCount: 1 } });
    const results = await enrichAll(gateway, people(3));
    expect(results.map(({ __typename }) => __typename)).toEqual(Array(3).fill('OutcomeUnknownError'));
    gateway.sandbox.control.fail({ path, status: 200, json: { ok: true } });
    expect((await enrichAll(gateway, people(1)))[0].__typename).toBe('OutcomeUnknownError');
  });

  it('are sent again when the answer is lost: the same values twice are the same values', async () => {
    await using gateway = await start();
    const path = '/api/v2/contacts/lists/*/contacts';
    gateway.sandbox.control.fail({ path, times: 1, cut: 'before', applied: true });
    expect(await enrichAll(gateway, people(1))).toMatchObject([{ sent: { tier: 'gold' } }]);
  });
});

describe('lists and campaigns', () => {
  it('show attributes and bounds', async () => {
    await using gateway = await start();
    const { contactList, campaign, node } = await gateway.data(
      `{ contactList(id: "${LIST}") { attributes { name type } }
         campaign(id: "${CAMPAIGN}") { id cxoneId name status maxEnrichmentTimeoutMs maxEnrichmentBatch }
         node(id: "gid://cxone/Campaign/missing") { id } }`,
    );
    expect(contactList.attributes).toEqual([
      { name: 'tier', type: 'STRING' },
      { name: 'visits', type: 'INTEGER' },
    ]);
    expect(campaign).toEqual({
      id: CAMPAIGN,
      cxoneId: 'campaign',
      name: 'Summer',
      status: 'RUNNING',
      maxEnrichmentTimeoutMs: 3000,
      maxEnrichmentBatch: 300,
    });
    expect(node).toBeNull();
  });

  it('are refreshed on demand, and then no more by themselves', async () => {
    await using gateway = await start();
    await enrichAll(gateway, people(1));
    const refresh = (id: string) =>
      gateway.data(`mutation { refreshContactList(input: {id: "${id}"}) {
        __typename ... on RefreshContactListPayload { contactList { cxoneId name } } } }`);
    expect((await refresh(LIST)).refreshContactList.contactList).toEqual({ cxoneId: 'list', name: 'Summer' });
    expect((await refresh('gid://cxone/ContactList/missing')).refreshContactList.__typename).toBe('NotFoundError');
    expect(gateway.sandbox.control.state.contactList('list').unrefreshedContacts).toBe(0);
  });
});
