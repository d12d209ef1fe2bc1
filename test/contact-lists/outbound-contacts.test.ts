import { describe, expect, it } from 'vitest';
import { type Data, startGateway, type TestGateway } from '../support/gateway.ts';

const PATH = '/api/v2/outbound/contactlists/{listId}/contacts';
const RESULT = `{
  __typename
  ... on AddOutboundContactPayload { externalId bulkCall { id size } }
  ... on UpstreamError { status retryable }
  ... on NotFoundError { id }
  ... on ValidationError { issues { path code } }
  ... on Error { message }
}`;

async function startWithList(): Promise<TestGateway> {
  const gateway = await startGateway({ sandbox: { seed: 'empty' } });
  gateway.sandbox.control.add.contactList({ id: 'list', name: 'list' });
  return gateway;
}

interface Item {
  readonly externalId: string;
  readonly list?: string;
  readonly phone?: string;
}

const field = ({ externalId, list = 'list', phone = '+14155550123' }: Item, alias = 'outcome') =>
  `${alias}: addOutboundContact(input: {
    contactListId: "gid://cxone/ContactList/${list}"
    contact: {externalId: "${externalId}", phone: "${phone}", doNotCall: false, doNotEmail: true}
  }) ${RESULT}`;

/** Aliases of one document. */
async function add(gateway: TestGateway, items: readonly Item[]): Promise<Data[]> {
  const fields = items.map((item, index) => field(item, `a${index}`));
  const { data, errors } = await gateway.graphql(`mutation { ${fields.join('\n')} }`);
  expect(errors).toBeUndefined();
  return items.map((_item, index) => data[`a${index}`]);
}

const callsOf = (gateway: TestGateway) => gateway.sandbox.control.requests().routes[`POST ${PATH}`];

describe('outbound contacts added one by one', () => {
  it('travel in one call, each with its own outcome', async () => {
    await using gateway = await startWithList();
    const { control } = gateway.sandbox;
    control.fail({ method: 'POST', path: PATH, refuse: { keys: ['blocked'], code: 'PhoneBlocked' } });
    const results = await add(gateway, [
      { externalId: 'one' },
      { externalId: 'blocked' },
      { externalId: 'no-phone', phone: '12' },
      { externalId: 'nowhere', list: 'missing' },
      { externalId: 'two' },
    ]);
    expect(results).toMatchObject([
      { externalId: 'one', bulkCall: { size: 3 } },
      { __typename: 'UpstreamError', retryable: false, message: expect.stringContaining('PhoneBlocked') },
      { __typename: 'ValidationError', issues: [{ path: ['contact', 'phone'] }] },
      { __typename: 'NotFoundError', id: 'gid://cxone/ContactList/missing' },
      { externalId: 'two', bulkCall: { size: 3 } },
    ]);
    expect(control.state.contactList('list').total).toBe(2);
  });

  /** What operations of one array are answered that gather behind a call to their list. */
  async function addBehindAnother(gateway: TestGateway, items: readonly Item[]): Promise<Data[]> {
    const hold = gateway.sandbox.control.hold({ method: 'POST', path: PATH });
    const first = add(gateway, [{ externalId: 'first' }]);
    await expect.poll(() => hold.held()).toBe(1);
    const later = fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(items.map((item) => ({ query: `mutation { ${field(item)} }` }))),
    });
    await gateway.data('{ __typename }');
    hold.release();
    await first;
    const results = (await (await later).json()) as Data[];
    return results.map(({ data }) => data.outcome);
  }

  it('of an array of operations share a call, behind the one to their list that is under way', async () => {
    await using gateway = await startWithList();
    const items = ['b', 'c', 'd'].map((externalId) => ({ externalId }));
    const results = await addBehindAnother(gateway, items);
    expect(results.map(({ bulkCall }) => bulkCall.size)).toEqual([3, 3, 3]);
    expect(callsOf(gateway)).toMatchObject({ requests: 2, batchSizes: { 1: 1, 3: 1 } });
  });

  it('are sent once where callers say the same, and each is told; of one who says otherwise, both are', async () => {
    await using gateway = await startWithList();
    const { control } = gateway.sandbox;
    control.fail({ method: 'POST', path: PATH, refuse: { keys: ['blocked'], code: 'PhoneBlocked' } });
    const otherwise = { externalId: 'one', phone: '+14155550124' };
    const items = [{ externalId: 'one' }, otherwise, { externalId: 'blocked' }, { externalId: 'one' }, otherwise];
    const results = await addBehindAnother(gateway, [...items, { externalId: 'blocked' }]);
    const [added, refused] = ['AddOutboundContactPayload', 'UpstreamError'];
    expect(results.map(({ __typename }) => __typename)).toEqual([added, added, refused, added, added, refused]);
    expect(callsOf(gateway)).toMatchObject({ requests: 2, batchSizes: { 1: 1, 3: 1 } });
    // With the first.
    expect(control.state.contactList('list').total).toBe(3);
  });

  it.each([
    ['nothing said of counts', { accepted: null, rejected: null }, 'AddOutboundContactPayload'],
    ['a code that is a number', { accepted: 0, rejected: [{ index: 0, code: 422, message: 'no' }] }, 'UpstreamError'],
    ['fewer than not refused', { accepted: 0, rejected: null }, 'OutcomeUnknownError'],
  ])('are told by an answer with %s', async (_name, merge, expected) => {
    await using gateway = await startWithList();
    gateway.sandbox.control.fail({ method: 'POST', path: PATH, merge });
    expect((await add(gateway, [{ externalId: 'one' }]))[0].__typename).toBe(expected);
    expect(callsOf(gateway)?.requests).toBe(1);
  });

  it('show no markup and nothing personal of why CXone refused them', async () => {
    await using gateway = await startWithList();
    const refused = [
      { index: 0, code: '<b>+14155550123</b>', message: 'phone +1 415 555 0123 of ada@example.com is blocked' },
      { index: 1, code: 'Blocked', message: '<html>blocked</html>' },
    ];
    gateway.sandbox.control.fail({ method: 'POST', path: PATH, merge: { accepted: 0, rejected: refused } });
    const results = await add(gateway, [{ externalId: 'one' }, { externalId: 'two' }]);
    expect(results.map(({ __typename }) => __typename)).toEqual(['UpstreamError', 'UpstreamError']);
    expect(JSON.stringify(results)).not.toMatch(/555|ada@|</);
    expect(results[0].message).toContain('blocked');
  });
});
