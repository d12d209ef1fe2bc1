/**
 * Contacts of an address book (cxone-api.md, section 2). A PUT replaces the whole object, whatever it leaves out is
 * wiped: the trap that the gateway exists for.
 */
import { fieldTypes, requireBook } from './address-books.ts';
import { checkContact, normaliseContact } from './contact-shape.ts';
import { type Database, nextNumber } from './database.ts';
import type { Exchange, Reply, Route } from './exchange.ts';
import { parseFilter } from './filter.ts';
import { isObject, type JsonObject, requireObject } from './formats.ts';
import type { Settings } from './options.ts';
import { PAGE_PARAMETERS, page } from './pages.ts';
import { invalid, notFound, Refusal } from './refusal.ts';

interface ContactRow {
  seq: number;
  id: string;
  version: number;
  body_json: string;
}

export interface ContactDeps {
  db: Database;
  settings: Settings;
  /** Called before a PUT looks at the contact, so that a rival can be there first. */
  beforePut: (bookId: string, contactId: string) => void;
}

const READ = ['addressbook:contact:read'] as const;
const EDIT = ['addressbook:contact:edit'] as const;
const CONTACT_KEYS = ['firstName', 'lastName', 'phoneNumbers', 'emailAddresses', 'customAttributes'];

/** The routes of contacts. */
export function contactRoutes({ db, settings, beforePut }: ContactDeps): Route[] {
  const inGroup = { group: 'addressBooks' } as const;
  const one = '/api/v2/addressbooks/{bookId}/contacts/{contactId}';
  const many = '/api/v2/addressbooks/{bookId}/contacts';
  const single = (status: number, row: ContactRow): Reply => ({
    status,
    ...(settings.etags && { headers: { etag: etagOf(row, settings) } }),
    body: wireContact(row),
  });
  return [
    {
      ...inGroup,
      method: 'GET',
      path: many,
      scopes: READ,
      takes: 'nothing',
      query: [...PAGE_PARAMETERS, 'filter'],
      handle: (exchange) => listContacts(db, settings, exchange),
    },
    {
      ...inGroup,
      method: 'POST',
      path: many,
      scopes: EDIT,
      takes: 'json',
      handle: ({ params, body, violate }) => {
        const book = requireBook(db, params.bookId);
        const contact = checkContact(requireObject(body, CONTACT_KEYS), fieldTypes(book.fields_json), violate);
        const id = `contact-${nextNumber(db, 'contact')}`;
        return single(201, insertContact(db, book.id, id, contact));
      },
    },
    {
      ...inGroup,
      method: 'GET',
      path: one,
      scopes: READ,
      takes: 'nothing',
      handle: ({ params }) => single(200, requireContact(db, params.bookId, params.contactId)),
    },
    {
      ...inGroup,
      method: 'PUT',
      path: one,
      scopes: EDIT,
      takes: 'json',
      before: ({ params }) => beforePut(params.bookId ?? '', params.contactId ?? ''),
      handle: (exchange) => {
        const book = requireBook(db, exchange.params.bookId);
        const { id } = requireContact(db, book.id, exchange.params.contactId);
        const given = requireObject(exchange.body, ['id', ...CONTACT_KEYS]);
        if (given.id !== undefined && given.id !== id) {
          throw invalid([{ path: 'id', message: 'is not the id in the path' }], 'body-shape');
        }
        const contact = checkContact(given, fieldTypes(book.fields_json), exchange.violate);
        if (settings.etags) {
          checkIfMatch(exchange.headers['if-match'], etagOf(requireContact(db, book.id, id), settings));
        }
        return single(200, replaceContact(db, book.id, id, contact));
      },
    },
    {
      ...inGroup,
      method: 'DELETE',
      path: one,
      scopes: EDIT,
      takes: 'nothing',
      handle: ({ params }) => {
        const { seq } = requireContact(db, params.bookId, params.contactId);
        db.run('DELETE FROM contact_terms WHERE contact_seq = ?', seq);
        db.run('DELETE FROM contacts WHERE seq = ?', seq);
        return { status: 204 };
      },
    },
  ];
}

function listContacts(db: Database, settings: Settings, exchange: Exchange): Reply {
  const { id: bookId } = requireBook(db, exchange.params.bookId);
  const filter = exchange.query.get('filter');
  const terms = filter === null ? [] : parseFilter(filter).map(({ field, value }) => `${field}=${value}`);
  // One index lookup for the first clause; the others are looked up for each contact it found.
  const [first] = terms;
  const from =
    first === undefined
      ? 'contacts c WHERE c.book_id = ?'
      : `contact_terms t JOIN contacts c ON c.seq = t.contact_seq WHERE t.book_id = ? AND t.term = ? AND NOT EXISTS (
           SELECT 1 FROM json_each(?) wanted WHERE NOT EXISTS (
             SELECT 1 FROM contact_terms o WHERE o.book_id = t.book_id AND o.term = wanted.value AND o.contact_seq = c.seq))`;
  const values = first === undefined ? [bookId] : [bookId, first, JSON.stringify(terms.slice(1))];
  const count = () => db.one<{ n: number }>(`SELECT count(*) AS n FROM ${from}`, ...values)?.n ?? 0;
  if (filter !== null && settings.noMatch === '404' && count() === 0) {
    throw new Refusal(404, 'NotFound', 'No contact matches the filter.');
  }
  return page(exchange, {
    count,
    read: (limit, offset) =>
      db
        .all<ContactRow>(`SELECT c.* FROM ${from} ORDER BY c.seq LIMIT ? OFFSET ?`, ...values, limit, offset)
        .map(wireContact),
  });
}

function checkIfMatch(ifMatch: string | undefined, current: string): void {
  if (ifMatch === undefined) {
    throw new Refusal(428, 'PreconditionRequired', 'If-Match is missing.', { violation: 'put-without-if-match' });
  }
  if (!/^(W\/)?"[^"]+"$/.test(ifMatch) || (ifMatch.startsWith('W/') && !current.startsWith('W/'))) {
    throw new Refusal(400, 'InvalidIfMatch', 'If-Match must be one quoted ETag.', { violation: 'if-match-format' });
  }
  if (ifMatch !== current) {
    throw new Refusal(412, 'PreconditionFailed', 'The contact has changed since it was read.');
  }
}

/** @throws Refusal 404 when the book or the contact is not there */
export function requireContact(db: Database, bookId = '', id = ''): ContactRow {
  requireBook(db, bookId);
  const row = db.one<ContactRow>('SELECT * FROM contacts WHERE book_id = ? AND id = ?', bookId, id);
  if (!row) throw notFound('contact', id);
  return row;
}

/** Stores a contact that is known to fit the book. */
export function insertContact(db: Database, bookId: string, id: string, contact: JsonObject): ContactRow {
  const body = normaliseContact(contact);
  db.run(
    'INSERT INTO contacts (book_id, id, version, body_json) VALUES (?, ?, ?, ?)',
    bookId,
    id,
    nextNumber(db, 'contact-version'),
    JSON.stringify(body),
  );
  const row = requireContact(db, bookId, id);
  writeTerms(db, bookId, row.seq, body);
  return row;
}

/** Replaces all of a contact and gives it a new version. */
export function replaceContact(db: Database, bookId: string, id: string, contact: JsonObject): ContactRow {
  const body = normaliseContact(contact);
  db.run(
    'UPDATE contacts SET body_json = ?, version = ? WHERE book_id = ? AND id = ?',
    JSON.stringify(body),
    nextNumber(db, 'contact-version'),
    bookId,
    id,
  );
  const row = requireContact(db, bookId, id);
  db.run('DELETE FROM contact_terms WHERE contact_seq = ?', row.seq);
  writeTerms(db, bookId, row.seq, body);
  return row;
}

/** The index that filters are answered from: one term for each value a filter can ask for. */
function writeTerms(db: Database, bookId: string, seq: number, body: JsonObject): void {
  const write = (field: string, value: unknown) => {
    if (value === undefined || value === null) return;
    db.run(
      'INSERT OR IGNORE INTO contact_terms (book_id, term, contact_seq) VALUES (?, ?, ?)',
      bookId,
      `${field}=${String(value)}`,
      seq,
    );
  };
  write('firstName', body.firstName);
  write('lastName', body.lastName);
  for (const email of Array.isArray(body.emailAddresses) ? body.emailAddresses : []) {
    write('emailAddresses.address', isObject(email) ? email.address : undefined);
  }
  for (const [name, value] of Object.entries(isObject(body.customAttributes) ? body.customAttributes : {})) {
    write(`customAttributes.${name}`, value);
  }
}

/** A version is never used twice, so an ETag never names two states. */
function etagOf({ version }: ContactRow, { etags }: Settings): string {
  return `${etags === 'weak' ? 'W/' : ''}"v${version}"`;
}

/** The contact as the API shows it. */
export function wireContact({ id, body_json }: ContactRow): JsonObject {
  const body: unknown = JSON.parse(body_json);
  return { id, ...(isObject(body) ? body : {}) };
}
