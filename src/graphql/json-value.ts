/**
 * Which JSON may enter: bounded in depth, finite numbers, and no key that could reach an object's prototype (a deep
 * merge of such a key has taken whole servers down). Its texts are looked at where their place can be told.
 */

/** Levels of arrays and objects within each other. CXone's own shapes need four. */
export const MAX_JSON_DEPTH = 20;

const PROTOTYPE_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** What is wrong with a value as JSON input, in words, or undefined where nothing is. Never repeats the value itself. */
export function findJsonFault(value: unknown, depth = 0): string | undefined {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'contains a number that is out of range';
  if (typeof value !== 'object') return 'contains a value that JSON does not have';
  if (depth >= MAX_JSON_DEPTH) return `is nested deeper than ${MAX_JSON_DEPTH} levels`;
  if (Array.isArray(value)) {
    for (const item of value) {
      const fault = findJsonFault(item, depth + 1);
      if (fault) return fault;
    }
    return undefined;
  }
  for (const [key, item] of Object.entries(value)) {
    if (PROTOTYPE_KEYS.has(key)) return `contains the key "${key}", which is not allowed`;
    const fault = findJsonFault(item, depth + 1);
    if (fault) return fault;
  }
  return undefined;
}

/** Whether a value is an object in JSON's sense: not null, not an array. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
