/**
 * Reads CXone's error body, `{code?, message?, errors?: [{path?, message}]}` (A, cxone-api.md, section 1), whatever it
 * really is. What is kept of its texts is short, one line, and without what looks like personal data or a secret.
 */
import { z } from 'zod';
import type { Issue } from '../errors.ts';

const MAX_TEXT_LENGTH = 200;
const MAX_ISSUES = 100;
const NO_REASON = 'CXone refused it and gave no reason.';

const errorBody = z.object({
  code: z.union([z.string(), z.number()]).optional().catch(undefined),
  message: z.string().optional().catch(undefined),
  errors: z.array(z.unknown()).optional().catch(undefined),
});
const errorEntry = z.object({
  path: z
    .union([z.string(), z.array(z.union([z.string(), z.number()]))])
    .optional()
    .catch(undefined),
  code: z.string().optional().catch(undefined),
  message: z.string().optional().catch(undefined),
});

export interface ErrorBody {
  code: string | undefined;
  message: string | undefined;
  issues: Issue[];
  /** Of a 403, where it names one. */
  missingScope: string | undefined;
}

/** Never throws: an unknown form gives an empty answer. */
export function readErrorBody(body: unknown, status: number): ErrorBody {
  const parsed = errorBody.safeParse(body);
  if (!parsed.success) return { code: undefined, message: undefined, issues: [], missingScope: undefined };
  const { code, message, errors } = parsed.data;
  return {
    code: cleanCode(code),
    message: cleanText(message),
    issues: (errors ?? []).slice(0, MAX_ISSUES).flatMap(readIssue),
    missingScope: status === 403 ? findScope(body) : undefined,
  };
}

function readIssue(entry: unknown): Issue[] {
  if (typeof entry === 'string') return [{ path: [], code: 'REFUSED', message: cleanText(entry) ?? NO_REASON }];
  const parsed = errorEntry.safeParse(entry);
  if (!parsed.success) return [];
  const { path, code, message } = parsed.data;
  return [{ path: readPath(path), code: cleanCode(code) ?? 'REFUSED', message: cleanText(message) ?? NO_REASON }];
}

/** `contacts[3].phone`, `contacts.3.phone`, `/contacts/3/phone`, `$.contacts[3]` or a list of steps. */
function readPath(path: string | readonly (string | number)[] | undefined): string[] {
  if (path === undefined) return [];
  const steps = typeof path === 'string' ? path.split(/[.[\]/]+/) : path.map(String);
  return steps
    .filter((step) => step !== '' && step !== '$')
    .slice(0, 16)
    .map((step) => cleanText(step.slice(0, 64)) ?? '?');
}

function cleanCode(code: string | number | undefined): string | undefined {
  const text = code === undefined ? '' : String(code);
  return /^[\w .:-]{1,64}$/.test(text) && !looksPersonal(text) ? text : undefined;
}

/** The code of one item of an answer, a word or a number: as it may be shown, REFUSED where it may not. */
export const wireCode = z.union([z.string(), z.number()]).transform((code) => cleanCode(code) ?? 'REFUSED');

const EMAIL = /\S+@\S+/g;
/** Seven digits or more, however they are grouped. */
const PHONE = /\+?\d(?:[\s().-]*\d){6,}/g;
/** Long runs without a space: tokens, keys, hashes. */
const SECRET = /[\w+/=.~-]{32,}/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+/g;

function looksPersonal(text: string): boolean {
  return text.search(PHONE) >= 0;
}

/**
 * One printable line of at most 200 characters, e-mail addresses, phone numbers and long tokens masked; undefined
 * where nothing is left or it is markup.
 */
export function cleanText(text: string | undefined): string | undefined {
  if (!text || /<[!/a-z]/i.test(text)) return undefined;
  const clean = text
    .slice(0, 4 * MAX_TEXT_LENGTH)
    .replace(UNPRINTABLE, ' ')
    .replace(/\bbearer\s+\S+/gi, '[token]')
    .replace(EMAIL, '[email]')
    .replace(SECRET, '[token]')
    .replace(PHONE, '[number]')
    .replace(/ {2,}/g, ' ')
    .trim();
  return clean.length > MAX_TEXT_LENGTH ? `${clean.slice(0, MAX_TEXT_LENGTH)}…` : clean || undefined;
}

/** A word of the form `outbound:contact:write` or `outbound.write`, wherever the body has it. */
function findScope(body: unknown): string | undefined {
  const text = JSON.stringify(body) ?? '';
  return /\b(?:[a-z]+:){1,2}(?:read|write|edit)\b|\b[a-z]+\.(?:read|write)\b/i.exec(text.slice(0, 10_000))?.[0];
}
