/**
 * Deletes an address book without leaving a group dangling (cxone-api.md, section 2). Every step is one that can be
 * repeated and is noted in the audit once it is done, so that a deletion that was stopped is taken up where it was by
 * calling it again: copies that exist are not made twice, and groups that were moved are not looked for.
 */
import { z } from 'zod';
import type { AddressBookClient, Move } from '../address-books/client.ts';
import type { AddressBook, Group } from '../address-books/model.ts';
import type { AddressBooks } from '../address-books/service.ts';
import type { Audited, Caller, Effect } from '../bulk/audited.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { ConflictError, NotFoundError, OutcomeUnknownError, ValidationError } from '../errors.ts';
import type { AuditLog } from '../store/audit-log.ts';
import type { Leases } from '../store/leases.ts';
import { openBookCopies } from './book-copies.ts';
import type { ContactCreation } from './creation.ts';
import { createDeletionNotes } from './deletion-notes.ts';
import type { ContactReads } from './reads.ts';
import type { UpsertQueue } from './upsert-queue.ts';

export interface DeletionRequest {
  readonly onReferences: 'REFUSE' | 'ARCHIVE' | 'REASSIGN';
  readonly fallbackBookId: string | undefined;
}

export interface Reassignment {
  readonly groupId: string;
  /** Global ids. */
  readonly from: string;
  readonly to: string;
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
/** Moves in one call to CXone, which states no limit (A). */
const MAX_MOVES = 250;
const MAX_SENDS = 3;
const MOVE_ACTION = 'addressBook.reassignGroup';

const moveNote = z.object({
  groupId: z.string(),
  moves: z.array(z.object({ from: z.string(), to: z.string() })),
  fallback: z.string(),
});

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

  async function run(bookId: string, request: DeletionRequest, caller: Caller, held: AbortSignal) {
    const { call } = caller;
    const book = await books.get(bookId, call);
    if (!book) throw new NotFoundError('There is no such address book. Check its id.', bookGid(bookId));
    const groups = await referringGroups(bookId, call);
    if (groups.length > 0 && request.onReferences === 'REFUSE') throw inUse(bookId, groups);
    if (groups.length > 0 && request.onReferences === 'ARCHIVE') {
      return { deletedId: null, archived: await books.archive(bookId, caller), reassigned: [] };
    }
    const fallback =
      request.onReferences === 'REASSIGN' ? await usableFallback(request.fallbackBookId, call) : undefined;
    if (fallback) await moveReferences(bookId, fallback, groups, caller, held);
    held.throwIfAborted();
    await remove(bookId, call);
    onBookGone();
    return { deletedId: bookGid(bookId), archived: null, reassigned: await movesOf(bookId) };
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
    if (!fallback) throw new NotFoundError('There is no such address book. Check its id.', bookGid(fallbackId ?? ''));
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
        .map((group) => ({ group, moves: movesFor(group, copies.idOf) }))
        .filter(({ moves }) => moves.length > 0);
      if (open.length === 0) return;
      for (const { group, moves } of open) {
        held.throwIfAborted();
        await moveGroup(bookId, fallback.id, group, moves, caller);
      }
      left = await referringGroups(bookId, caller.call);
    }
    // Somebody goes on referring to contacts that are to go.
    throw inUse(bookId, left);
  }

  function movesFor({ contactIds }: Group, copies: ReadonlyMap<string, string>): Move[] {
    return contactIds.flatMap((from) => {
      const to = copies.get(from);
      return to === undefined ? [] : [{ from, to }];
    });
  }

  async function moveGroup(
    bookId: string,
    fallbackId: string,
    group: Group,
    moves: readonly Move[],
    caller: Caller,
  ): Promise<void> {
    for (let start = 0; start < moves.length; start += MAX_MOVES) {
      const part = moves.slice(start, start + MAX_MOVES);
      try {
        await client.reassign(group.id, part, caller.call);
      } catch (error) {
        if (!(error instanceof OutcomeUnknownError)) throw error;
        // Where it was not done, the next look at the groups brings it up again.
        if (await stillRefers(bookId, group.id, part, caller.call)) continue;
      }
      await notes.write(bookId, caller, MOVE_ACTION, { groupId: group.id, moves: part, fallback: fallbackId });
    }
  }

  async function stillRefers(bookId: string, groupId: string, moves: readonly Move[], call: CallContext) {
    const group = (await client.groups(bookId, call)).find(({ id }) => id === groupId);
    return moves.some(({ from }) => group?.contactIds.includes(from));
  }

  /** A DELETE whose answer is lost is looked after: a book that is gone is deleted. */
  async function remove(bookId: string, call: CallContext): Promise<void> {
    for (let sends = 1; ; sends++) {
      try {
        if ((await client.remove(bookId, call)) === 'gone' && sends === 1) {
          throw new NotFoundError('There is no such address book. Check its id.', bookGid(bookId));
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

  async function movesOf(bookId: string): Promise<Reassignment[]> {
    const moved = new Map<string, Reassignment>();
    for await (const detail of notes.read(bookId, MOVE_ACTION)) {
      const noted = moveNote.safeParse(detail).data;
      if (!noted) continue;
      const { groupId, moves, fallback } = noted;
      for (const { from, to } of moves) {
        const reassignment = { groupId, from: contactGid(bookId, from), to: contactGid(fallback, to) };
        const key = JSON.stringify([groupId, from]);
        if (!moved.has(key)) moved.set(key, reassignment);
      }
    }
    return [...moved.values()];
  }

  return {
    delete: (bookId, request, caller) =>
      audited(
        caller,
        { action: 'addressBook.delete', subject: bookGid(bookId) },
        async (): Promise<Effect<BookDeletion>> => {
          refuseBadRequest(bookId, request);
          const result = await leases.withLease(
            `addressBook.delete:${bookId}`,
            { ...LOCK, signal: caller.call.signal },
            async (_lease, held) => await run(bookId, request, caller, held),
          );
          const { archived, reassigned } = result;
          return { result, detail: { archived: archived !== null, reassigned: reassigned.length } };
        },
      ),
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
