/** What came from an address before: wrong credentials, so that nobody can go on guessing, and keys that were right. */
import { isIPv4 } from 'node:net';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';

/** faults.md, "Client abuse": brute force of API keys. */
const MAX_FAILURES_PER_MINUTE = 10;
const WINDOW_MS = 60_000;

/** Addresses remembered; the ones longest unheard of give way. */
const MAX_ADDRESSES = 10_000;

export interface Attempts {
  noteFailure(address: string): void;
  /** Milliseconds until the address may be wrong again; 0 where it may now. */
  waitMs(address: string): number;
  noteKey(address: string, keyName: string): void;
  /** Whether this key was used from there before. */
  hasUsed(address: string, keyName: string): boolean;
}

export function createAttempts({ clock }: { clock: Clock }): Attempts {
  const failures = new LRUCache<string, readonly number[]>({ max: MAX_ADDRESSES });
  const keys = new LRUCache<string, ReadonlySet<string>>({ max: MAX_ADDRESSES });
  const recentFailures = (network: string) => {
    const now = clock.monotonic();
    return (failures.get(network) ?? []).filter((at) => now - at < WINDOW_MS);
  };
  return {
    noteFailure(address) {
      const network = networkOf(address);
      failures.set(network, [...recentFailures(network), clock.monotonic()].slice(-MAX_FAILURES_PER_MINUTE));
    },
    waitMs(address) {
      const recent = recentFailures(networkOf(address));
      const [oldest] = recent;
      if (oldest === undefined || recent.length < MAX_FAILURES_PER_MINUTE) return 0;
      return Math.ceil(oldest + WINDOW_MS - clock.monotonic());
    },
    noteKey(address, keyName) {
      const network = networkOf(address);
      const names = keys.get(network);
      if (!names?.has(keyName)) keys.set(network, new Set([...(names ?? []), keyName]));
    },
    hasUsed: (address, keyName) => keys.get(networkOf(address))?.has(keyName) === true,
  };
}

/** What one guesser has for itself: an IPv4 address, or the first 64 bits of an IPv6 one. */
export function networkOf(address: string): string {
  const mapped = address.replace(/^::ffff:/i, '');
  if (isIPv4(mapped) || !address.includes(':')) return mapped;
  const [withoutZone = ''] = address.split('%', 1);
  const [head = '', tail] = withoutZone.split('::', 2);
  const first = head === '' ? [] : head.split(':');
  const last = tail ? tail.split(':') : [];
  const zeros = tail === undefined ? 0 : Math.max(8 - first.length - last.length, 0);
  const groups = [...first, ...Array<string>(zeros).fill('0'), ...last].slice(0, 4);
  return `${groups.map((group) => group.toLowerCase().replace(/^0+(?=.)/, '')).join(':')}::/64`;
}
