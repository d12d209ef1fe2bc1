/** The endpoints of the contacts of an address book (cxone-api.md, section 2), one call each, with what they answer. */
import { z } from 'zod';
import { addressBookPath, inBook } from '../address-books/client.ts';
import type { CallContext } from '../cxone/call-context.ts';
import type { CxoneAnswer, CxoneClient } from '../cxone/client.ts';
import type { Page } from '../cxone/pages.ts';
import { UpstreamError } from '../errors.ts';
import { type Contact, type WireContact, wireContact } from './model.ts';

/** The answer to a write. `contact` is missing where the answer did not show the one that was meant: read it back. */
export interface Written extends Pick<CxoneAnswer<unknown>, 'upstreamRequestId' | 'latencyMs'> {
  readonly contact: Contact | undefined;
}

export type ContactPage = Page<Contact>;

/**
 * How `If-Match` names an ETag. `strong`: one quoted, strong ETag, as section 2 has it, because a weak one never matches
 * there (RFC 9110, 13.1.1). `asSent`: letter for letter, as those compare it who have not read that.
 */
export type TagForm = 'strong' | 'asSent';

/** The body of a POST. */
export type NewContact = Omit<WireContact, 'id'>;

export interface ContactClient {
  /** Null where there is no such contact. @throws UpstreamError badResponse where CXone answers with another contact */
  get(bookId: string, contactId: string, call: CallContext): Promise<Contact | null>;
  /** `filter` is an expression. A 404 is an empty page: with a filter it says that nothing matches (section 2). */
  page(
    bookId: string,
    query: { page: number; pageSize: number; filter?: string | undefined },
    call: CallContext,
  ): Promise<ContactPage>;
  /** Null where there is no such book. Not repeatable: CXone takes the same contact twice. */
  create(bookId: string, body: NewContact, call: CallContext): Promise<Written | null>;
  /**
   * Replaces the whole contact, on condition that it is still the baseline where that has an ETag; `stale` says that it
   * is not. Not repeated without an answer: reading the contact tells what became of it, and whether to send it again.
   */
  replace(
    baseline: Contact,
    body: WireContact,
    call: CallContext,
    tagForm: TagForm,
  ): Promise<Written | 'stale' | 'gone'>;
  remove(bookId: string, contactId: string, call: CallContext): Promise<Omit<Written, 'contact'> | 'gone'>;
}

export function createContactClient({ cxone }: { cxone: CxoneClient }): ContactClient {
  const contactsPath = (bookId: string) => [...addressBookPath(bookId), 'contacts'];
  const contactPath = (bookId: string, contactId: string) => [...addressBookPath(bookId), 'contacts', contactId];

  return {
    async get(bookId, contactId, call) {
      const answer = await cxone.send(
        { ...inBook(bookId), method: 'GET', path: contactPath(bookId, contactId), answer: wireContact, accept: [404] },
        call,
      );
      if (answer.status === 404) return null;
      const { body, etag, upstreamRequestId } = answer;
      if (body.id === contactId) return { bookId, id: contactId, wire: body, etag: etag ?? null };
      throw new UpstreamError('CXone answered with another contact than the one asked for. Try again in a moment.', {
        fault: 'badResponse',
        upstreamRequestId,
      });
    },

    async page(bookId, { page, pageSize, filter }, call) {
      const { entities, ...rest } = await cxone.page(
        {
          ...inBook(bookId),
          path: contactsPath(bookId),
          entity: wireContact,
          page,
          pageSize,
          query: { filter },
          emptyOn404: true,
        },
        call,
      );
      return { entities: entities.map((wire) => ({ bookId, id: wire.id, wire, etag: undefined })), ...rest };
    },

    async create(bookId, body, call) {
      const answer = await cxone.send(
        { ...inBook(bookId), method: 'POST', path: contactsPath(bookId), body, answer: z.unknown(), accept: [404] },
        call,
      );
      return answer.status === 404 ? null : written(bookId, answer);
    },

    async replace({ bookId, id, etag }, body, call, tagForm) {
      const answer = await cxone.send(
        {
          ...inBook(bookId),
          ...(typeof etag === 'string' && {
            headers: { 'if-match': tagForm === 'asSent' ? etag : `"${opaqueTag(etag)}"` },
          }),
          method: 'PUT',
          path: contactPath(bookId, id),
          body,
          answer: z.unknown(),
          accept: [404, 412],
        },
        call,
      );
      if (answer.status === 404) return 'gone';
      if (answer.status === 412) return 'stale';
      const { contact, ...head } = written(bookId, answer);
      return { ...head, contact: contact?.id === id ? contact : undefined };
    },

    async remove(bookId, contactId, call) {
      const { status, upstreamRequestId, latencyMs } = await cxone.send(
        {
          ...inBook(bookId),
          method: 'DELETE',
          path: contactPath(bookId, contactId),
          answer: z.unknown(),
          accept: [404],
        },
        call,
      );
      return status === 404 ? 'gone' : { upstreamRequestId, latencyMs };
    },
  };
}

/** A write has happened whatever its answer looks like: one that cannot be read must not hide that. */
function written(bookId: string, answer: Omit<CxoneAnswer<unknown>, 'status'>): Written {
  const { body, etag, upstreamRequestId, latencyMs } = answer;
  const wire = wireContact.safeParse(body).data;
  return { contact: wire && { bookId, id: wire.id, wire, etag }, upstreamRequestId, latencyMs };
}

/** What stands between the quotes: two ETags that name one state are equal in it. */
export function opaqueTag(etag: string): string {
  return etag.replace(/^W\//, '').replace(/^"(.*)"$/, '$1');
}
