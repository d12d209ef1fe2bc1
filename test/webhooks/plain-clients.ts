/** Subscribers and a CXone that are no more than sockets: nothing of theirs reconnects, waits or retries. */
import { Agent, request } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { WebSocket } from 'ws';

export const ENRICHED = 'subscription ($after: String) { contactEnriched(after: $after) { cursor contactId } }';
export const ACTIVITY = 'subscription ($after: String) { importActivity(after: $after) { cursor type } }';

/** An event of one of the above. */
export interface Told {
  readonly cursor: string;
  readonly contactId?: string;
  readonly type?: string;
}

export interface Connection {
  /** Ends it as a network does: without a word. */
  break(): void;
}

export interface Subscriber {
  take(told: Told): void;
  /** The connection is over: with the code of a WebSocket, `complete`, or without a word. */
  ended?(how: number | 'complete' | 'broken'): void;
}

/** Follows a subscription from a cursor on, over a connection of its own. */
export type Follow = (url: string, query: string, after: string, subscriber: Subscriber) => Connection;

export const overWebSocket: Follow = (url, query, after, { take, ended }) => {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  socket.on('error', () => undefined);
  socket.on('close', (code) => ended?.(code));
  socket.on('open', () => socket.send('{"type":"connection_init"}'));
  socket.on('message', (data) => {
    const { type, payload } = JSON.parse(String(data));
    if (type === 'connection_ack')
      socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query, variables: { after } } }));
    if (type === 'next') take(onlyField(payload));
    if (type === 'complete') ended?.('complete');
  });
  return { break: () => socket.terminate() };
};

export const overSse: Follow = (url, query, after, { take, ended }) => {
  const sent = request(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
  });
  let rest = '';
  let isComplete = false;
  sent.on('error', () => undefined);
  sent.on('close', () => ended?.(isComplete ? 'complete' : 'broken'));
  sent.on('response', (response) => {
    response.setEncoding('utf8').on('error', () => undefined);
    response.on('data', (text: string) => {
      const parts = (rest + text).split('\n\n');
      rest = parts.pop() ?? '';
      for (const part of parts) {
        const [, json] = /^event: next\ndata: (.*)$/.exec(part) ?? [];
        if (json) take(onlyField(JSON.parse(json)));
        isComplete ||= part.startsWith('event: complete');
      }
    });
  });
  sent.end(JSON.stringify({ query, variables: { after } }));
  return { break: () => sent.destroy() };
};

function onlyField({ data, errors }: { data?: Record<string, Told>; errors?: unknown }): Told {
  const [told] = Object.values(data ?? {});
  if (!told) throw new Error(JSON.stringify(errors));
  return told;
}

export const seqOf = ({ cursor }: Told) => Number.parseInt(cursor.slice('e1.'.length), 36);

export interface Deliveries extends Disposable {
  /** Tells of a contact under this id. @returns the status; undefined where no answer came */
  deliver(url: string, id: string, contactId: string): Promise<number | undefined>;
}

/** @param secret `whsec_…` */
export function createDeliveries(secret: string): Deliveries {
  const agent = new Agent({ keepAlive: true });
  const signer = new Webhook(secret);
  return {
    deliver(url, id, contactId) {
      const now = new Date();
      const event = { id, type: 'contact.enriched', occurredAt: now, contactListId: 'l', contactId, attributes: {} };
      const body = JSON.stringify(event);
      const headers = {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': Math.floor(now.getTime() / 1000),
        'webhook-signature': signer.sign(id, now, body),
      };
      return new Promise((resolve) => {
        const sent = request(`${url}/webhooks/cxone`, { method: 'POST', agent, headers }, (response) => {
          response.resume().on('end', () => resolve(response.statusCode));
        });
        sent.on('error', () => resolve(undefined)).end(body);
      });
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}
