/**
 * Readable global ids, `gid://cxone/Type/part[/part]`, each part one of CXone's own ids, percent-encoded. What is
 * hostile in an id is refused here, before it can reach a path, a filter or a header.
 */
import { type Issue, ValidationError } from '../errors.ts';

const PREFIX = 'gid://cxone/';

/**
 * What is taken for one of CXone's ids (faults.md, "Client abuse"): at most 128 characters, none of which means
 * something in a URL, a query, a quoted string, a shell or markup. All that CXone is known to give is within it.
 */
const RAW_ID = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/;

/** Whether text can be one of CXone's own ids. */
export function isRawId(text: string): boolean {
  return RAW_ID.test(text) && !text.includes('..');
}

function refuse(path: readonly string[], message: string): ValidationError {
  const issue: Issue = { path: [...path], code: 'INVALID_ID', message };
  return new ValidationError([issue]);
}

/** The global id of a thing by its type's name and CXone's own ids of it, in the contract's order. */
export function encodeGlobalId(type: string, ...parts: readonly [string, ...string[]]): string {
  return `${PREFIX}${type}/${parts.map(encodeURIComponent).join('/')}`;
}

/** The type and parts a global id names. @throws ValidationError (INVALID_ID) at `path` for any other form */
export function parseGlobalId(id: string, path: readonly string[] = ['id']): { type: string; parts: string[] } {
  const [type = '', ...encoded] = id.startsWith(PREFIX) ? id.slice(PREFIX.length).split('/') : [];
  const parts = encoded.map(decodePart);
  if (!/^[A-Za-z]+$/.test(type) || parts.length === 0 || !parts.every(isRawId)) {
    throw refuse(path, `Expected an id of the form ${PREFIX}Type/id.`);
  }
  return { type, parts };
}

/** The part as written by hand or by us; what cannot be decoded becomes empty, which is no id. */
function decodePart(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return '';
  }
}

function decodeParts(id: string, type: string, count: number, path: readonly string[]): string[] {
  const parsed = parseGlobalId(id, path);
  if (parsed.type !== type || parsed.parts.length !== count) {
    throw refuse(path, `Expected an id of the form ${PREFIX}${type}${'/id'.repeat(count)}.`);
  }
  return parsed.parts;
}

/** CXone's own id in a global id of `type`. @throws ValidationError (INVALID_ID) at `path`: another type, form or a hostile part */
export function decodeGlobalId(id: string, type: string, path: readonly string[] = ['id']): string {
  const [part = ''] = decodeParts(id, type, 1, path);
  return part;
}

/** As decodeGlobalId, for a type that is named by two ids (`Contact`: address book and contact). */
export function decodeGlobalIdPair(id: string, type: string, path: readonly string[] = ['id']): [string, string] {
  const [first = '', second = ''] = decodeParts(id, type, 2, path);
  return [first, second];
}

/** Text given where one of CXone's own ids is expected. @throws ValidationError (INVALID_ID) at `path` */
export function readRawId(text: string, path: readonly string[]): string {
  if (!isRawId(text)) throw refuse(path, 'Expected one of CXone’s own ids.');
  return text;
}
