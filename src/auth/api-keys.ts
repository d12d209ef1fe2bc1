/** API keys, known by their SHA-256 alone: neither the memory of the process nor the time of an answer tells a key. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Identity } from './identity.ts';

export interface ApiKey extends Pick<Identity, 'name' | 'role'> {
  /** Of the key. A plain hash is enough for keys, which are random; passwords would need a slow one. */
  readonly sha256: Uint8Array;
}

export interface ApiKeys {
  /** Whose key it is. Takes the same time for every text of one length, right or wrong. */
  find(key: string): Pick<Identity, 'name' | 'role'> | undefined;
}

export function createApiKeys(keys: readonly ApiKey[]): ApiKeys {
  return {
    find(text) {
      const sha256 = createHash('sha256').update(text).digest();
      // All are compared, found or not: the time must not say which key a guess was near to.
      const matching = keys.filter((key) => timingSafeEqual(key.sha256, sha256));
      return matching[0] && { name: matching[0].name, role: matching[0].role };
    },
  };
}
