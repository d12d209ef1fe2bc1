/** What the sandbox holds, for tests that compare it with what they sent. Counts never load rows. */

import { type ContactListRow, requireContactList } from './contact-lists.ts';
import { wireContact } from './contacts.ts';
import type { Database } from './database.ts';
import type { JsonObject } from './formats.ts';
import { wireGroup } from './groups.ts';

/** A slice of a long answer. Without it: all there is. */
export interface Slice {
  offset?: number | undefined;
  limit?: number | undefined;
}

export interface ContactListState {
  id: string;
  name: string;
  /** What the API calls `totalContactCount`. */
  total: number;
  outboundContacts: number;
  /** Bulk calls that brought them. */
  outboundBatches: number;
  records: number;
  enrichedContacts: number;
  /** Enriched since the last refresh of the list: the dialer does not know them yet. */
  unrefreshedContacts: number;
}

export interface SandboxState {
  contactList(listId: string): ContactListState;
  contactLists(): ContactListState[];
  /** As they were sent, in the order they came. */
  outboundContacts(listId: string, slice?: Slice): JsonObject[];
  /** Which `externalId`s are there more than once. */
  outboundDuplicates(listId: string): { externalId: string; count: number }[];
  records(listId: string, slice?: Slice): JsonObject[];
  attributes(listId: string, slice?: Slice): { contactId: string; attributes: JsonObject; isRefreshed: boolean }[];
  contactCount(bookId: string): number;
  contacts(bookId: string, slice?: Slice): JsonObject[];
  groups(): JsonObject[];
  segment(segmentId: string): { written: number; indexed: number };
  segmentMembers(segmentId: string, slice?: Slice): { contactId: string; isIndexed: boolean }[];
  webhooks(): { id: string; name: string; url: string; events: string[]; maxRetries: number; backoffMs: number }[];
}

/** Reads the store as it is at each call; nothing is cached. */
export function createState({ db, now }: { db: Database; now: () => number }): SandboxState {
  const count = (sql: string, ...values: (string | number)[]) => db.one<{ n: number }>(sql, ...values)?.n ?? 0;
  const bounds = ({ limit = -1, offset = 0 }: Slice = {}) => [limit, offset] as const;

  const listState = ({ id, name, contact_count, refreshed_at }: ContactListRow): ContactListState => ({
    id,
    name,
    total: contact_count,
    outboundContacts: count('SELECT coalesce(sum(size), 0) AS n FROM outbound_batches WHERE list_id = ?', id),
    outboundBatches: count('SELECT count(*) AS n FROM outbound_batches WHERE list_id = ?', id),
    records: count('SELECT count(*) AS n FROM records WHERE list_id = ?', id),
    enrichedContacts: count('SELECT count(*) AS n FROM attributes WHERE list_id = ?', id),
    unrefreshedContacts: count(
      'SELECT count(*) AS n FROM attributes WHERE list_id = ? AND written_at > ?',
      id,
      refreshed_at,
    ),
  });

  return {
    contactList: (listId) => listState(requireContactList(db, listId)),
    contactLists: () => db.all<ContactListRow>('SELECT * FROM contact_lists ORDER BY seq').map(listState),
    outboundContacts: (listId, slice) =>
      db
        .all<{ value: string }>(
          `SELECT c.value FROM outbound_batches b, json_each(b.contacts_json) c
           WHERE b.list_id = ? ORDER BY b.seq, c.key LIMIT ? OFFSET ?`,
          listId,
          ...bounds(slice),
        )
        .map(({ value }) => JSON.parse(value)),
    outboundDuplicates: (listId) =>
      db.all(
        `SELECT json_extract(c.value, '$.externalId') AS externalId, count(*) AS count
         FROM outbound_batches b, json_each(b.contacts_json) c WHERE b.list_id = ?
         GROUP BY externalId HAVING count(*) > 1 ORDER BY externalId`,
        listId,
      ),
    records: (listId, slice) =>
      db
        .all<{ body_json: string }>(
          'SELECT body_json FROM records WHERE list_id = ? ORDER BY seq LIMIT ? OFFSET ?',
          listId,
          ...bounds(slice),
        )
        .map(({ body_json }) => JSON.parse(body_json)),
    attributes: (listId, slice) => {
      const { refreshed_at } = requireContactList(db, listId);
      return db
        .all<{ contact_id: string; attributes_json: string; written_at: number }>(
          'SELECT * FROM attributes WHERE list_id = ? ORDER BY contact_id LIMIT ? OFFSET ?',
          listId,
          ...bounds(slice),
        )
        .map(({ contact_id, attributes_json, written_at }) => ({
          contactId: contact_id,
          attributes: JSON.parse(attributes_json),
          isRefreshed: written_at <= refreshed_at,
        }));
    },
    contactCount: (bookId) => count('SELECT count(*) AS n FROM contacts WHERE book_id = ?', bookId),
    contacts: (bookId, slice) =>
      db
        .all<Parameters<typeof wireContact>[0]>(
          'SELECT * FROM contacts WHERE book_id = ? ORDER BY seq LIMIT ? OFFSET ?',
          bookId,
          ...bounds(slice),
        )
        .map(wireContact),
    groups: () =>
      db
        .all<{ id: string; name: string; kind: string }>('SELECT id, name, kind FROM groups ORDER BY seq')
        .map((group) => wireGroup(db, group)),
    segment: (segmentId) => ({
      written: count('SELECT count(*) AS n FROM segment_members WHERE segment_id = ?', segmentId),
      indexed: count(
        'SELECT count(*) AS n FROM segment_members WHERE segment_id = ? AND visible_at <= ?',
        segmentId,
        now(),
      ),
    }),
    segmentMembers: (segmentId, slice) =>
      db
        .all<{ contact_id: string; visible_at: number }>(
          'SELECT * FROM segment_members WHERE segment_id = ? ORDER BY contact_id LIMIT ? OFFSET ?',
          segmentId,
          ...bounds(slice),
        )
        .map(({ contact_id, visible_at }) => ({ contactId: contact_id, isIndexed: visible_at <= now() })),
    webhooks: () =>
      db
        .all<{ id: string; name: string; url: string; events_json: string; max_retries: number; backoff_ms: number }>(
          'SELECT * FROM webhooks ORDER BY seq',
        )
        .map(({ id, name, url, events_json, max_retries, backoff_ms }) => ({
          id,
          name,
          url,
          events: JSON.parse(events_json),
          maxRetries: max_retries,
          backoffMs: backoff_ms,
        })),
  };
}
