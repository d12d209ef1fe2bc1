/**
 * From a row of an import or a mutation's input to a record that CXone will take (cxone-api.md, section 3). Written by
 * hand rather than with zod: it runs once for every row of files with millions of them.
 */
import { notAnId, readRowId } from '../../bulk/row-ids.ts';
import type { Issue } from '../../errors.ts';
import type { PhoneNormaliser } from '../../phone-numbers.ts';
import { textFault } from '../../plain-text.ts';
import type { ContactListRecord } from './model.ts';

/** Section 3: a consent is good for 1825 days. */
const CONSENT_MS = 1825 * 24 * 3_600_000;
/** What a phone is where a row does not say; the contract's default for phones. */
const DEFAULT_PHONE_TYPE = 'work';
const MAX_TYPE_LENGTH = 64;
const ISO_8601 = /^(\d{4})-(\d{2})-(\d{2})T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/;

/** The record with its phones in E.164 and its consent in UTC, or every fault the row has, each with its path. */
export function checkRecord(
  row: Readonly<Record<string, unknown>>,
  { phones, nowMs }: { phones: PhoneNormaliser; nowMs: number },
): { record: ContactListRecord } | { issues: Issue[] } {
  const issues: Issue[] = [];
  const fault = (path: string[], code: string, message: string) => {
    issues.push({ path, code, message });
    return undefined;
  };

  const contactId = readRowId(row.contactId, 'Contact');
  if (isAbsent(row.contactId)) fault(['contactId'], 'REQUIRED', 'A contactId is required.');
  else if (contactId === null) fault(['contactId'], 'INVALID_ID', notAnId('Contact'));
  const phoneNumbers = readPhones(row.phoneNumbers, phones, fault);
  const customFields = readCustomFields(row.customFields, fault);
  const consentAt = readConsent(row.consentTimestamp, nowMs, fault);
  const optInStatus = readOptIn(row.optInStatus, fault);

  if (issues.length > 0 || contactId === null || consentAt === undefined || !optInStatus) return { issues };
  const consentTimestamp = new Date(consentAt).toISOString();
  return { record: { contactId, phoneNumbers, customFields, consentTimestamp, optInStatus } };
}

type Fault = (path: string[], code: string, message: string) => undefined;

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

function readPhones(given: unknown, phones: PhoneNormaliser, fault: Fault): ContactListRecord['phoneNumbers'] {
  if (isAbsent(given) || (Array.isArray(given) && given.length === 0)) {
    fault(['phoneNumbers'], 'REQUIRED', 'At least one phone is required.');
    return [];
  }
  if (!Array.isArray(given)) {
    fault(['phoneNumbers'], 'NOT_LIST', 'This must be a list of phones: [{type, number}].');
    return [];
  }
  const read: ContactListRecord['phoneNumbers'] = [];
  for (let index = 0; index < given.length; index++) {
    const phone = readPhone(given[index], index, phones, fault);
    if (phone) read.push(phone);
  }
  return read;
}

function readPhone(phone: unknown, index: number, phones: PhoneNormaliser, fault: Fault) {
  const pathOf = (...within: string[]) => ['phoneNumbers', String(index), ...within];
  if (typeof phone !== 'object' || phone === null)
    return fault(pathOf(), 'NOT_OBJECT', 'A phone must be an object: {type, number}.');
  const { number: given, type = DEFAULT_PHONE_TYPE } = phone as { number?: unknown; type?: unknown };
  const text = typeof given === 'number' ? String(given) : given;
  if (isAbsent(text)) return fault(pathOf('number'), 'REQUIRED', 'A number is required.');
  const number = typeof text === 'string' ? phones.normalise(text) : null;
  if (number === null) {
    return fault(pathOf('number'), 'INVALID_PHONE', phones.refusal);
  }
  if (typeof type !== 'string' || type === '' || type.length > MAX_TYPE_LENGTH || textFault(type)) {
    return fault(pathOf('type'), 'INVALID_TYPE', 'This must be a word such as work or mobile.');
  }
  return { type, number };
}

function readCustomFields(given: unknown, fault: Fault): Record<string, unknown> {
  if (given === undefined || given === null) return {};
  if (typeof given !== 'object' || Array.isArray(given)) {
    fault(['customFields'], 'NOT_OBJECT', 'This must be an object of names and values.');
    return {};
  }
  const fields: Record<string, unknown> = { ...given };
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    const bad = typeof value === 'string' ? textFault(value) : null;
    if (bad) fault(['customFields', name], 'BAD_TEXT', `This contains ${bad}. Remove it.`);
  }
  return fields;
}

/** Epoch milliseconds. A mutation's input has them already; a row has text. */
function readConsent(given: unknown, nowMs: number, fault: Fault): number | undefined {
  const path = ['consentTimestamp'];
  if (isAbsent(given)) return fault(path, 'REQUIRED', 'A consentTimestamp is required.');
  const at = typeof given === 'number' ? given : parseTime(given);
  if (at === undefined) {
    return fault(path, 'INVALID_TIME', 'This must be ISO 8601 with an offset, such as 2026-11-21T14:00:00Z.');
  }
  if (at > nowMs)
    return fault(path, 'CONSENT_IN_FUTURE', 'This consent is in the future. Check the date and its offset.');
  if (at < nowMs - CONSENT_MS)
    return fault(path, 'CONSENT_EXPIRED', 'This consent is older than 1825 days. The contact has to give it anew.');
  return at;
}

function parseTime(text: unknown): number | undefined {
  const [, year, month, day] = typeof text === 'string' ? (ISO_8601.exec(text) ?? []) : [];
  if (day === undefined) return undefined;
  // JavaScript reads 30 February as the second of March. Up to the 28th, all months have all days.
  if (Number(day) > 28 && new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate() < Number(day))
    return undefined;
  const at = Date.parse(text as string); // It matched.
  return Number.isNaN(at) ? undefined : at;
}

function readOptIn(given: unknown, fault: Fault): ContactListRecord['optInStatus'] | undefined {
  if (isAbsent(given)) return fault(['optInStatus'], 'REQUIRED', 'An optInStatus is required: confirmed or pending.');
  const word = typeof given === 'string' ? given.toLowerCase() : undefined;
  return word === 'confirmed' || word === 'pending'
    ? word
    : fault(['optInStatus'], 'INVALID_OPT_IN', 'This must be confirmed or pending.');
}
