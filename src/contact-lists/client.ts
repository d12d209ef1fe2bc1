/** The endpoints of contact lists: reading them (cxone-api.md, section 4), their attributes (section 5), and outbound contacts. */
import { z } from 'zod';
import type { CallContext } from '../cxone/call-context.ts';
import type { CxoneAnswer, CxoneClient } from '../cxone/client.ts';
import { wireCode } from '../cxone/error-body.ts';
import type { Page } from '../cxone/pages.ts';
import { UpstreamError } from '../errors.ts';
import { type AttributeDefinition, type ContactList, toContactList, wireContactList, wireListSchema } from './model.ts';

const wireOutboundAnswer = z.object({
  accepted: z.number().nullish(),
  rejected: z.array(z.object({ index: z.number(), code: wireCode.nullish(), message: z.string().nullish() })).nullish(),
});

export type WireOutboundAnswer = z.infer<typeof wireOutboundAnswer>;

export interface ContactListClient {
  /** Null where CXone knows no such list. */
  get(listId: string, call: CallContext): Promise<ContactList | null>;
  page(page: number, pageSize: number, call: CallContext): Promise<Page<ContactList>>;
  attributes(listId: string, call: CallContext): Promise<AttributeDefinition[]>;
  /** `json` is the body as it is sent: a bare array. Not repeatable: CXone takes the same contact twice. */
  addOutbound(listId: string, json: string, call: CallContext): Promise<CxoneAnswer<WireOutboundAnswer>>;
}

const LISTS = ['api', 'v2', 'outbound', 'contactlists'] as const;

export function createContactListClient(cxone: CxoneClient): ContactListClient {
  return {
    async get(listId, call) {
      const answer = await cxone.send(
        {
          group: 'outbound',
          method: 'GET',
          path: [...LISTS, listId],
          answer: wireContactList,
          accept: [404],
        },
        call,
      );
      if (answer.status === 404) return null;
      return checkIdentity(toContactList(answer.body), listId, answer.upstreamRequestId);
    },

    async page(page, pageSize, call) {
      const { entities, ...rest } = await cxone.page(
        { group: 'outbound', path: LISTS, entity: wireContactList, page, pageSize },
        call,
      );
      return { entities: entities.map(toContactList), ...rest };
    },

    async attributes(listId, call) {
      const { body } = await cxone.send(
        {
          group: 'enrichment',
          method: 'GET',
          path: ['api', 'v2', 'contacts', 'lists', listId, 'schema'],
          answer: wireListSchema,
        },
        call,
      );
      return body.attributes;
    },

    addOutbound: (listId, json, call) =>
      cxone.send(
        {
          group: 'outbound',
          method: 'POST',
          path: [...LISTS, listId, 'contacts'],
          body: { json },
          chunked: true,
          answer: wireOutboundAnswer,
        },
        call,
      ),
  };
}

/** An answer about another list must never be shown, counted or cached as this one. */
function checkIdentity(list: ContactList, asked: string, upstreamRequestId: string | undefined): ContactList {
  if (list.id === asked) return list;
  throw new UpstreamError('CXone answered with another contact list than the one asked for. Try again in a moment.', {
    fault: 'badResponse',
    upstreamRequestId,
  });
}
