/** Reads of single contacts: from the baseline cache where it has them, and never the same GET twice at the same time. */
import { LRUCache } from 'lru-cache';
import type { CallContext } from '../cxone/call-context.ts';
import type { BaselineCache } from './baseline-cache.ts';
import type { ContactClient, ContactPage } from './client.ts';
import type { Contact } from './model.ts';

export interface ContactReads {
  /** The contact, not older than the cache allows; from a page it may come without its ETag. Null where there is none. */
  get(bookId: string, contactId: string, call: CallContext): Promise<Contact | null>;
  /** The same with what CXone says of its ETag. */
  getVersioned(bookId: string, contactId: string, call: CallContext): Promise<Contact | null>;
  /** What a change can start from without asking: the contact in the cache, where its ETag is known. */
  baseline(bookId: string, contactId: string, call: CallContext): Contact | undefined;
  /** The contact as it is at some moment after this was called. */
  getFresh(bookId: string, contactId: string, call: CallContext): Promise<Contact | null>;
  /** One page of a book's contacts; each of them is kept as a baseline. */
  page(
    bookId: string,
    query: { page: number; pageSize: number; filter?: string | undefined },
    call: CallContext,
  ): Promise<ContactPage>;
  /** To be told of every write: later reads see it. */
  wrote(contact: Contact): void;
  /** To be told whenever a contact may have changed or gone. */
  forget(contactId: string): void;
  forgetAll(): void;
}

/** Questions under way that others may join. Beyond them, who was asked for longest ago is joined by nobody any more. */
const MAX_FLIGHTS = 10_000;

interface Flight {
  readonly contactId: string;
  readonly leader: CallContext;
  readonly answer: Promise<Contact | null>;
}

export function createContactReads(deps: { client: ContactClient; cache: BaselineCache }): ContactReads {
  const { client, cache } = deps;
  // Not a Map: one that many come to and leave is rebuilt all the time, and V8 keeps what was in its earlier forms.
  const flights = new LRUCache<string, Flight>({ max: MAX_FLIGHTS });

  async function ask(bookId: string, contactId: string, call: CallContext): Promise<Contact | null> {
    using fill = cache.beginFill();
    const contact = await client.get(bookId, contactId, call);
    if (contact) fill.keep(contact);
    return contact;
  }

  /** Callers of different urgency do not share: who clicks would wait behind an import. */
  function askOnce(bookId: string, contactId: string, call: CallContext): Promise<Contact | null> {
    const key = JSON.stringify([call.lane.kind, bookId, contactId]);
    const joined = flights.get(key);
    if (joined) return join(joined, bookId, contactId, call);
    const answer = ask(bookId, contactId, call);
    const flight = { contactId, leader: call, answer };
    const land = () => {
      if (flights.get(key) === flight) flights.delete(key);
    };
    flights.set(key, flight);
    answer.then(land, land);
    return answer;
  }

  async function join(flight: Flight, bookId: string, contactId: string, call: CallContext): Promise<Contact | null> {
    call.tally.cacheHits++;
    try {
      return await flight.answer;
    } catch (error) {
      if (call.signal?.aborted || !flight.leader.signal?.aborted) throw error;
      // The one who asked went away and took the question along: it is asked again.
      return askOnce(bookId, contactId, call);
    }
  }

  /** Whoever asks from now on must not join a question that was asked before the change. */
  function leaveFlights(contactId: string): void {
    for (const [key, flight] of [...flights]) if (flight.contactId === contactId) flights.delete(key);
  }

  function fromCache(bookId: string, contactId: string, call: CallContext, versioned: boolean): Contact | undefined {
    const known = cache.get(bookId, contactId);
    if (!known || (versioned && known.etag === undefined)) return undefined;
    call.tally.cacheHits++;
    return known;
  }

  function read(bookId: string, contactId: string, call: CallContext, versioned: boolean): Promise<Contact | null> {
    const known = fromCache(bookId, contactId, call, versioned);
    return known ? Promise.resolve(known) : askOnce(bookId, contactId, call);
  }

  return {
    get: (bookId, contactId, call) => read(bookId, contactId, call, false),
    getVersioned: (bookId, contactId, call) => read(bookId, contactId, call, true),
    baseline: (bookId, contactId, call) => fromCache(bookId, contactId, call, true),
    getFresh: ask,
    async page(bookId, query, call) {
      using fill = cache.beginFill();
      const page = await client.page(bookId, query, call);
      for (const contact of page.entities) fill.keep(contact);
      return page;
    },
    wrote(contact) {
      leaveFlights(contact.id);
      cache.put(contact);
    },
    forget(contactId) {
      leaveFlights(contactId);
      cache.drop(contactId);
    },
    forgetAll() {
      flights.clear();
      cache.clear();
    },
  };
}
