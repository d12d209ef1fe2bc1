/** ContactList and the queries for it. Attributes and imports are added by the slices that have them. */
import DataLoader from 'dataloader';
import { z } from 'zod';
import type { Builder } from '../graphql/builder.ts';
import {
  addConnection,
  connectionArgs,
  connectionCost,
  readPageRequest,
  toConnection,
} from '../graphql/connections.ts';
import type { GraphQLContext } from '../graphql/context.ts';
import { createCursorCodec } from '../graphql/cursors.ts';
import { decodeGlobalId, encodeGlobalId } from '../graphql/global-ids.ts';
import type { ExtendedSchemaTypes } from '../graphql/schema-types.ts';
import type { ContactList } from './model.ts';

export type ContactListRef = PothosSchemaTypes.ObjectRef<ExtendedSchemaTypes, ContactList>;

/** A list by its raw id; asked for once in an operation, however often it is named. */
export function loadContactList(listId: string, context: GraphQLContext): Promise<ContactList | null> {
  const loader = context.loaders.loader('contactLists.get', () => {
    const get = (id: string) => context.services.contactLists.get(id, context.call);
    return new DataLoader((ids: readonly string[]) => settleAll(ids.map(get)));
  });
  return loader.load(listId);
}

/** One key's failure is that key's alone. */
async function settleAll<T>(results: readonly Promise<T>[]): Promise<(T | Error)[]> {
  const settled = await Promise.allSettled(results);
  return settled.map((result) =>
    result.status === 'fulfilled' ? result.value : result.reason instanceof Error ? result.reason : new Error('failed'),
  );
}

export function addContactListTypes(builder: Builder): ContactListRef {
  const ref = builder.objectRef<ContactList>('ContactList').implement({
    description: 'A contact list of CXone: outbound contacts, consent records and their attributes.',
    interfaces: [builder.nodeInterface],
    fields: (t) => ({
      id: t.id({ description: 'The global id.', resolve: (list) => encodeGlobalId('ContactList', list.id) }),
      cxoneId: t.exposeString('id', { description: 'CXone’s own id.' }),
      name: t.exposeString('name', { nullable: true, description: 'Its name, where it has one.' }),
      totalContactCount: t.exposeInt('totalContactCount', {
        nullable: true,
        description: 'How many contacts it holds, as CXone counts them; null where CXone does not say.',
      }),
    }),
  });
  builder.nodes.register(ref, {
    partCount: 1,
    resolve: ([id], context) => loadContactList(id, context),
    placeholder: ([id]) => ({ id, name: null, totalContactCount: null }),
  });

  const cursors = createCursorCodec('contactLists', z.int().nonnegative());
  const connection = addConnection(builder, ref, 'contact lists');
  builder.queryFields((t) => ({
    contactList: t.field({
      type: ref,
      nullable: true,
      description: 'The contact list with this id, null where there is none.',
      args: { id: t.arg.id({ required: true, description: 'The global id of a contact list.' }) },
      resolve: (_root, { id }, context) => loadContactList(decodeGlobalId(id, 'ContactList'), context),
    }),
    contactLists: t.field({
      type: connection,
      description: 'All contact lists, in CXone’s order.',
      args: connectionArgs(t.arg),
      complexity: connectionCost,
      resolve: async (_root, args, context) => {
        const { first, after } = readPageRequest(args, cursors);
        const offset = after === undefined ? 0 : after + 1;
        const { items, hasNextPage } = await context.services.contactLists.page({ offset, first }, context.call);
        const neighbours = { hasNextPage, hasPreviousPage: offset > 0 };
        return toConnection(items, cursors, (_list, index) => offset + index, neighbours);
      },
    }),
  }));
  return ref;
}
