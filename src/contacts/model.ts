/** Contacts as CXone speaks of them (cxone-api.md, section 2) and as the gateway keeps them: whole, with what it does not know. */
import { z } from 'zod';

const wirePhone = z.looseObject({
  number: z.string(),
  type: z.string().nullish(),
  primary: z.boolean().nullish(),
});
const wireEmail = z.looseObject({
  address: z.string(),
  type: z.string().nullish(),
  primary: z.boolean().nullish(),
});

/** Not `z.record`, which makes the object anew key by key: of a page of contacts that is half of what checking it takes. */
const attributes = z.custom<Record<string, unknown>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'expected an object',
);

/** Loose at every level: a PUT replaces the whole object, so what the gateway does not know must be sent back as it came. */
export const wireContact = z.looseObject({
  id: z.string().min(1),
  firstName: z.string().nullish(),
  lastName: z.string().nullish(),
  phoneNumbers: z.array(wirePhone).nullish(),
  emailAddresses: z.array(wireEmail).nullish(),
  customAttributes: attributes.nullish(),
});

export type WirePhone = z.infer<typeof wirePhone>;
export type WireEmail = z.infer<typeof wireEmail>;
export type WireContact = z.infer<typeof wireContact>;

/** A contact as it was read, listed or written: what is shown, and the baseline a change starts from. */
export interface Contact {
  readonly bookId: string;
  readonly id: string;
  /** As CXone sent it. */
  readonly wire: WireContact;
  /** CXone's ETag as sent. Null: CXone gives none. Undefined: not known, because pages of a list bring none. */
  readonly etag: string | null | undefined;
}

export type PhoneNumber = { readonly number: string; readonly type: string; readonly primary: boolean };
export type EmailAddress = { readonly address: string; readonly type: string; readonly primary: boolean };

/** The attribute that ties a contact to the CRM it came from (section 2). */
export const EXTERNAL_REF = 'external_ref_id';

const DEFAULT_TYPE = 'work';

interface ContactEntry {
  readonly type?: string | null | undefined;
  readonly primary?: boolean | null | undefined;
}

type Complete<Entry> = Entry & { readonly type: string; readonly primary: boolean };

/**
 * Phones or addresses, none without a type or a mark: CXone takes those but misroutes them later (section 2).
 * What is there stays; a missing type becomes `work`; where none is marked primary, the first is.
 */
export function completeEntries<Entry extends ContactEntry>(
  entries: readonly Entry[] | null | undefined,
): Complete<Entry>[] {
  const list = entries ?? [];
  const marked = list.some((entry) => entry.primary);
  return list.map((entry, index) =>
    isComplete(entry)
      ? entry
      : { ...entry, type: entry.type || DEFAULT_TYPE, primary: entry.primary ?? (!marked && index === 0) },
  );
}

function isComplete<Entry extends ContactEntry>(entry: Entry): entry is Complete<Entry> {
  return Boolean(entry.type) && typeof entry.primary === 'boolean';
}

/** The CRM's reference; null where there is none. */
export function externalRefOf(contact: {
  customAttributes?: Readonly<Record<string, unknown>> | null | undefined;
}): string | null {
  const value = contact.customAttributes?.[EXTERNAL_REF];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : null;
}
