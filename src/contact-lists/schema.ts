/** ContactList and the queries for it. Attributes and imports are added by the slices that have them. */
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
import { loadOnce } from '../graphql/load-once.ts';
import type { ExtendedSchemaTypes } from '../graphql/schema-types.ts';
import type { ContactList } from './model.ts';

export type ContactListRef = PothosSchemaTypes.ObjectRef<ExtendedSchemaTypes, ContactList>;

/** A list by its raw id; asked for once in an operation, however often it is named. */
export function loadContactList(listId: string, context: GraphQLContext): Promise<ContactList | null> {
  const { services, call } = context;
  return loadOnce(context, ['contactList', listId], () => services.contactLists.get(listId, call));
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
        const { items, hasNextPage } = await loadOnce(context, ['contactLists', offset, first], () =>
          context.services.contactLists.page({ offset, first }, context.call),
        );
        const neighbours = { hasNextPage, hasPreviousPage: offset > 0 };
        return toConnection(items, cursors, (_list, index) => offset + index, neighbours);
      },
    }),
  }));
  return ref;
}
