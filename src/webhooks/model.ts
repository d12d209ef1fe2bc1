/** What CXone's webhooks say (cxone-api.md, section 5, "Webhook delivery"), and what is kept of it. */
import { z } from 'zod';

export const ENRICHMENT_TOPIC = 'enrichment';
/** Deliveries of types that are not known: kept, and told to nobody. */
export const UNKNOWN_TOPIC = 'unknownWebhook';

export const ENRICHMENT_EVENT_TYPES = ['CONTACT_ENRICHED', 'CONTACT_UPDATED'] as const;
export type EnrichmentEventType = (typeof ENRICHMENT_EVENT_TYPES)[number];

const EVENT_TYPES = new Map<string, EnrichmentEventType>([
  ['contact.enriched', 'CONTACT_ENRICHED'],
  ['contact.updated', 'CONTACT_UPDATED'],
]);

/** CXone's ids are opaque: at most 128 characters, none of them for control, and not `.` or `..` (section 1). */
const id = z
  .string()
  .regex(/^(?!\.{1,2}$)\P{Cc}{1,128}$/u, 'expected an id of 1 to 128 characters, and no path')
  .max(128, 'expected an id of 1 to 128 characters, and no path');

const envelope = z.object({ type: z.string().min(1).max(200) });

const contactEvent = z.object({
  id,
  occurredAt: z.iso.datetime({ offset: true, error: 'expected an ISO 8601 time with an offset' }),
  contactListId: id,
  contactId: id,
  attributes: z.record(z.string(), z.unknown()),
});

export interface ContactChange {
  readonly type: EnrichmentEventType;
  readonly contactListId: string;
  readonly contactId: string;
  /** Epoch milliseconds, by CXone's clock. */
  readonly occurredAt: number;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** What a delivery says: a contact changed, or something this version knows nothing of. */
export type DeliveryContent =
  | { readonly kind: 'contact'; readonly change: ContactChange }
  | { readonly kind: 'unknown'; readonly type: string; readonly body: unknown };

/** The content, or what does not fit and where; never what stood there. */
export function readDeliveryContent(body: unknown): DeliveryContent | { readonly fault: string } {
  const outer = envelope.safeParse(body);
  if (!outer.success) return { fault: faultOf(outer.error) };
  const type = EVENT_TYPES.get(outer.data.type);
  if (!type) return { kind: 'unknown', type: outer.data.type, body };
  const event = contactEvent.safeParse(body);
  if (!event.success) return { fault: faultOf(event.error) };
  const { contactListId, contactId, attributes } = event.data;
  const occurredAt = Date.parse(event.data.occurredAt);
  return { kind: 'contact', change: { type, contactListId, contactId, occurredAt, attributes } };
}

function faultOf({ issues }: z.ZodError): string {
  const faults = issues
    .slice(0, 3)
    .map(({ path, message }) => `${path.map(String).join('.') || 'the body'}: ${message}`);
  return `The delivery does not fit: ${faults.join('; ')}.`;
}
