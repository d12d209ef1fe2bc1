/** JSON text that is the same for equal values, whatever the order their keys were written in. */

/** As JSON.stringify sees `value` (`toJSON`, no undefined), with the keys of every object sorted; `null` where it sees nothing. */
export function canonicalJson(value: unknown): string {
  return (
    JSON.stringify(value, (_key, part: unknown) => {
      if (part === null || typeof part !== 'object' || Array.isArray(part)) return part;
      const sorted = Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1));
      // fromEntries defines own properties, so a key `__proto__` stays a key.
      return Object.fromEntries(sorted);
    }) ?? 'null'
  );
}
