/**
 * The error family as data: one object type for each kind of failure that a mutation can answer with. A class that is
 * not listed here never gets into a union: it becomes a masked GraphQL error.
 */
import {
  ConflictError,
  type ConflictReason,
  type Issue,
  NotFoundError,
  OutcomeUnknownError,
  RateLimitedError,
  UpstreamError,
  ValidationError,
} from '../errors.ts';
import type { NodeInterface, NodeRegistry } from './nodes.ts';
import type { ExtendedSchemaTypes, SchemaBuilder } from './schema-types.ts';

/** What a mutation that writes to CXone may answer with. */
export const UPSTREAM_MUTATION_ERRORS = [
  ValidationError,
  NotFoundError,
  ConflictError,
  RateLimitedError,
  UpstreamError,
  OutcomeUnknownError,
] as const;

/** What a mutation that only touches the gateway's own store may answer with. */
export const LOCAL_MUTATION_ERRORS = [ValidationError, NotFoundError, ConflictError] as const;

export type ErrorClass = (typeof UPSTREAM_MUTATION_ERRORS)[number];

const CONFLICT_REASONS: Record<ConflictReason, { description: string }> = {
  NAME_TAKEN: { description: 'Another one has this name already.' },
  VERSION_MISMATCH: { description: 'It was changed since the version that was given.' },
  DUPLICATE: { description: 'It is there already, or several match where one should.' },
  IN_USE: { description: 'Something still refers to it.' },
  IDEMPOTENCY_KEY_REUSED: { description: 'This idempotency key was used before, with another input.' },
  DYNAMIC_SEGMENT: { description: 'The members of a dynamic segment are computed by CXone and cannot be written.' },
  NOT_IN_THIS_STATE: { description: 'It is in a state in which this cannot be done.' },
};

/** Adds the error types. Returns the issue type, which reports of imports use as well. */
export function addErrorTypes(
  builder: SchemaBuilder,
  nodeInterface: NodeInterface,
  nodes: NodeRegistry,
): PothosSchemaTypes.ObjectRef<ExtendedSchemaTypes, Issue> {
  const errorInterface = builder.interfaceRef<Error>('Error').implement({
    description: 'An expected failure, told as data.',
    fields: (t) => ({
      message: t.exposeString('message', { description: 'What happened, for people.' }),
    }),
  });

  const validationIssue = builder.objectRef<Issue>('ValidationIssue').implement({
    description: 'One fault of the input.',
    fields: (t) => ({
      path: t.exposeStringList('path', {
        description: 'Where in the input, e.g. ["contact", "phoneNumbers", "0", "number"].',
      }),
      code: t.exposeString('code', { description: 'What is wrong. Stable, for programs.' }),
      message: t.exposeString('message', { description: 'What is wrong, for people.' }),
    }),
  });

  builder.objectType(ValidationError, {
    name: 'ValidationError',
    description: 'The input was refused. Nothing was sent or changed.',
    interfaces: [errorInterface],
    fields: (t) => ({
      issues: t.field({
        type: [validationIssue],
        description: 'Every fault that was found.',
        resolve: (error) => error.issues,
      }),
    }),
  });

  builder.objectType(NotFoundError, {
    name: 'NotFoundError',
    description: 'What was named does not exist.',
    interfaces: [errorInterface],
    fields: (t) => ({
      id: t.id({ nullable: true, description: 'The global id that was asked for.', resolve: (error) => error.id }),
    }),
  });

  const conflictReason = builder.enumType('ConflictReason', {
    description: 'Why the state of things forbids a change.',
    values: CONFLICT_REASONS,
  });

  builder.objectType(ConflictError, {
    name: 'ConflictError',
    description: 'The state of things forbids the change. Nothing was changed.',
    interfaces: [errorInterface],
    fields: (t) => ({
      reason: t.expose('reason', { type: conflictReason, description: 'Why. Stable, for programs.' }),
      current: t.field({
        type: nodeInterface,
        nullable: true,
        description: 'The thing in question as it is now, where that helps.',
        resolve: (error, _args, context) => (error.currentId ? nodes.find(error.currentId, context) : null),
      }),
    }),
  });

  builder.objectType(RateLimitedError, {
    name: 'RateLimitedError',
    description: 'Not now: CXone’s limit, or a full queue of the gateway. Nothing was sent.',
    interfaces: [errorInterface],
    fields: (t) => ({
      retryAfterSeconds: t.float({
        nullable: true,
        description: 'After how many seconds it is worth trying again, where that is known.',
        resolve: (error) => (error.retryAfterMs === undefined ? null : error.retryAfterMs / 1000),
      }),
    }),
  });

  builder.objectType(OutcomeUnknownError, {
    name: 'OutcomeUnknownError',
    description:
      'Sent, but no answer came, and the gateway could not find out whether it took effect: look before sending it again.',
    interfaces: [errorInterface],
    fields: (t) => ({
      requestId: t.string({
        nullable: true,
        description: 'CXone’s id of the request, for its support.',
        resolve: (error) => error.upstreamRequestId,
      }),
    }),
  });

  builder.objectType(UpstreamError, {
    name: 'UpstreamError',
    description: 'CXone refused the call or failed. It took no effect.',
    interfaces: [errorInterface],
    fields: (t) => ({
      status: t.int({
        nullable: true,
        description: 'CXone’s HTTP status, where it answered.',
        resolve: (e) => e.status,
      }),
      requestId: t.string({
        nullable: true,
        description: 'CXone’s id of the request, for its support.',
        resolve: (error) => error.upstreamRequestId,
      }),
      retryable: t.exposeBoolean('retryable', { description: 'Whether the same call may succeed later.' }),
    }),
  });

  return validationIssue;
}
