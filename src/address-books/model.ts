/** Address books as CXone speaks of them (cxone-api.md, section 2) and as the gateway does, with the rules that need no call. */
import { z } from 'zod';
import type { Issue } from '../errors.ts';
import { textFault } from '../plain-text.ts';

const fieldType = z.enum(['string', 'integer', 'decimal', 'boolean', 'date']);
export type FieldType = z.infer<typeof fieldType>;

export interface FieldDefinition {
  readonly name: string;
  readonly type: FieldType;
}

/** Loose: a PUT replaces the whole object, so what the gateway does not know must be sent back as it came. */
export const wireAddressBook = z.looseObject({
  id: z.string().min(1),
  name: z.string(),
  description: z.string().nullish(),
  source: z.string().nullish(),
  tags: z.array(z.string()).nullish(),
  fieldDefinitions: z.array(z.looseObject({ name: z.string(), type: fieldType })).nullish(),
});
export type WireAddressBook = z.infer<typeof wireAddressBook>;

/** The body of a POST. */
export type NewBook = Pick<WireAddressBook, 'name' | 'description' | 'source' | 'tags'>;

export const wireGroup = z.object({
  id: z.string().min(1),
  name: z.string(),
  kind: z.enum(['campaign', 'routing']),
  contactIds: z.array(z.string()),
});

/** A group that refers to contacts of a book. */
export type Group = z.infer<typeof wireGroup>;

/** Archiving is this suffix of the name (section 2). */
const ARCHIVED_SUFFIX = '_archived';

export interface AddressBook {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly source: string | null;
  readonly tags: readonly string[];
  readonly archived: boolean;
  readonly fieldDefinitions: readonly FieldDefinition[];
  /** As CXone sent it: what a PUT starts from. */
  readonly wire: WireAddressBook;
}

export function toAddressBook(wire: WireAddressBook): AddressBook {
  return {
    id: wire.id,
    name: wire.name,
    description: wire.description ?? null,
    source: wire.source ?? null,
    tags: wire.tags ?? [],
    archived: isArchivedName(wire.name),
    fieldDefinitions: wire.fieldDefinitions ?? [],
    wire,
  };
}

export function isArchivedName(name: string): boolean {
  return name.endsWith(ARCHIVED_SUFFIX);
}

/** The name a book has once it is archived; an archived book's name stays. */
export function archivedName(name: string): string {
  return isArchivedName(name) ? name : `${name}${ARCHIVED_SUFFIX}`;
}

/** What a caller may say of a book. Absent: kept as it is. Null: cleared. */
export interface AddressBookPatch {
  readonly name?: string | null | undefined;
  readonly description?: string | null | undefined;
  readonly source?: string | null | undefined;
  readonly tags?: readonly string[] | null | undefined;
}

const PATCHED_FIELDS = ['name', 'description', 'source', 'tags'] as const;

/** The whole object a PUT sends: the patch on the book as CXone has it. What is cleared is left out, which wipes it. */
export function patchAddressBook(wire: WireAddressBook, patch: AddressBookPatch): WireAddressBook {
  const patched: WireAddressBook = { ...wire };
  if (typeof patch.name === 'string') patched.name = patch.name;
  for (const field of ['description', 'source'] as const) {
    const value = patch[field];
    if (typeof value === 'string') patched[field] = value;
    else if (value === null) delete patched[field];
  }
  if (patch.tags) patched.tags = [...patch.tags];
  else if (patch.tags === null) delete patched.tags;
  return patched;
}

/** The names of the fields that differ, for the audit and to tell whether there is anything to send. Absent and null are one. */
export function changedBookFields(before: WireAddressBook, after: WireAddressBook): string[] {
  return PATCHED_FIELDS.filter((field) => {
    const [a, b] = [before[field] ?? null, after[field] ?? null];
    return field === 'tags' ? JSON.stringify(a ?? []) !== JSON.stringify(b ?? []) : a !== b;
  });
}

/** Every fault of what a caller says of a book; `path` is where it stands in the mutation's input. */
export function addressBookIssues(patch: AddressBookPatch, path: readonly string[] = []): Issue[] {
  const issues: Issue[] = [];
  const checkText = (text: string, at: string[]) => {
    const fault = textFault(text);
    if (fault) issues.push({ path: [...path, ...at], code: 'BAD_TEXT', message: `This contains ${fault}. Remove it.` });
  };
  if (patch.name === null || (patch.name !== undefined && patch.name.trim() === '')) {
    issues.push({ path: [...path, 'name'], code: 'REQUIRED', message: 'An address book needs a name.' });
  }
  for (const field of ['name', 'description', 'source'] as const) {
    const text = patch[field];
    if (typeof text === 'string') checkText(text, [field]);
  }
  for (const [index, tag] of (patch.tags ?? []).entries()) checkText(tag, ['tags', String(index)]);
  return issues;
}
