import { expect, test } from 'vitest';
import type { CallContext } from '../../src/cxone/call-context.ts';
import { newUpstreamTally } from '../../src/cxone/call-context.ts';
import type { CxoneClient } from '../../src/cxone/client.ts';
import { createCampaigns } from '../../src/enrichment/campaigns.ts';
import type { EnrichmentClient } from '../../src/enrichment/client.ts';
import type { Campaign } from '../../src/enrichment/model.ts';
import { createSegments } from '../../src/segments/service.ts';
import { createFakeClock } from '../support/clock.ts';

const call = (): CallContext => ({ requestId: 'import', lane: { kind: 'interactive' }, tally: newUpstreamTally() });

// Somebody looks at it while an import waits for the same: his answer, though newer, is not the end of the import's.
test('a read that many wait for goes on when somebody else has read the same meanwhile', async () => {
  const clock = createFakeClock();
  const slow: PromiseWithResolvers<unknown>[] = [];
  const answer = () => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    slow.push({ promise, resolve, reject });
    return promise;
  };
  const globalId = (type: string, id: string) => `${type}/${id}`;

  const campaign = { id: 'c', name: 'c', status: 'running', maxEnrichmentTimeoutMs: 3000 } as unknown as Campaign;
  const campaigns = createCampaigns({
    client: { campaign: answer } as unknown as EnrichmentClient, // No other endpoint is asked.
    globalId,
    clock,
  });
  const size = campaigns.maxBatchSize('c', call());
  const shown = campaigns.get('c', call());
  slow[1]?.resolve(campaign);
  await shown;
  slow[0]?.resolve(campaign);
  expect(await size).toBe(300);

  slow.length = 0;
  const wire = { status: 200, body: { id: 's', name: 's', type: 'static' } };
  const segments = createSegments({
    cxone: { send: answer } as unknown as CxoneClient,
    globalId,
    pollMs: 1,
    confirmMs: 1,
    retryBaseMs: 1,
    clock,
    random: () => 0,
  } as unknown as Parameters<typeof createSegments>[0]); // Nothing is written.
  const required = segments.requireStatic('s', call());
  const looked = segments.get('s', call());
  slow[1]?.resolve(wire);
  await looked;
  slow[0]?.resolve(wire);
  expect(await required).toMatchObject({ id: 's', type: 'static' });
});
