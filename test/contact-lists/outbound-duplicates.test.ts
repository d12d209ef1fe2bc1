import { expect, test } from 'vitest';
import type { ContactListClient } from '../../src/contact-lists/client.ts';
import type { OutboundContact } from '../../src/contact-lists/model.ts';
import { createOutboundOperation } from '../../src/contact-lists/outbound-bulk.ts';
import { newUpstreamTally } from '../../src/cxone/call-context.ts';
import { createFakeClock } from '../support/clock.ts';

test('the same contact of several callers is sent once; of one who says otherwise, both are', async () => {
  const bodies: OutboundContact[][] = [];
  const client: Pick<ContactListClient, 'get' | 'addOutbound'> = {
    get: async () => null,
    async addOutbound(_listId, json) {
      bodies.push(JSON.parse(json));
      const body = { rejected: [{ index: 1, code: 'Blocked' }] };
      return { status: 200, body, etag: undefined, retryAfterMs: undefined, upstreamRequestId: 'up', latencyMs: 1 };
    },
  };
  const operation = createOutboundOperation({
    client: client as ContactListClient, // What it asks for is there.
    clock: createFakeClock(),
    secondLookMs: 100,
  });
  const one: OutboundContact = { externalId: 'one', phone: '+14155550100', doNotCall: false, doNotEmail: false };
  const otherwise = { ...one, doNotCall: true };
  const call = { requestId: 'r', lane: { kind: 'interactive' }, tally: newUpstreamTally() } as const;
  const items = [one, otherwise, { ...one }, { ...otherwise }];
  const { outcomes } = await operation.send('list', items, { id: 'a', checkpoint: null }, call);
  expect(bodies).toEqual([[one, otherwise]]);
  expect(outcomes.map(({ status }) => status)).toEqual(['created', 'failed', 'created', 'failed']);
});
