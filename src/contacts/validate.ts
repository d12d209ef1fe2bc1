/** What is checked of a contact before it is sent, and brought into the form CXone takes (cxone-api.md, section 2). */
import type { FieldDefinition, FieldType } from '../address-books/model.ts';
import type { Issue } from '../errors.ts';
import type { PhoneNormaliser } from '../phone-numbers.ts';
import { isEmailAddress, textFault } from '../plain-text.ts';
import type { ContactPatch } from './merge.ts';
import { completeEntries } from './model.ts';

/** A contact or a patch as a caller gives it. Absent: not named. Null: cleared. */
export interface ContactInput {
  readonly firstName?: string | null | undefined;
  readonly lastName?: string | null | undefined;
  readonly phoneNumbers?: readonly PhoneNumberInput[] | null | undefined;
  readonly emailAddresses?: readonly EmailAddressInput[] | null | undefined;
  readonly customAttributes?: Readonly<Record<string, unknown>> | null | undefined;
}
export interface PhoneNumberInput extends EntryInput {
  readonly number: string;
}
export interface EmailAddressInput extends EntryInput {
  readonly address: string;
}
interface EntryInput {
  readonly type?: string | undefined;
  readonly primary?: boolean | null | undefined;
}

export interface ValidationOptions {
  /** Where the contact stands in the input: issues name their place from its root. */
  readonly path: readonly string[];
  /** The book's fields; undefined where CXone did not tell them, and then keys and types are CXone's to check. */
  readonly definitions: readonly FieldDefinition[] | undefined;
  readonly phones: PhoneNormaliser;
  /** Reads texts as the defined type, as files need it that know no other type. Without it "42" is no integer. */
  readonly castText?: boolean | undefined;
}

export interface CheckedContact {
  /** What is sent when there are no issues: phones in E.164, every entry with its type and mark. */
  readonly patch: ContactPatch;
  readonly issues: readonly Issue[];
}

type Report = (at: readonly string[], code: string, message: string) => void;

/** Every fault of a contact, each with its path and a stable code, and the contact in CXone's form. */
export function checkContact(input: ContactInput, options: ValidationOptions): CheckedContact {
  const issues: Issue[] = [];
  const report: Report = (at, code, message) => issues.push({ path: [...options.path, ...at], code, message });
  const patch = {
    ...(input.firstName !== undefined ? { firstName: checkName(input.firstName, 'firstName', report) } : {}),
    ...(input.lastName !== undefined ? { lastName: checkName(input.lastName, 'lastName', report) } : {}),
    ...(input.phoneNumbers !== undefined
      ? { phoneNumbers: checkPhones(input.phoneNumbers, options.phones, report) }
      : {}),
    ...(input.emailAddresses !== undefined ? { emailAddresses: checkEmails(input.emailAddresses, report) } : {}),
    ...(input.customAttributes !== undefined
      ? { customAttributes: checkAttributes(input.customAttributes, options, report) }
      : {}),
  };
  return { patch, issues };
}

/** Whether a fresh look at the book's definitions could make the issues go away. */
export function concernsDefinitions(issues: readonly Issue[]): boolean {
  return issues.some(({ code }) => code === 'UNKNOWN_ATTRIBUTE' || code === 'WRONG_TYPE');
}

function checkText(text: string, at: readonly string[], report: Report): string {
  const fault = textFault(text);
  if (fault) report(at, 'BAD_TEXT', `This contains ${fault}. Remove it.`);
  return text;
}

function checkName(name: string | null, field: string, report: Report): string | null {
  return name === null ? null : checkText(name, [field], report);
}

function checkPhones(phones: readonly PhoneNumberInput[] | null, normaliser: PhoneNormaliser, report: Report) {
  const normalised = (phones ?? []).map(({ number, type, primary }, index) => {
    const e164 = normaliser.normalise(number.trim());
    const at = ['phoneNumbers', String(index), 'number'];
    if (e164 === null) report(at, 'INVALID_PHONE', normaliser.refusal);
    return { number: e164 ?? number, type, primary };
  });
  return checkEntries(normalised, 'phoneNumbers', report);
}

function checkEmails(emails: readonly EmailAddressInput[] | null, report: Report) {
  const trimmed = (emails ?? []).map(({ address: given, type, primary }, index) => {
    const address = given.trim();
    const at = ['emailAddresses', String(index), 'address'];
    if (textFault(address) !== null || !isEmailAddress(address))
      report(at, 'INVALID_EMAIL', 'This is not an email address, such as name@example.com.');
    return { address, type, primary };
  });
  return checkEntries(trimmed, 'emailAddresses', report);
}

/** Where there are any, each has a type and exactly one is primary: the first where none is marked. */
function checkEntries<Entry extends EntryInput>(entries: readonly Entry[], field: string, report: Report) {
  let marked = 0;
  for (const [index, { type, primary }] of entries.entries()) {
    if (type !== undefined && type.trim() === '')
      report(
        [field, String(index), 'type'],
        'REQUIRED',
        'A type must not be empty: give a word such as work or mobile.',
      );
    else if (type !== undefined) checkText(type, [field, String(index), 'type'], report);
    if (primary && ++marked > 1) {
      report([field, String(index), 'primary'], 'SEVERAL_PRIMARY', 'Only one entry of the list can be primary.');
    }
  }
  return completeEntries(
    entries.map((entry) => ({ ...entry, primary: marked > 0 ? entry.primary === true : undefined })),
  );
}

function checkAttributes(
  attributes: Readonly<Record<string, unknown>> | null,
  { definitions, castText }: ValidationOptions,
  report: Report,
): Record<string, unknown> | null {
  if (attributes === null) return null;
  const typeOf = definitions && new Map(definitions.map(({ name, type }) => [name, type]));
  const checked = Object.entries(attributes).map(([name, given]) => {
    const at = ['customAttributes', name];
    if (typeOf && !typeOf.has(name)) {
      report(
        at,
        'UNKNOWN_ATTRIBUTE',
        'The address book has no field of this name. Use one of its fieldDefinitions, or add it there.',
      );
      return [name, given] as const;
    }
    if (given === null) return [name, null] as const;
    if (typeof given === 'object' || given === undefined) {
      report(at, 'NOT_SCALAR', 'This must be text, a number, true or false.');
      return [name, given] as const;
    }
    if (typeof given === 'string') checkText(given, at, report);
    const type = typeOf?.get(name);
    const value = type && castText && typeof given === 'string' ? cast(given, type) : given;
    if (type && !IS_OF_TYPE[type](value)) report(at, 'WRONG_TYPE', `This must be ${TYPE_NAMES[type]}.`);
    return [name, value] as const;
  });
  // fromEntries defines own properties whatever they are called: no key reaches a prototype.
  return Object.fromEntries(checked);
}

const TYPE_NAMES: Record<FieldType, string> = {
  string: 'text',
  integer: 'a whole number',
  decimal: 'a number',
  boolean: 'true or false',
  date: 'an ISO 8601 date, such as 2026-11-21',
};

const IS_OF_TYPE: Record<FieldType, (value: unknown) => boolean> = {
  string: (value) => typeof value === 'string',
  integer: (value) => Number.isSafeInteger(value),
  decimal: (value) => typeof value === 'number' && Number.isFinite(value),
  boolean: (value) => typeof value === 'boolean',
  date: (value) => typeof value === 'string' && isDate(value),
};

/** A day that exists: Date.parse alone rolls the 30th of February over into March. */
function isDate(text: string): boolean {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN;
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

/** A text from a file as a value of its field's type; the text itself where it is none, which then fails the check. */
function cast(text: string, type: FieldType): unknown {
  if (type === 'boolean') return /^true$/i.test(text) ? true : /^false$/i.test(text) ? false : text;
  if (type !== 'integer' && type !== 'decimal') return text;
  return /^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : text;
}
