/** What an Import consists of: its states, progress, targets, batches, rejections and report. */
import { z } from 'zod';
import type { Issue } from '../errors.ts';
import type { Builder } from '../graphql/builder.ts';
import {
  addConnection,
  connectionArgs,
  connectionCost,
  readPageRequest,
  toConnection,
} from '../graphql/connections.ts';
import { createCursorCodec } from '../graphql/cursors.ts';
import { encodeGlobalId } from '../graphql/global-ids.ts';
import type { ExtendedSchemaTypes } from '../graphql/schema-types.ts';
import type { ImportBatchRow, ImportRejectionRow, ImportRow, ImportTargetRow } from '../store/tables.ts';
import { type ImportProgress, type ImportReport, TARGET_TYPE } from './model.ts';
import { sourceRowToJson } from './reading/source-row.ts';

/** The reference that other types name Import by, before it is implemented. */
export function importReference(builder: Builder) {
  return builder.objectRef<ImportRow>('Import');
}
export type ImportRef = ReturnType<typeof importReference>;
type KindRef = PothosSchemaTypes.EnumRef<ExtendedSchemaTypes, ImportRow['kind']>;

export function addImportParts(builder: Builder, kind: KindRef, importRef: ImportRef) {
  const state = addStates(builder);
  const progress = addProgress(builder);
  const batch = addBatch(builder);
  const target = addTarget(builder);
  const rejection = addRejection(builder);
  const report = addReport(builder);
  const batches = {
    connection: addConnection(builder, batch, 'batches'),
    cursors: createCursorCodec('batches', z.int()),
  };
  const rejections = {
    connection: addConnection(builder, rejection, 'rejections'),
    cursors: createCursorCodec('rejections', z.int()),
  };

  importRef.implement({
    description: 'A durable job that turns rows into bulk calls: it survives restarts and accounts for every row.',
    interfaces: [builder.nodeInterface],
    fields: (t) => ({
      id: t.id({ description: 'The global id.', resolve: (row) => encodeGlobalId('Import', row.id) }),
      kind: t.expose('kind', { type: kind, description: 'What its rows become.' }),
      state: t.expose('state', { type: state, description: 'Where it stands.' }),
      failure: t.exposeString('failure', {
        nullable: true,
        description: 'Why it failed, where it failed as a whole.',
      }),
      target: t.field({
        type: builder.nodeInterface,
        nullable: true,
        description: 'The address book or the contact list; null for SEGMENT_MEMBERS, whose rows name their segment.',
        resolve: (row, _args, context, info) =>
          row.target_id === null
            ? null
            : builder.nodes.refer(encodeGlobalId(TARGET_TYPE[row.kind], row.target_id), context, info),
      }),
      createdBy: t.exposeString('created_by', { description: 'Who started it.' }),
      createdAt: t.expose('created_at', { type: 'DateTime', description: 'When it was asked for.' }),
      startedAt: t.expose('started_at', {
        type: 'DateTime',
        nullable: true,
        description: 'When sending began.',
      }),
      finishedAt: t.expose('finished_at', { type: 'DateTime', nullable: true, description: 'When it ended.' }),
      progress: t.field({
        type: progress,
        description: 'How far it is.',
        resolve: (row, _args, { services }) => services.imports.progress(row),
      }),
      targets: t.field({
        type: [target],
        description: 'One for each list, book or segment written to, each with a state of its own.',
        complexity: { field: 10, multiplier: 10 },
        resolve: async (row, _args, { services }) =>
          (await services.imports.targets(row.id)).map((each) => ({ ...each, kind: row.kind })),
      }),
      batches: t.field({
        type: batches.connection,
        description: 'The calls its rows travelled in, by number.',
        args: connectionArgs(t.arg),
        complexity: connectionCost,
        resolve: async (row, args, { services }) => {
          const { first, after } = readPageRequest(args, batches.cursors);
          const rows = await services.imports.batches(row.id, { first: first + 1, after });
          const neighbours = { hasNextPage: rows.length > first, hasPreviousPage: after !== undefined };
          return toConnection(rows.slice(0, first), batches.cursors, (each) => each.number, neighbours);
        },
      }),
      rejections: t.field({
        type: rejections.connection,
        description: 'The rows that did not get in, by row number.',
        args: connectionArgs(t.arg),
        complexity: connectionCost,
        resolve: async (row, args, { services }) => {
          const { first, after } = readPageRequest(args, rejections.cursors);
          const rows = await services.imports.rejections(row.id, { first: first + 1, after });
          const neighbours = { hasNextPage: rows.length > first, hasPreviousPage: after !== undefined };
          const shown = rows.slice(0, first).map((each) => toRejection(row, each));
          return toConnection(shown, rejections.cursors, (each) => each.row, neighbours);
        },
      }),
      rejectionsUrl: t.string({
        description: 'Where the rejected and failed rows can be downloaded as CSV, to be mended and sent again.',
        resolve: (row, _args, { services }) => services.imports.rejectionsUrl(row.id),
      }),
      report: t.field({
        type: report,
        nullable: true,
        description: 'Set when the import has finished.',
        resolve: (row, _args, { services }) => services.imports.report(row),
      }),
    }),
  });
  return { state, progress, batch };
}

function addStates(builder: Builder) {
  return builder.enumType('ImportState', {
    description: 'Where an import stands.',
    values: {
      AWAITING_UPLOAD: { description: 'Its file is not there yet.' },
      RECEIVING: { description: 'Its file is coming in.' },
      RUNNING: { description: 'Its rows are being sent.' },
      PAUSED: { description: 'Somebody paused it.' },
      CONFIRMING: { description: 'All is sent; CXone’s index does not show all of it yet.' },
      COMPLETED: { description: 'Every valid row is at CXone.' },
      COMPLETED_WITH_FAILURES: {
        description: 'It is through, but some rows failed or are unknown, or the counts do not add up.',
      },
      CANCELLED: { description: 'Somebody ended it.' },
      FAILED: { description: 'It could not go on; `failure` says why.' },
    } as const,
  });
}

function addProgress(builder: Builder) {
  const count = {
    received: 'Rows that were read.',
    rejected: 'Rows refused before sending.',
    duplicates: 'Rows that repeat an earlier one.',
    valid: 'Rows to be sent: succeeded + skipped + failed + unknown + pending.',
    succeeded: 'Rows that are at CXone because of this import.',
    skipped: 'Already there upstream, left as it was (onDuplicate SKIP).',
    failed: 'Rows that CXone refused.',
    unknown: 'Sent without an answer, and CXone could not say afterwards whether they took effect.',
    pending: 'Rows not sent yet.',
    batchesTotal: 'Calls the rows were cut into.',
    batchesDone: 'Calls whose outcome is known.',
  } as const;
  return builder.objectRef<ImportProgress>('ImportProgress').implement({
    description: 'received = valid + rejected + duplicates. Every row is in exactly one of the counts.',
    fields: (t) => ({
      received: t.exposeInt('received', { description: count.received }),
      rejected: t.exposeInt('rejected', { description: count.rejected }),
      duplicates: t.exposeInt('duplicates', { description: count.duplicates }),
      valid: t.exposeInt('valid', { description: count.valid }),
      succeeded: t.exposeInt('succeeded', { description: count.succeeded }),
      skipped: t.exposeInt('skipped', { description: count.skipped }),
      failed: t.exposeInt('failed', { description: count.failed }),
      unknown: t.exposeInt('unknown', { description: count.unknown }),
      pending: t.exposeInt('pending', { description: count.pending }),
      batchesTotal: t.exposeInt('batchesTotal', { description: count.batchesTotal }),
      batchesDone: t.exposeInt('batchesDone', { description: count.batchesDone }),
      percent: t.exposeFloat('percent', { description: 'Of the valid rows, those whose outcome is known.' }),
      rowsPerSecond: t.exposeFloat('rowsPerSecond', {
        nullable: true,
        description: 'Rows a second since sending began.',
      }),
      etaSeconds: t.exposeFloat('etaSeconds', {
        nullable: true,
        description: 'Seconds until the end at that rate.',
      }),
    }),
  });
}

function addBatch(builder: Builder) {
  const state = builder.enumType('ImportBatchState', {
    description: 'Where a batch stands.',
    values: {
      PENDING: { description: 'Not sent yet.' },
      RUNNING: { description: 'Under way.' },
      DONE: { description: 'At CXone, as a whole or in part.' },
      FAILED: { description: 'None of it got in.' },
      CANCELLED: { description: 'It will not be sent.' },
    } as const,
  });
  return builder.objectRef<ImportBatchRow>('ImportBatch').implement({
    description: 'Rows that travel in one call to CXone.',
    fields: (t) => ({
      number: t.exposeInt('number', { description: 'Its number in the import, from 1.' }),
      state: t.expose('state', { type: state, description: 'Where it stands.' }),
      size: t.exposeInt('size', { description: 'Rows.' }),
      succeeded: t.exposeInt('succeeded', { description: 'Rows that got in.' }),
      skipped: t.exposeInt('skipped', { description: 'Rows that were there before.' }),
      failed: t.int({
        description: 'Rows that CXone refused, and rows whose outcome is unknown.',
        resolve: (row) => row.failed + row.unknown,
      }),
      attempts: t.exposeInt('attempts', { description: 'How often it was sent.' }),
      latencyMs: t.exposeFloat('latency_ms', {
        nullable: true,
        description: 'From sending to the answer, milliseconds.',
      }),
      upstreamRequestId: t.exposeString('upstream_request_id', {
        nullable: true,
        description: 'CXone’s id of the call, for its support.',
      }),
      error: t.exposeString('error', { nullable: true, description: 'What went wrong first.' }),
    }),
  });
}

type TargetOfKind = ImportTargetRow & { kind: ImportRow['kind'] };

function addTarget(builder: Builder) {
  const state = builder.enumType('ImportTargetState', {
    description: 'Where the writing to one target stands.',
    values: {
      PENDING: { description: 'Nothing was sent to it yet.' },
      RUNNING: { description: 'Rows are being sent to it.' },
      CONFIRMING: { description: 'All is sent; CXone’s index does not show all of it yet.' },
      COMPLETED: { description: 'All its rows are at CXone.' },
      COMPLETED_WITH_FAILURES: { description: 'Some of its rows failed or are unknown.' },
      CANCELLED: { description: 'Ended before all its rows were sent.' },
      FAILED: { description: 'It takes no rows.' },
    } as const,
  });
  return builder.objectRef<TargetOfKind>('ImportTarget').implement({
    description: 'A list, book or segment that an import writes to.',
    fields: (t) => ({
      node: t.field({
        type: builder.nodeInterface,
        description: 'The list, book or segment. Of one that CXone does not know (any more), only the ids are told.',
        resolve: (row, _args, context, info) =>
          builder.nodes.refer(encodeGlobalId(TARGET_TYPE[row.kind], row.target_id), context, info),
      }),
      state: t.expose('state', { type: state, description: 'Where it stands.' }),
      succeeded: t.exposeInt('succeeded', { description: 'Rows that got in.' }),
      skipped: t.exposeInt('skipped', { description: 'Rows that were there before.' }),
      failed: t.int({
        description: 'Rows that CXone refused, and rows whose outcome is unknown.',
        resolve: (row) => row.failed + row.unknown,
      }),
      pending: t.int({
        description: 'Rows not sent yet.',
        resolve: (row) => row.valid - row.succeeded - row.skipped - row.failed - row.unknown,
      }),
      attempts: t.exposeInt('attempts', { description: 'Calls sent to it.' }),
    }),
  });
}

interface Rejection {
  row: number;
  stage: ImportRejectionRow['stage'];
  issues: Issue[];
  data: Record<string, unknown>;
}

function toRejection(row: ImportRow, rejection: ImportRejectionRow): Rejection {
  const header: string[] | null = row.header_json === null ? null : JSON.parse(row.header_json);
  return {
    row: rejection.row,
    stage: rejection.stage,
    issues: JSON.parse(rejection.issues_json),
    data: sourceRowToJson(header, JSON.parse(rejection.data_json)),
  };
}

function addRejection(builder: Builder) {
  const stage = builder.enumType('RejectionStage', {
    description: 'Where a row was stopped.',
    values: {
      VALIDATION: { description: 'Refused before sending.' },
      DUPLICATE: { description: 'Repeats an earlier row of this import.' },
      UPSTREAM: { description: 'CXone refused it.' },
      UNKNOWN: { description: 'Sent without an answer.' },
    } as const,
  });
  return builder.objectRef<Rejection>('ImportRejection').implement({
    description: 'A row that did not get in, and why.',
    fields: (t) => ({
      row: t.exposeInt('row', { description: 'Its number in the input: 1 is the first data row.' }),
      stage: t.expose('stage', { type: stage, description: 'Where it was stopped.' }),
      issues: t.expose('issues', { type: [builder.validationIssue], description: 'What was wrong with it.' }),
      data: t.expose('data', { type: 'JSONObject', description: 'The row as it came.' }),
    }),
  });
}

function addReport(builder: Builder) {
  const verification = builder.objectRef<NonNullable<ImportReport['verification']>>('ImportVerification').implement({
    description: 'The list’s own count before and after, against what was sent.',
    fields: (t) => ({
      countBefore: t.exposeInt('countBefore', { description: 'Contacts before the first call.' }),
      countAfter: t.exposeInt('countAfter', { description: 'Contacts after the last call.' }),
      expectedAfter: t.exposeInt('expectedAfter', {
        description: 'Before, and what CXone took since, of this import and of others.',
      }),
      matches: t.exposeBoolean('matches', { description: 'Whether the list holds what is expected.' }),
    }),
  });
  return builder.objectRef<ImportReport>('ImportReport').implement({
    description: 'What a finished import came to.',
    fields: (t) => ({
      successRatePercent: t.exposeFloat('successRatePercent', {
        description: 'Rows that got in or were there before, of those that were sent.',
      }),
      averageBatchLatencyMs: t.exposeFloat('averageBatchLatencyMs', {
        nullable: true,
        description: 'Milliseconds a call took.',
      }),
      p95BatchLatencyMs: t.exposeFloat('p95BatchLatencyMs', {
        nullable: true,
        description: 'Milliseconds that 95 of 100 calls did not exceed.',
      }),
      fillRatePercent: t.exposeFloat('fillRatePercent', {
        nullable: true,
        description: 'Attributes sent over attributes offered, in percent (ATTRIBUTES only).',
      }),
      totalFields: t.exposeInt('totalFields', { nullable: true, description: 'Attributes offered (ATTRIBUTES only).' }),
      filledFields: t.exposeInt('filledFields', { nullable: true, description: 'Attributes sent (ATTRIBUTES only).' }),
      verification: t.expose('verification', {
        type: verification,
        nullable: true,
        description: 'Of kinds whose target has a count; null where CXone did not say.',
      }),
    }),
  });
}
