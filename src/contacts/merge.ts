/** Puts patches onto a contact: pure, so that the promise "what a patch does not name is unchanged" can be tested for all inputs. */
import {
  completeEntries,
  type EmailAddress,
  type PhoneNumber,
  type WireContact,
  type WireEmail,
  type WirePhone,
} from './model.ts';

/** Absent: kept. Null: cleared. Lists are replaced; customAttributes are merged key by key, where null removes the key. */
export interface ContactPatch {
  readonly firstName?: string | null | undefined;
  readonly lastName?: string | null | undefined;
  readonly phoneNumbers?: readonly PhoneNumber[] | null | undefined;
  readonly emailAddresses?: readonly EmailAddress[] | null | undefined;
  readonly customAttributes?: Readonly<Record<string, unknown>> | null | undefined;
}

const NAMES = ['firstName', 'lastName'] as const;

/** The contact with the patch on it; applying it twice is applying it once. Neither argument is changed. */
export function applyPatch(wire: WireContact, patch: ContactPatch): WireContact {
  const patched: WireContact = { ...wire };
  for (const name of NAMES) {
    const value = patch[name];
    if (typeof value === 'string') patched[name] = value;
    else if (value === null) delete patched[name];
  }
  if (patch.phoneNumbers !== undefined) {
    patched.phoneNumbers = replaceList<WirePhone>(wire.phoneNumbers, patch.phoneNumbers, numberOf);
  }
  if (patch.emailAddresses !== undefined) {
    patched.emailAddresses = replaceList<WireEmail>(wire.emailAddresses, patch.emailAddresses, addressOf);
  }
  if (patch.customAttributes === null) patched.customAttributes = {};
  else if (patch.customAttributes !== undefined) {
    patched.customAttributes = mergeAttributes(wire.customAttributes, patch.customAttributes);
  }
  return patched;
}

const numberOf = (phone: { readonly number: string }) => phone.number;
const addressOf = (email: { readonly address: string }) => email.address;

type Entry = { readonly type?: string | null | undefined; readonly primary?: boolean | null | undefined };

/** An entry that was there already, alike in all that we know, stays with what CXone has added to it. */
function replaceList<T extends Entry>(
  before: readonly T[] | null | undefined,
  given: readonly T[] | null,
  keyOf: (entry: T) => string,
): T[] {
  return (given ?? []).map((entry) => before?.find((old) => sameEntry(old, entry, keyOf)) ?? entry);
}

function sameEntry<T extends Entry>(a: T, b: T, keyOf: (entry: T) => string): boolean {
  return keyOf(a) === keyOf(b) && a.type === b.type && a.primary === b.primary;
}

function mergeAttributes(before: Record<string, unknown> | null | undefined, patch: Readonly<Record<string, unknown>>) {
  const merged = new Map(Object.entries(before ?? {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else if (value !== undefined) merged.set(name, value);
  }
  // fromEntries defines own properties whatever they are called: no key reaches a prototype.
  return Object.fromEntries(merged);
}

/**
 * The names of what differs between two states of a contact: `firstName`, `phoneNumbers`, `customAttributes.tier`.
 * Empty: there is nothing to send. Absent, null and the empty list are one and the same.
 */
export function changedAttributes(before: WireContact, after: WireContact): string[] {
  const changed: string[] = NAMES.filter((name) => (before[name] ?? null) !== (after[name] ?? null));
  if (!sameList(before.phoneNumbers, after.phoneNumbers, numberOf)) changed.push('phoneNumbers');
  if (!sameList(before.emailAddresses, after.emailAddresses, addressOf)) changed.push('emailAddresses');
  const [a, b] = [before.customAttributes ?? {}, after.customAttributes ?? {}];
  for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
    if (!sameValue(a, b, name)) changed.push(`customAttributes.${name}`);
  }
  return changed;
}

function sameList<T extends Entry>(
  before: readonly T[] | null | undefined,
  after: readonly T[] | null | undefined,
  keyOf: (entry: T) => string,
): boolean {
  const [a, b] = [before ?? [], after ?? []];
  return (
    a.length === b.length &&
    a.every((entry, index) => {
      const other = b[index];
      return other !== undefined && sameEntry(entry, other, keyOf);
    })
  );
}

/** Patches hold scalars only; a value of any other kind can only be the baseline's own, carried along by reference. */
function sameValue(a: Record<string, unknown>, b: Record<string, unknown>, name: string): boolean {
  const own = (attributes: Record<string, unknown>) => (Object.hasOwn(attributes, name) ? attributes[name] : null);
  return (own(a) ?? null) === (own(b) ?? null);
}

/** The body of a PUT: the whole object, with every phone and address complete. */
export function toPutBody(wire: WireContact): WireContact {
  return {
    ...wire,
    ...(wire.phoneNumbers ? { phoneNumbers: completeEntries(wire.phoneNumbers) } : {}),
    ...(wire.emailAddresses ? { emailAddresses: completeEntries(wire.emailAddresses) } : {}),
  };
}
