/**
 * Sets an own property whatever its name is. A plain assignment of a name such as `toString` would fail where
 * Object.prototype is frozen.
 */
export function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key in Object.prototype) {
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    object[key] = value;
  }
}
