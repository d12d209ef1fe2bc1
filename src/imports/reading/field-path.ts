/**
 * Names with dots, as paths into objects and lists: `customFields.first_name`, `phoneNumbers.0.number`.
 */
import { isHostileKey } from './hostile-keys.ts';

/** A text is the key of an object, a number the index in a list. The first is always a key. */
export type FieldPath = readonly [string, ...(string | number)[]];

export const MAX_PATH_DEPTH = 8;
export const MAX_LIST_INDEX = 99;

const INDEX = /^(?:0|[1-9]\d*)$/;

/** What is wrong with a path. */
export interface PathFault {
  code: 'INVALID_PATH' | 'HOSTILE_KEY';
  message: string;
}

export function isPathFault(parsed: FieldPath | PathFault): parsed is PathFault {
  return 'code' in parsed;
}

/** @param openField the field whose own keys are free to choose: a number right under it is a key, not an index */
export function parseFieldPath(text: string, openField?: string | null): FieldPath | PathFault {
  const [first = '', ...others] = text.split('.');
  if (others.length >= MAX_PATH_DEPTH) return invalid(`goes more than ${MAX_PATH_DEPTH} levels deep`);
  const path: [string, ...(string | number)[]] = [first];
  for (const [index, part] of others.entries()) {
    const isIndex = INDEX.test(part) && !(index === 0 && first === openField);
    if (isIndex && Number(part) > MAX_LIST_INDEX) return invalid(`has a list index over ${MAX_LIST_INDEX}`);
    path.push(isIndex ? Number(part) : part);
  }
  const hostile = path.find((part) => typeof part === 'string' && isHostileKey(part));
  if (hostile !== undefined) return { code: 'HOSTILE_KEY', message: `names ${hostile}, which is not allowed` };
  if (path.includes('')) return invalid('has an empty part');
  return path;
}

function invalid(message: string): PathFault {
  return { code: 'INVALID_PATH', message };
}

/** The path as it is written. */
export function formatFieldPath(path: readonly (string | number)[]): string {
  return path.join('.');
}
