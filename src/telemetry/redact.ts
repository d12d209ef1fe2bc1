/**
 * What may stand in a log line: no secret, no personal value, no body, nothing endless. Applied to every field and
 * message, so that a careless caller leaks nothing.
 */

const SECRET_KEY = /authori[sz]ation|cookie|token|secret|password|credential|api-?key|signature|private/i;
const PERSONAL_KEY =
  /^(first|last|full)_?name$|phone|e-?mail|address(es)?$|^customattributes$|^attributes$|^customfields$|^person$/i;
const BODY_KEY = /^(body|payload|rows?|items|records?|contacts|variables|data|document|query)$/i;

const BEARER = /\b(Bearer|Basic)\s+[\w.~+/=-]+/gi;
const SIGNING_SECRET = /\bwhsec_[\w+/=-]+/g;
const JWT = /\beyJ[\w-]+\.[\w-]+\.[\w-]*/g;
const TOKEN_PARAMETER = /\b((?:access_|client_)?(?:token|secret)=)[^&\s"]+/gi;
const EMAIL = /[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g;
const PHONE = /\+\d{7,15}\b/g;

/** Longer text is cut: a line is for reading. A stack fits. */
const MAX_TEXT_LENGTH = 4000;
const MAX_DEPTH = 5;
const MAX_ENTRIES = 50;

/** The text without what looks like a secret, an address or a phone number, in at most 4000 characters. */
export function redactText(text: string): string {
  const cut = text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH)}…` : text;
  return cut
    .replace(BEARER, '$1 [secret]')
    .replace(SIGNING_SECRET, '[secret]')
    .replace(JWT, '[secret]')
    .replace(TOKEN_PARAMETER, '$1[secret]')
    .replace(EMAIL, '[email]')
    .replace(PHONE, '[phone]');
}

/** The fields of a log line as they may be written. */
export function redactFields(fields: Record<string, unknown>): Record<string, unknown> {
  return redactObject(fields, 0);
}

function redactObject(object: object, depth: number): Record<string, unknown> {
  const entries = Object.entries(object).slice(0, MAX_ENTRIES);
  return Object.fromEntries(entries.map(([key, value]) => [key, redactEntry(key, value, depth)]));
}

function redactEntry(key: string, value: unknown, depth: number): unknown {
  // Numbers and booleans under such a key are counts and flags: `rows: 25000`, `tokenRenewed: true`.
  const telling = value !== null && value !== undefined && typeof value !== 'number' && typeof value !== 'boolean';
  if (telling && SECRET_KEY.test(key)) return '[secret]';
  if (telling && PERSONAL_KEY.test(key)) return '[personal]';
  if (telling && BODY_KEY.test(key)) return '[body]';
  return redactValue(value, depth + 1);
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return redactError(value, depth);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (depth >= MAX_DEPTH) return '[…]';
  if (Array.isArray(value)) return value.slice(0, MAX_ENTRIES).map((item) => redactValue(item, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  // Requests, sockets, streams and buffers say what they are and no more.
  if (prototype !== Object.prototype && prototype !== null) return `[${value.constructor.name}]`;
  return redactObject(value, depth);
}

/** An error's kind, code, words, place and cause; not its other properties, which may hold what it was about. */
function redactError(error: Error, depth: number): Record<string, unknown> {
  return {
    type: error.name,
    code: 'code' in error && typeof error.code === 'string' ? error.code : undefined,
    message: redactText(error.message),
    stack: error.stack === undefined ? undefined : redactText(error.stack),
    cause: error.cause === undefined || depth >= MAX_DEPTH ? undefined : redactValue(error.cause, depth + 1),
  };
}
