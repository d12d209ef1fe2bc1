/** Consent records of a contact list (cxone-api.md, section 3): their shape, and what makes two of them the same. */
import { dedupeKey } from '../../bulk/dedupe-key.ts';
import type { DuplicatePolicy } from '../../bulk/import-kind.ts';

/** As it is sent. */
export interface ContactListRecord {
  contactId: string;
  /** At least one; numbers in E.164. A phone without a type would be misrouted later. */
  phoneNumbers: { type: string; number: string }[];
  customFields: Record<string, unknown>;
  /** ISO 8601 in UTC. */
  consentTimestamp: string;
  optInStatus: 'confirmed' | 'pending';
}

/** A record, and what its sender wants done where it is there already. */
export interface RecordItem {
  readonly record: ContactListRecord;
  readonly onDuplicate: DuplicatePolicy;
}

/** Section 3: the same contactId and phone is the same record. */
export function recordDedupeKey({ contactId, phoneNumbers }: ContactListRecord): string {
  const numbers = phoneNumbers.map(({ number }) => number).toSorted();
  return dedupeKey(JSON.stringify([contactId, ...numbers]));
}
