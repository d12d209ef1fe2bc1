/**
 * The keys that reach an object's prototype instead of its own properties. They are refused wherever they come in.
 */
const HOSTILE_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

export function isHostileKey(key: string): boolean {
  return HOSTILE_KEYS.has(key);
}
