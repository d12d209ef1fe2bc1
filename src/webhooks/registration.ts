/** Registers the gateway's webhook at CXone (cxone-api.md, section 5): once for each name and url, whoever asks how often. */
import { hash } from 'node:crypto';
import { z } from 'zod';
import { type Caller, createAudited } from '../bulk/audited.ts';
import type { AllowedHosts } from '../callbacks/allowed-hosts.ts';
import { PrivateAddressError, type ResolveHost, resolvePublic } from '../callbacks/guarded-lookup.ts';
import { checkPublicUrl } from '../callbacks/url-guard.ts';
import type { Clock } from '../clock.ts';
import { withDeadline } from '../cxone/call-deadline.ts';
import type { CxoneClient } from '../cxone/client.ts';
import { type Issue, OutcomeUnknownError, ValidationError } from '../errors.ts';
import { textFault } from '../plain-text.ts';
import type { AuditLog } from '../store/audit-log.ts';
import type { Database } from '../store/database.ts';
import type { Leases } from '../store/leases.ts';

/** Where CXone's deliveries come in (interface.md, "Routes"). */
export const WEBHOOK_PATH = '/webhooks/cxone';

/** cxone-api.md, section 5. */
const EVENTS = ['contact.enriched', 'contact.updated'];
const RETRY_POLICY = { maxRetries: '3', backoffMs: '1000' };

const MAX_NAME_LENGTH = 100;
/** Longer than a call to CXone takes; who waits for somebody else's registration waits so long. */
const LEASE_MS = 15_000;
/** A name server that does not answer must not hold up the caller for longer, in milliseconds. */
const RESOLVE_TIMEOUT_MS = 2_000;

const registered = z.object({ id: z.string().min(1).max(128) });

export interface RegisteredWebhook {
  readonly webhookId: string;
  readonly url: string;
}

export interface WebhookRegistrations {
  /**
   * The webhook of this name and url, registered unless it is already. Without a url: this gateway's own public address.
   *
   * @throws ValidationError (the url is not public, the name unusable); OutcomeUnknownError where CXone did not say
   *   whether it registered the webhook, now or when it was first asked; what the client throws
   */
  register(input: { name: string; url: string | undefined }, caller: Caller): Promise<RegisteredWebhook>;
}

/** @param deps.publicUrl where the gateway is reached, without a slash at the end; its host may be named without being public */
export function createWebhookRegistrations(deps: {
  cxone: Pick<CxoneClient, 'send'>;
  database: Database;
  leases: Leases;
  audit: AuditLog;
  publicUrl: () => string;
  allowedHosts: AllowedHosts;
  resolve: ResolveHost;
  clock: Clock;
  log: { error(details: object, message: string): void };
}): WebhookRegistrations {
  const { cxone, database, leases, publicUrl, allowedHosts, resolve, clock } = deps;
  const { db } = database;
  const audited = createAudited(deps);

  /** A name that does not resolve here may well resolve for CXone, who is to connect; one that resolves to us must not. */
  async function checkUrl(text: string): Promise<void> {
    const own = new URL(publicUrl());
    const named: AllowedHosts = { names: (url) => url.host === own.host || allowedHosts.names(url) };
    const url = checkPublicUrl(text, { allowedHosts: named, path: ['url'] });
    if (named.names(url)) return;
    const answered = new AbortController();
    const patience = clock.sleep(RESOLVE_TIMEOUT_MS, answered.signal).catch(() => undefined);
    try {
      await Promise.race([resolvePublic(url.hostname.replace(/^\[|\]$/g, ''), resolve), patience]);
    } catch (error) {
      if (!(error instanceof PrivateAddressError)) return;
      throw refuse('url', 'URL_NOT_PUBLIC', 'names a host whose address is not public');
    } finally {
      answered.abort();
    }
  }

  async function registerAtCxone(name: string, url: string, caller: Caller, signal: AbortSignal) {
    const known = await db
      .selectFrom('webhook_registrations')
      .select('webhook_id')
      .where('name', '=', name)
      .where('url', '=', url)
      .executeTakeFirst();
    if (known?.webhook_id) return { webhookId: known.webhook_id, detail: { name, repeated: true } };
    // CXone has no call that lists its webhooks, and would deliver everything twice to one that is registered twice.
    if (known) {
      throw new OutcomeUnknownError(
        'This webhook was asked for before, and CXone did not say whether it registered it. Look there; to register it anyway, give it another name.',
      );
    }
    // Stored before it is sent: whatever happens from here on, nobody registers it a second time unknowingly.
    await db
      .insertInto('webhook_registrations')
      .values({ name, url, webhook_id: null, attempted_at: database.nowMs() })
      .execute();
    const { body, upstreamRequestId, latencyMs } = await cxone
      .send(
        {
          group: 'enrichment',
          method: 'POST',
          path: ['api', 'v2', 'webhooks'],
          body: { name, url, events: EVENTS, retryPolicy: RETRY_POLICY },
          answer: registered,
        },
        withDeadline({ ...caller.call, signal }, clock),
      )
      .catch(async (error: unknown) => {
        // All else that the client throws says that CXone did not take it.
        if (!(error instanceof OutcomeUnknownError)) await forgetAttempt(name, url);
        throw error;
      });
    await db
      .updateTable('webhook_registrations')
      .set({ webhook_id: body.id })
      .where('name', '=', name)
      .where('url', '=', url)
      .execute();
    return { webhookId: body.id, detail: { name }, upstreamRequestId, latencyMs };
  }

  async function forgetAttempt(name: string, url: string): Promise<void> {
    await db
      .deleteFrom('webhook_registrations')
      .where('name', '=', name)
      .where('url', '=', url)
      .where('webhook_id', 'is', null)
      .execute();
  }

  return {
    register: (input, caller) =>
      audited(caller, { action: 'webhook.register', subject: subjectOf(input.name) }, async () => {
        const name = checkName(input.name);
        if (input.url !== undefined) await checkUrl(input.url);
        const url = input.url ?? publicUrl() + WEBHOOK_PATH;
        const { signal } = caller.call;
        const lease = { leaseMs: LEASE_MS, waitMs: LEASE_MS, signal };
        const { webhookId, ...told } = await leases.withLease(
          `webhook-registration:${hash('sha256', JSON.stringify([name, url]))}`,
          lease,
          (_lease, held) => registerAtCxone(name, url, caller, held),
        );
        return { result: { webhookId, url }, subject: webhookId, ...told };
      }),
  };
}

/** Until CXone has given it an id, it is known by its name; where that is usable. */
function subjectOf(name: string): string {
  return textFault(name) === null ? name.slice(0, MAX_NAME_LENGTH).toWellFormed() : 'webhook';
}

function checkName(name: string): string {
  if (name.trim() === '' || name.length > MAX_NAME_LENGTH) {
    throw refuse('name', 'INVALID_NAME', `must have 1 to ${MAX_NAME_LENGTH} characters`);
  }
  const fault = textFault(name);
  if (fault !== null) throw refuse('name', 'INVALID_TEXT', `must not contain ${fault}`);
  return name;
}

function refuse(path: string, code: string, message: string): ValidationError {
  const issue: Issue = { path: [path], code, message };
  return new ValidationError([issue]);
}
