/**
 * Delivers webhooks (cxone-api.md, section 5, A): signed, retried by the registration's policy, queued in the store so
 * that a restart goes on with them. Waits run on real time: the receiver is another program.
 */
import { randomUUID } from 'node:crypto';
import type { Database } from './database.ts';
import type { JsonObject } from './formats.ts';
import { signatureHeaders } from './signatures.ts';
import type { WebhookEvent } from './webhooks.ts';

/** Milliseconds a receiver has for its answer (A). */
const TIMEOUT_MS = 10_000;
const MAX_CONCURRENT = 16;
/** Deliveries that may wait; what comes beyond is dropped and counted. */
const MAX_QUEUED = 100_000;

export interface DeliveryEvent {
  /** The `webhook-id`; made where it is missing. The same id again is a repeat. */
  id?: string | undefined;
  type: WebhookEvent | (string & {});
  /** ISO 8601; now where it is missing. */
  occurredAt?: string | undefined;
  contactListId?: string | undefined;
  contactId?: string | undefined;
  attributes?: JsonObject | undefined;
}

export interface DeliveryOptions {
  /** How often it is sent; 2 and more are repeats under the same id. Default 1. */
  times?: number | undefined;
  /** Sent there instead of to the registered webhooks. */
  to?: string | undefined;
  /** Signs with another secret. */
  secret?: string | undefined;
  /** Milliseconds since the epoch of the `webhook-timestamp`. */
  signedAtMs?: number | undefined;
  /** Sent instead of the event, signed as it is. */
  rawBody?: string | undefined;
  /** Added to the request or replacing its headers. */
  headers?: Record<string, string> | undefined;
}

export interface DeliveryResult {
  id: string;
  url: string;
  /** 0 where there was no answer. */
  status: number;
}

/** How events that arise by themselves are delivered. */
export interface DeliveryMode {
  /** Sends of each delivery; 2 and more are repeats. */
  times: number;
  /** Each send is late by up to this, by chance: so they come out of order. */
  spreadMs: number;
}

export interface DeliveryCounts {
  queued: number;
  delivered: number;
  failedTries: number;
  givenUp: number;
  dropped: number;
}

export interface Deliverer extends AsyncDisposable {
  /** Queues events for every webhook registered for their type. Call it inside of the write's transaction. */
  enqueue(events: readonly DeliveryEvent[]): void;
  /** Sends now, once for each url and time, without retries. */
  deliver(event: DeliveryEvent, options?: DeliveryOptions): Promise<DeliveryResult[]>;
  counts(): DeliveryCounts;
  mode: DeliveryMode;
}

export interface DelivererDeps {
  db: Database;
  secret: string;
  now: () => number;
  random: () => number;
}

interface DueRow {
  seq: number;
  message_id: string;
  body: string;
  attempts: number;
  url: string;
  max_retries: number;
  backoff_ms: number;
}

/** Starts at once with what a former process left in the queue. Dispose it before the store is closed. */
export function createDeliverer({ db, secret, now, random }: DelivererDeps): Deliverer {
  const stop = new AbortController();
  const inFlight = new Map<number, Promise<void>>();
  const mode: DeliveryMode = { times: 1, spreadMs: 0 };
  const counts = { delivered: 0, failedTries: 0, givenUp: 0, dropped: 0 };
  let timer: NodeJS.Timeout | undefined;

  const queued = () => db.one<{ n: number }>('SELECT count(*) AS n FROM deliveries')?.n ?? 0;

  const wakeIn = (ms: number) => {
    if (stop.signal.aborted) return;
    clearTimeout(timer);
    timer = setTimeout(sendDue, ms);
  };

  const sendDue = () => {
    // One moment for both questions: what falls due between two would be in neither answer.
    const at = Date.now();
    const due = db.all<DueRow>(
      `SELECT d.seq, d.message_id, d.body, d.attempts, w.url, w.max_retries, w.backoff_ms
       FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id WHERE d.due_at <= ? ORDER BY d.due_at, d.seq LIMIT ?`,
      at,
      MAX_CONCURRENT * 2,
    );
    for (const row of due) {
      if (inFlight.size >= MAX_CONCURRENT) return;
      if (!inFlight.has(row.seq)) inFlight.set(row.seq, send(row));
    }
    const next = db.one<{ at: number | null }>('SELECT min(due_at) AS at FROM deliveries WHERE due_at > ?', at);
    if (next?.at != null) wakeIn(next.at - at);
  };

  const send = async (row: DueRow): Promise<void> => {
    const status = await post(row.url, row.message_id, row.body, {});
    if (stop.signal.aborted) return;
    inFlight.delete(row.seq);
    if (status >= 200 && status < 300) {
      counts.delivered += 1;
      db.run('DELETE FROM deliveries WHERE seq = ?', row.seq);
    } else if (row.attempts >= row.max_retries) {
      counts.failedTries += 1;
      counts.givenUp += 1;
      db.run('DELETE FROM deliveries WHERE seq = ?', row.seq);
    } else {
      counts.failedTries += 1;
      // The wait doubles with every try (A: the policy gives one number).
      const dueAt = Date.now() + row.backoff_ms * 2 ** row.attempts;
      db.run('UPDATE deliveries SET attempts = attempts + 1, due_at = ? WHERE seq = ?', dueAt, row.seq);
    }
    sendDue();
  };

  const post = async (url: string, id: string, body: string, options: DeliveryOptions): Promise<number> => {
    const timestampSeconds = Math.floor((options.signedAtMs ?? now()) / 1000);
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...signatureHeaders(options.secret ?? secret, { id, timestampSeconds, body }),
          ...options.headers,
        },
        body,
        redirect: 'manual',
        signal: AbortSignal.any([stop.signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      await response.body?.cancel();
      return response.status;
    } catch {
      return 0;
    }
  };

  const urlsFor = (type: string) =>
    db.all<{ id: string; url: string }>(
      'SELECT id, url FROM webhooks WHERE EXISTS (SELECT 1 FROM json_each(events_json) WHERE value = ?) ORDER BY seq',
      type,
    );

  const write = (event: DeliveryEvent) => {
    const id = event.id ?? `evt_${randomUUID()}`;
    const occurredAt = event.occurredAt ?? new Date(now()).toISOString();
    return { id, body: JSON.stringify({ ...event, id, occurredAt }) };
  };

  // What a former process left behind goes out now.
  wakeIn(0);

  return {
    mode,
    enqueue: (events) => {
      let room = MAX_QUEUED - queued();
      for (const event of events) {
        const { id, body } = write(event);
        const sends = urlsFor(event.type).flatMap((webhook) => Array.from({ length: mode.times }, () => webhook.id));
        counts.dropped += Math.max(0, sends.length - room);
        for (const webhookId of sends.slice(0, Math.max(0, room))) {
          room -= 1;
          const dueAt = Date.now() + Math.floor(random() * mode.spreadMs);
          db.run(
            'INSERT INTO deliveries (webhook_id, message_id, body, attempts, due_at) VALUES (?, ?, ?, 0, ?)',
            webhookId,
            id,
            body,
            dueAt,
          );
        }
      }
      wakeIn(0);
    },
    deliver: async (event, options = {}) => {
      const { id, body } = write(event);
      const urls = options.to === undefined ? urlsFor(event.type).map(({ url }) => url) : [options.to];
      const results: DeliveryResult[] = [];
      for (let time = 0; time < (options.times ?? 1); time += 1) {
        for (const url of urls)
          results.push({ id, url, status: await post(url, id, options.rawBody ?? body, options) });
      }
      return results;
    },
    counts: () => ({ queued: queued(), ...counts }),
    [Symbol.asyncDispose]: async () => {
      clearTimeout(timer);
      stop.abort();
      await Promise.allSettled(inFlight.values());
    },
  };
}
