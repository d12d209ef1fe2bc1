/** What makes two contacts of a book the same one: the CRM's reference, or else the person (contract.graphql, upsertContact). */
import { createHash } from 'node:crypto';
import type { Issue } from '../errors.ts';
import { type ContactFilter, matchesFilter } from './filter.ts';
import type { ContactPatch } from './merge.ts';
import { EXTERNAL_REF, externalRefOf, type WireContact } from './model.ts';

export interface PersonKey {
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
}

export type UpsertKey =
  | { readonly kind: 'externalRef'; readonly externalRefId: string }
  | ({ readonly kind: 'person' } & PersonKey);

/** How a caller names the contact that is meant: exactly one of the two. */
export interface ContactMatch {
  readonly externalRefId?: string | null | undefined;
  readonly person?: PersonKey | null | undefined;
}

/** The key that a contact has by itself: its external reference, else its primary address with both names. */
export function keyOf(
  contact: Pick<WireContact, 'firstName' | 'lastName' | 'customAttributes'> & {
    readonly emailAddresses?:
      | readonly { readonly address: string; readonly primary?: boolean | null | undefined }[]
      | null
      | undefined;
  },
): UpsertKey | undefined {
  const externalRefId = externalRefOf(contact);
  if (externalRefId) return { kind: 'externalRef', externalRefId };
  const { firstName, lastName } = contact;
  const email = contact.emailAddresses?.find((entry) => entry.primary)?.address;
  return email && firstName && lastName ? { kind: 'person', email, firstName, lastName } : undefined;
}

export interface KeyedContact {
  readonly key: UpsertKey;
  /** What a new contact gets: the patch, and of the match what the patch leaves out, so that it is found by it the next time. */
  readonly creation: ContactPatch;
}

/** The key that an upsert goes by, or what is wrong with it. A match that contradicts the contact would make a second one at the next call. */
export function chooseKey(
  patch: ContactPatch,
  match: ContactMatch | null | undefined,
): KeyedContact | { issues: Issue[] } {
  if (typeof match?.externalRefId === 'string') return byExternalRef(patch, match.externalRefId);
  if (match?.person) return byPerson(patch, match.person);
  const key = keyOf(patch);
  if (key) return { key, creation: patch };
  const message = `A match is required: the contact has neither ${EXTERNAL_REF} nor a primary email with first and last name.`;
  return { issues: [{ path: ['match'], code: 'REQUIRED', message }] };
}

function byExternalRef(patch: ContactPatch, externalRefId: string): KeyedContact | { issues: Issue[] } {
  const path = ['match', 'externalRefId'];
  if (externalRefId === '') return { issues: [required(path)] };
  const own = patch.customAttributes;
  if (own === null || (own && Object.hasOwn(own, EXTERNAL_REF) && String(own[EXTERNAL_REF]) !== externalRefId)) {
    return { issues: [contradiction(path)] };
  }
  const customAttributes = { ...own, [EXTERNAL_REF]: own?.[EXTERNAL_REF] ?? externalRefId };
  return { key: { kind: 'externalRef', externalRefId }, creation: { ...patch, customAttributes } };
}

function byPerson(patch: ContactPatch, person: PersonKey): KeyedContact | { issues: Issue[] } {
  const path = ['match', 'person'];
  const { email, firstName, lastName } = person;
  const missing = (['email', 'firstName', 'lastName'] as const).filter((field) => person[field] === '');
  if (missing.length > 0) return { issues: missing.map((field) => required([...path, field])) };
  const issues = (['firstName', 'lastName'] as const)
    .filter((field) => patch[field] !== undefined && patch[field] !== person[field])
    .map((field) => contradiction([...path, field]));
  const { emailAddresses = [{ address: email, type: 'work', primary: true }] } = patch;
  if (!emailAddresses?.some(({ address }) => address.toLowerCase() === email.toLowerCase())) {
    issues.push(contradiction([...path, 'email']));
  }
  if (issues.length > 0) return { issues };
  return { key: { kind: 'person', ...person }, creation: { ...patch, firstName, lastName, emailAddresses } };
}

function required(path: string[]): Issue {
  return { path, code: 'REQUIRED', message: 'This must not be empty.' };
}

function contradiction(path: string[]): Issue {
  return {
    path,
    code: 'MATCH_CONTRADICTS_CONTACT',
    message: 'The contact itself says otherwise. Make both the same, or leave one of them out.',
  };
}

/** The filter that finds the contacts of a key. */
export function keyFilter(key: UpsertKey): ContactFilter {
  if (key.kind === 'externalRef') return { externalRefId: key.externalRefId };
  return { email: key.email, firstName: key.firstName, lastName: key.lastName };
}

/** Whether a contact is the one that a key means. */
export function matchesKey(wire: WireContact, key: UpsertKey): boolean {
  return matchesFilter(wire, keyFilter(key));
}

/** A name for the key within all books: the same for equal keys, and telling nothing of the person. */
export function keyDigest(bookId: string, key: UpsertKey): string {
  const parts =
    key.kind === 'externalRef' ? [key.externalRefId] : [key.email.toLowerCase(), key.firstName, key.lastName];
  return createHash('sha256')
    .update(JSON.stringify([bookId, key.kind, ...parts]))
    .digest('hex');
}
