/** The use cases of contacts. How each is made safe stands in the files it is put together from. */

import { createAddressBookClient } from '../address-books/client.ts';
import { readListWindow, type Window, type WindowOf } from '../address-books/list-window.ts';
import type { AddressBooks, GlobalId } from '../address-books/service.ts';
import { type Audited, type Caller, createAudited } from '../bulk/audited.ts';
import type { Clock } from '../clock.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { withDeadline } from '../cxone/call-deadline.ts';
import type { CxoneClient } from '../cxone/client.ts';
import { ConflictError, UpstreamError, ValidationError } from '../errors.ts';
import type { AuditLog } from '../store/audit-log.ts';
import type { Database } from '../store/database.ts';
import type { EventLog } from '../store/event-log.ts';
import type { Leases } from '../store/leases.ts';
import { type CacheStats, createBaselineCache } from './baseline-cache.ts';
import { type BookDeletion, createBookDeleter, type DeletionRequest } from './book-deletion.ts';
import { createChangeFeed } from './change-feed.ts';
import { createChangeQueue } from './change-queue.ts';
import { createContactClient } from './client.ts';
import { createContactCreation } from './creation.ts';
import { type ContactFilter, filterExpression, matchesFilter } from './filter.ts';
import { createContactCheck } from './input-check.ts';
import { type ContactMatch, chooseKey, keyOf } from './keys.ts';
import { createContactLookup } from './lookup.ts';
import type { ContactPatch } from './merge.ts';
import type { Contact } from './model.ts';
import { createContactReads } from './reads.ts';
import { createContactRemoval } from './removal.ts';
import { createUpsertQueue, type Upsert, type Upserted } from './upsert-queue.ts';
import type { ContactInput } from './validate.ts';

export interface Contacts {
  /** Null where there is none. Comes from the baseline cache where that has it; its ETag may then be missing. */
  get(bookId: string, contactId: string, call: CallContext): Promise<Contact | null>;
  /** The same with what CXone says of its ETag. */
  getVersioned(bookId: string, contactId: string, call: CallContext): Promise<Contact | null>;
  /** @throws ValidationError for a filter that cannot be asked */
  list(
    bookId: string,
    request: Window & { filter?: ContactFilter | undefined },
    call: CallContext,
  ): Promise<WindowOf<Contact>>;
  /** Null where there is none. @throws ConflictError DUPLICATE where several have the reference */
  byExternalRef(bookId: string, externalRefId: string, call: CallContext): Promise<Contact | null>;
  /** The groups that refer to contacts of the book, each with how many of the book's contacts it refers to. */
  groupReferences(bookId: string, call: CallContext): Promise<GroupReference[]>;
  create(bookId: string, contact: ContactInput, caller: Caller): Promise<Contact>;
  /** Puts the patch onto the contact; see `ChangeQueue` for what it throws, besides ValidationError. */
  update(
    bookId: string,
    contactId: string,
    change: { patch: ContactInput; ifVersion?: string | undefined },
    caller: Caller,
  ): Promise<{ contact: Contact; changed: boolean }>;
  /** Makes or updates the one contact of a key; see `UpsertQueue` for what it throws, besides ValidationError. */
  upsert(
    bookId: string,
    upsert: { contact: ContactInput; match?: ContactMatch | null | undefined },
    caller: Caller,
  ): Promise<{ contact: Contact; outcome: 'CREATED' | 'UPDATED' | 'UNCHANGED' }>;
  delete(bookId: string, contactId: string, caller: Caller): Promise<void>;
  deleteAddressBook(bookId: string, request: DeletionRequest, caller: Caller): Promise<BookDeletion>;
  /**
   * One row of an import, without an audit entry of its own: the batch has one. Texts are read as the book's types.
   *
   * @throws ValidationError the row is refused, with paths from its root; ConflictError DUPLICATE (`onDuplicate` FAIL,
   *   or several contacts of its key); OutcomeUnknownError; RateLimitedError, UpstreamError: it took no effect
   */
  upsertForImport(
    bookId: string,
    row: ContactInput,
    options: { onDuplicate: Upsert['onDuplicate']; defaultCountry?: string | undefined },
    call: CallContext,
  ): Promise<Upserted>;
  /** What is known of the contact may be out of date: it is read anew when it is next asked for. */
  forget(contactId: string): void;
  cacheStats(): CacheStats;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface GroupReference {
  readonly groupId: string;
  readonly name: string;
  readonly kind: 'campaign' | 'routing';
  readonly contactCount: number;
}

/** Ready once it hears of what the other replicas change. */
export async function createContacts(deps: {
  cxone: CxoneClient;
  addressBooks: AddressBooks;
  database: Database;
  leases: Leases;
  events: EventLog;
  audit: AuditLog;
  globalId: GlobalId;
  /** Names this run of the process. */
  origin: string;
  baselineCache: { size: number; ttlMs: number };
  clock: Clock;
  /** 0 to below 1. */
  random: () => number;
  log: { warn(details: object, message: string): void; error(details: object, message: string): void };
}): Promise<Contacts> {
  const { cxone, addressBooks: books, database, leases, events, audit, globalId, origin, clock, random, log } = deps;
  const bookGid = (bookId: string) => globalId('AddressBook', bookId);
  const contactGid = (bookId: string, contactId: string) => globalId('Contact', bookId, contactId);

  const auditedAlone = createAudited(deps);
  /** Nobody is told of his change before the other replicas can hear of it, whatever becomes of this one afterwards. */
  const audited: Audited = (caller, write, run) => auditedAlone(caller, write, run).finally(() => feed.told());
  const bookClient = createAddressBookClient({ cxone });
  const client = createContactClient({ cxone });
  const cache = createBaselineCache({ ...deps.baselineCache, clock });
  const reads = createContactReads({ client, cache });
  const lookup = createContactLookup({ reads, clock });
  const feed = await createChangeFeed({
    database,
    events,
    origin,
    listener: {
      onChanged: reads.forget,
      onMade: (contactId, digest) => lookup.remember(digest, contactId),
      onGap: reads.forgetAll,
    },
    clock,
    log,
  });
  const onWrite = (contactId: string) => feed.announce(contactId);
  const onMade = (contactId: string, digest: string) => {
    lookup.remember(digest, contactId);
    feed.announce(contactId, digest);
  };
  const onBookGone = () => {
    reads.forgetAll();
    feed.announceAll();
  };
  const changes = createChangeQueue({ client, reads, leases, contactGid, onWrite, clock, random });
  const creation = createContactCreation({ client, reads, lookup, bookGid, onMade, clock });
  const upserts = createUpsertQueue({ changes, creation, lookup, leases, contactGid });
  const deleter = createBookDeleter({
    client: bookClient,
    books,
    reads,
    upserts,
    creation,
    leases,
    audit,
    audited,
    bookGid,
    contactGid,
    onBookGone,
  });
  const check = createContactCheck({ books });
  const remove = createContactRemoval({ client, reads, contactGid, onWrite, clock });

  function toUpsert(patch: ContactPatch, match?: ContactMatch | null) {
    const chosen = chooseKey(patch, match);
    if ('issues' in chosen) throw new ValidationError(chosen.issues);
    return { ...chosen, patch };
  }

  return {
    get: reads.get,
    getVersioned: reads.getVersioned,

    async list(bookId, { filter = {}, ...window }, call) {
      const expression = filterExpression(filter);
      const bounded = withDeadline(call, clock);
      const read = (page: number, pageSize: number) =>
        reads.page(bookId, { page, pageSize, filter: expression }, bounded);
      const keep = ({ wire }: Contact) => matchesFilter(wire, filter);
      return await readListWindow(read, window, expression === undefined ? undefined : keep);
    },

    async byExternalRef(bookId, externalRefId, call) {
      const found = await lookup.find(bookId, { kind: 'externalRef', externalRefId }, withDeadline(call, clock));
      const [contact] = found;
      if (found.length <= 1) return contact ?? null;
      const ids = found.slice(0, 10).map(({ id }) => contactGid(bookId, id));
      throw new ConflictError(
        'DUPLICATE',
        `${found.length} contacts have this reference: ${ids.join(', ')}. Read them by id.`,
        ids[0],
      );
    },

    async groupReferences(bookId, call) {
      const bounded = withDeadline(call, clock);
      const groups = await bookClient.groups(bookId, bounded);
      // Groups name contacts of all books. The book's pages tell which are its own, 250 a call.
      const wanted = new Set(groups.flatMap(({ contactIds }) => contactIds));
      const own = new Set<string>();
      for (let page = 1, isMore = wanted.size > 0; isMore && own.size < wanted.size; page++) {
        const { entities, hasMore } = await reads.page(bookId, { page, pageSize: 250 }, bounded);
        for (const { id } of entities) if (wanted.has(id)) own.add(id);
        isMore = hasMore;
      }
      return groups
        .map(({ id, name, kind, contactIds }) => ({
          groupId: id,
          name,
          kind,
          contactCount: contactIds.filter((contactId) => own.has(contactId)).length,
        }))
        .filter(({ contactCount }) => contactCount > 0);
    },

    create: (bookId, contact, caller) =>
      audited(caller, { action: 'contact.create', subject: bookGid(bookId) }, async () => {
        const call = withDeadline(caller.call, clock);
        const patch = await check(bookId, contact, { path: ['contact'] }, call);
        const key = keyOf(patch);
        const by = key && { key, isFree: false };
        const created = await asInputFaults(['contact'], creation.create(bookId, patch, by, { ...caller, call }));
        const { contact: made, attributes, upstreamRequestId, latencyMs } = created;
        const subject = contactGid(bookId, made.id);
        return { result: made, subject, detail: { changed: attributes }, upstreamRequestId, latencyMs };
      }),

    update: (bookId, contactId, { patch: input, ifVersion }, caller) =>
      audited(caller, { action: 'contact.update', subject: contactGid(bookId, contactId) }, async () => {
        const call = withDeadline(caller.call, clock);
        const patch = await check(bookId, input, { path: ['patch'] }, call);
        const change = { bookId, contactId, patch, ifVersion, mayBeDone: caller.mayBeDone, call };
        const changed = await asInputFaults(['patch'], changes.submit(change));
        const { contact, attributes } = changed;
        return { ...effectOf(changed), result: { contact, changed: attributes.length > 0 } };
      }),

    upsert: (bookId, { contact: input, match }, caller) =>
      audited(caller, { action: 'contact.upsert', subject: bookGid(bookId) }, async () => {
        const call = withDeadline(caller.call, clock);
        const upsert = toUpsert(await check(bookId, input, { path: ['contact'] }, call), match);
        const submitted = upserts.submit({ bookId, ...upsert, onDuplicate: 'UPDATE', call });
        const upserted = await asInputFaults(['contact'], submitted);
        const { contact, outcome } = upserted;
        if (outcome === 'SKIPPED') throw new Error('An upsert that updates skips nothing.');
        const { detail, ...effect } = effectOf(upserted);
        const subject = contactGid(bookId, contact.id);
        return { ...effect, subject, detail: { outcome, ...detail }, result: { contact, outcome } };
      }),

    delete: (bookId, contactId, caller) =>
      audited(caller, { action: 'contact.delete', subject: contactGid(bookId, contactId) }, () =>
        remove(bookId, contactId, { ...caller, call: withDeadline(caller.call, clock) }),
      ),

    deleteAddressBook: deleter.delete,

    async upsertForImport(bookId, row, { onDuplicate, defaultCountry }, call) {
      const patch = await check(bookId, row, { path: [], castText: true, defaultCountry }, call);
      return await asInputFaults([], upserts.submit({ bookId, ...toUpsert(patch), onDuplicate, call }));
    },

    forget: reads.forget,
    cacheStats: cache.stats,
    [Symbol.asyncDispose]: feed[Symbol.asyncDispose],
  };
}

/** What a change is told to the audit by: names, not values. */
function effectOf(changed: Pick<Upserted, 'attributes' | 'verified' | 'upstreamRequestId' | 'latencyMs'>) {
  const { attributes, verified, upstreamRequestId, latencyMs } = changed;
  return { detail: { changed: attributes, ...(verified ? {} : { unverified: true }) }, upstreamRequestId, latencyMs };
}

/** What CXone itself found wrong with a contact is a fault of the input like those found before sending. */
async function asInputFaults<T>(path: readonly string[], work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof UpstreamError) || error.status !== 400 || error.issues.length === 0) throw error;
    throw new ValidationError(error.issues.map((issue) => ({ ...issue, path: [...path, ...issue.path] })));
  }
}
