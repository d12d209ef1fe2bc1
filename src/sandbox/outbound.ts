/**
 * Outbound contact lists (cxone-api.md, section 4): bare arrays of at most 1000 contacts. Nothing is deduplicated here:
 * the same contact sent twice is there twice, so that double sends show.
 */
import { addToCount, type ContactListRow, requireContactList } from './contact-lists.ts';
import type { Database } from './database.ts';
import type { Exchange, Reply, Route } from './exchange.ts';
import { isE164, isEmail, isObject, type JsonObject, requireArray } from './formats.ts';
import { PAGE_PARAMETERS, page } from './pages.ts';
import { invalid, type RefusalIssue } from './refusal.ts';

/** Contacts a call may carry (section 4). */
const MAX_CONTACTS = 1000;
/** Characters a value may have (section 4, A). */
const MAX_VALUE_LENGTH = 256;
const READ = ['contactlists:read', 'outbound.read'] as const;
const WRITE = ['outbound:contact:write', 'outbound.write'] as const;

/** The routes of outbound contact lists. */
export function outboundRoutes({ db }: { db: Database }): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/v2/outbound/contactlists',
      group: 'outbound',
      scopes: READ,
      takes: 'nothing',
      query: PAGE_PARAMETERS,
      handle: (exchange) =>
        page(exchange, {
          count: () => db.one<{ n: number }>('SELECT count(*) AS n FROM contact_lists')?.n ?? 0,
          read: (limit, offset) =>
            db
              .all<ContactListRow>('SELECT * FROM contact_lists ORDER BY seq LIMIT ? OFFSET ?', limit, offset)
              .map(wireList),
        }),
    },
    {
      method: 'GET',
      path: '/api/v2/outbound/contactlists/{listId}',
      group: 'outbound',
      scopes: READ,
      takes: 'nothing',
      handle: ({ params }) => ({ status: 200, body: wireList(requireContactList(db, params.listId)) }),
    },
    {
      method: 'POST',
      path: '/api/v2/outbound/contactlists/{listId}/contacts',
      group: 'outbound',
      scopes: WRITE,
      takes: 'json',
      countItems: (body) => (Array.isArray(body) ? body.length : 0),
      handle: (exchange) => addContacts(db, exchange),
    },
  ];
}

function addContacts(db: Database, exchange: Exchange): Reply {
  const { id } = requireContactList(db, exchange.params.listId);
  if (exchange.headers['transfer-encoding'] !== 'chunked') exchange.violate('outbound-not-chunked');
  const contacts = requireArray(exchange.body, MAX_CONTACTS, '', 'batch-size');
  const issues: RefusalIssue[] = [];
  for (let index = 0; index < contacts.length; index += 1) checkContact(contacts[index], index, issues);
  if (issues.length > 0) throw invalid(issues, 'outbound-contact-shape');

  const rejected: { index: number; code: string; message: string }[] = [];
  const accepted = contacts.filter((contact, index) => {
    const refused = exchange.refuseItem(isObject(contact) ? String(contact.externalId) : '', index);
    if (refused) rejected.push({ index, ...refused });
    return !refused;
  });
  storeBatch(db, id, accepted.length, rejected.length === 0 ? exchange.raw.toString() : JSON.stringify(accepted));
  return {
    status: rejected.length === 0 ? 201 : 200,
    body: { accepted: accepted.length, ...(rejected.length > 0 && { rejected }) },
  };
}

/** Stores contacts as the JSON array they came in: one row a batch makes a million of them cheap. */
export function storeBatch(db: Database, listId: string, size: number, contactsJson: string): void {
  if (size === 0) return;
  db.run('INSERT INTO outbound_batches (list_id, size, contacts_json) VALUES (?, ?, ?)', listId, size, contactsJson);
  addToCount(db, listId, size);
}

/** Hand-written and free of allocation where a contact is fine: a million of them come this way. */
function checkContact(contact: unknown, index: number, issues: RefusalIssue[]): void {
  if (!isObject(contact)) {
    issues.push({ path: `[${index}]`, message: 'must be an object' });
    return;
  }
  const { externalId, phone, email, doNotCall, doNotEmail } = contact;
  if (typeof externalId !== 'string' || externalId === '') {
    issues.push({ path: `[${index}].externalId`, message: 'must be a text' });
  }
  const hasPhone = isGiven(phone);
  const hasEmail = isGiven(email);
  if (!hasPhone && !hasEmail) issues.push({ path: `[${index}]`, message: 'needs a phone or an email' });
  if (hasPhone && !isE164(phone)) issues.push({ path: `[${index}].phone`, message: 'must be in E.164 format' });
  if (hasEmail && !isEmail(email)) issues.push({ path: `[${index}].email`, message: 'must be an address' });
  if (typeof doNotCall !== 'boolean') issues.push({ path: `[${index}].doNotCall`, message: 'must be a boolean' });
  if (typeof doNotEmail !== 'boolean') issues.push({ path: `[${index}].doNotEmail`, message: 'must be a boolean' });
  checkLengths(contact, `[${index}]`, issues);
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

/** Further keys are allowed ("…"): texts of bounded length, numbers, flags, and one level of such values below. */
function checkLengths(values: JsonObject, at: string, issues: RefusalIssue[], depth = 0): void {
  for (const key in values) {
    const value = values[key];
    if (typeof value === 'string') {
      if (value.length > MAX_VALUE_LENGTH) {
        issues.push({ path: `${at}.${key}`, message: `has more than ${MAX_VALUE_LENGTH} characters` });
      }
    } else if (typeof value === 'object' && value !== null) {
      if (depth > 0 || !isObject(value)) issues.push({ path: `${at}.${key}`, message: 'is nested too deep' });
      else checkLengths(value, `${at}.${key}`, issues, depth + 1);
    }
  }
}

function wireList({ id, name, contact_count }: ContactListRow): JsonObject {
  return { id, name, totalContactCount: contact_count };
}
