/**
 * From a row of an import or a mutation's input to an outbound contact that CXone will take (cxone-api.md, section 4).
 * Written by hand rather than with zod: it runs once for every row of files with millions of them.
 */
import type { Issue } from '../errors.ts';
import { setOwn } from '../own-property.ts';
import type { PhoneNormaliser } from '../phone-numbers.ts';
import { isEmailAddress, textFault } from '../plain-text.ts';
import type { OutboundContact } from './model.ts';

/** Section 4 (A): characters a value. */
const MAX_VALUE_LENGTH = 256;

const TEXT_FIELDS = ['firstName', 'lastName', 'countryCode'] as const;
const FLAGS = ['doNotCall', 'doNotEmail'] as const;

/** Notes what is wrong with a field, or with one of those within it. */
type Fault = (field: string, code: string, message: string, custom?: string) => undefined;

/** The contact with its phone in E.164, or every fault the row has, each with its path. */
export function checkOutboundRow(
  row: Readonly<Record<string, unknown>>,
  phones: PhoneNormaliser,
): { contact: OutboundContact } | { issues: Issue[] } {
  const issues: Issue[] = [];
  const fault: Fault = (field, code, message, custom) => {
    issues.push({ path: custom === undefined ? [field] : [field, custom], code, message });
    return undefined;
  };

  const externalId = readText(row.externalId, fault, 'externalId');
  if (externalId === undefined && !issues.length) fault('externalId', 'REQUIRED', 'An externalId is required.');
  const contact: OutboundContact = { externalId: externalId ?? '', doNotCall: false, doNotEmail: false };
  for (const field of TEXT_FIELDS) {
    const value = readText(row[field], fault, field);
    if (value !== undefined) contact[field] = value;
  }

  const given = issues.length;
  const phone = readText(row.phone, fault, 'phone');
  const email = readText(row.email, fault, 'email');
  if (phone === undefined && email === undefined) {
    if (issues.length === given) fault('phone', 'REQUIRED', 'A phone or an email is required.');
  }
  if (phone !== undefined) {
    const number = phones.normalise(phone);
    if (number === null) fault('phone', 'INVALID_PHONE', phones.refusal);
    else contact.phone = number;
  }
  if (email !== undefined) {
    if (isEmailAddress(email)) contact.email = email;
    else fault('email', 'INVALID_EMAIL', 'This is not an email address, such as name@example.com.');
  }

  for (const flag of FLAGS) {
    const value = toBoolean(row[flag]);
    if (value === undefined)
      fault(flag, row[flag] === undefined ? 'REQUIRED' : 'NOT_BOOLEAN', 'This must be given as true or false.');
    else contact[flag] = value;
  }

  const custom = row.customFields;
  if (custom !== undefined && custom !== null) {
    if (typeof custom !== 'object' || Array.isArray(custom))
      fault('customFields', 'NOT_OBJECT', 'This must be an object of names and values.');
    else {
      const fields = readCustomFields(custom as Record<string, unknown>, fault);
      if (fields) contact.customFields = fields;
    }
  }
  return issues.length > 0 ? { issues } : { contact };
}

/** JSON has booleans; a CSV has the words, in the case its spreadsheet writes them. */
function toBoolean(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string' || value.length > 5) return undefined;
  const word = value.toLowerCase();
  return word === 'true' ? true : word === 'false' ? false : undefined;
}

function readText(value: unknown, fault: Fault, field: string, custom?: string): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  // Spreadsheets and JSON writers give ids and names of digits as numbers.
  const string = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof string !== 'string') return fault(field, 'NOT_TEXT', 'This must be text: write it in quotes.', custom);
  if (string.length > MAX_VALUE_LENGTH) {
    const message = `This has ${string.length} characters, and CXone takes ${MAX_VALUE_LENGTH} at most. Shorten it.`;
    return fault(field, 'TOO_LONG', message, custom);
  }
  const bad = textFault(string);
  return bad ? fault(field, 'BAD_TEXT', `This contains ${bad}. Remove it.`, custom) : string;
}

function readCustomFields(given: Readonly<Record<string, unknown>>, fault: Fault): Record<string, unknown> | undefined {
  let fields: Record<string, unknown> | undefined;
  for (const name of Object.keys(given)) {
    const raw = given[name];
    const value =
      typeof raw === 'boolean' || (typeof raw === 'number' && Number.isFinite(raw))
        ? raw
        : raw !== null && typeof raw === 'object'
          ? fault('customFields', 'NOT_SCALAR', 'This must be text, a number, true or false.', name)
          : readText(raw, fault, 'customFields', name);
    if (value === undefined) continue;
    fields ??= {};
    setOwn(fields, name, value);
  }
  return fields;
}
