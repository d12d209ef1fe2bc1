/** AddressBook: its type, queries and mutations. What it has to do with contacts is added by their slice. */
import { z } from 'zod';
import { NotFoundError } from '../errors.ts';
import type { Builder } from '../graphql/builder.ts';
import {
  addConnection,
  connectionArgs,
  connectionCost,
  readPageRequest,
  toConnection,
} from '../graphql/connections.ts';
import { callerOf, type GraphQLContext } from '../graphql/context.ts';
import { createCursorCodec } from '../graphql/cursors.ts';
import { UPSTREAM_MUTATION_ERRORS } from '../graphql/error-types.ts';
import { decodeGlobalId, encodeGlobalId } from '../graphql/global-ids.ts';
import { loadOnce } from '../graphql/load-once.ts';
import { addMutation } from '../graphql/mutation-field.ts';
import type { ExtendedSchemaTypes } from '../graphql/schema-types.ts';
import { type AddressBook, type FieldDefinition, toAddressBook } from './model.ts';

export type AddressBookRef = PothosSchemaTypes.ObjectRef<ExtendedSchemaTypes, AddressBook>;
export type FieldDefinitionRef = PothosSchemaTypes.ObjectRef<ExtendedSchemaTypes, FieldDefinition>;

/** A book by CXone's id; asked for once in an operation, however often it is named. */
export function loadAddressBook(bookId: string, context: GraphQLContext): Promise<AddressBook | null> {
  const { services, call } = context;
  return loadOnce(context, ['addressBook', bookId], () => services.addressBooks.get(bookId, call));
}

/** The same, where it has to be there. @throws NotFoundError */
export async function requireAddressBook(bookId: string, context: GraphQLContext): Promise<AddressBook> {
  const book = await loadAddressBook(bookId, context);
  if (book) return book;
  throw new NotFoundError('There is no such address book. Check its id.', encodeGlobalId('AddressBook', bookId));
}

/** Adds AddressBook and FieldDefinition, which other slices use, with the queries and mutations for books. */
export function addAddressBookTypes(builder: Builder): {
  addressBook: AddressBookRef;
  fieldDefinition: FieldDefinitionRef;
} {
  const fieldDefinition = addFieldDefinition(builder);
  const addressBook = addAddressBook(builder, fieldDefinition);
  addQueries(builder, addressBook);
  addMutations(builder, addressBook);
  return { addressBook, fieldDefinition };
}

function addFieldDefinition(builder: Builder): FieldDefinitionRef {
  const fieldType = builder.enumType('FieldType', {
    description: 'What values a field takes.',
    values: {
      STRING: { value: 'string', description: 'Text.' },
      INTEGER: { value: 'integer', description: 'Whole numbers.' },
      DECIMAL: { value: 'decimal', description: 'Numbers.' },
      BOOLEAN: { value: 'boolean', description: 'true or false.' },
      DATE: { value: 'date', description: 'Days, as 2026-11-21.' },
    } as const,
  });
  return builder.objectRef<FieldDefinition>('FieldDefinition').implement({
    description: 'A field that contacts may have besides those that all of them have.',
    fields: (t) => ({
      name: t.exposeString('name', { description: 'Its name: the key in the attributes, exactly so.' }),
      type: t.expose('type', { type: fieldType, description: 'What values it takes.' }),
    }),
  });
}

function addAddressBook(builder: Builder, fieldDefinition: FieldDefinitionRef): AddressBookRef {
  const ref = builder.objectRef<AddressBook>('AddressBook').implement({
    description: 'An address book: contacts, and the fields they may have.',
    interfaces: [builder.nodeInterface],
    fields: (t) => ({
      id: t.id({ description: 'The global id.', resolve: (book) => encodeGlobalId('AddressBook', book.id) }),
      cxoneId: t.exposeString('id', { description: 'CXone’s own id.' }),
      name: t.exposeString('name', { description: 'Its name, which no other book has.' }),
      description: t.exposeString('description', { nullable: true, description: 'What it is for.' }),
      source: t.exposeString('source', { nullable: true, description: 'Where its contacts come from.' }),
      tags: t.stringList({ description: 'Its tags.', resolve: (book) => [...book.tags] }),
      archived: t.exposeBoolean('archived', {
        description: 'Whether it is archived: its name ends in _archived, and lists and routing leave it out.',
      }),
      fieldDefinitions: t.field({
        type: [fieldDefinition],
        description: 'The custom attributes that its contacts may have.',
        resolve: (book) => book.fieldDefinitions,
      }),
    }),
  });
  builder.nodes.register(ref, {
    partCount: 1,
    resolve: ([id], context) => loadAddressBook(id, context),
    placeholder: ([id]) => toAddressBook({ id, name: '' }),
  });
  return ref;
}

function addQueries(builder: Builder, addressBook: AddressBookRef): void {
  const cursors = createCursorCodec('addressBooks', z.int().nonnegative());
  const connection = addConnection(builder, addressBook, 'address books');
  builder.queryFields((t) => ({
    addressBook: t.field({
      type: addressBook,
      nullable: true,
      description: 'The address book with this id, null where there is none.',
      args: { id: t.arg.id({ required: true, description: 'The global id of an address book.' }) },
      resolve: (_root, { id }, context) => loadAddressBook(decodeGlobalId(id, 'AddressBook'), context),
    }),
    addressBooks: t.field({
      type: connection,
      description: 'All address books, in CXone’s order.',
      args: {
        ...connectionArgs(t.arg),
        includeArchived: t.arg.boolean({
          defaultValue: false,
          description: 'Whether to leave archived ones in, as far as CXone lists them.',
        }),
      },
      complexity: connectionCost,
      resolve: async (_root, args, context) => {
        const { first, after } = readPageRequest(args, cursors);
        const offset = after === undefined ? 0 : after + 1;
        const window = { offset, first, includeArchived: args.includeArchived ?? false };
        const { items, offsets, hasNextPage } = await loadOnce(context, ['addressBooks', window], () =>
          context.services.addressBooks.list(window, context.call),
        );
        const neighbours = { hasNextPage, hasPreviousPage: offset > 0 };
        return toConnection(items, cursors, (_book, index) => offsets[index] ?? offset, neighbours);
      },
    }),
  }));
}

const KEY_DESCRIPTION = 'The first result with this key is kept for 24 h and given again.';

function addMutations(builder: Builder, addressBook: AddressBookRef): void {
  const payload = (name: string, description: string) =>
    builder.objectRef<{ addressBook: AddressBook }>(name).implement({
      description,
      fields: (t) => ({
        addressBook: t.expose('addressBook', { type: addressBook, description: 'The address book as it is now.' }),
      }),
    });

  const createInput = builder.inputType('CreateAddressBookInput', {
    description: 'A new address book.',
    fields: (t) => ({
      name: t.string({ required: true, description: 'Its name, which no other book may have.' }),
      description: t.string({ description: 'What it is for.' }),
      source: t.string({ description: 'Where its contacts come from.' }),
      tags: t.stringList({ description: 'Its tags.' }),
      idempotencyKey: t.string({ description: KEY_DESCRIPTION }),
    }),
  });
  addMutation(builder, 'createAddressBook', {
    description: 'Makes an address book.',
    role: 'writer',
    input: createInput,
    payload: payload('CreateAddressBookPayload', 'The address book that was made.'),
    errors: UPSTREAM_MUTATION_ERRORS.filter((error) => error !== NotFoundError),
    resolve: async ({ idempotencyKey: _key, ...book }, context) => ({
      addressBook: await context.services.addressBooks.create(book, callerOf(context)),
    }),
  });

  const updateInput = builder.inputType('UpdateAddressBookInput', {
    description: 'Fields left out are kept; null clears.',
    fields: (t) => ({
      id: t.id({ required: true, description: 'The global id of the address book.' }),
      name: t.string({ description: 'Its new name. Cannot be cleared.' }),
      description: t.string({ description: 'What it is for.' }),
      source: t.string({ description: 'Where its contacts come from.' }),
      tags: t.stringList({ description: 'All its tags.' }),
      idempotencyKey: t.string({ description: KEY_DESCRIPTION }),
    }),
  });
  addMutation(builder, 'updateAddressBook', {
    description: 'Changes an address book.',
    role: 'writer',
    input: updateInput,
    payload: payload('UpdateAddressBookPayload', 'The address book that was changed.'),
    errors: UPSTREAM_MUTATION_ERRORS,
    resolve: async ({ id, idempotencyKey: _key, ...patch }, context) => {
      const bookId = decodeGlobalId(id, 'AddressBook');
      return { addressBook: await context.services.addressBooks.update(bookId, patch, callerOf(context)) };
    },
  });

  const archiveInput = builder.inputType('ArchiveAddressBookInput', {
    description: 'Which address book to archive.',
    fields: (t) => ({
      id: t.id({ required: true, description: 'The global id of the address book.' }),
      idempotencyKey: t.string({ description: KEY_DESCRIPTION }),
    }),
  });
  addMutation(builder, 'archiveAddressBook', {
    description: 'Renames an address book with the suffix _archived; one that is archived already stays as it is.',
    role: 'writer',
    input: archiveInput,
    payload: payload('ArchiveAddressBookPayload', 'The address book that was archived.'),
    errors: UPSTREAM_MUTATION_ERRORS,
    resolve: async ({ id }, context) => {
      const bookId = decodeGlobalId(id, 'AddressBook');
      return { addressBook: await context.services.addressBooks.archive(bookId, callerOf(context)) };
    },
  });
}
