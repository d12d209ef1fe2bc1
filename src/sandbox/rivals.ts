/** Somebody else who changes contacts behind the client's back: what ETags are for. */
import { replaceContact, requireContact, wireContact } from './contacts.ts';
import type { Database } from './database.ts';
import { isObject, type JsonObject } from './formats.ts';

export interface RivalPlan {
  /** The rival is there before every k-th PUT of a contact. */
  every: number;
  /** Ends after this many writes; without it, never. */
  times?: number | undefined;
  /** What the rival changes; `customAttributes` are merged key by key. Empty: only the ETag changes. */
  patch: JsonObject;
}

export interface Rivals {
  /** Changes a contact now. @returns the contact @throws Refusal 404 */
  write(bookId: string, contactId: string, patch: JsonObject): JsonObject;
  /** Null ends it. */
  plan(plan: RivalPlan | null): void;
  beforePut(bookId: string, contactId: string): void;
}

/** Nothing is planned at first. Both ways of writing expect to run inside of a transaction. */
export function createRivals({ db }: { db: Database }): Rivals {
  let current: RivalPlan | null = null;
  let puts = 0;
  let writes = 0;
  const write = (bookId: string, contactId: string, patch: JsonObject) => {
    const before = wireContact(requireContact(db, bookId, contactId));
    const customAttributes = { ...record(before.customAttributes), ...record(patch.customAttributes) };
    return wireContact(replaceContact(db, bookId, contactId, { ...before, ...patch, customAttributes }));
  };
  return {
    write,
    plan: (plan) => {
      current = plan;
      puts = 0;
      writes = 0;
    },
    beforePut: (bookId, contactId) => {
      if (!current || writes >= (current.times ?? Number.POSITIVE_INFINITY)) return;
      puts += 1;
      if (puts % current.every !== 0) return;
      writes += 1;
      write(bookId, contactId, current.patch);
    },
  };
}

function record(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}
