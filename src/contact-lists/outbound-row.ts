/**
 * From a row of an import or a mutation's input to an outbound contact that CXone will take (cxone-api.md, section 4).
 * Written by hand rather than with zod: it runs once for every row of files with millions of them.
 */
import type { Issue } from '../errors.ts';
import type { PhoneNormaliser } from '../phone-numbers.ts';
import { isEmailAddress, textFault } from '../plain-text.ts';
import type { OutboundContact } from './model.ts';

/** Section 4 (A): characters a value. */
const MAX_VALUE_LENGTH = 256;

const TEXT_FIELDS = ['firstName', 'lastName', 'countryCode'] as const;
const CUSTOM = 'customFields.';
const FLAGS = ['doNotCall', 'doNotEmail'] as const;

/** The contact with its phone in E.164, or every fault the row has, each with its path. */
export function checkOutboundRow(
  row: Readonly<Record<string, unknown>>,
  phones: PhoneNormaliser,
): { contact: OutboundContact } | { issues: Issue[] } {
  const issues: Issue[] = [];
  const fault = (field: string, code: string, message: string) => {
    const path = field.startsWith(CUSTOM) ? ['customFields', field.slice(CUSTOM.length)] : [field];
    issues.push({ path, code, message });
    return undefined;
  };
  const text = (field: string, value: unknown): string | undefined => {
    if (value === undefined || value === null || value === '') return undefined;
    // Spreadsheets and JSON writers give ids and names of digits as numbers.
    const string = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
    if (typeof string !== 'string') return fault(field, 'NOT_TEXT', 'This must be text: write it in quotes.');
    if (string.length > MAX_VALUE_LENGTH)
      return fault(
        field,
        'TOO_LONG',
        `This has ${string.length} characters, and CXone takes ${MAX_VALUE_LENGTH} at most. Shorten it.`,
      );
    const bad = textFault(string);
    return bad ? fault(field, 'BAD_TEXT', `This contains ${bad}. Remove it.`) : string;
  };

  const externalId = text('externalId', row.externalId);
  if (externalId === undefined && !issues.length) fault('externalId', 'REQUIRED', 'An externalId is required.');
  const contact: OutboundContact = { externalId: externalId ?? '', doNotCall: false, doNotEmail: false };
  for (const field of TEXT_FIELDS) {
    const value = text(field, row[field]);
    if (value !== undefined) contact[field] = value;
  }

  const given = issues.length;
  const phone = text('phone', row.phone);
  const email = text('email', row.email);
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
      const fields = customFields(custom as Record<string, unknown>, text, fault);
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

function customFields(
  given: Readonly<Record<string, unknown>>,
  text: (field: string, value: unknown) => string | undefined,
  fault: (field: string, code: string, message: string) => undefined,
): Record<string, unknown> | undefined {
  let fields: Record<string, unknown> | undefined;
  for (const name of Object.keys(given)) {
    const raw = given[name];
    const value =
      typeof raw === 'boolean' || (typeof raw === 'number' && Number.isFinite(raw))
        ? raw
        : raw !== null && typeof raw === 'object'
          ? fault(`customFields.${name}`, 'NOT_SCALAR', 'This must be text, a number, true or false.')
          : text(`customFields.${name}`, raw);
    if (value === undefined) continue;
    fields ??= Object.create(null) as Record<string, unknown>;
    fields[name] = value;
  }
  return fields;
}
