/** Contact lists themselves: the sections on records, outbound contacts and attributes all write to these. */
import type { Database } from './database.ts';
import type { FieldDefinition } from './formats.ts';
import { notFound } from './refusal.ts';

export interface ContactListRow {
  id: string;
  name: string;
  contact_count: number;
  attributes_json: string;
  refreshed_at: number;
}

/** @throws Refusal 404 */
export function requireContactList(db: Database, id = ''): ContactListRow {
  const row = db.one<ContactListRow>('SELECT * FROM contact_lists WHERE id = ?', id);
  if (!row) throw notFound('contact list', id);
  return row;
}

/** A list counts what both dialects put into it (A). */
export function addToCount(db: Database, id: string, added: number): void {
  db.run('UPDATE contact_lists SET contact_count = contact_count + ? WHERE id = ?', added, id);
}

/** The attributes a list knows. */
export function listAttributes({ attributes_json }: ContactListRow): FieldDefinition[] {
  // The column holds nothing but what `insertContactList` wrote.
  return JSON.parse(attributes_json) as FieldDefinition[];
}

/** Stores an empty list. Throws what SQLite throws when the id is taken. */
export function insertContactList(
  db: Database,
  list: { id: string; name: string; attributes: readonly FieldDefinition[] },
): void {
  db.run(
    'INSERT INTO contact_lists (id, name, contact_count, attributes_json, refreshed_at) VALUES (?, ?, 0, ?, 0)',
    list.id,
    list.name,
    JSON.stringify(list.attributes),
  );
}
