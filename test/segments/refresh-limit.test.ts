import { expect, test } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
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
