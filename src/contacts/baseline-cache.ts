/**
 * The contacts that were seen lately: what reads are answered from and what changes start from. Bounded by entries,
 * bytes and age; what it says may be outdated by as much as its age, which the ETag of a PUT finds out.
 */
import { LRUCache } from 'lru-cache';
import { agesBy, type Clock } from '../clock.ts';
import type { Contact } from './model.ts';

/** Of all entries as JSON text. A contact has some 500 characters, so the default of 50 000 entries stays well below. */
const MAX_CHARACTERS = 64 * 1024 * 1024;

/** As text: one string is nothing to the garbage collector, where the objects of fifty thousand contacts are a lot. */
interface Kept extends Pick<Contact, 'bookId' | 'etag'> {
  readonly wireJson: string;
}

export interface BaselineCache {
  /** Counts a hit or a miss. */
  get(bookId: string, contactId: string): Contact | undefined;
  /**
   * To be begun before CXone is asked: what is written or dropped from then on is not overwritten by the older answer,
   * and what is kept is as old as the question.
   */
  beginFill(): Fill;
  /** Keeps a contact as it was just written. */
  put(contact: Contact): void;
  /** Contact ids are CXone's own and name one contact, whatever its book: groups refer to them alone (section 2). */
  drop(contactId: string): void;
  clear(): void;
  stats(): CacheStats;
}

/** To be disposed of whatever became of the question. */
export interface Fill extends Disposable {
  keep(contact: Contact): void;
}

export interface CacheStats {
  readonly entries: number;
  readonly capacity: number;
  readonly hits: number;
  readonly misses: number;
}

/** @param deps.size entries at most; @param deps.ttlMs how long an entry counts, in milliseconds */
export function createBaselineCache(deps: { size: number; ttlMs: number; clock: Clock }): BaselineCache {
  const { size, ttlMs, clock } = deps;
  const ages = agesBy(clock);
  const contacts = new LRUCache<string, Kept>({
    // Not `max`, for which the library sets aside the memory of as many entries at once: `set` bounds them.
    maxSize: MAX_CHARACTERS,
    sizeCalculation: ({ wireJson }) => wireJson.length,
    ttl: ttlMs,
    ...ages,
  });
  /** Those under way, in any order. Not a Set: one that many come to and leave is rebuilt all the time. */
  const fills: FillUnderWay[] = [];
  let hits = 0;
  let misses = 0;

  const ageFromNow = () => ({ start: ages.perf.now() });
  const set = (contactId: string, kept: Kept, age: { start: number }) => {
    contacts.set(contactId, kept, age);
    if (contacts.size > size) contacts.pop();
  };
  const outdate = (contactId: string) => {
    for (const fill of fills) {
      if (fill.outdated === undefined) fill.outdated = new Set();
      fill.outdated?.add(contactId);
    }
  };

  class FillUnderWay implements Fill {
    /** The contacts its answer no longer counts for, if any; null: none of it does. */
    outdated: Set<string> | null | undefined;
    #index = fills.push(this) - 1;
    readonly #age = ageFromNow();

    keep(contact: Contact): void {
      if (this.outdated === null || this.outdated?.has(contact.id)) return;
      // Pages bring no ETag: one that is known stays, as long as the contact is the same. So does its text, or a page
      // that is asked for again and again would leave as much garbage each time.
      const next = toKept(contact);
      const known = contact.etag === undefined ? contacts.peek(contact.id) : undefined;
      const same = known?.bookId === next.bookId && known.wireJson === next.wireJson;
      set(contact.id, same ? known : next, this.#age);
    }

    [Symbol.dispose](): void {
      const last = fills.pop();
      if (!last || last === this) return;
      last.#index = this.#index;
      fills[last.#index] = last;
    }
  }

  return {
    get(bookId, contactId) {
      const kept = contacts.get(contactId);
      if (kept?.bookId === bookId) {
        hits++;
        return { bookId, id: contactId, etag: kept.etag, wire: JSON.parse(kept.wireJson) };
      }
      misses++;
      return undefined;
    },
    beginFill: () => new FillUnderWay(),
    put(contact) {
      outdate(contact.id);
      set(contact.id, toKept(contact), ageFromNow());
    },
    drop(contactId) {
      outdate(contactId);
      contacts.delete(contactId);
    },
    clear() {
      for (const fill of fills) fill.outdated = null;
      contacts.clear();
    },
    stats: () => ({ entries: contacts.size, capacity: size, hits, misses }),
  };
}

function toKept({ bookId, etag, wire }: Contact): Kept {
  return { bookId, etag, wireJson: JSON.stringify(wire) };
}
