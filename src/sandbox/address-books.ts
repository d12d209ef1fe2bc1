/** Address books (cxone-api.md, section 2): named containers of contacts with definitions of the custom attributes. */
import { type Database, nextNumber } from './database.ts';
import type { Route } from './exchange.ts';
import { type FieldDefinition, isObject, type JsonObject, requireObject } from './formats.ts';
import { PAGE_PARAMETERS, page } from './pages.ts';
import { invalid, notFound, Refusal, type RefusalIssue } from './refusal.ts';

/** An archived book has this at the end of its name; it is left out of the list of books. */
const ARCHIVED_SUFFIX = '_archived';

/** Definitions of a book made through the API, which has no way to give any (A). */
export const DEFAULT_FIELDS: readonly FieldDefinition[] = [
  { name: 'external_ref_id', type: 'string' },
  { name: 'tier', type: 'string' },
  { name: 'lifetime_value', type: 'decimal' },
  { name: 'loyalty_points', type: 'integer' },
  { name: 'birthday', type: 'date' },
  { name: 'vip', type: 'boolean' },
];

interface BookRow {
  id: string;
  name: string;
  body_json: string;
  fields_json: string;
}

const READ = ['addressbook:addressbook:read'] as const;
const EDIT = ['addressbook:addressbook:edit'] as const;

/** The routes of address books. */
export function addressBookRoutes({ db }: { db: Database }): Route[] {
  const inGroup = { group: 'addressBooks' } as const;
  return [
    {
      ...inGroup,
      method: 'POST',
      path: '/api/v2/addressbooks',
      scopes: EDIT,
      takes: 'json',
      handle: ({ body }) => {
        const given = checkBook(requireObject(body, ['name', 'description', 'source', 'tags']));
        const id = `book-${nextNumber(db, 'address-book')}`;
        insertBook(db, id, given, DEFAULT_FIELDS);
        return { status: 201, body: wireBook(requireBook(db, id)) };
      },
    },
    {
      ...inGroup,
      method: 'GET',
      path: '/api/v2/addressbooks',
      scopes: READ,
      takes: 'nothing',
      query: PAGE_PARAMETERS,
      handle: (exchange) =>
        page(exchange, {
          count: () => db.one<{ n: number }>(`SELECT count(*) AS n FROM address_books WHERE ${IS_LISTED}`)?.n ?? 0,
          read: (limit, offset) =>
            db
              .all<BookRow>(
                `SELECT * FROM address_books WHERE ${IS_LISTED} ORDER BY seq LIMIT ? OFFSET ?`,
                limit,
                offset,
              )
              .map(wireBook),
        }),
    },
    {
      ...inGroup,
      method: 'GET',
      path: '/api/v2/addressbooks/{bookId}',
      scopes: READ,
      takes: 'nothing',
      handle: ({ params }) => ({ status: 200, body: wireBook(requireBook(db, params.bookId)) }),
    },
    {
      ...inGroup,
      method: 'PUT',
      path: '/api/v2/addressbooks/{bookId}',
      scopes: EDIT,
      takes: 'json',
      handle: ({ params, body }) => {
        const { id } = requireBook(db, params.bookId);
        // The whole object comes back, with the definitions: those belong to the tenant and stay as they are (A).
        const given = requireObject(body, ['id', 'name', 'description', 'source', 'tags', 'fieldDefinitions']);
        const { name, rest } = checkBook(given);
        if (given.id !== undefined && given.id !== id) {
          throw invalid([{ path: 'id', message: 'is not the id in the path' }], 'body-shape');
        }
        refuseTakenName(db, name, id);
        db.run('UPDATE address_books SET name = ?, body_json = ? WHERE id = ?', name, JSON.stringify(rest), id);
        return { status: 200, body: wireBook(requireBook(db, id)) };
      },
    },
    {
      ...inGroup,
      method: 'DELETE',
      path: '/api/v2/addressbooks/{bookId}',
      scopes: EDIT,
      takes: 'nothing',
      handle: ({ params }) => {
        const { id } = requireBook(db, params.bookId);
        db.run('DELETE FROM contact_terms WHERE book_id = ?', id);
        db.run('DELETE FROM contacts WHERE book_id = ?', id);
        // Groups are not touched: those that refer to contacts of this book dangle from now on.
        db.run('DELETE FROM address_books WHERE id = ?', id);
        return { status: 204 };
      },
    },
  ];
}

const IS_LISTED = `substr(name, -${ARCHIVED_SUFFIX.length}) <> '${ARCHIVED_SUFFIX}'`;

/** What the caller decides about a book: `rest` is the description, the source and the tags, as far as given. */
export interface BookInput {
  name: string;
  rest: JsonObject;
}

function checkBook(given: JsonObject): BookInput {
  const issues: RefusalIssue[] = [];
  const { name, description, source, tags } = given;
  if (typeof name !== 'string' || name.trim() === '') issues.push({ path: 'name', message: 'must be a text' });
  for (const [path, value] of Object.entries({ description, source })) {
    if (value !== undefined && value !== null && typeof value !== 'string') {
      issues.push({ path, message: 'must be a text' });
    }
  }
  if (tags !== undefined && tags !== null && !(Array.isArray(tags) && tags.every((tag) => typeof tag === 'string'))) {
    issues.push({ path: 'tags', message: 'must be a list of texts' });
  }
  if (issues.length > 0 || typeof name !== 'string') throw invalid(issues, 'address-book-shape');
  const rest: JsonObject = {};
  for (const [key, value] of Object.entries({ description, source, tags })) {
    if (value !== undefined && value !== null) rest[key] = value;
  }
  return { name, rest };
}

function refuseTakenName(db: Database, name: string, ownId: string): void {
  if (db.one('SELECT 1 FROM address_books WHERE name = ? AND id <> ?', name, ownId)) {
    throw new Refusal(409, 'AddressBookNameExists', 'An address book of this name exists already.');
  }
}

/** @throws Refusal 409 when the name is taken */
export function insertBook(db: Database, id: string, book: BookInput, fields: readonly FieldDefinition[]): void {
  refuseTakenName(db, book.name, id);
  db.run(
    'INSERT INTO address_books (id, name, body_json, fields_json) VALUES (?, ?, ?, ?)',
    id,
    book.name,
    JSON.stringify(book.rest),
    JSON.stringify(fields),
  );
}

/** @throws Refusal 404 */
export function requireBook(db: Database, id = ''): BookRow {
  const row = db.one<BookRow>('SELECT * FROM address_books WHERE id = ?', id);
  if (!row) throw notFound('address book', id);
  return row;
}

/** The definitions of a book's custom attributes by name. */
export function fieldTypes(fieldsJson: string): Map<string, FieldDefinition['type']> {
  // The column holds nothing but what `insertBook` wrote.
  const fields = JSON.parse(fieldsJson) as FieldDefinition[];
  return new Map(fields.map((field) => [field.name, field.type]));
}

function wireBook({ id, name, body_json, fields_json }: BookRow): JsonObject {
  const rest: unknown = JSON.parse(body_json);
  return { id, name, ...(isObject(rest) ? rest : {}), fieldDefinitions: JSON.parse(fields_json) };
}
