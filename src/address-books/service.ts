/** The use cases of address books: reading, making, renaming, archiving. Their deletion needs contacts and stands there. */
import { LRUCache } from 'lru-cache';
import { type Caller, createAudited, cutShort, type Effect } from '../bulk/audited.ts';
import { agesBy, type Clock } from '../clock.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { withDeadline } from '../cxone/call-deadline.ts';
import type { CxoneClient } from '../cxone/client.ts';
import { ConflictError, NotFoundError, OutcomeUnknownError, ValidationError } from '../errors.ts';
import type { AuditLog } from '../store/audit-log.ts';
import type { Database } from '../store/database.ts';
import type { Leases } from '../store/leases.ts';
import { createAddressBookClient, type WrittenBook } from './client.ts';
import { readListWindow, type Window, type WindowOf } from './list-window.ts';
import {
  type AddressBook,
  type AddressBookPatch,
  addressBookIssues,
  archivedName,
  changedBookFields,
  type FieldDefinition,
  isArchivedName,
  type NewBook,
  patchAddressBook,
} from './model.ts';

export interface AddressBooks {
  /** Null where there is no such book. */
  get(bookId: string, call: CallContext): Promise<AddressBook | null>;
  /** Archived books are left out unless asked for, as far as CXone lists them at all. */
  list(window: Window & { includeArchived: boolean }, call: CallContext): Promise<WindowOf<AddressBook>>;
  /**
   * The fields that the book's contacts may have, not older than five minutes, or just read where `refresh` says so.
   * Undefined where CXone does not tell them.
   *
   * @throws NotFoundError
   */
  fieldDefinitions(
    bookId: string,
    call: CallContext,
    options?: { refresh: boolean },
  ): Promise<readonly FieldDefinition[] | undefined>;
  /** @throws ValidationError; ConflictError NAME_TAKEN; OutcomeUnknownError */
  create(input: AddressBookPatch & { readonly name: string }, caller: Caller): Promise<AddressBook>;
  /** Fields that the patch does not name are kept. @throws ValidationError; NotFoundError; ConflictError NAME_TAKEN; OutcomeUnknownError */
  update(bookId: string, patch: AddressBookPatch, caller: Caller): Promise<AddressBook>;
  /** Does nothing to a book that is archived already. Throws as `update` does. */
  archive(bookId: string, caller: Caller): Promise<AddressBook>;
}

/** A thing's id as clients know it: its type's name and CXone's own ids of it. */
export type GlobalId = (type: string, ...parts: [string, ...string[]]) => string;

/** Definitions seldom change, and a mismatch has them read again. */
const DEFINITIONS_TTL_MS = 5 * 60_000;
const MAX_KNOWN_BOOKS = 10_000;
/** How long the lock of a book outlives a process that died, and how long others wait for it, in milliseconds. */
const LOCK = { leaseMs: 15_000, waitMs: 9_000 } as const;
/** Sends of one write whose answers are lost, each but the first after a look that it was not applied. */
const MAX_SENDS = 3;

export function createAddressBooks(deps: {
  cxone: CxoneClient;
  database: Database;
  leases: Leases;
  audit: AuditLog;
  globalId: GlobalId;
  clock: Clock;
  log: { error(details: object, message: string): void };
}): AddressBooks {
  const { cxone, leases, globalId, clock } = deps;
  const client = createAddressBookClient({ cxone });
  const audited = createAudited(deps);
  const bookGid = (bookId: string) => globalId('AddressBook', bookId);
  const notFound = (bookId: string) =>
    new NotFoundError('There is no such address book. Check its id.', bookGid(bookId));

  const definitions = new LRUCache<string, { fields: readonly FieldDefinition[] | undefined }, CallContext>({
    max: MAX_KNOWN_BOOKS,
    ttl: DEFINITIONS_TTL_MS,
    ...agesBy(clock),
    // A newer answer that comes meanwhile ends nobody's waiting for this one.
    ignoreFetchAbort: true,
    async fetchMethod(bookId, _outdated, { context }) {
      // Others may be waiting for this answer by the time its first caller goes away.
      const book = await client.get(bookId, { ...context, signal: undefined });
      if (!book) throw notFound(bookId);
      return toDefinitions(book);
    },
  });

  async function findByName(name: string, call: CallContext): Promise<AddressBook | undefined> {
    for await (const { entities } of client.all(call)) {
      const found = entities.find((book) => book.name === name);
      if (found) return found;
    }
    return undefined;
  }

  function nameTaken(): ConflictError {
    return new ConflictError('NAME_TAKEN', 'Another address book has this name already. Choose another name.');
  }

  /** Names are unique, so a POST whose answer was lost can be looked for by the name, and sent again where it is not there. */
  async function create(body: NewBook, call: CallContext, mayBeDone: boolean): Promise<Effect<AddressBook>> {
    let lost: OutcomeUnknownError | undefined = mayBeDone ? cutShort() : undefined;
    for (let send = 1; ; send++) {
      const reply = await client.create(body, call).catch((error: unknown) => {
        if (error instanceof OutcomeUnknownError) return error;
        throw error;
      });
      if (reply === 'nameTaken' && !lost) throw nameTaken();
      if (reply !== 'nameTaken' && !(reply instanceof Error) && reply.book?.name === body.name) {
        return effectOf(reply.book, Object.keys(body), reply);
      }
      if (reply instanceof Error) lost = reply;
      const found = await findByName(body.name, call).catch((error: unknown) => {
        throw lost ?? error;
      });
      if (found) {
        if (changedBookFields(found.wire, { ...body, id: found.id }).length > 0) throw nameTaken();
        return effectOf(found, Object.keys(body));
      }
      if (send === MAX_SENDS || !(reply instanceof Error)) {
        throw (
          lost ??
          new OutcomeUnknownError('CXone took the address book, but does not show it. Look before sending it again.')
        );
      }
    }
  }

  /** Reads, changes and writes the whole book, with no other gateway in between: CXone gives books no ETags. */
  async function change(
    bookId: string,
    call: CallContext,
    patchOf: (book: AddressBook) => AddressBookPatch,
  ): Promise<Effect<AddressBook>> {
    return await leases.withLease(`addressBook:${bookId}`, { ...LOCK, signal: call.signal }, async (_lease, held) => {
      let lost: OutcomeUnknownError | undefined;
      let changed: string[] = [];
      for (let send = 1; ; send++) {
        const book = await client.get(bookId, call).catch((error: unknown) => {
          throw lost ?? error;
        });
        if (!book) throw notFound(bookId);
        const after = patchAddressBook(book.wire, patchOf(book));
        const left = changedBookFields(book.wire, after);
        if (left.length === 0) return effectOf(book, changed);
        if (send > MAX_SENDS)
          throw (
            lost ??
            new ConflictError('VERSION_MISMATCH', 'Others keep changing this address book. Try again in a moment.')
          );
        changed = left;
        held.throwIfAborted();
        const reply = await client.replace(bookId, after, call).catch((error: unknown) => {
          if (error instanceof OutcomeUnknownError) return error;
          throw error;
        });
        if (reply === 'nameTaken') throw nameTaken();
        if (reply === 'gone') throw notFound(bookId);
        if (reply instanceof Error) lost = reply;
        else if (reply.book && changedBookFields(after, reply.book.wire).length === 0) {
          return effectOf(reply.book, changed, reply);
        }
      }
    });
  }

  function effectOf(book: AddressBook, changed: readonly string[], reply?: WrittenBook): Effect<AddressBook> {
    const { upstreamRequestId, latencyMs } = reply ?? {};
    return { result: book, subject: bookGid(book.id), detail: { changed }, upstreamRequestId, latencyMs };
  }

  return {
    async get(bookId, call) {
      const book = await client.get(bookId, call);
      if (book) definitions.set(bookId, toDefinitions(book));
      else definitions.delete(bookId);
      return book;
    },
    list({ includeArchived, ...window }, call) {
      const bounded = withDeadline(call, clock);
      const read = (page: number, pageSize: number) => client.page({ page, pageSize }, bounded);
      const keep = (book: AddressBook) => !book.archived;
      return readListWindow(read, window, includeArchived ? undefined : keep);
    },
    async fieldDefinitions(bookId, call, { refresh } = { refresh: false }) {
      const known = await definitions.fetch(bookId, { context: call, forceRefresh: refresh });
      return known?.fields;
    },
    create: (input, caller) =>
      audited(caller, { action: 'addressBook.create', subject: 'addressBook' }, async () => {
        refuseFaults(input);
        const { id: _given, ...body } = patchAddressBook({ id: '', name: input.name }, input);
        return await create(body, withDeadline(caller.call, clock), caller.mayBeDone === true);
      }),
    update: (bookId, patch, caller) =>
      audited(caller, { action: 'addressBook.update', subject: bookGid(bookId) }, async () => {
        refuseFaults(patch);
        return await change(bookId, withDeadline(caller.call, clock), () => patch);
      }),
    archive: (bookId, caller) =>
      audited(caller, { action: 'addressBook.archive', subject: bookGid(bookId) }, () =>
        change(bookId, withDeadline(caller.call, clock), ({ name }) =>
          isArchivedName(name) ? {} : { name: archivedName(name) },
        ),
      ),
  };
}

function toDefinitions({ wire }: AddressBook): { fields: readonly FieldDefinition[] | undefined } {
  return { fields: wire.fieldDefinitions ?? undefined };
}

function refuseFaults(patch: AddressBookPatch): void {
  const issues = addressBookIssues(patch);
  if (issues.length > 0) throw new ValidationError(issues);
}
