/** The formats the contract prescribes, as plain checks: fast enough to stand in the way of every imported row. */
import { invalid, type RefusalIssue } from './refusal.ts';

export type JsonObject = Record<string, unknown>;

/** E.164: a plus, no leading zero, 15 digits at most. */
const E164 = /^\+[1-9]\d{1,14}$/;
const ISO_TIMESTAMP = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;
const ISO_DATE = /^\d{4}-\d{2}-\d{2}$/;
const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
/** Characters an id may be long (cxone-api.md, section 1). */
const MAX_ID_LENGTH = 128;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f]/;

/** A JSON object: neither null nor a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A phone number in E.164 format. */
export function isE164(value: unknown): value is string {
  return typeof value === 'string' && E164.test(value);
}

/** One @, something on both sides of it, a dot in the domain, no blanks. */
export function isEmail(value: unknown): value is string {
  return typeof value === 'string' && EMAIL.test(value);
}

/** An id that may stand in a path: not empty, `.` or `..`, at most 128 characters, no control characters. */
export function isId(value: unknown): value is string {
  if (typeof value !== 'string' || value === '' || value.length > MAX_ID_LENGTH) return false;
  return value !== '.' && value !== '..' && !CONTROL.test(value);
}

/** Milliseconds since the epoch of an ISO 8601 timestamp with its zone, or undefined for anything else. */
export function isoTimestamp(value: unknown): number | undefined {
  if (typeof value !== 'string' || !ISO_TIMESTAMP.test(value)) return undefined;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : at;
}

/** The types of custom attributes (section 2) and of list attributes (section 5). */
export const FIELD_TYPES = ['string', 'integer', 'decimal', 'boolean', 'date'] as const;
export type FieldType = (typeof FIELD_TYPES)[number];

export interface FieldDefinition {
  name: string;
  type: FieldType;
}

/** Whether a JSON value is of a defined type. Dates are days: `2025-06-01`. */
export function fitsType(value: unknown, type: FieldType): boolean {
  switch (type) {
    case 'string':
      return typeof value === 'string';
    case 'integer':
      return Number.isSafeInteger(value);
    case 'decimal':
      return typeof value === 'number';
    case 'boolean':
      return typeof value === 'boolean';
    case 'date':
      return typeof value === 'string' && ISO_DATE.test(value) && isRealDate(value);
  }
}

/** JavaScript reads 2025-02-30 as the second of March: the day must survive the round trip. */
function isRealDate(value: string): boolean {
  const at = Date.parse(value);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(value);
}

/** The body as an object of the known keys. @throws Refusal 400 when it is none, or for any other key */
export function requireObject(body: unknown, known: readonly string[]): JsonObject {
  if (!isObject(body)) throw invalid([{ message: 'must be a JSON object' }], 'body-shape');
  const issues = unknownKeys(body, known, '');
  if (issues.length > 0) throw invalid(issues, 'unknown-key');
  return body;
}

/** One issue for each key that the contract does not know. */
export function unknownKeys(value: JsonObject, known: readonly string[], at: string): RefusalIssue[] {
  const issues: RefusalIssue[] = [];
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) issues.push({ path: at ? `${at}.${key}` : key, message: 'is not a known key' });
  }
  return issues;
}

/** The body as a list of 1 to `max` items. @throws Refusal 400 */
export function requireArray(body: unknown, max: number, at: string, rule: string): unknown[] {
  const issue = (message: string): RefusalIssue => (at ? { path: at, message } : { message });
  if (!Array.isArray(body)) throw invalid([issue('must be a JSON array')], 'body-shape');
  if (body.length === 0) throw invalid([issue('must hold at least one item')], rule);
  if (body.length > max) throw invalid([issue(`holds ${body.length} items, at most ${max} are allowed`)], rule);
  return body;
}
