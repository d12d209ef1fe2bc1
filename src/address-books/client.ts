/** The endpoints of address books and of the groups that refer to their contacts (cxone-api.md, section 2). */
import { z } from 'zod';
import type { CallContext } from '../cxone/call-context.ts';
import type { CxoneAnswer, CxoneClient } from '../cxone/client.ts';
import { ADDRESS_BOOK_MAX_IN_FLIGHT } from '../cxone/limits.ts';
import type { Page } from '../cxone/pages.ts';
import { UpstreamError } from '../errors.ts';
import {
  type AddressBook,
  type Group,
  type NewBook,
  toAddressBook,
  type WireAddressBook,
  wireAddressBook,
  wireGroup,
} from './model.ts';

const BOOKS = ['api', 'v2', 'addressbooks'] as const;

export function addressBookPath(bookId: string): string[] {
  return [...BOOKS, bookId];
}

/** What every call about one book has in common: its group, and the places in flight that CXone gives a book. */
export function inBook(bookId: string) {
  return {
    group: 'addressBooks',
    inFlight: { key: `addressBook:${bookId}`, max: ADDRESS_BOOK_MAX_IN_FLIGHT },
  } as const;
}

type Head = Pick<CxoneAnswer<unknown>, 'upstreamRequestId' | 'latencyMs'>;

/** The answer to a write. `book` is missing where the answer did not show the one that was meant: read it back. */
export interface WrittenBook extends Head {
  readonly book: AddressBook | undefined;
}

export interface AddressBookClient {
  /** Null where there is no such book. @throws UpstreamError badResponse where CXone answers with another book */
  get(bookId: string, call: CallContext): Promise<AddressBook | null>;
  page(query: { page: number; pageSize: number }, call: CallContext): Promise<Page<AddressBook>>;
  /** All books, page after page. */
  all(call: CallContext): AsyncIterable<{ entities: AddressBook[] }>;
  create(body: NewBook, call: CallContext): Promise<WrittenBook | 'nameTaken'>;
  /** Replaces the whole book. */
  replace(bookId: string, body: WireAddressBook, call: CallContext): Promise<WrittenBook | 'nameTaken' | 'gone'>;
  remove(bookId: string, call: CallContext): Promise<Head | 'gone'>;
  /** All groups that refer to contacts of the book. */
  groups(bookId: string, call: CallContext): Promise<Group[]>;
  /** Makes a group refer to `to` instead of `from`. Null where there is no such group. */
  reassign(groupId: string, moves: readonly Move[], call: CallContext): Promise<Head | null>;
}

/** Ids of contacts. */
export interface Move {
  readonly from: string;
  readonly to: string;
}

export function createAddressBookClient({ cxone }: { cxone: CxoneClient }): AddressBookClient {
  return {
    async get(bookId, call) {
      const answer = await cxone.send(
        { ...inBook(bookId), method: 'GET', path: addressBookPath(bookId), answer: wireAddressBook, accept: [404] },
        call,
      );
      if (answer.status === 404) return null;
      if (answer.body.id === bookId) return toAddressBook(answer.body);
      throw new UpstreamError('CXone answered with another address book than the one asked for.', {
        fault: 'badResponse',
        upstreamRequestId: answer.upstreamRequestId,
      });
    },

    async page({ page, pageSize }, call) {
      const { entities, ...rest } = await cxone.page(
        { group: 'addressBooks', path: BOOKS, entity: wireAddressBook, page, pageSize },
        call,
      );
      return { entities: entities.map(toAddressBook), ...rest };
    },

    async *all(call) {
      for await (const { entities } of cxone.pages(
        { group: 'addressBooks', path: BOOKS, entity: wireAddressBook },
        call,
      )) {
        yield { entities: entities.map(toAddressBook) };
      }
    },

    async create(body, call) {
      const answer = await cxone.send(
        { group: 'addressBooks', method: 'POST', path: BOOKS, body, answer: z.unknown(), accept: [409] },
        call,
      );
      return answer.status === 409 ? 'nameTaken' : written(answer);
    },

    async replace(bookId, body, call) {
      const answer = await cxone.send(
        {
          ...inBook(bookId),
          method: 'PUT',
          path: addressBookPath(bookId),
          body,
          answer: z.unknown(),
          accept: [404, 409],
        },
        call,
      );
      if (answer.status === 404) return 'gone';
      if (answer.status === 409) return 'nameTaken';
      const { book, ...head } = written(answer);
      return { ...head, book: book?.id === bookId ? book : undefined };
    },

    async remove(bookId, call) {
      const { status, upstreamRequestId, latencyMs } = await cxone.send(
        { ...inBook(bookId), method: 'DELETE', path: addressBookPath(bookId), answer: z.unknown(), accept: [404] },
        call,
      );
      return status === 404 ? 'gone' : { upstreamRequestId, latencyMs };
    },

    async groups(bookId, call) {
      const path = [...addressBookPath(bookId), 'groups'];
      const groups: Group[] = [];
      for await (const { entities } of cxone.pages({ ...inBook(bookId), path, entity: wireGroup }, call)) {
        groups.push(...entities);
      }
      return groups;
    },

    async reassign(groupId, moves, call) {
      const { status, upstreamRequestId, latencyMs } = await cxone.send(
        {
          group: 'addressBooks',
          method: 'POST',
          path: ['api', 'v2', 'groups', groupId, 'reassignments'],
          body: { moves },
          answer: z.unknown(),
          accept: [404],
        },
        call,
      );
      return status === 404 ? null : { upstreamRequestId, latencyMs };
    },
  };
}

/** A write has happened whatever its answer looks like: one that cannot be read must not hide that. */
function written(answer: Omit<CxoneAnswer<unknown>, 'status'>): WrittenBook {
  const { body, upstreamRequestId, latencyMs } = answer;
  const wire = wireAddressBook.safeParse(body).data;
  return { book: wire && toAddressBook(wire), upstreamRequestId, latencyMs };
}
