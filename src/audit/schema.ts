/** The audit trail, for administrators. */
import { z } from 'zod';
import type { Builder } from '../graphql/builder.ts';
import {
  addConnection,
  connectionArgs,
  connectionCost,
  readPageRequest,
  toConnection,
} from '../graphql/connections.ts';
import { createCursorCodec } from '../graphql/cursors.ts';
import type { AuditEntry } from '../store/audit-log.ts';

export function addAuditTypes(builder: Builder): void {
  const outcome = builder.enumType('AuditOutcome', {
    description: 'How it ended.',
    values: {
      SUCCEEDED: { description: 'It was done.' },
      FAILED: { description: 'It was tried, and failed as a whole or in part.' },
      REJECTED: { description: 'It was refused; nothing was done.' },
    } as const,
  });
  const entry = builder.objectRef<AuditEntry>('AuditEntry').implement({
    description: 'Who did what to what, when, and how it ended. Entries are added and never changed.',
    fields: (t) => ({
      id: t.id({ description: 'Its number, rising with time.', resolve: ({ id }) => String(id) }),
      at: t.expose('at', { type: 'DateTime', description: 'When.' }),
      actor: t.exposeString('actor', {
        description: 'Who: the name of an API key, the subject of a token, or the gateway itself.',
      }),
      action: t.exposeString('action', {
        description: 'What was done, e.g. contact.update, import.batch, addressBook.delete, webhook.rejected.',
      }),
      subject: t.exposeString('subject', { description: 'The id of what it was done to.' }),
      outcome: t.expose('outcome', { type: outcome, description: 'How it ended.' }),
      recordCount: t.exposeInt('recordCount', { nullable: true, description: 'How many items it was about.' }),
      latencyMs: t.exposeFloat('latencyMs', { nullable: true, description: 'How long CXone took, milliseconds.' }),
      requestId: t.exposeString('requestId', {
        nullable: true,
        description: 'The gateway’s id of the request that caused it.',
      }),
      upstreamRequestId: t.exposeString('upstreamRequestId', {
        nullable: true,
        description: 'CXone’s id of the call, for its support.',
      }),
      detail: t.expose('detail', {
        type: 'JSONObject',
        description: 'What else is known: counts, names of changed fields; never values.',
      }),
    }),
  });
  const connection = addConnection(builder, entry, 'audit entries');
  const filter = builder.inputType('AuditFilter', {
    description: 'Which entries: all given clauses must hold.',
    fields: (t) => ({
      subject: t.string({ description: 'About this subject.' }),
      action: t.string({ description: 'Of this action.' }),
      actor: t.string({ description: 'By this actor.' }),
      outcome: t.field({ type: outcome, description: 'That ended like this.' }),
      since: t.field({ type: 'DateTime', description: 'From this time on.' }),
      until: t.field({ type: 'DateTime', description: 'Before this time.' }),
    }),
  });

  const cursors = createCursorCodec('auditEntries', z.int().positive());
  builder.queryField('auditEntries', (t) =>
    t.field({
      type: connection,
      description: 'The audit trail, the newest first.',
      authScopes: { admin: true },
      args: { ...connectionArgs(t.arg), filter: t.arg({ type: filter, description: 'Which ones.' }) },
      complexity: connectionCost,
      resolve: async (_root, args, { services }) => {
        const { first, after } = readPageRequest(args, cursors);
        const { entries, hasNextPage } = await services.audit.page({
          first,
          after,
          filter: {
            actor: args.filter?.actor ?? undefined,
            action: args.filter?.action ?? undefined,
            subject: args.filter?.subject ?? undefined,
            outcome: args.filter?.outcome ?? undefined,
            sinceMs: args.filter?.since ?? undefined,
            untilMs: args.filter?.until ?? undefined,
          },
        });
        return toConnection(entries, cursors, ({ id }) => id, { hasNextPage, hasPreviousPage: after !== undefined });
      },
    }),
  );
}
