/** A client whose connection breaks again and again while much happens, and who goes on from its cursors. */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { finished, outboundRow, startImport } from '../support/imports.ts';
import {
  ACTIVITY,
  createDeliveries,
  ENRICHED,
  type Follow,
  overSse,
  overWebSocket,
  seqOf,
  type Told,
} from './plain-clients.ts';

const EVENTS = 5_000;
const CUTS = 50;

/** Follows both subscriptions until `isEnough`, cut off at once whenever so many events have come. */
async function followWithCuts(
  gateway: TestGateway,
  follow: Follow,
  isEnough: (enriched: readonly Told[], activity: readonly Told[]) => boolean,
): Promise<{ enriched: Told[]; activity: Told[]; cuts: number }> {
  const enriched: Told[] = [];
  const activity: Told[] = [];
  let cuts = 0;
  while (!isEnough(enriched, activity)) {
    await new Promise<void>((resolve) => {
      let isBroken = false;
      const begin = enriched.length;
      const into = (list: Told[]) => ({
        take(told: Told) {
          if (isBroken) return;
          list.push(told);
          const isDue = enriched.length - begin >= EVENTS / CUTS - 1 || isEnough(enriched, activity);
          if (!isDue) return;
          isBroken = true;
          for (const connection of connections) connection.break();
          resolve();
        },
      });
      const connections = [
        follow(gateway.url, ENRICHED, enriched.at(-1)?.cursor ?? 'e1.0', into(enriched)),
        follow(gateway.url, ACTIVITY, activity.at(-1)?.cursor ?? 'e1.0', into(activity)),
      ];
    });
    cuts += 1;
  }
  return { enriched, activity, cuts };
}

async function deliverAll(gateway: TestGateway): Promise<void> {
  using deliveries = createDeliveries(gateway.sandbox.webhookSecret);
  let next = 0;
  const work = async () => {
    while (next < EVENTS) {
      const status = await deliveries.deliver(gateway.url, `msg_${randomUUID()}`, `contact-${next++}`);
      expect(status).toBe(202);
    }
  };
  await Promise.all(Array.from({ length: 50 }, work));
}

test('cut off 50 times during an import and 5 000 enrichment events, each time resuming, it has every event once, in order', async () => {
  await using gateway = await startGateway();
  const isEnough = (enriched: readonly Told[], activity: readonly Told[]) =>
    enriched.length >= EVENTS && activity.at(-1)?.type === 'FINISHED';
  const followed = Promise.all([overWebSocket, overSse].map((follow) => followWithCuts(gateway, follow, isEnough)));
  const rows = Array.from({ length: 8_000 }, (_, index) => outboundRow(index));
  const importing = startImport(gateway, rows).then((id) => finished(gateway, id));
  await deliverAll(gateway);
  expect((await importing).state).toBe('COMPLETED');

  for (const { enriched, activity, cuts } of await followed) {
    expect(cuts).toBeGreaterThanOrEqual(CUTS);
    expect(enriched.map(({ contactId }) => contactId).toSorted()).toEqual(
      Array.from({ length: EVENTS }, (_, n) => `contact-${n}`).toSorted(),
    );
    for (const told of [enriched, activity]) {
      const seqs = told.map(seqOf);
      expect(seqs).toEqual([...new Set(seqs)].toSorted((a, b) => a - b));
    }
    const steps = activity.map(({ type }) => type).filter((type) => type !== 'BATCH_FINISHED');
    expect(steps).toEqual(['CREATED', 'RECEIVED', 'STARTED', 'FINISHED']);
  }
});
