/** Registration of webhooks (cxone-api.md, section 5). The same url registered twice is told twice. */
import { type Database, nextNumber } from './database.ts';
import type { Route } from './exchange.ts';
import { isObject, type JsonObject, requireObject, unknownKeys } from './formats.ts';
import { invalid, type RefusalIssue } from './refusal.ts';

export const WEBHOOK_EVENTS = ['contact.enriched', 'contact.updated'] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

export interface WebhookRegistration {
  name: string;
  url: string;
  events: readonly WebhookEvent[];
  maxRetries: number;
  backoffMs: number;
}

/** The route that registers webhooks. */
export function webhookRoutes({ db }: { db: Database }): Route[] {
  return [
    {
      method: 'POST',
      path: '/api/v2/webhooks',
      group: 'enrichment',
      scopes: ['webhooks.write'],
      takes: 'json',
      handle: ({ body }) => {
        const registration = checkRegistration(requireObject(body, ['name', 'url', 'events', 'retryPolicy']));
        return { status: 201, body: { id: insertWebhook(db, registration) } };
      },
    },
  ];
}

/** @returns the id of the webhook */
export function insertWebhook(db: Database, webhook: WebhookRegistration): string {
  const id = `webhook-${nextNumber(db, 'webhook')}`;
  db.run(
    'INSERT INTO webhooks (id, name, url, events_json, max_retries, backoff_ms) VALUES (?, ?, ?, ?, ?, ?)',
    id,
    webhook.name,
    webhook.url,
    JSON.stringify(webhook.events),
    webhook.maxRetries,
    webhook.backoffMs,
  );
  return id;
}

/** The webhook that `webhookUrl` asks for: one for every event, in the place of the one of a former start. */
export function presetWebhook(db: Database, url: string | undefined): void {
  const name = 'sandbox-preset';
  db.transaction(() => {
    const former = db.one<{ url: string }>('SELECT url FROM webhooks WHERE name = ?', name);
    if (former?.url === url) return;
    db.run('DELETE FROM deliveries WHERE webhook_id IN (SELECT id FROM webhooks WHERE name = ?)', name);
    db.run('DELETE FROM webhooks WHERE name = ?', name);
    if (url !== undefined) insertWebhook(db, { name, url, events: WEBHOOK_EVENTS, maxRetries: 3, backoffMs: 1000 });
  });
}

function checkRegistration({ name, url, events, retryPolicy }: JsonObject): WebhookRegistration {
  const issues: RefusalIssue[] = [];
  if (typeof name !== 'string' || name === '') issues.push({ path: 'name', message: 'must be a text' });
  if (typeof url !== 'string' || !/^https?:$/.test(URL.parse(url)?.protocol ?? '')) {
    issues.push({ path: 'url', message: 'must be an http or https url' });
  }
  const known = WEBHOOK_EVENTS.filter((event) => Array.isArray(events) && events.includes(event));
  if (!Array.isArray(events) || events.length === 0 || known.length !== new Set(events).size) {
    issues.push({ path: 'events', message: `must list some of ${WEBHOOK_EVENTS.join(', ')}` });
  }
  const policy = isObject(retryPolicy) ? retryPolicy : {};
  if (!isObject(retryPolicy)) issues.push({ path: 'retryPolicy', message: 'must be an object' });
  issues.push(...unknownKeys(policy, ['maxRetries', 'backoffMs'], 'retryPolicy'));
  const maxRetries = digits(policy.maxRetries, 'retryPolicy.maxRetries', issues);
  const backoffMs = digits(policy.backoffMs, 'retryPolicy.backoffMs', issues);
  if (issues.length > 0) throw invalid(issues, 'webhook-shape');
  return { name: String(name), url: String(url), events: known, maxRetries, backoffMs };
}

/** The numbers of a retry policy are written as texts. */
function digits(value: unknown, path: string, issues: RefusalIssue[]): number {
  if (typeof value === 'string' && /^\d{1,7}$/.test(value)) return Number(value);
  issues.push({ path, message: 'must be a whole number, written as a text' });
  return 0;
}
