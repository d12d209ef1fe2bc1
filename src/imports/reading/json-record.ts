/**
 * What a row given as JSON may hold: what can be stored, sent on and written to a file without turning into
 * something else on the way.
 */
import type { Issue } from '../../errors.ts';
import { isHostileKey } from './hostile-keys.ts';

/** Levels of objects and lists within a row, the row itself being the first. */
export const MAX_JSON_DEPTH = 20;

export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The first thing in a parsed JSON value that makes its row unusable, or `undefined`. */
export function findJsonIssue(value: unknown): Issue | undefined {
  return findIn(value, [], 1);
}

function findIn(value: unknown, path: string[], depth: number): Issue | undefined {
  switch (typeof value) {
    case 'string':
      return findInText(value, path);
    case 'number':
      return findInNumber(value, path);
    case 'object': {
      if (value === null) return undefined;
      if (depth > MAX_JSON_DEPTH) {
        return issue(
          path,
          'TOO_DEEP',
          `Objects and lists lie within each other more than ${MAX_JSON_DEPTH} levels deep. Flatten them.`,
        );
      }
      if (Array.isArray(value)) return findInList(value, path, depth);
      return findInObject(value as Record<string, unknown>, path, depth); // No list: its keys are texts.
    }
    default:
      return undefined;
  }
}

function findInList(list: readonly unknown[], path: string[], depth: number): Issue | undefined {
  for (const [index, item] of list.entries()) {
    const found = findIn(item, path, depth + 1);
    if (found) return { ...found, path: [...path, String(index), ...found.path.slice(path.length)] };
  }
  return undefined;
}

function findInObject(object: Readonly<Record<string, unknown>>, path: string[], depth: number): Issue | undefined {
  for (const key of Object.keys(object)) {
    if (isHostileKey(key)) return issue(path, 'HOSTILE_KEY', `The key ${key} is not allowed. Rename it.`);
    const found = findInText(key, path) ?? findIn(object[key], path, depth + 1);
    if (found) return { ...found, path: [...path, key, ...found.path.slice(path.length)] };
  }
  return undefined;
}

function findInText(text: string, path: string[]): Issue | undefined {
  if (!text.isWellFormed()) {
    return issue(path, 'INVALID_UNICODE', 'The text has half of a surrogate pair, which is no character. Remove it.');
  }
  if (text.includes('\0')) return issue(path, 'NUL_BYTE', 'The text has a NUL character. Remove it.');
  return undefined;
}

/** A number that JavaScript cannot hold exactly would be sent on as another one. */
function findInNumber(number: number, path: string[]): Issue | undefined {
  if (Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number))) return undefined;
  return issue(path, 'NUMBER_TOO_LARGE', 'The number is too large to be kept exactly. Write it as text, in quotes.');
}

function issue(path: string[], code: string, message: string): Issue {
  return { path, code, message };
}
