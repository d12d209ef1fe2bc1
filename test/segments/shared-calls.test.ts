import { describe, expect, it } from 'vitest';
import { startSandbox } from '../../src/sandbox/server.ts';
import { createFakeClock } from '../support/clock.ts';
import { type Data, startGateway, type TestGateway } from '../support/gateway.ts';
import { watchLoopbackTraffic } from '../support/loopback-traffic.ts';

const POST = 'POST /api/v2/segments/{segmentId}/contacts';
/** Everything that a careful caller asks for: some hundred of it must fit into one document. */
const RESULT = `{
  __typename
  ... on AddContactToSegmentPayload {
    alreadyMember
    bulkCall { __typename id size }
    membership { __typename state isMember contactId segment { __typename id cxoneId name } }
  }
  ... on UpstreamError { __typename message status retryable }
  ... on ConflictError { __typename message reason current { __typename id } }
  ... on NotFoundError { __typename message id }
  ... on ValidationError { __typename message issues { __typename path code message } }
  ... on RateLimitedError { __typename message retryAfterSeconds }
  ... on OutcomeUnknownError { __typename message }
  ... on Error { __typename message }
}`;
const ADD = `mutation Add($input: AddContactToSegmentInput!) { addContactToSegment(input: $input) ${RESULT} }`;

const gid = (segmentId: string) => `gid://cxone/Segment/${segmentId}`;
const input = (segmentId: string, contactId: string, rest = {}) => ({ segmentId: gid(segmentId), contactId, ...rest });

async function startWithSegments(ids: readonly string[], env: Record<string, string> = {}): Promise<TestGateway> {
  const gateway = await startGateway({ sandbox: { seed: 'empty' }, env });
  for (const id of ids) gateway.sandbox.control.add.segment({ id, name: id, type: 'static' });
  return gateway;
}

/** Its time stands still while anything is on its way, so that how fast this machine is decides nothing. */
async function startOutOfTime(ids: readonly string[]) {
  const clock = createFakeClock();
  await using parts = new AsyncDisposableStack();
  const sandbox = parts.use(await startSandbox({ seed: 'empty', now: () => clock.now() }));
  for (const id of ids) sandbox.control.add.segment({ id, name: id, type: 'static' });
  const gateway = parts.use(await startGateway({ useSandbox: sandbox, clock, env: { RETRY_BASE_MS: '2000' } }));
  const traffic = parts.use(watchLoopbackTraffic({ gateway: gateway.url, upstream: sandbox.url }));
  const owned = parts.move();
  return {
    ...gateway,
    until: <T>(promise: Promise<T>) => clock.advanceUntil(promise, { isBusy: traffic.isMoving }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function add(gateway: TestGateway, segmentId: string, contactId: string, rest = {}): Promise<Data> {
  const { data, errors } = await gateway.graphql(ADD, { input: input(segmentId, contactId, rest) });
  expect(errors).toBeUndefined();
  return data.addContactToSegment;
}

/** Aliases `a0`, `a1`, … of one document. */
async function addAliases(gateway: TestGateway, items: readonly (readonly [segmentId: string, contactId: string])[]) {
  const fields = items.map(
    ([segmentId, contactId], index) =>
      `a${index}: addContactToSegment(input: {segmentId: "${gid(segmentId)}", contactId: "${contactId}"}) ${RESULT}`,
  );
  const { data, errors, extensions } = await gateway.graphql(`mutation { ${fields.join('\n')} }`);
  expect(errors).toBeUndefined();
  const results: Data[] = items.map((_item, index) => data[`a${index}`]);
  return { results, upstream: extensions?.upstream };
}

const callsOf = (gateway: TestGateway) => gateway.sandbox.control.requests().routes[POST];

describe('contacts added to segments one by one', () => {
  it('over 100 connections travel in at most 20 bulk calls, each with its own outcome, refused ones tried again', async () => {
    await using gateway = await startOutOfTime(['even', 'odd']);
    const { control } = gateway.sandbox;
    // Refused at first, and taken later.
    const path = '/api/v2/segments/*/contacts';
    const locked = Array.from({ length: 10 }, (_, index) => `contact-${index * 97}`);
    control.fail({ method: 'POST', path, times: 16, refuse: { keys: locked, code: 'Locked' } });
    let next = 0;
    const results: Data[] = [];
    const connection = async () => {
      for (let item = next++; item < 1000; item = next++) {
        results[item] = await add(gateway, item % 2 === 0 ? 'even' : 'odd', `contact-${item}`);
      }
    };
    const all = Promise.all(Array.from({ length: 100 }, connection));
    await gateway.until(all);
    expect(results.map(({ membership }) => membership?.contactId)).toEqual(results.map((_, item) => `contact-${item}`));
    expect(results).toHaveLength(1000);
    const calls = callsOf(gateway);
    expect(calls?.requests, JSON.stringify(calls?.batchSizes)).toBeLessThanOrEqual(20);
    for (const id of ['even', 'odd']) expect(control.state.segment(id).written).toBe(500);
    expect(control.requests().violations).toEqual([]);
  });

  it('from 200 aliases of one document travel in one call, told in extensions.upstream', async () => {
    await using gateway = await startWithSegments(['one']);
    const { results, upstream } = await addAliases(
      gateway,
      Array.from({ length: 200 }, (_, index) => ['one', `contact-${index}`] as const),
    );
    expect(results.map(({ membership }) => membership.contactId)).toEqual(
      Array.from({ length: 200 }, (_, index) => `contact-${index}`),
    );
    expect(callsOf(gateway)).toMatchObject({ requests: 1, batchSizes: { 200: 1 } });
    const { id } = results[0].bulkCall;
    expect(upstream.batches).toEqual([{ id, size: 200 }]);
  });

  it('fail alone: a dynamic segment, a segment that is not there, an id that is none', async () => {
    await using gateway = await startWithSegments(['one']);
    gateway.sandbox.control.add.segment({ id: 'computed', name: 'computed', type: 'dynamic' });
    const { results } = await addAliases(gateway, [
      ['one', 'a'],
      ['computed', 'b'],
      ['missing', 'c'],
      ['one', '../d'],
      ['one', 'e'],
    ]);
    expect(results).toMatchObject([
      { membership: { contactId: 'a', state: 'WRITTEN', isMember: true } },
      { __typename: 'ConflictError', reason: 'DYNAMIC_SEGMENT', current: { id: gid('computed') } },
      { __typename: 'NotFoundError', id: gid('missing') },
      { __typename: 'ValidationError', issues: [{ path: ['contactId'], code: 'INVALID_ID' }] },
      { membership: { contactId: 'e' } },
    ]);
    expect(callsOf(gateway)).toMatchObject({ requests: 1, batchSizes: { 2: 1 } });
  });

  it('count as done where they are members already, and never stand twice in one call', async () => {
    await using gateway = await startWithSegments(['one']);
    expect((await add(gateway, 'one', 'there')).alreadyMember).toBe(false);
    const { results } = await addAliases(gateway, [
      ['one', 'there'],
      ['one', 'new'],
      ['one', 'new'],
    ]);
    expect(results.map(({ alreadyMember }) => alreadyMember)).toEqual([true, false, true]);
    const together = await Promise.all([add(gateway, 'one', 'same'), add(gateway, 'one', 'same')]);
    expect(together.map(({ alreadyMember }) => alreadyMember)).toEqual([false, true]);
    expect(gateway.sandbox.control.requests().violations).toEqual([]);
  });

  it('are tried five times together and once alone before they fail, and only those that failed', async () => {
    await using gateway = await startOutOfTime(['one']);
    const { control } = gateway.sandbox;
    control.fail({
      path: '/api/v2/segments/one/contacts',
      refuse: { keys: ['bad', 'worse'], code: '423 ContactLocked' },
    });
    const { results, upstream } = await gateway.until(
      addAliases(gateway, [
        ['one', 'good'],
        ['one', 'bad'],
        ['one', 'worse'],
      ]),
    );
    expect(results[0].membership.contactId).toBe('good');
    for (const result of results.slice(1)) {
      expect(result).toMatchObject({ __typename: 'UpstreamError', status: 423, retryable: false });
      expect(result.message).toContain('ContactLocked');
    }
    expect(callsOf(gateway)).toMatchObject({ requests: 7, batchSizes: { 3: 1, 2: 4, 1: 2 } });
    expect(upstream.retries).toBe(6);
    const { violations, idempotencyKeys } = control.requests();
    expect(violations).toEqual([]);
    expect(Object.values(idempotencyKeys)).toEqual(Array(7).fill(1));
  });

  it('answer with the success of a later try, and do not hold up the others meanwhile', async () => {
    await using gateway = await startWithSegments(['one'], { RETRY_BASE_MS: '400' });
    const { control } = gateway.sandbox;
    control.fail({ path: '/api/v2/segments/one/contacts', times: 1, refuse: { keys: ['later'], code: 'Busy' } });
    const done: string[] = [];
    await Promise.all(
      ['later', 'now'].map(async (contactId) => {
        expect((await add(gateway, 'one', contactId)).membership.contactId).toBe(contactId);
        done.push(contactId);
      }),
    );
    expect(done).toEqual(['now', 'later']);
  });

  it('are let in without the one that CXone refuses for its form, which is not tried again', async () => {
    await using gateway = await startWithSegments(['one']);
    const fault = { method: 'POST', path: '/api/v2/segments/*/contacts', times: 1, status: 400 };
    const json = { code: 'Invalid', message: 'invalid', errors: [{ path: '[1]', message: 'not a contact' }] };
    gateway.sandbox.control.fail({ ...fault, json });
    const { results } = await addAliases(gateway, [
      ['one', 'a'],
      ['one', 'b'],
      ['one', 'c'],
    ]);
    const [added, refused] = ['AddContactToSegmentPayload', 'UpstreamError'];
    expect(results.map(({ __typename }) => __typename)).toEqual([added, refused, added]);
    expect(results[1]).toMatchObject({
      status: 400,
      retryable: false,
      message: expect.stringContaining('not a contact'),
    });
    expect(callsOf(gateway)).toMatchObject({ requests: 2, batchSizes: { 3: 1, 2: 1 } });
    // Where none is named it means the whole: those that CXone does not take it names in its answer.
    gateway.sandbox.control.fail(fault);
    const again = await addAliases(gateway, [
      ['one', 'd'],
      ['one', 'e'],
    ]);
    expect(again.results).toMatchObject([
      { __typename: refused, status: 400 },
      { __typename: refused, status: 400 },
    ]);
    expect(callsOf(gateway)?.requests).toBe(3);
    expect(gateway.sandbox.control.requests().violations).toEqual([]);
  });

  it('take effect once when the answer is lost: sent again under the same key', async () => {
    await using gateway = await startWithSegments(['one']);
    const { control } = gateway.sandbox;
    control.fail({ method: 'POST', path: '/api/v2/segments/one/contacts', times: 1, cut: 'before', applied: true });
    const result = await add(gateway, 'one', 'a');
    expect(result).toMatchObject({ alreadyMember: false, membership: { contactId: 'a' } });
    expect(Object.values(control.requests().idempotencyKeys)).toEqual([2]);
    expect(control.requests().violations).toEqual([]);
  });

  it('cost at most six requests where CXone fails for good, and are not told to be in or out', async () => {
    await using gateway = await startWithSegments(['one']);
    gateway.sandbox.control.fail({ method: 'POST', path: '/api/v2/segments/one/contacts', status: 503 });
    expect(await add(gateway, 'one', 'a')).toMatchObject({ __typename: 'OutcomeUnknownError' });
    expect(callsOf(gateway)?.requests).toBeLessThanOrEqual(6);
  });

  it('are not reported as added where CXone counts fewer than it names', async () => {
    await using gateway = await startWithSegments(['one']);
    gateway.sandbox.control.fail({ path: '/api/v2/segments/one/contacts', merge: { successCount: 1 } });
    const { results } = await addAliases(gateway, [
      ['one', 'a'],
      ['one', 'b'],
    ]);
    expect(results.map(({ __typename }) => __typename)).toEqual(['OutcomeUnknownError', 'OutcomeUnknownError']);
  });

  it('are written to at most three segments at a time for one contact', async () => {
    const segments = Array.from({ length: 8 }, (_, index) => `segment-${index}`);
    await using gateway = await startWithSegments(segments);
    const { control } = gateway.sandbox;
    control.fail({ path: '/api/v2/segments/*/contacts', delayMs: 30 });
    const { results } = await addAliases(
      gateway,
      segments.map((segment) => [segment, 'same'] as const),
    );
    expect(results.every(({ membership }) => membership.contactId === 'same')).toBe(true);
    expect(control.requests().violations).toEqual([]);
  });

  it('keep their first result under an idempotency key', async () => {
    await using gateway = await startWithSegments(['one']);
    const first = await add(gateway, 'one', 'a', { idempotencyKey: 'k' });
    expect(await add(gateway, 'one', 'a', { idempotencyKey: 'k' })).toEqual(first);
    expect(await add(gateway, 'one', 'b', { idempotencyKey: 'k' })).toMatchObject({ reason: 'IDEMPOTENCY_KEY_REUSED' });
    expect(callsOf(gateway)?.requests).toBe(1);
  });

  it('leave one audit entry a call, and one for each contact that was refused', async () => {
    await using gateway = await startWithSegments(['one'], { RETRY_BASE_MS: '1' });
    gateway.sandbox.control.fail({ path: '/api/v2/segments/one/contacts', refuse: { keys: ['bad'], code: 'Locked' } });
    await addAliases(gateway, [
      ['one', 'good'],
      ['one', 'bad'],
    ]);
    const { auditEntries } = await gateway.data(
      `{ auditEntries(filter: {subject: "${gid('one')}"}) { nodes { action outcome recordCount detail } } }`,
    );
    const entries: Data[] = auditEntries.nodes.toReversed();
    expect(entries[0]).toMatchObject({
      action: 'segment.addContact',
      outcome: 'SUCCEEDED',
      recordCount: 2,
      detail: { created: 1, failed: 1 },
    });
    expect(entries[1]).toMatchObject({ outcome: 'REJECTED', recordCount: 1, detail: { id: 'bad', code: 'Locked' } });
    expect(entries.filter(({ recordCount, detail }) => recordCount === 1 && detail.id === 'bad').length).toBe(6);
  });
});
