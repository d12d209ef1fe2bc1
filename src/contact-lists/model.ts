/** Contact lists and outbound contacts: CXone's wire shapes, and the rules an outbound contact keeps before it is sent. */
import { z } from 'zod';
import { dedupeKey } from '../bulk/dedupe-key.ts';

/** Section 4 of cxone-api.md: `{id, name, totalContactCount}`; a list may have neither name nor count (A). */
export const wireContactList = z.object({
  id: z.string().min(1),
  name: z.string().nullish(),
  totalContactCount: z.int().nonnegative().nullish(),
});

export interface ContactList {
  readonly id: string;
  readonly name: string | null;
  /** Null where CXone did not say. */
  readonly totalContactCount: number | null;
}

export function toContactList(wire: z.infer<typeof wireContactList>): ContactList {
  return { id: wire.id, name: wire.name ?? null, totalContactCount: wire.totalContactCount ?? null };
}

/** Section 5: the attributes a list's contacts may have. `type` is string, integer or decimal. */
export const wireListSchema = z.object({
  attributes: z.array(z.object({ name: z.string().min(1), type: z.enum(['string', 'integer', 'decimal']) })),
});

export interface AttributeDefinition {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'decimal';
}

/** A contact of an outbound list, as it is sent (section 4). */
export interface OutboundContact {
  externalId: string;
  firstName?: string;
  lastName?: string;
  /** E.164. */
  phone?: string;
  email?: string;
  countryCode?: string;
  doNotCall: boolean;
  doNotEmail: boolean;
  customFields?: Record<string, unknown>;
}

/** SHA-256 over `externalId|phone|email`, absent parts empty (section 4): the same key is the same contact. */
export function outboundDedupeKey(contact: OutboundContact): string {
  return dedupeKey(`${contact.externalId}|${contact.phone ?? ''}|${contact.email ?? ''}`);
}
