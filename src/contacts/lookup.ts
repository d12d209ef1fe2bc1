/** Finds the contacts of a key by CXone's filter. What the filter answers is checked against the key again. */
import { LRUCache } from 'lru-cache';
import { agesBy, type Clock } from '../clock.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { entriesAtMost } from '../entry-bound.ts';
import { UpstreamError } from '../errors.ts';
import { filterExpression } from './filter.ts';
import { keyDigest, keyFilter, matchesKey, type UpsertKey } from './keys.ts';
import type { Contact } from './model.ts';
import type { ContactReads } from './reads.ts';

export interface ContactLookup {
  /**
   * Every contact of the book that has the key, the ones just made included, which CXone's filter may not show yet.
   *
   * @throws UpstreamError badResponse where CXone answers with so many others that it cannot have filtered
   */
  find(bookId: string, key: UpsertKey, call: CallContext): Promise<Contact[]>;
  /** To be told of every contact that is made for a key. */
  remember(digest: string, contactId: string): void;
}

/** A filter by key finds a handful; this many pages of 250 say that it was ignored. */
const MAX_PAGES = 20;
/** How long a new contact may stay out of the filter's results, and how many are remembered at most. */
const REMEMBERED = { ttlMs: 60_000, max: 50_000 } as const;

export function createContactLookup(deps: { reads: ContactReads; clock: Clock }): ContactLookup {
  const { reads, clock } = deps;
  const made = new LRUCache<string, string>({
    ...entriesAtMost(REMEMBERED.max),
    ttl: REMEMBERED.ttlMs,
    ...agesBy(clock),
  });

  return {
    async find(bookId, key, call) {
      const found = new Map<string, Contact>();
      const filter = filterExpression(keyFilter(key), []);
      for (let page = 1; ; page++) {
        const { entities, hasMore } = await reads.page(bookId, { page, pageSize: 250, filter }, call);
        for (const contact of entities) if (matchesKey(contact.wire, key)) found.set(contact.id, contact);
        if (!hasMore) break;
        if (page === MAX_PAGES) {
          throw new UpstreamError(
            'CXone did not filter the contacts as it was asked to, so nothing tells whether this one is there.',
            { fault: 'badResponse' },
          );
        }
      }
      const digest = keyDigest(bookId, key);
      const madeId = made.get(digest);
      if (madeId !== undefined && !found.has(madeId)) {
        const contact = await reads.getFresh(bookId, madeId, call);
        if (contact && matchesKey(contact.wire, key)) found.set(madeId, contact);
        else made.delete(digest);
      }
      return [...found.values()];
    },
    remember: (digest, contactId) => void made.set(digest, contactId),
  };
}
