import { describe, expect, it } from 'vitest';
import { type Data, startGateway, type TestGateway } from '../support/gateway.ts';

const gid = (segmentId: string) => `gid://cxone/Segment/${segmentId}`;

async function start(options: { indexLagMs?: number; env?: Record<string, string> } = {}): Promise<TestGateway> {
  const { indexLagMs = 0, env = {} } = options;
  const gateway = await startGateway({ sandbox: { seed: 'empty', indexLagMs }, env });
  gateway.sandbox.control.add.segment({ id: 'one', name: 'One', type: 'static', contactIds: ['member'] });
  return gateway;
}

async function add(gateway: TestGateway, contactId: string): Promise<Data> {
  const { addContactToSegment } = await gateway.data(
    `mutation { addContactToSegment(input: {segmentId: "${gid('one')}", contactId: "${contactId}", confirm: true}) {
      ... on AddContactToSegmentPayload { membership { state isMember addedAt } }
      ... on Error { message }
    } }`,
  );
  return addContactToSegment;
}

async function refresh(gateway: TestGateway, segmentId = 'one'): Promise<Data> {
  const { refreshSegment } = await gateway.data(
    `mutation { refreshSegment(input: {id: "${gid(segmentId)}"}) {
      ... on RefreshSegmentPayload { segment { cxoneId } }
      ... on RateLimitedError { retryAfterSeconds }
      ... on NotFoundError { id }
    } }`,
  );
  return refreshSegment;
}

const REFRESH = 'POST /api/v2/segments/{segmentId}/refresh';
const POLL = 'GET /api/v2/segments/{segmentId}/contacts/{contactId}';

describe('confirmed memberships', () => {
  it('are INDEXED once the index shows them, and known without asking again', async () => {
    await using gateway = await start({ indexLagMs: 60, env: { SEGMENT_POLL_MS: '20' } });
    expect((await add(gateway, 'a')).membership).toMatchObject({ state: 'INDEXED', isMember: true });
    const polls = gateway.sandbox.control.requests().routes[POLL]?.requests;
    const { segment } = await gateway.data(
      `{ segment(id: "${gid('one')}") { memberCount membership(contactId: "a") { state addedAt } } }`,
    );
    expect(segment).toMatchObject({ memberCount: 2, membership: { state: 'INDEXED', addedAt: expect.any(String) } });
    expect(gateway.sandbox.control.requests().routes[POLL]?.requests).toBe(polls);
  });

  it('have the index refreshed when the time is over, once an hour for all of a segment', async () => {
    await using gateway = await start({
      indexLagMs: 3_600_000,
      env: { SEGMENT_POLL_MS: '10', SEGMENT_CONFIRM_MS: '60' },
    });
    const first = await Promise.all(['a', 'b', 'c'].map((contactId) => add(gateway, contactId)));
    expect(first.map(({ membership }) => membership.state)).toEqual(['INDEXED', 'INDEXED', 'INDEXED']);
    expect((await add(gateway, 'd')).membership).toEqual({ state: 'UNCONFIRMED', isMember: true, addedAt: null });
    const { routes, violations } = gateway.sandbox.control.requests();
    expect(routes[REFRESH]?.requests).toBe(1);
    expect(violations).toEqual([]);
  });
});

describe('refreshSegment', () => {
  it('is refused within the hour without asking CXone, and says when it may be done again', async () => {
    await using gateway = await start();
    expect(await refresh(gateway)).toEqual({ segment: { cxoneId: 'one' } });
    const { retryAfterSeconds } = await refresh(gateway);
    expect(retryAfterSeconds).toBeGreaterThan(3500);
    expect(retryAfterSeconds).toBeLessThanOrEqual(3600);
    expect(gateway.sandbox.control.requests().routes[REFRESH]?.requests).toBe(1);
  });

  it('uses up nothing where there is no such segment', async () => {
    await using gateway = await start();
    expect(await refresh(gateway, 'missing')).toEqual({ id: gid('missing') });
    gateway.sandbox.control.add.segment({ id: 'missing', name: 'Found', type: 'static' });
    expect(await refresh(gateway, 'missing')).toEqual({ segment: { cxoneId: 'missing' } });
  });
});

describe('reading segments', () => {
  it('shows memberships from both ends, pages, and nodes', async () => {
    await using gateway = await startGateway();
    const { segments } = await gateway.data(
      '{ segments(first: 2) { nodes { id cxoneId name type } pageInfo { hasNextPage endCursor } } }',
    );
    expect(segments.nodes).toHaveLength(2);
    expect(segments.pageInfo.hasNextPage).toBe(true);
    const rest = await gateway.data('query Rest($after: String) { segments(after: $after) { nodes { type } } }', {
      after: segments.pageInfo.endCursor,
    });
    expect(rest.segments.nodes.map(({ type }: Data) => type)).toContain('DYNAMIC');

    const contact = 'gid://cxone/Contact/book-customers/customer-0041';
    const newsletter = gid('segment-newsletter');
    const { contact: seen, node } = await gateway.data(
      `{ contact(id: "${contact}") { segmentMembership(segmentId: "${newsletter}") { isMember state contactId } }
         node(id: "${newsletter}") { ... on Segment { name membership(contactId: "nobody") { isMember state addedAt } } } }`,
    );
    expect(seen.segmentMembership).toEqual({ isMember: true, state: 'INDEXED', contactId: 'customer-0041' });
    expect(node.membership).toEqual({ isMember: false, state: 'NOT_MEMBER', addedAt: null });
  });

  it('is null for a segment that is not there, and an error for an id that is none', async () => {
    await using gateway = await start();
    expect(await gateway.data(`{ segment(id: "${gid('missing')}") { name } }`)).toEqual({ segment: null });
    const { errors } = await gateway.graphql('{ segment(id: "gid://cxone/ContactList/one") { name } }');
    expect(errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
  });
});
