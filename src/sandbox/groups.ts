/** Campaign and routing groups (cxone-api.md, section 2, A): they refer to contacts by id and do not notice when one goes. */
import { requireBook } from './address-books.ts';
import type { Database } from './database.ts';
import type { Route } from './exchange.ts';
import { isId, isObject, type JsonObject, requireArray, requireObject, unknownKeys } from './formats.ts';
import { PAGE_PARAMETERS, page } from './pages.ts';
import { invalid, notFound, type RefusalIssue } from './refusal.ts';

interface GroupRow {
  id: string;
  name: string;
  kind: string;
}

/** Moves in one call (A). */
const MAX_MOVES = 1000;

const OF_BOOK = `groups g WHERE EXISTS (
  SELECT 1 FROM group_members m JOIN contacts c ON c.id = m.contact_id WHERE m.group_id = g.id AND c.book_id = ?)`;

/** The routes of groups. */
export function groupRoutes({ db }: { db: Database }): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/v2/addressbooks/{bookId}/groups',
      group: 'addressBooks',
      scopes: ['addressbook:addressbook:read'],
      takes: 'nothing',
      query: PAGE_PARAMETERS,
      handle: (exchange) => {
        const { id } = requireBook(db, exchange.params.bookId);
        return page(exchange, {
          count: () => db.one<{ n: number }>(`SELECT count(*) AS n FROM ${OF_BOOK}`, id)?.n ?? 0,
          read: (limit, offset) =>
            db
              .all<GroupRow>(`SELECT g.* FROM ${OF_BOOK} ORDER BY g.seq LIMIT ? OFFSET ?`, id, limit, offset)
              .map((group) => wireGroup(db, group)),
        });
      },
    },
    {
      method: 'POST',
      path: '/api/v2/groups/{groupId}/reassignments',
      group: 'addressBooks',
      scopes: ['addressbook:addressbook:edit'],
      takes: 'json',
      handle: ({ params, body }) => {
        const group = requireGroup(db, params.groupId);
        for (const { from, to } of checkMoves(db, requireObject(body, ['moves']))) move(db, group.id, from, to);
        return { status: 200, body: wireGroup(db, group) };
      },
    },
  ];
}

function checkMoves(db: Database, body: JsonObject): { from: string; to: string }[] {
  const issues: RefusalIssue[] = [];
  const moves = requireArray(body.moves, MAX_MOVES, 'moves', 'batch-size').flatMap((given, index) => {
    const at = `moves[${index}]`;
    if (!isObject(given)) {
      issues.push({ path: at, message: 'must be an object' });
      return [];
    }
    const { from, to } = given;
    issues.push(...unknownKeys(given, ['from', 'to'], at));
    if (!isId(from)) issues.push({ path: `${at}.from`, message: 'must be an id' });
    if (!isId(to) || !db.one('SELECT 1 FROM contacts WHERE id = ?', to)) {
      issues.push({ path: `${at}.to`, message: 'must be the id of a contact' });
    }
    return isId(from) && isId(to) ? [{ from, to }] : [];
  });
  if (issues.length > 0) throw invalid(issues, 'reassignment-shape');
  return moves;
}

/** A `from` the group does not refer to is nothing to do: a repeated call changes nothing (A). */
function move(db: Database, groupId: string, from: string, to: string): void {
  const member = db.one<{ position: number }>(
    'SELECT position FROM group_members WHERE group_id = ? AND contact_id = ?',
    groupId,
    from,
  );
  if (!member) return;
  db.run('DELETE FROM group_members WHERE group_id = ? AND contact_id = ?', groupId, from);
  addMember(db, groupId, to, member.position);
}

/** Lets a group refer to a contact, once. */
export function addMember(db: Database, groupId: string, contactId: string, position: number): void {
  db.run(
    'INSERT OR IGNORE INTO group_members (group_id, position, contact_id) VALUES (?, ?, ?)',
    groupId,
    position,
    contactId,
  );
}

/** @throws Refusal 404 */
export function requireGroup(db: Database, id = ''): GroupRow {
  const row = db.one<GroupRow>('SELECT id, name, kind FROM groups WHERE id = ?', id);
  if (!row) throw notFound('group', id);
  return row;
}

/** All contacts the group refers to, those that are gone or in another book included. */
export function wireGroup(db: Database, { id, name, kind }: GroupRow): JsonObject {
  const members = db.all<{ contact_id: string }>(
    'SELECT contact_id FROM group_members WHERE group_id = ? ORDER BY position',
    id,
  );
  return { id, name, kind, contactIds: members.map((member) => member.contact_id) };
}
