/**
 * `POST /webhooks/cxone`: takes what CXone signed, once, and answers only when it is stored. What follows from it
 * (caches, subscribers) comes after.
 */
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import { BodyTooLargeError, readBody } from '../server/read-body.ts';
import { sendJson } from '../server/respond.ts';
import type { Exchange, Route } from '../server/routes.ts';
import type { ThrottledAudit } from '../store/throttled-audit.ts';
import { isSignedByAny, readSignedHead } from './delivery-signature.ts';
import type { Delivery, DeliveryStore } from './delivery-store.ts';
import { createGroupCommit } from './group-commit.ts';
import { readDeliveryContent } from './model.ts';
import { parseStrictJson } from './strict-json.ts';

/** A delivery has some hundred bytes and the attributes of one contact. */
const MAX_BODY_BYTES = 256 * 1024;
const BODY_TIMEOUT_MS = 10_000;
/** 500 deliveries a second become at most a hundred transactions; nobody waits for an answer by milliseconds. */
const BOUNDS = { maxGroup: 200, maxWaiting: 5_000, maxWaitingWeight: 32 * 1024 * 1024, windowMs: 10 };

/**
 * What became of a delivery; each is counted once. unknownType: taken as well. unsigned, stale, forged, tooLarge,
 * malformed: refused for good. incomplete: its connection broke. unavailable: not now, send it again.
 */
export type DeliveryOutcome =
  | 'accepted'
  | 'repeated'
  | 'unknownType'
  | 'unsigned'
  | 'stale'
  | 'forged'
  | 'tooLarge'
  | 'malformed'
  | 'incomplete'
  | 'unavailable';

export interface WebhookReceiver {
  readonly route: Route;
  /** Stores what is still to be stored. To be called when no request is under way any more. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * @param deps.secrets `whsec_…`, several while one replaces another; without any the route answers 503 (interface.md)
 * @param deps.audits of what is refused: one for what CXone signed, which forgeries must not crowd out, one for all else
 * @param deps.onContactChanged called after the commit and before the answer, once for each change of a contact
 */
export function createWebhookReceiver(deps: {
  secrets: readonly string[];
  store: DeliveryStore;
  audits: { signed: ThrottledAudit; unsigned: ThrottledAudit };
  onContactChanged: (contactId: string, contactListId: string) => void;
  count: (outcome: DeliveryOutcome) => void;
  clock: Clock;
}): WebhookReceiver {
  const { secrets, store, audits, onContactChanged, count, clock } = deps;
  const commit = createGroupCommit<{ delivery: Delivery; bytes: number }, boolean>({
    commit: (items) => store.takeAll(items.map(({ delivery }) => delivery)),
    weigh: ({ bytes }) => bytes,
    bounds: BOUNDS,
    clock,
  });

  /** @throws GatewayError with the status that the sender gets; RefusedDeliveryError for what is refused for good */
  async function receive(request: IncomingMessage): Promise<'accepted' | 'repeated' | 'unknownType'> {
    if (secrets.length === 0) {
      throw new GatewayError(
        'UNAVAILABLE',
        'Webhooks are not taken: CXONE_WEBHOOK_SECRET is not set. The operator has to set it.',
      );
    }
    const head = readSignedHead(request.headers, clock.now());
    if (typeof head === 'string') throw new RefusedDeliveryError(head, HEAD_FAULTS[head]);
    const body = await readBody(request, MAX_BODY_BYTES);
    if (!isSignedByAny(secrets, head, body)) {
      throw new RefusedDeliveryError(
        'forged',
        'No signature fits this delivery. Both sides must have the same CXONE_WEBHOOK_SECRET.',
      );
    }
    const json = parseStrictJson(body);
    const content = 'fault' in json ? json : readDeliveryContent(json.value);
    if ('fault' in content) throw new RefusedDeliveryError('malformed', content.fault, head.id);

    const isNew = await commit.add({ delivery: { id: head.id, content }, bytes: body.length });
    if (!isNew) return 'repeated';
    if (content.kind === 'unknown') return 'unknownType';
    onContactChanged(content.change.contactId, content.change.contactListId);
    return 'accepted';
  }

  async function audit({ reason, signedId, fault }: Refusal, requestId: string): Promise<void> {
    const isSigned = signedId !== undefined;
    await (isSigned ? audits.signed : audits.unsigned).append({
      actor: isSigned ? 'cxone' : 'unknown',
      action: 'webhook.rejected',
      // What is not signed does not get its own words into the trail.
      subject: signedId ?? 'unsigned',
      outcome: 'REJECTED',
      requestId,
      detail: { reason, ...(fault !== undefined && { fault }) },
    });
  }

  async function handle({ request, response, requestId }: Exchange): Promise<void> {
    let outcome: Awaited<ReturnType<typeof receive>>;
    try {
      outcome = await receive(request);
    } catch (error) {
      const refusal = toRefusal(error);
      if (refusal) {
        count(refusal.reason);
        await audit(refusal, requestId);
      } else {
        count(error instanceof GatewayError && error.code === 'BAD_USER_INPUT' ? 'incomplete' : 'unavailable');
      }
      throw error;
    }
    count(outcome);
    sendJson(response, outcome === 'repeated' ? 200 : 202, { status: outcome });
  }

  return {
    route: { method: 'POST', pattern: '/webhooks/cxone', bodyTimeoutMs: BODY_TIMEOUT_MS, handle },
    [Symbol.asyncDispose]: commit[Symbol.asyncDispose],
  };
}

const HEAD_FAULTS = {
  unsigned:
    'Expected webhook-id, webhook-timestamp (seconds) and webhook-signature (v1,…) as Standard Webhooks has them.',
  stale:
    'The webhook-timestamp differs by more than five minutes from our clock. Check both clocks, and sign each delivery anew.',
};

type RefusalReason = 'unsigned' | 'stale' | 'forged' | 'tooLarge' | 'malformed';

/** 400 for what CXone signed and cannot be read, 401 for all that it did not sign, or long ago. */
class RefusedDeliveryError extends GatewayError {
  readonly reason: RefusalReason;
  readonly signedId: string | undefined;

  constructor(reason: RefusalReason, message: string, signedId?: string) {
    super(reason === 'malformed' ? 'BAD_USER_INPUT' : 'UNAUTHENTICATED', message);
    this.reason = reason;
    this.signedId = signedId;
  }
}

interface Refusal {
  readonly reason: RefusalReason;
  /** The `webhook-id`, where the signature shows that it is CXone's. */
  readonly signedId?: string | undefined;
  /** What does not fit, in words that repeat nothing of it. */
  readonly fault?: string | undefined;
}

/** What is refused for good, and audited; undefined for what did not arrive, or may be sent again. */
function toRefusal(error: unknown): Refusal | undefined {
  if (error instanceof BodyTooLargeError) return { reason: 'tooLarge' };
  if (!(error instanceof RefusedDeliveryError)) return undefined;
  const { reason, signedId, message } = error;
  return { reason, signedId, fault: reason === 'malformed' ? message : undefined };
}
