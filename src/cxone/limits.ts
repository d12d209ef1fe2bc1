/**
 * Every number of the way to CXone that comes from outside, with its unit and its source. What stands here and not in
 * the configuration is the same for every tenant.
 */
import type { EndpointGroup } from './request.ts';

/** Largest page CXone gives, in entities (cxone-api.md, section 1). */
export const MAX_PAGE_SIZE = 250;
/** A list of more pages than this is taken for one that never ends (faults.md, "pagination loop"). */
export const MAX_PAGES = 1000;

/** Longest id CXone knows, in UTF-16 units (cxone-api.md, section 1). */
export const MAX_ID_LENGTH = 128;

/** Calls in flight per address book (cxone-api.md, section 2). */
export const ADDRESS_BOOK_MAX_IN_FLIGHT = 15;

/** Largest answer read, in bytes (faults.md, "512 MiB body"). */
export const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** Connections are given up after this long, in milliseconds (cxone-api.md, section 4). */
export const CONNECT_TIMEOUT_MS = 10_000;
/** Sockets per endpoint group: what a group that hangs can take away from the others is bounded by it. */
export const MAX_CONNECTIONS = 128;

/** How long somebody who waits for an answer waits in all, in milliseconds (faults.md, section 3). */
export const INTERACTIVE_DEADLINE_MS = 9_000;
/** Tries of one call, the first included (faults.md, section 3; "retried at most 5 times", cxone-api.md, section 4). */
export const MAX_ATTEMPTS = { interactive: 4, import: 6 } as const;
/** Shortest gap between two tries of one call, in milliseconds (faults.md, "every gap"). */
export const MIN_BACKOFF_MS = 50;
/** Longest backoff of our own, in milliseconds (cxone-api.md, section 6). A Retry-After may be longer and holds. */
export const MAX_BACKOFF_MS = 30_000;

/** How much each further delay grows: 1.5 for segments (cxone-api.md, section 6), doubling elsewhere (section 4). */
export function backoffFactor(group: EndpointGroup): number {
  return group === 'segments' ? 1.5 : 2;
}

/** What a 429 without a readable Retry-After means, in milliseconds (cxone-api.md, section 4); undefined: our own backoff. */
export function missingRetryAfterMs(group: EndpointGroup): number | undefined {
  return group === 'outbound' ? 5_000 : undefined;
}

/** Retries that failing interactive calls may add: AWS's standard mode, 500 tokens, 5 a retry (faults.md, section 2). */
export const RETRY_BUDGET = { capacity: 500, retryCost: 5, successRefund: 1 } as const;

/** Three rate-limit failures in a row (cxone-api.md, section 7) or eight others (faults.md, section 3) open a circuit. */
export const CIRCUIT = {
  rateLimitFailures: 3,
  otherFailures: 8,
  firstOpenMs: 2_000,
  longestOpenMs: 30_000,
} as const;

/** Calls that wait for the limiter or a circuit of one group; the next is refused at once. */
export const MAX_WAITING = 10_000;
/** Of these, what one caller may have in a line: the rest is left to others. */
export const MAX_WAITING_PER_CALLER = 8_000;

/** Scopes asked for with a token (cxone-api.md, section 1). */
export const SCOPES: readonly string[] = [
  'addressbook:addressbook:read',
  'addressbook:addressbook:edit',
  'addressbook:contact:read',
  'addressbook:contact:edit',
  'contactlists:read',
  'contactlists:write',
  'outbound:contactlist:write',
  'outbound:contact:write',
  'contacts.read',
  'contacts.write',
  'outbound.read',
  'outbound.write',
  'webhooks.write',
  'customerdb:read',
  'customerdb:write',
  'segments:read',
  'segments:write',
];
