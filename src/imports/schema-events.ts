/** ImportEvent: what the subscriptions to imports deliver. */

import { NotFoundError } from '../errors.ts';
import type { Builder } from '../graphql/builder.ts';
import { encodeEventCursor } from '../graphql/event-cursors.ts';
import { IMPORT_EVENT_TYPES, type ImportEvent } from './import-events.ts';
import { importGlobalId } from './model.ts';
import type { addImportParts, ImportRef } from './schema-parts.ts';

const DESCRIPTIONS: Record<(typeof IMPORT_EVENT_TYPES)[number], string> = {
  CREATED: 'It was asked for.',
  RECEIVED: 'All its rows are there.',
  STARTED: 'The first call is about to be sent.',
  BATCH_FINISHED: 'The outcome of a call is known.',
  CONFIRMING: 'All is sent; CXone’s index does not show all of it yet.',
  FINISHED: 'It is through.',
  PAUSED: 'Somebody paused it.',
  RESUMED: 'Somebody let it go on.',
  CANCELLED: 'Somebody ended it.',
  FAILED: 'It could not go on.',
  RETRIED: 'Its failed rows are sent again.',
};

export function addImportEvent(
  builder: Builder,
  importRef: ImportRef,
  { progress, batch }: Pick<ReturnType<typeof addImportParts>, 'progress' | 'batch'>,
) {
  const type = builder.enumType('ImportEventType', {
    description: 'What happened to an import.',
    values: Object.fromEntries(
      IMPORT_EVENT_TYPES.map((name) => [name, { value: name, description: DESCRIPTIONS[name] }]),
    ),
  });
  return builder.objectRef<ImportEvent>('ImportEvent').implement({
    description: 'Something that happened to an import.',
    fields: (t) => ({
      cursor: t.string({
        description: 'Where it stands in the log: `after` to go on behind it.',
        resolve: (event) => encodeEventCursor(event.seq),
      }),
      at: t.expose('at', { type: 'DateTime', description: 'When it happened.' }),
      type: t.field({ type, description: 'What happened.', resolve: (event) => event.type }),
      import: t.field({
        type: importRef,
        description: 'The import as it is now.',
        resolve: async (event, _args, { services, call }) => {
          const row = await services.imports.importOf(event, call.signal);
          if (!row) throw new NotFoundError('The import is no longer kept.', importGlobalId(event.importId));
          return row;
        },
      }),
      progress: t.expose('progress', { type: progress, description: 'How far it was when this happened.' }),
      batch: t.field({
        type: batch,
        nullable: true,
        description: 'The call, where this is about one.',
        resolve: (event, _args, { services, call }) => services.imports.batchOf(event, call.signal),
      }),
    }),
  });
}
