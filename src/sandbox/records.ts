/** Contact list records with consent (cxone-api.md, section 3): batches of at most 100, all or none. */
import { addToCount, requireContactList } from './contact-lists.ts';
import type { Database } from './database.ts';
import type { Exchange, Reply, Route } from './exchange.ts';
import {
  isE164,
  isId,
  isObject,
  isoTimestamp,
  type JsonObject,
  requireArray,
  requireObject,
  unknownKeys,
} from './formats.ts';
import type { Settings } from './options.ts';
import { invalid, notFound, Refusal, type RefusalIssue } from './refusal.ts';

/** Records a call may carry (section 3). */
const MAX_RECORDS = 100;
/** Milliseconds a consent lasts: 1825 days (section 3). */
const CONSENT_MS = 1825 * 24 * 60 * 60 * 1000;
const RECORD_KEYS = ['contactId', 'phoneNumbers', 'customFields', 'consentTimestamp', 'optInStatus'];
const WRITE = ['contactlists:write'] as const;

export interface ListRecord {
  contactId: string;
  numbers: string[];
  body: JsonObject;
}

interface Notice {
  index: number;
  contactId: string;
  code: string;
  message: string;
}

export interface RecordDeps {
  db: Database;
  settings: Settings;
  now: () => number;
}

/** The routes of records. */
export function recordRoutes(deps: RecordDeps): Route[] {
  const { db, now } = deps;
  return [
    {
      method: 'POST',
      path: '/api/v2/contactlists/{listId}/records',
      group: 'records',
      scopes: WRITE,
      takes: 'json',
      countItems: (body) => (isObject(body) && Array.isArray(body.records) ? body.records.length : 0),
      handle: (exchange) => createRecords(deps, exchange),
    },
    {
      method: 'PUT',
      path: '/api/v2/contactlists/{listId}/records/{recordId}',
      group: 'records',
      scopes: WRITE,
      takes: 'json',
      handle: ({ params, body, violate }) => {
        const { id: listId } = requireContactList(db, params.listId);
        const recordId = params.recordId ?? '';
        const current = db.one<{ seq: number }>(
          'SELECT seq FROM records WHERE list_id = ? AND contact_id = ? ORDER BY seq',
          listId,
          recordId,
        );
        if (!current) throw notFound('record', recordId);
        const issues: RefusalIssue[] = [];
        const record = checkRecord(body, '', now(), issues, violate);
        if (record && record.contactId !== recordId) {
          issues.push({ path: 'contactId', message: 'is not the record in the path' });
        }
        if (!record || issues.length > 0) throw invalid(issues, 'record-shape');
        db.run('UPDATE records SET body_json = ? WHERE seq = ?', JSON.stringify(record.body), current.seq);
        db.run(
          'DELETE FROM record_phones WHERE list_id = ? AND contact_id = ? AND record_seq = ?',
          listId,
          recordId,
          current.seq,
        );
        writePhones(db, listId, record, current.seq);
        return { status: 200, body: { id: recordId, ...record.body } };
      },
    },
  ];
}

function createRecords({ db, settings, now }: RecordDeps, exchange: Exchange): Reply {
  const { id: listId } = requireContactList(db, exchange.params.listId);
  const given = requireArray(requireObject(exchange.body, ['records']).records, MAX_RECORDS, 'records', 'batch-size');
  const issues: RefusalIssue[] = [];
  const records = given.flatMap(
    (item, index) => checkRecord(item, `records[${index}]`, now(), issues, exchange.violate) ?? [],
  );
  if (issues.length > 0) throw invalid(issues, 'record-shape');

  const warnings: Notice[] = [];
  const errors: Notice[] = [];
  let created = 0;
  records.forEach((record, index) => {
    const { contactId } = record;
    const refused = exchange.refuseItem(contactId, index);
    if (refused) {
      errors.push({ index, contactId, ...refused });
    } else if (isDuplicate(db, listId, record)) {
      warnings.push({
        index,
        contactId,
        code: 'DuplicateRecord',
        message: 'A record with this contactId and phone exists already.',
      });
    } else {
      insertRecord(db, listId, record);
      created += 1;
    }
  });
  const told = settings.warningsAs === 'object' ? warnings : warnings.map(asText);
  if (warnings.length > 0 && settings.recordDuplicates === 'reject') {
    throw new Refusal(409, 'DuplicateRecords', `${warnings.length} records exist already; none was created.`, {
      body: { id: listId, recordsCreated: 0, warnings: told },
    });
  }
  addToCount(db, listId, created);
  return {
    status: created > 0 ? 201 : 200,
    body: { id: listId, recordsCreated: created, warnings: told, errors },
  };
}

function asText({ contactId, message }: Notice): string {
  return `${contactId}: ${message}`;
}

function checkRecord(
  given: unknown,
  at: string,
  nowMs: number,
  issues: RefusalIssue[],
  violate: Exchange['violate'],
): ListRecord | undefined {
  const under = (key: string) => (at ? `${at}.${key}` : key);
  if (!isObject(given)) {
    issues.push({ path: at, message: 'must be an object' });
    return undefined;
  }
  issues.push(...unknownKeys(given, RECORD_KEYS, at));
  const { contactId, customFields, consentTimestamp, optInStatus } = given;
  if (!isId(contactId)) issues.push({ path: under('contactId'), message: 'must be an id' });
  const numbers = checkPhones(given.phoneNumbers, under('phoneNumbers'), issues, violate);
  if (customFields !== undefined && !isObject(customFields)) {
    issues.push({ path: under('customFields'), message: 'must be an object' });
  }
  const consentAt = isoTimestamp(consentTimestamp);
  const consent = under('consentTimestamp');
  if (consentAt === undefined)
    issues.push({ path: consent, message: 'must be an ISO 8601 timestamp with a time zone' });
  else if (consentAt > nowMs) issues.push({ path: consent, message: 'is in the future' });
  else if (consentAt < nowMs - CONSENT_MS) issues.push({ path: consent, message: 'is older than 1825 days' });
  if (optInStatus !== 'confirmed' && optInStatus !== 'pending') {
    issues.push({ path: under('optInStatus'), message: 'must be "confirmed" or "pending"' });
  }
  return isId(contactId) ? { contactId, numbers, body: given } : undefined;
}

function checkPhones(list: unknown, at: string, issues: RefusalIssue[], violate: Exchange['violate']): string[] {
  if (!Array.isArray(list) || list.length === 0) {
    issues.push({ path: at, message: 'must hold at least one phone' });
    return [];
  }
  return list.flatMap((phone: unknown, index) => {
    const path = `${at}[${index}]`;
    if (!isObject(phone)) {
      issues.push({ path, message: 'must be an object' });
      return [];
    }
    issues.push(...unknownKeys(phone, ['type', 'number'], path));
    if (typeof phone.type !== 'string' || phone.type === '') violate('misrouted-phone');
    if (isE164(phone.number)) return [phone.number];
    issues.push({ path: `${path}.number`, message: 'must be in E.164 format' });
    return [];
  });
}

/** The same contactId with any of the same phones. */
function isDuplicate(db: Database, listId: string, { contactId, numbers }: ListRecord): boolean {
  return numbers.some((number) =>
    db.one(
      'SELECT 1 FROM record_phones WHERE list_id = ? AND contact_id = ? AND number = ?',
      listId,
      contactId,
      number,
    ),
  );
}

/** Stores a record that is known to be valid and new. */
export function insertRecord(db: Database, listId: string, record: ListRecord): void {
  const row = db.one<{ seq: number }>(
    'INSERT INTO records (list_id, contact_id, body_json) VALUES (?, ?, ?) RETURNING seq',
    listId,
    record.contactId,
    JSON.stringify(record.body),
  );
  if (row) writePhones(db, listId, record, row.seq);
}

function writePhones(db: Database, listId: string, { contactId, numbers }: ListRecord, seq: number): void {
  for (const number of numbers) {
    db.run(
      'INSERT OR IGNORE INTO record_phones (list_id, contact_id, number, record_seq) VALUES (?, ?, ?, ?)',
      listId,
      contactId,
      number,
      seq,
    );
  }
}
