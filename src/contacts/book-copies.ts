/**
 * Copies contacts of one address book into another, each once: a copy is found again by what was noted of it, by its
 * key, or by being alike in everything, so that whoever goes on after a stop makes no second one.
 */
import { z } from 'zod';
import type { AddressBook, FieldDefinition } from '../address-books/model.ts';
import type { Caller } from '../bulk/audited.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { ValidationError } from '../errors.ts';
import { createPhoneNormaliser } from '../phone-numbers.ts';
import type { ContactCreation } from './creation.ts';
import type { DeletionNotes } from './deletion-notes.ts';
import { keyOf } from './keys.ts';
import { type ContactPatch, changedAttributes } from './merge.ts';
import { type Contact, completeEntries, type WireContact } from './model.ts';
import type { ContactReads } from './reads.ts';
import type { UpsertQueue } from './upsert-queue.ts';
import { checkContact } from './validate.ts';

export interface BookCopies {
  /** The copies there are, by the ids of their originals. */
  readonly idOf: ReadonlyMap<string, string>;
  /**
   * Sees to it that each of these contacts that is in the book has a copy. All are checked before the first is copied,
   * so that a fallback that does not fit is found out in time.
   *
   * @param held aborted when somebody else may have taken over: nothing more is begun
   * @throws ValidationError where the fallback has no field for an attribute; ConflictError DUPLICATE where it has several of a key
   */
  ensure(contactIds: Iterable<string>, caller: Caller, held: AbortSignal): Promise<void>;
}

/** Contacts copied at the same time; the book's in-flight bound is shared with everybody else. */
const MAX_COPYING = 5;
const ACTION = 'addressBook.copyContact';

const copyNote = z.object({ from: z.string(), to: z.string(), fallback: z.string() });

/** With what earlier calls have copied into this fallback, as far as the copies are still there. */
export async function openBookCopies(
  deps: { reads: ContactReads; upserts: UpsertQueue; creation: ContactCreation; notes: DeletionNotes },
  bookId: string,
  fallback: AddressBook,
  call: CallContext,
): Promise<BookCopies> {
  const { reads, upserts, creation, notes } = deps;
  const idOf = new Map<string, string>();
  // Groups name contacts of all books: what is not in this one is not ours to copy.
  const foreign = new Set<string>();

  for await (const detail of notes.read(bookId, ACTION)) {
    const noted = copyNote.safeParse(detail).data;
    if (noted?.fallback === fallback.id && !idOf.has(noted.from)) idOf.set(noted.from, noted.to);
  }
  await eachOf([...idOf], async ([from, to]) => {
    if (!(await reads.getFresh(fallback.id, to, call))) idOf.delete(from);
  });

  /** @returns the copy's id */
  async function copy({ wire }: Contact, { call }: Caller): Promise<string> {
    const patch = copyOf(wire);
    const key = keyOf(wire);
    if (key) {
      const upsert = { bookId: fallback.id, key, creation: patch, patch, onDuplicate: 'UPDATE', call } as const;
      return (await upserts.submit(upsert)).contact.id;
    }
    const twin = await findTwin(wire, call);
    return twin ?? (await creation.create(fallback.id, patch, undefined, { call })).contact.id;
  }

  /** A contact without any key can only be told by looking at all of them. */
  async function findTwin(wire: WireContact, call: CallContext): Promise<string | undefined> {
    for (let page = 1; ; page++) {
      const { entities, hasMore } = await reads.page(fallback.id, { page, pageSize: 250 }, call);
      const twin = entities.find((contact) => changedAttributes(contact.wire, wire).length === 0);
      if (twin || !hasMore) return twin?.id;
    }
  }

  return {
    idOf,
    async ensure(contactIds, caller, held) {
      const missing = [...new Set(contactIds)].filter((id) => !idOf.has(id) && !foreign.has(id));
      const originals: Contact[] = [];
      await eachOf(missing, async (contactId) => {
        const contact = await reads.getFresh(bookId, contactId, caller.call);
        if (contact) originals.push(contact);
        else foreign.add(contactId);
      });
      refuseUnknownFields(originals, fallback.wire.fieldDefinitions ?? undefined);
      await eachOf(originals, async (original) => {
        held.throwIfAborted();
        const to = await copy(original, caller);
        await notes.write(bookId, caller, ACTION, { from: original.id, to, fallback: fallback.id });
        idOf.set(original.id, to);
      });
    },
  };
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
      message: `This address book has no field that can take the attribute "${name}" of the contacts to be copied. Add it there, or choose another.`,
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
