import { expect, test } from 'vitest';
import { newUpstreamTally } from '../../src/cxone/call-context.ts';
import { OutcomeUnknownError, RateLimitedError } from '../../src/errors.ts';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { createRefreshQuota } from '../../src/segments/refresh-quota.ts';
import { createIdempotencyKeys } from '../../src/store/idempotency-keys.ts';
import { createLeases } from '../../src/store/leases.ts';
import { openFreshDatabase } from '../store/open-database.ts';
import { createFakeClock } from '../support/clock.ts';
import { startGateway } from '../support/gateway.ts';

test('a refresh that CXone refuses for an hour holds up nothing else of the segments', async () => {
  await using gateway = await startGateway();
  const { control } = gateway.sandbox;
  control.fail({ method: 'POST', path: '/api/v2/segments/{segmentId}/refresh', status: 429, retryAfter: 3600 });
  const id = `gid://cxone/Segment/${DEMO_IDS.segments.summerInvitees}`;
  const { refreshSegment } = await gateway.data(
    'mutation ($id: ID!) { refreshSegment(input: { id: $id }) { __typename ... on RateLimitedError { retryAfterSeconds } } }',
    { id },
  );
  expect(refreshSegment).toEqual({ __typename: 'RateLimitedError', retryAfterSeconds: 3600 });

  expect((await gateway.data('query ($id: ID!) { segment(id: $id) { name } }', { id })).segment).not.toBeNull();
  const { gatewayStatus } = await gateway.data('{ gatewayStatus { upstream { group circuit rateLimited } } }');
  expect(gatewayStatus.upstream).toContainEqual({ group: 'segments', circuit: 'CLOSED', rateLimited: 0 });
});

test('a refresh that may have been heard uses up the hour, over restarts too; one that was refused does not', async () => {
  const clock = createFakeClock();
  await using opened = await openFreshDatabase('sqlite', clock);
  const { database } = opened;
  const ends: (Error | 'done')[] = [];
  let asked = 0;
  /** As a process has it after each start. */
  const start = () =>
    createRefreshQuota({
      client: {
        async refresh() {
          const end = ends[asked++];
          if (end instanceof Error) throw end;
          return { found: true, upstreamRequestId: undefined, latencyMs: 1 };
        },
      },
      idempotencyKeys: createIdempotencyKeys({ database, leases: createLeases({ database, clock, owner: 'me' }) }),
      globalId: (type, id) => `${type}/${id}`,
      clock,
    });
  const refresh = (segmentId: string) =>
    start().refresh(segmentId, { requestId: 'one', lane: { kind: 'interactive' }, tally: newUpstreamTally() });

  ends.push(new OutcomeUnknownError('no answer'), new Error('killed'), new RateLimitedError('not yet'), 'done');
  await expect(refresh('lost')).rejects.toThrow('no answer');
  expect(await refresh('lost')).toMatchObject({ isNew: false });
  await expect(refresh('killed')).rejects.toThrow('killed');
  expect(await refresh('killed')).toMatchObject({ isNew: false });
  await expect(refresh('refused')).rejects.toThrow('not yet');
  expect(await refresh('refused')).toMatchObject({ isNew: true });
  expect(await refresh('refused')).toMatchObject({ isNew: false });
  expect(asked).toBe(4);
});
