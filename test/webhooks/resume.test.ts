/** A client whose connection breaks again and again while much happens, and who goes on from its cursors. */
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { finished, outboundRow, startImport } from '../support/imports.ts';

const EVENTS = 5_000;
const CUTS = 50;
const ENRICHED = 'subscription ($after: String) { contactEnriched(after: $after) { cursor contactId } }';
const ACTIVITY = 'subscription ($after: String) { importActivity(after: $after) { cursor type batch { number } } }';

interface Told {
  readonly cursor: string;
  readonly contactId?: string;
  readonly type?: string;
}

interface Connection {
  /** Ends it as a network does: without a word. */
  break(): void;
}

/** Follows a subscription over a connection of its own. */
type Follow = (gateway: TestGateway, query: string, after: string, take: (told: Told) => void) => Connection;

const overWebSocket: Follow = (gateway, query, after, take) => {
  const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  socket.on('error', () => undefined);
  socket.on('open', () => socket.send('{"type":"connection_init"}'));
  socket.on('message', (data) => {
    const { type, payload } = JSON.parse(String(data));
    if (type === 'connection_ack')
      socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query, variables: { after } } }));
    if (type === 'next') take(Object.values<Told>(payload.data)[0] as Told); // It has the one field that was asked for.
  });
  return { break: () => socket.terminate() };
};

const overSse: Follow = (gateway, query, after, take) => {
  const sent = request(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
  });
  let rest = '';
  sent.on('error', () => undefined);
  sent.on('response', (response) => {
    response.setEncoding('utf8').on('error', () => undefined);
    response.on('data', (text: string) => {
      const parts = (rest + text).split('\n\n');
      rest = parts.pop() ?? '';
      for (const part of parts) {
        const [, json] = /^event: next\ndata: (.*)$/.exec(part) ?? [];
        if (json) take(Object.values<Told>(JSON.parse(json).data)[0] as Told); // As above.
      }
    });
  });
  sent.end(JSON.stringify({ query, variables: { after } }));
  return { break: () => sent.destroy() };
};

/** Follows both subscriptions, cut off at once whenever so many events have come, until `isEnough`. */
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
      const take = (into: Told[]) => (told: Told) => {
        if (isBroken) return;
        into.push(told);
        const isDue = enriched.length - begin >= EVENTS / CUTS - 1 || isEnough(enriched, activity);
        if (!isDue) return;
        isBroken = true;
        for (const connection of connections) connection.break();
        resolve();
      };
      const connections = [
        follow(gateway, ENRICHED, enriched.at(-1)?.cursor ?? 'e1.0', take(enriched)),
        follow(gateway, ACTIVITY, activity.at(-1)?.cursor ?? 'e1.0', take(activity)),
      ];
    });
    cuts += 1;
  }
  return { enriched, activity, cuts };
}

async function deliverAll(gateway: TestGateway): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  const signer = new Webhook(gateway.sandbox.webhookSecret);
  let next = 0;
  const deliver = (contactId: string) =>
    new Promise<void>((resolve, reject) => {
      const id = `msg_${randomUUID()}`;
      const now = new Date();
      const event = { id, type: 'contact.enriched', occurredAt: now, contactListId: 'l', contactId, attributes: {} };
      const body = JSON.stringify(event);
      const headers = {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': Math.floor(now.getTime() / 1000),
        'webhook-signature': signer.sign(id, now, body),
      };
      const sent = request(`${gateway.url}/webhooks/cxone`, { method: 'POST', agent, headers }, (response) => {
        response.resume().on('end', resolve).on('error', reject);
      });
      sent.on('error', reject).end(body);
    });
  const work = async () => {
    while (next < EVENTS) await deliver(`contact-${next++}`);
  };
  await Promise.all(Array.from({ length: 50 }, work));
  agent.destroy();
}

const seqOf = ({ cursor }: Told) => Number.parseInt(cursor.slice('e1.'.length), 36);

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
