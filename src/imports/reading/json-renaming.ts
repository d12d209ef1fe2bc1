/**
 * Rows that are JSON already keep their shape: texts are trimmed, and what the field mapping names moves.
 */
import { ValidationError } from '../../errors.ts';
import { setOwn } from '../../own-property.ts';
import { type FieldPath, formatFieldPath } from './field-path.ts';
import { isHostileKey } from './hostile-keys.ts';
import { isJsonObject, MAX_JSON_DEPTH } from './json-record.ts';
import { trimText } from './trim-text.ts';

export interface Renaming {
  /** A key as it stands in the row, or dots into it. */
  source: string;
  target: FieldPath;
}

export interface JsonRenamingOptions {
  renamings: readonly Renaming[];
  /** The keys that may stand at the top of a row; others go under `rest`, if there is one. */
  known: ReadonlySet<string>;
  rest: string | null;
}

/**
 * A copy of the row: the row itself is left as it came, for the report of what failed.
 *
 * @throws ValidationError for hostile keys, objects too deep, and where two values would come to stand in one place
 */
export function renameJsonRow(
  row: Readonly<Record<string, unknown>>,
  { renamings, known, rest }: JsonRenamingOptions,
): Record<string, unknown> {
  const copy = copyObject(row, 1);
  /** Lists with gaps, to be closed at the end: an index must mean the same for every renaming. */
  const gapped = new Set<unknown[]>();
  // All are taken before any is put, so that two fields can change places.
  const moved = renamings.map(({ source, target }) => ({ target, value: take(copy, source, gapped) }));
  for (const { target, value } of moved) {
    if (value !== undefined) put(copy, target, value, gapped);
  }
  if (rest !== null) {
    for (const key of Object.keys(copy)) {
      if (known.has(key) || key === rest) continue;
      const value = copy[key];
      delete copy[key];
      put(copy, [rest, key], value, gapped);
    }
  }
  for (const list of gapped) closeGaps(list);
  return copy;
}

function copyObject(object: Readonly<Record<string, unknown>>, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(object)) {
    if (isHostileKey(key)) throw rowError([key], 'HOSTILE_KEY', `The key ${key} is not allowed. Rename it.`);
    setOwn(copy, key, copyValue(object[key], depth + 1));
  }
  return copy;
}

function copyValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return trimText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_JSON_DEPTH)
    throw rowError([], 'TOO_DEEP', `The row is more than ${MAX_JSON_DEPTH} levels deep. Flatten it.`);
  if (Array.isArray(value)) return value.map((item) => copyValue(item, depth + 1));
  return isJsonObject(value) ? copyObject(value, depth) : undefined;
}

/** Takes a value out of the row: the key as it stands goes before the path its dots could mean. */
function take(row: Record<string, unknown>, source: string, gapped: Set<unknown[]>): unknown {
  if (Object.hasOwn(row, source)) {
    const value = row[source];
    delete row[source];
    return value;
  }
  const parts = source.split('.');
  const last = parts.pop() ?? '';
  let parent: unknown = row;
  for (const part of parts) parent = child(parent, part);
  const value = child(parent, last);
  if (Array.isArray(parent) && value !== undefined) {
    parent[Number(last)] = undefined;
    gapped.add(parent);
  } else if (isJsonObject(parent)) {
    delete parent[last];
  }
  return value;
}

function child(parent: unknown, part: string): unknown {
  if (Array.isArray(parent)) return /^\d+$/.test(part) ? parent[Number(part)] : undefined;
  return isJsonObject(parent) && Object.hasOwn(parent, part) ? parent[part] : undefined;
}

function put(
  row: Record<string, unknown>,
  path: readonly (string | number)[],
  value: unknown,
  gapped: Set<unknown[]>,
): void {
  let parent: unknown = row;
  for (const [depth, part] of path.entries()) {
    const isLast = depth === path.length - 1;
    const present = child(parent, String(part));
    const isFitting = typeof part === 'number' ? Array.isArray(parent) : isJsonObject(parent);
    if (!isFitting || (isLast && present !== undefined)) {
      const message = `A value would go to ${formatFieldPath(path)}, where another one is already. Leave one of them out.`;
      throw rowError(path.map(String), 'MAPPING_CONFLICT', message);
    }
    const next = isLast ? value : (present ?? (typeof path[depth + 1] === 'number' ? [] : {}));
    if (Array.isArray(parent)) {
      parent[Number(part)] = next;
      gapped.add(parent);
    } else if (isJsonObject(parent)) {
      setOwn(parent, String(part), next);
    }
    parent = next;
  }
}

function closeGaps(list: unknown[]): void {
  const kept = list.filter((item) => item !== undefined);
  list.splice(0, list.length, ...kept);
}

function rowError(path: string[], code: string, message: string): ValidationError {
  return new ValidationError([{ path, code, message }]);
}
