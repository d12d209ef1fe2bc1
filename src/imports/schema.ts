/** Import and all that hangs on it: queries, mutations, subscriptions. */
import { z } from 'zod';
import type { DuplicatePolicyRef } from '../bulk/schema.ts';
import type { ContactListRef } from '../contact-lists/schema.ts';
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
import { LOCAL_MUTATION_ERRORS, UPSTREAM_MUTATION_ERRORS } from '../graphql/error-types.ts';
import { decodeGlobalId, readRawId } from '../graphql/global-ids.ts';
import { followLive, LIVE_FIELD } from '../graphql/live-subscription.ts';
import { addMutation } from '../graphql/mutation-field.ts';
import type { ImportRow } from '../store/tables.ts';
import { addImportInputs, toImportRequest } from './inputs.ts';
import { addImportEvent } from './schema-events.ts';
import { addImportParts, type ImportRef, importReference } from './schema-parts.ts';

export function addImportTypes(
  builder: Builder,
  refs: { contactList: ContactListRef; duplicatePolicy: DuplicatePolicyRef },
): void {
  const inputs = addImportInputs(builder, refs.duplicatePolicy);
  const importRef = importReference(builder);
  const parts = addImportParts(builder, inputs.kind, importRef);
  builder.nodes.register(importRef, { partCount: 1, resolve: ([id], context) => context.services.imports.get(id) });
  const connection = addConnection(builder, importRef, 'imports');
  const cursors = createCursorCodec('imports', z.string());

  const page = async (
    args: { first?: number | null | undefined; after?: string | null | undefined },
    filter: Parameters<GraphQLContext['services']['imports']['page']>[0]['filter'] & object,
    { services }: GraphQLContext,
  ) => {
    const { first, after } = readPageRequest(args, cursors);
    const rows = await services.imports.page({ first: first + 1, after, filter });
    const neighbours = { hasNextPage: rows.length > first, hasPreviousPage: after !== undefined };
    return toConnection(rows.slice(0, first), cursors, (row) => row.id, neighbours);
  };

  const importFilter = builder.inputType('ImportFilter', {
    description: 'Which imports: all given clauses must hold.',
    fields: (t) => ({
      kind: t.field({ type: inputs.kind, description: 'Of this kind.' }),
      states: t.field({ type: [parts.state], description: 'In one of these states.' }),
      targetId: t.id({ description: 'Into this address book or contact list.' }),
    }),
  });

  builder.queryFields((t) => ({
    import: t.field({
      type: importRef,
      nullable: true,
      description: 'The import with this id, null where there is none.',
      args: { id: t.arg.id({ required: true, description: 'The global id of an import.' }) },
      resolve: (_root, { id }, { services }) => services.imports.get(decodeGlobalId(id, 'Import')),
    }),
    imports: t.field({
      type: connection,
      description: 'Imports, the newest first.',
      args: { ...connectionArgs(t.arg), filter: t.arg({ type: importFilter, description: 'Which ones.' }) },
      complexity: connectionCost,
      resolve: (_root, args, context) => {
        const { kind, states, targetId } = args.filter ?? {};
        const filter = {
          kind: kind ?? undefined,
          states: states ?? undefined,
          targetId: targetId ? decodeTarget(targetId) : undefined,
        };
        return page(args, filter, context);
      },
    }),
  }));

  builder.objectField(refs.contactList, 'imports', (t) =>
    t.field({
      type: connection,
      description: 'Imports into this list, the newest first.',
      args: connectionArgs(t.arg),
      complexity: connectionCost,
      resolve: (list, args, context) => page(args, { targetId: list.id }, context),
    }),
  );

  addBeginMutations(builder, importRef, inputs);
  addRetryMutation(builder, importRef);
  addSteeringMutations(builder, importRef);
  addSubscriptions(builder, importRef, parts);
}

/** A book's or a list's raw id, out of a global id of either type. */
function decodeTarget(id: string): string {
  const type = id.startsWith('gid://cxone/AddressBook/') ? 'AddressBook' : 'ContactList';
  return decodeGlobalId(id, type, ['filter', 'targetId']);
}

function addBeginMutations(builder: Builder, importRef: ImportRef, inputs: ReturnType<typeof addImportInputs>): void {
  const startPayload = builder.objectRef<{ import: ImportRow }>('StartImportPayload').implement({
    description: 'The import that was started.',
    fields: (t) => ({ import: t.expose('import', { type: importRef, description: 'The import.' }) }),
  });
  addMutation(builder, 'startImport', {
    description: 'Imports rows that are given in the call. Answers once they are checked and stored; sending follows.',
    role: 'writer',
    input: inputs.startImport,
    payload: startPayload,
    errors: UPSTREAM_MUTATION_ERRORS,
    resolve: async ({ rows, ...input }, { services, actor, call, callKey }) => ({
      import: await services.imports.start({ ...toImportRequest(input), rows, callKey }, actor?.name ?? 'nobody', call),
    }),
  });

  addMutation(builder, 'assignContactsToSegments', {
    description: 'Every contact into every segment: an import of kind SEGMENT_MEMBERS.',
    role: 'writer',
    input: inputs.assign,
    payload: startPayload,
    errors: UPSTREAM_MUTATION_ERRORS,
    resultName: 'StartImportResult',
    resolve: async ({ contactIds, segmentIds }, { services, actor, call, callKey }) => {
      const contacts = contactIds.map((id, index) => readRawId(id, ['contactIds', String(index)]));
      const segments = segmentIds.map((id, index) => decodeGlobalId(id, 'Segment', ['segmentIds', String(index)]));
      const request = { contactIds: contacts, segmentIds: segments, callKey };
      return { import: await services.imports.assign(request, actor?.name ?? 'nobody', call) };
    },
  });

  const uploadPayload = builder
    .objectRef<{ import: ImportRow; url: string; expiresAt: number }>('CreateImportUploadPayload')
    .implement({
      description:
        'PUT the file’s bytes to `url` (streamed, any size) before `expiresAt`. Sending starts once the whole file has arrived: a broken upload imports nothing.',
      fields: (t) => ({
        import: t.expose('import', { type: importRef, description: 'The import, awaiting its upload.' }),
        url: t.exposeString('url', { description: 'Where to PUT the bytes. It needs no other authorization.' }),
        expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'Until when the upload may begin.' }),
      }),
    });
  addMutation(builder, 'createImportUpload', {
    description: 'Announces an import whose rows come as a file.',
    role: 'writer',
    input: inputs.createUpload,
    payload: uploadPayload,
    errors: UPSTREAM_MUTATION_ERRORS,
    resolve: async ({ format, ...input }, { services, actor, call, callKey }) => {
      const request = { ...toImportRequest(input), format, callKey };
      const { row, url, expiresAt } = await services.imports.createUpload(request, actor?.name ?? 'nobody', call);
      return { import: row, url, expiresAt };
    },
  });
}

function addSteeringMutations(builder: Builder, importRef: ImportRef): void {
  const verbs = [
    { verb: 'pause', description: 'Stops sending; what is under way is finished and counted.' },
    { verb: 'resume', description: 'Goes on with a paused import.' },
    { verb: 'cancel', description: 'Ends an import: what was not sent yet will not be. What was sent stays sent.' },
  ] as const;
  for (const { verb, description } of verbs)
    addImportVerb(builder, importRef, verb, description, (id, { services, actor, requestId }) =>
      services.imports[verb](id, actor?.name ?? 'nobody', requestId),
    );
}

function addRetryMutation(builder: Builder, importRef: ImportRef): void {
  const description =
    'Sends the failed and unknown rows of a finished import again, and what a failed import had not sent yet.';
  addImportVerb(builder, importRef, 'retry', description, (id, { services, actor, call }) =>
    services.imports.retry(id, actor?.name ?? 'nobody', call),
  );
}

/** A mutation that takes an import by its id and answers with it. */
function addImportVerb(
  builder: Builder,
  importRef: ImportRef,
  verb: 'pause' | 'resume' | 'cancel' | 'retry',
  description: string,
  act: (importId: string, context: GraphQLContext) => Promise<ImportRow>,
): void {
  const name = `${verb.charAt(0).toUpperCase()}${verb.slice(1)}Import`;
  const input = builder.inputType(`${name}Input`, {
    description: `Which import to ${verb}.`,
    fields: (t) => ({ id: t.id({ required: true, description: 'The global id of the import.' }) }),
  });
  const payload = builder.objectRef<{ import: ImportRow }>(`${name}Payload`).implement({
    description: 'The import as it is now.',
    fields: (t) => ({ import: t.expose('import', { type: importRef, description: 'The import.' }) }),
  });
  addMutation(builder, `${verb}Import`, {
    description,
    role: 'writer',
    input,
    payload,
    errors: LOCAL_MUTATION_ERRORS,
    resolve: async ({ id }, context) => ({ import: await act(decodeGlobalId(id, 'Import'), context) }),
  });
}

function addSubscriptions(builder: Builder, importRef: ImportRef, parts: ReturnType<typeof addImportParts>): void {
  const event = addImportEvent(builder, importRef, parts);
  builder.subscriptionFields((t) => ({
    importProgress: t.field({
      type: event,
      description:
        'One import: its present state first (or all since `after`), then as it goes. Ends with its last event.',
      args: {
        id: t.arg.id({ required: true, description: 'The global id of an import.' }),
        after: t.arg.string({ description: 'The cursor of the last event that was seen.' }),
      },
      extensions: LIVE_FIELD,
      subscribe: (_root, { id, after }, context) => {
        const importId = decodeGlobalId(id, 'Import');
        return followLive(context, after, (place) => context.services.importFeed.progress(importId, place));
      },
      resolve: (told) => told,
    }),
    importActivity: t.field({
      type: event,
      description: 'All imports, from `after` or from now on.',
      args: { after: t.arg.string({ description: 'The cursor of the last event that was seen.' }) },
      extensions: LIVE_FIELD,
      subscribe: (_root, { after }, context) => followLive(context, after, context.services.importFeed.activity),
      resolve: (told) => told,
    }),
  }));
}
