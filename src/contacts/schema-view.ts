/** What the schema shows of a contact. */
import { encodeGlobalId } from '../graphql/global-ids.ts';
import { type Contact, completeEntries, type EmailAddress, externalRefOf, type PhoneNumber } from './model.ts';

/** A contact as the schema shows it, by the names of its fields: these are read as they are, without a resolver for each. */
export interface ContactView {
  /** The global id. */
  readonly id: string;
  readonly cxoneId: string;
  readonly bookId: string;
  readonly firstName: string | null;
  readonly lastName: string | null;
  readonly phoneNumbers: PhoneNumber[];
  readonly emailAddresses: EmailAddress[];
  readonly customAttributes: Readonly<Record<string, unknown>>;
  readonly externalRefId: string | null;
  readonly etag: Contact['etag'];
}

export function viewOf({ bookId, id, wire, etag }: Contact): ContactView {
  return {
    id: encodeGlobalId('Contact', bookId, id),
    cxoneId: id,
    bookId,
    firstName: wire.firstName ?? null,
    lastName: wire.lastName ?? null,
    phoneNumbers: completeEntries(wire.phoneNumbers),
    emailAddresses: completeEntries(wire.emailAddresses),
    customAttributes: wire.customAttributes ?? {},
    externalRefId: externalRefOf(wire),
    etag,
  };
}
