/**
 * Deletes an address book without leaving a group dangling (cxone-api.md, section 2). Every step is one that can be
 * repeated and is noted in the audit once it is done, so that a deletion that was stopped is taken up where it was by
 * calling it again: copies that exist are not made twice, and groups that were moved are not looked for.
 */
import { z } from 'zod';
import type { AddressBookClient, Move } from '../address-books/client.ts';
import type { AddressBook, FieldDefinition, Group } from '../address-books/model.ts';
import type { AddressBooks } from '../address-books/service.ts';
import type { Audited, Caller, Effect } from '../bulk/audited.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { ConflictError, NotFoundError, OutcomeUnknownError, ValidationError } from '../errors.ts';
import { createPhoneNormaliser } from '../phone-numbers.ts';
import type { AuditLog } from '../store/audit-log.ts';
import type { Leases } from '../store/leases.ts';
import type { ContactCreation } from './creation.ts';
import { keyOf } from './keys.ts';
import { type ContactPatch, changedAttributes } from './merge.ts';
import { type Contact, completeEntries, type WireContact } from './model.ts';
import type { ContactReads } from './reads.ts';
import type { UpsertQueue } from './upsert-queue.ts';
import { checkContact } from './validate.ts';

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
/** Contacts copied at the same time; the book's in-flight bound is shared with everybody else. */
const MAX_COPYING = 5;
const MAX_SENDS = 3;
const AUDIT_PAGE = 250;

const copyNote = z.object({ from: z.string(), to: z.string(), fallback: z.string() });
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

  async function run(bookId: string, request: DeletionRequest, caller: Caller, held: AbortSignal) {
    const { call } = caller;
    const book = await books.get(bookId, call);
    if (!book) throw new NotFoundError('There is no such address book.', bookGid(bookId));
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
    const message = `Groups still refer to contacts of this address book: ${names.join(', ')}${more}.`;
    return new ConflictError('IN_USE', message, bookGid(bookId));
  }

  async function usableFallback(fallbackId: string | undefined, call: CallContext): Promise<AddressBook> {
    const fallback = fallbackId === undefined ? null : await books.get(fallbackId, call);
    if (!fallback) throw new NotFoundError('There is no such address book.', bookGid(fallbackId ?? ''));
    if (!fallback.archived) return fallback;
    throw unusable('ARCHIVED', 'is archived, and routing leaves archived books out');
  }

  /** Until no group refers to a contact of the book: copies what is referred to, and points the groups at the copies. */
  async function moveReferences(
    bookId: string,
    fallback: AddressBook,
    groups: readonly Group[],
    caller: Caller,
    held: AbortSignal,
  ): Promise<void> {
    const copies = await copiesOf(bookId, fallback.id, caller.call);
    // Groups name contacts of all books: what is not in this one is not ours to move.
    const foreign = new Set<string>();
    let left = groups;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      await copyAll(bookId, fallback, left, { copies, foreign }, caller, held);
      const open = left
        .map((group) => ({ group, moves: movesFor(group, copies) }))
        .filter(({ moves }) => moves.length > 0);
      if (open.length === 0) return;
      for (const { group, moves } of open) {
        held.throwIfAborted();
        await moveGroup(bookId, fallback.id, group, moves, caller);
      }
      left = await referringGroups(bookId, caller.call);
    }
    if (left.some((group) => movesFor(group, copies).length > 0)) throw inUse(bookId, left);
  }

  function movesFor({ contactIds }: Group, copies: ReadonlyMap<string, string>): Move[] {
    return contactIds.flatMap((from) => {
      const to = copies.get(from);
      return to === undefined ? [] : [{ from, to }];
    });
  }

  /** Checks all contacts before the first is copied, so that a fallback that does not fit is found out in time. */
  async function copyAll(
    bookId: string,
    fallback: AddressBook,
    groups: readonly Group[],
    known: { copies: Map<string, string>; foreign: Set<string> },
    caller: Caller,
    held: AbortSignal,
  ): Promise<void> {
    const wanted = new Set(groups.flatMap(({ contactIds }) => contactIds));
    const missing = [...wanted].filter((id) => !known.copies.has(id) && !known.foreign.has(id));
    const originals: Contact[] = [];
    await eachOf(missing, async (contactId) => {
      const contact = await reads.getFresh(bookId, contactId, caller.call);
      if (contact) originals.push(contact);
      else known.foreign.add(contactId);
    });
    refuseUnknownFields(originals, fallback.wire.fieldDefinitions ?? undefined);
    await eachOf(originals, async (original) => {
      held.throwIfAborted();
      const to = await copy(original, fallback.id, caller.call);
      await note(bookId, caller, 'addressBook.copyContact', { from: original.id, to, fallback: fallback.id });
      known.copies.set(original.id, to);
    });
  }

  /** @returns the copy's id: found again by its key, or by being alike in everything, when it was made before */
  async function copy({ wire }: Contact, fallbackId: string, call: CallContext): Promise<string> {
    const patch = copyOf(wire);
    const key = keyOf(wire);
    if (key) {
      const upsert = { bookId: fallbackId, key, creation: patch, patch, onDuplicate: 'UPDATE', call } as const;
      return (await upserts.submit(upsert)).contact.id;
    }
    const twin = await findTwin(wire, fallbackId, call);
    return twin ?? (await creation.create(fallbackId, patch, undefined, call)).contact.id;
  }

  /** A contact without any key can only be told by looking at all of them. */
  async function findTwin(wire: WireContact, bookId: string, call: CallContext): Promise<string | undefined> {
    for (let page = 1; ; page++) {
      const { entities, hasMore } = await reads.page(bookId, { page, pageSize: 250 }, call);
      const twin = entities.find((contact) => changedAttributes(contact.wire, wire).length === 0);
      if (twin || !hasMore) return twin?.id;
    }
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
        // The next look at the groups tells whether it was done.
        if (!(error instanceof OutcomeUnknownError)) throw error;
      }
      await note(bookId, caller, 'addressBook.reassignGroup', { groupId: group.id, moves: part, fallback: fallbackId });
    }
  }

  /** A DELETE whose answer is lost is looked after: a book that is gone is deleted. */
  async function remove(bookId: string, call: CallContext): Promise<void> {
    for (let sends = 1; ; sends++) {
      try {
        if ((await client.remove(bookId, call)) === 'gone' && sends === 1) {
          throw new NotFoundError('There is no such address book.', bookGid(bookId));
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

  async function note(bookId: string, caller: Caller, action: string, detail: Record<string, unknown>): Promise<void> {
    await audited(caller, { action, subject: bookGid(bookId) }, async () => ({ result: undefined, detail }));
  }

  /** What earlier calls have copied into this fallback, as far as the copies are still there. */
  async function copiesOf(bookId: string, fallbackId: string, call: CallContext): Promise<Map<string, string>> {
    const copies = new Map<string, string>();
    for await (const detail of notes(bookId, 'addressBook.copyContact')) {
      const noted = copyNote.safeParse(detail).data;
      if (noted?.fallback === fallbackId) copies.set(noted.from, noted.to);
    }
    await eachOf([...copies], async ([from, to]) => {
      if (!(await reads.getFresh(fallbackId, to, call))) copies.delete(from);
    });
    return copies;
  }

  async function movesOf(bookId: string): Promise<Reassignment[]> {
    const moved = new Map<string, Reassignment>();
    for await (const detail of notes(bookId, 'addressBook.reassignGroup')) {
      const noted = moveNote.safeParse(detail).data;
      if (!noted) continue;
      const { groupId, moves, fallback } = noted;
      for (const { from, to } of moves) {
        const reassignment = { groupId, from: contactGid(bookId, from), to: contactGid(fallback, to) };
        moved.set(JSON.stringify([groupId, from]), reassignment);
      }
    }
    return [...moved.values()];
  }

  async function* notes(bookId: string, action: string): AsyncGenerator<Record<string, unknown>> {
    let after: number | undefined;
    for (;;) {
      const filter = { subject: bookGid(bookId), action, outcome: 'SUCCEEDED' } as const;
      const { entries, hasNextPage } = await audit.page({ first: AUDIT_PAGE, after, filter });
      for (const { detail } of entries) yield detail;
      after = entries.at(-1)?.id;
      if (!hasNextPage) return;
    }
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
  if (fallbackBookId === undefined) throw unusable('REQUIRED', 'is needed for REASSIGN');
  if (fallbackBookId === bookId) throw unusable('SAME_BOOK', 'is the address book that is to be deleted');
}

function unusable(code: string, message: string): ValidationError {
  return new ValidationError([{ path: ['fallbackAddressBookId'], code, message }]);
}

/** A copy must not lose a field: what the fallback has no definition for cannot go there. */
function refuseUnknownFields(contacts: readonly Contact[], definitions: readonly FieldDefinition[] | undefined): void {
  const issues = new Map<string, string>();
  for (const { wire } of contacts) {
    const { customAttributes } = copyOf(wire);
    const checked = checkContact({ customAttributes }, { path: [], definitions, phones: createPhoneNormaliser() });
    for (const { path, code } of checked.issues) issues.set(path.at(-1) ?? '', code);
  }
  if (issues.size === 0) return;
  throw new ValidationError(
    [...issues].map(([name, code]) => ({
      path: ['fallbackAddressBookId'],
      code,
      message: `has no field that could take the attribute "${name}" of the contacts to be copied`,
    })),
  );
}

/** All that is known of a contact, as the patch that makes another one the same. */
function copyOf({ firstName, lastName, phoneNumbers, emailAddresses, customAttributes }: WireContact): ContactPatch {
  return {
    firstName: firstName ?? undefined,
    lastName: lastName ?? undefined,
    phoneNumbers: completeEntries(phoneNumbers).map(({ number, type, primary }) => ({ number, type, primary })),
    emailAddresses: completeEntries(emailAddresses).map(({ address, type, primary }) => ({ address, type, primary })),
    customAttributes: customAttributes ?? {},
  };
}

/** Some at a time. After a failure nothing more is begun, and what is under way is waited for. */
async function eachOf<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await run(item);
  };
  const results = await Promise.allSettled(
    Array.from({ length: MAX_COPYING }, () =>
      worker().catch((error: unknown) => {
        left.length = 0;
        throw error;
      }),
    ),
  );
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
