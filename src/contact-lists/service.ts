/** Reading contact lists. */
import type { CallContext } from '../cxone/call-context.ts';
import { readWindow } from '../cxone/page-window.ts';
import type { ContactListClient } from './client.ts';
import type { ContactList } from './model.ts';

export interface ContactLists {
  /** Null where CXone knows no such list. */
  get(listId: string, call: CallContext): Promise<ContactList | null>;
  /** `first` lists from the place `offset` on, in CXone's order. */
  page(
    window: { offset: number; first: number },
    call: CallContext,
  ): Promise<{ items: ContactList[]; hasNextPage: boolean }>;
}

export function createContactLists({ client }: { client: ContactListClient }): ContactLists {
  return {
    get: (listId, call) => client.get(listId, call),
    page: (window, call) => readWindow((page, pageSize) => client.page(page, pageSize, call), window),
  };
}
