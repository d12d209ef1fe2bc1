/**
 * Deletes an address book without leaving a group dangling (cxone-api.md, section 2). Every step is one that can be
 * repeated and is noted in the audit, so that a deletion that was stopped is taken up where it was by calling it again:
 * copies that exist are not made twice, and what had gone through unanswered is told as done.
 */
import type { AddressBookClient, Move } from '../address-books/client.ts';
import type { AddressBook, Group } from '../address-books/model.ts';
import type { AddressBooks } from '../address-books/service.ts';
import type { Audited, Caller, Effect } from '../bulk/audited.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { ConflictError, NotFoundError, OutcomeUnknownError, ValidationError } from '../errors.ts';
import type { AuditLog } from '../store/audit-log.ts';
import type { Leases } from '../store/leases.ts';
import { openBookCopies } from './book-copies.ts';
import { createBookMoves, type Reassignment } from './book-moves.ts';
import type { ContactCreation } from './creation.ts';
import { createDeletionNotes } from './deletion-notes.ts';
import type { ContactReads } from './reads.ts';
import type { UpsertQueue } from './upsert-queue.ts';

export interface DeletionRequest {
  readonly onReferences: 'REFUSE' | 'ARCHIVE' | 'REASSIGN';
  readonly fallbackBookId: string | undefined;
}

export interface BookDeletion {
  /** Null where it was archived instead. */
  readonly deletedId: string | null;
  readonly archived: AddressBook | null;
  /** All that was moved for it, by earlier calls that were stopped too. */
  readonly reassigned: readonly Reassignment[];
}

export interface BookDeleter {
  /**
   * @throws ValidationError no usable fallback, or one that lacks fields the copies need; NotFoundError;
   *   ConflictError IN_USE where groups refer to the book's contacts (REFUSE), or go on to while they are moved;
   *   ConflictError DUPLICATE where the fallback has several contacts of one key; OutcomeUnknownError
   */
  delete(bookId: string, request: DeletionRequest, caller: Caller): Promise<BookDeletion>;
}

/** How long a deletion stays locked by a process that died, and how long others wait for it, in milliseconds. */
const LOCK = { leaseMs: 30_000, waitMs: 9_000 } as const;
/** Looks at the groups: each but the first moves what the one before has left or what came anew. */
const MAX_ROUNDS = 5;
const MAX_SENDS = 3;
/** Noted before the book is deleted, so that whoever finds it gone knows by whom. */
const BEGIN_ACTION = 'addressBook.beginDelete';
const DONE_ACTION = 'addressBook.delete';

export function createBookDeleter(deps: {
  client: AddressBookClient;
  books: AddressBooks;
  reads: ContactReads;
  upserts: UpsertQueue;
  creation: ContactCreation;
  leases: Leases;
  audit: AuditLog;
  audited: Audited;
  /** Told when all contacts of a book have gone with it. */
  onBookGone: () => void;
  bookGid: (bookId: string) => string;
  contactGid: (bookId: string, contactId: string) => string;
}): BookDeleter {
  const { client, books, reads, upserts, creation, leases, audit, audited, bookGid, contactGid, onBookGone } = deps;
  const notes = createDeletionNotes({ audit, audited, bookGid });
  const moves = createBookMoves({ client, notes, contactGid });

  async function run(bookId: string, request: DeletionRequest, caller: Caller, held: AbortSignal) {
    const { call } = caller;
    const book = await books.get(bookId, call);
    if (!book && !(await isBegun(bookId))) throw notFound(bookId);
    await moves.settle(bookId, caller);
    if (!book) return await concluded(bookId);
    const groups = await referringGroups(bookId, call);
    if (groups.length > 0 && request.onReferences === 'REFUSE') throw inUse(bookId, groups);
    if (groups.length > 0 && request.onReferences === 'ARCHIVE') {
      return { deletedId: null, archived: await books.archive(bookId, caller), reassigned: [] };
    }
    const fallback =
      request.onReferences === 'REASSIGN' ? await usableFallback(request.fallbackBookId, call) : undefined;
    if (fallback) await moveReferences(bookId, fallback, groups, caller, held);
    held.throwIfAborted();
    await notes.write(bookId, caller, BEGIN_ACTION, {});
    await remove(bookId, call);
    return await concluded(bookId);
  }

  /** Whether a deletion that has come to no end had got as far as the book itself. */
  async function isBegun(bookId: string): Promise<boolean> {
    for await (const { archived } of notes.read(bookId, DONE_ACTION)) if (archived === false) return false;
    for await (const _begun of notes.read(bookId, BEGIN_ACTION)) return true;
    return false;
  }

  async function concluded(bookId: string): Promise<BookDeletion> {
    onBookGone();
    return { deletedId: bookGid(bookId), archived: null, reassigned: await moves.made(bookId) };
  }

  function notFound(bookId: string): NotFoundError {
    return new NotFoundError('There is no such address book. Check its id.', bookGid(bookId));
  }

  async function referringGroups(bookId: string, call: CallContext): Promise<Group[]> {
    return (await client.groups(bookId, call)).filter(({ contactIds }) => contactIds.length > 0);
  }

  function inUse(bookId: string, groups: readonly Group[]): ConflictError {
    const names = groups.slice(0, 5).map(({ name }) => `"${name}"`);
    const more = groups.length > names.length ? ` and ${groups.length - names.length} more` : '';
    const message = `Groups still refer to contacts of this address book: ${names.join(', ')}${more}. Change those groups first, or delete with onReferences ARCHIVE or REASSIGN.`;
    return new ConflictError('IN_USE', message, bookGid(bookId));
  }

  async function usableFallback(fallbackId: string | undefined, call: CallContext): Promise<AddressBook> {
    const fallback = fallbackId === undefined ? null : await books.get(fallbackId, call);
    if (!fallback) throw notFound(fallbackId ?? '');
    if (!fallback.archived) return fallback;
    throw unusable('ARCHIVED', 'This address book is archived, and routing leaves archived ones out. Choose another.');
  }

  /** Until no group refers to a contact of the book: copies what is referred to, and points the groups at the copies. */
  async function moveReferences(
    bookId: string,
    fallback: AddressBook,
    groups: readonly Group[],
    caller: Caller,
    held: AbortSignal,
  ): Promise<void> {
    const copies = await openBookCopies({ reads, upserts, creation, notes }, bookId, fallback, caller.call);
    let left = groups;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const wanted = left.flatMap(({ contactIds }) => contactIds);
      await copies.ensure(wanted, caller, held);
      const open = left
        .map(({ id, contactIds }) => ({ groupId: id, wanted: movesFor(contactIds, copies.idOf) }))
        .filter(({ wanted }) => wanted.length > 0);
      if (open.length === 0) return;
      for (const { groupId, wanted } of open) {
        held.throwIfAborted();
        await moves.make(bookId, { groupId, moves: wanted, fallback: fallback.id }, caller);
      }
      left = await referringGroups(bookId, caller.call);
    }
    // Somebody goes on referring to contacts that are to go.
    throw inUse(bookId, left);
  }

  function movesFor(contactIds: readonly string[], copies: ReadonlyMap<string, string>): Move[] {
    return contactIds.flatMap((from) => {
      const to = copies.get(from);
      return to === undefined ? [] : [{ from, to }];
    });
  }

  /** A DELETE whose answer is lost is looked after: a book that is gone is deleted. */
  async function remove(bookId: string, call: CallContext): Promise<void> {
    for (let sends = 1; ; sends++) {
      try {
        if ((await client.remove(bookId, call)) === 'gone' && sends === 1) {
          throw notFound(bookId);
        }
        return;
      } catch (error) {
        if (!(error instanceof OutcomeUnknownError)) throw error;
        const book = await client.get(bookId, call).catch(() => {
          throw error;
        });
        if (!book) return;
        if (sends === MAX_SENDS) throw error;
      }
    }
  }

  return {
    delete: (bookId, request, caller) =>
      audited(caller, { action: DONE_ACTION, subject: bookGid(bookId) }, async (): Promise<Effect<BookDeletion>> => {
        refuseBadRequest(bookId, request);
        const result = await leases.withLease(
          `addressBook.delete:${bookId}`,
          { ...LOCK, signal: caller.call.signal },
          async (_lease, held) => await run(bookId, request, caller, held),
        );
        const { archived, reassigned } = result;
        return { result, detail: { archived: archived !== null, reassigned: reassigned.length } };
      }),
  };
}

function refuseBadRequest(bookId: string, { onReferences, fallbackBookId }: DeletionRequest): void {
  if (onReferences !== 'REASSIGN') return;
  if (fallbackBookId === undefined)
    throw unusable('REQUIRED', 'REASSIGN needs an address book that takes the contacts.');
  if (fallbackBookId === bookId)
    throw unusable('SAME_BOOK', 'This is the address book that is to be deleted. Choose another.');
}

function unusable(code: string, message: string): ValidationError {
  return new ValidationError([{ path: ['fallbackAddressBookId'], code, message }]);
}
