/** JSON from outside: strict UTF-8, bounded depth, strict Unicode, finite numbers, and no key that reaches a prototype. */

const MAX_DEPTH = 20;
const PROTOTYPE_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

export type StrictJson = { value: unknown } | { fault: string };

/** The value, or what is wrong with it in words that repeat nothing of it. */
export function parseStrictJson(bytes: Uint8Array): StrictJson {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { fault: 'The body is not UTF-8.' };
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { fault: 'The body is not JSON.' };
  }
  const fault = findFault(value, 0);
  return fault === undefined ? { value } : { fault: `The body ${fault}.` };
}

function findFault(value: unknown, depth: number): string | undefined {
  if (typeof value === 'string') return value.isWellFormed() ? undefined : 'contains half a character';
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'contains a number that is out of range';
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth === MAX_DEPTH) return `is nested deeper than ${MAX_DEPTH} levels`;
  for (const [key, entry] of Object.entries(value)) {
    if (PROTOTYPE_KEYS.has(key)) return 'contains a key that is not allowed';
    const fault = findFault(key, depth) ?? findFault(entry, depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
