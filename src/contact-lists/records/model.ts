/** Consent records of a contact list (cxone-api.md, section 3): their shape, and what makes two of them the same. */
import { hash } from 'node:crypto';
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

/** Section 3: the same contactId and phone is the same record. 32 bytes. */
export function recordDedupeKey({ contactId, phoneNumbers }: ContactListRecord): Buffer {
  const numbers = phoneNumbers.map(({ number }) => number).toSorted();
  return hash('sha256', JSON.stringify([contactId, ...numbers]), 'buffer');
}
