/**
 * GraphQL itself, the same for every transport: parsing, validation and execution with our bounds before them, and
 * behind them the masking of errors, `extensions.upstream`, the log and the metrics. What comes out of here may go to a
 * client as it is.
 */
import {
  createSourceEventStream,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  NoSchemaIntrospectionCustomRule,
  type OperationDefinitionNode,
  validateSubscriptionArgs,
} from 'graphql';
import type { Clock } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import type { Actor, GraphQLContext } from '../graphql/context.ts';
import { executeOperation } from '../graphql/execution/execute-operation.ts';
import type { OperationPlan } from '../graphql/execution/operation-plan.ts';
import { maskError } from '../graphql/mask-error.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics, OperationType } from '../telemetry/metrics.ts';
import { createDocumentCache } from './document-cache.ts';
import type { GraphQLParams } from './graphql-params.ts';
import type { ServerLimits } from './limits.ts';
import { untilAborted } from './until-aborted.ts';

/** Who sent an operation and when it is over: everything a context is made from. */
export interface Caller {
  readonly actor: Actor | null;
  readonly requestId: string;
  /** Aborted when the client has gone or has had enough. */
  readonly signal: AbortSignal;
}

export interface PreparedOperation {
  readonly type: OperationDefinitionNode['operation'];
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operationName: string | undefined;
  readonly variableValues: Record<string, unknown>;
  readonly contextValue: GraphQLContext;
  /** Runs it. Never rejects. A subscription that could be set up is an async generator, which ends when the signal is aborted. */
  run(): Promise<ExecutionResult | AsyncGenerator<ExecutionResult, void>>;
}

export interface GraphQLEngine {
  /** The operation, ready to run, or why there is none. Never throws. */
  prepare(params: GraphQLParams, caller: Caller): PreparedOperation | { errors: readonly GraphQLError[] };
  /** The error as a client may see it; what is hidden from it is logged. */
  mask(error: unknown, requestId: string): GraphQLError;
  /** Subscriptions that are live now, whatever their transport. */
  liveSubscriptions(): number;
}

export interface GraphQLEngineOptions {
  readonly schema: GraphQLSchema;
  /** Whether the schema may be asked for, and unknown names are answered with known ones. */
  readonly introspection: boolean;
  readonly limits: ServerLimits;
  readonly makeContext: (caller: Caller) => GraphQLContext;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

export function createGraphQLEngine({
  schema,
  introspection,
  limits,
  makeContext,
  log,
  metrics,
  clock,
}: GraphQLEngineOptions): GraphQLEngine {
  const documents = createDocumentCache({
    schema,
    limits,
    extraRules: introspection ? [] : [NoSchemaIntrospectionCustomRule],
  });
  let subscriptions = 0;
  /** Errors that have been masked: some pass a second time on their way to a socket. */
  const masked = new WeakSet<object>();

  const maskAs = (error: unknown, requestId: string, requestCode?: string): GraphQLError => {
    if (typeof error === 'object' && error !== null && masked.has(error)) return error as GraphQLError; // Only those get in.
    const { shown, hidden } = maskError(error, requestId, requestCode);
    if (!introspection) shown.message = withoutSuggestions(shown.message);
    if (hidden !== undefined) log.error({ requestId, error: hidden, path: shown.path?.join('.') }, 'internal error');
    masked.add(shown);
    return shown;
  };

  const refuse = (errors: readonly unknown[], requestId: string, requestCode?: string) => {
    const shown = errors.map((error) => maskAs(error, requestId, requestCode));
    metrics.operation('unknown', codeOf(shown), 0);
    return { errors: shown };
  };

  const finish = (result: ExecutionResult, context: GraphQLContext): ExecutionResult => {
    const errors = result.errors?.map((error) => maskAs(error, context.requestId));
    const upstream = upstreamExtension(context);
    return {
      ...result,
      ...(errors && { errors }),
      ...(upstream && { extensions: { ...result.extensions, upstream } }),
    };
  };

  const record = (type: OperationType, result: ExecutionResult, context: GraphQLContext, startedAt: number) => {
    const durationMs = clock.monotonic() - startedAt;
    const outcome = codeOf(result.errors);
    metrics.operation(type, outcome, durationMs);
    log.debug(
      { requestId: context.requestId, type, outcome, durationMs, upstreamCalls: context.call.tally.calls },
      'operation',
    );
  };

  /** The plan of an operation that is not too much. @throws GatewayError LIMIT_EXCEEDED; GraphQLError as costOf */
  function plan(
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Record<string, unknown>,
    context: GraphQLContext,
  ): OperationPlan {
    const { cost, fields } = documents.costOf(document, operation, variables, context);
    if (fields > limits.maxFields) {
      throw new GatewayError(
        'LIMIT_EXCEEDED',
        `The operation selects ${fields} fields; at most ${limits.maxFields} are allowed.`,
      );
    }
    if (cost > limits.maxCost) {
      throw new GatewayError('LIMIT_EXCEEDED', `The operation costs ${cost}; at most ${limits.maxCost} is allowed.`);
    }
    return documents.planOf(document, operation, fields);
  }

  async function subscribe(
    operation: OperationPlan,
    args: Operation,
  ): Promise<AsyncGenerator<ExecutionResult, void> | ExecutionResult> {
    const { contextValue } = args;
    const checked = validateSubscriptionArgs(args);
    if (!('schema' in checked)) return { errors: checked };
    const source = await createSourceEventStream(checked);
    if (!(Symbol.asyncIterator in source)) return source;
    const startedAt = clock.monotonic();
    subscriptions += 1;
    const ended = () => {
      subscriptions -= 1;
      record('subscription', {}, contextValue, startedAt);
    };
    const signal = contextValue.call.signal ?? new AbortController().signal;
    return executeEach(operation, untilAborted(source, signal, ended), args);
  }

  /** Each event executed, and masked like any result; what the source throws becomes its last event. */
  async function* executeEach(
    operation: OperationPlan,
    events: AsyncIterable<unknown>,
    { contextValue, variableValues }: Operation,
  ): AsyncGenerator<ExecutionResult, void> {
    try {
      for await (const rootValue of events) {
        const result = await executeOperation(operation, { contextValue, variableValues, rootValue });
        if (contextValue.call.signal?.aborted) return;
        yield finish(result, contextValue);
      }
    } catch (error) {
      if (!contextValue.call.signal?.aborted) yield { errors: [maskAs(error, contextValue.requestId)] };
    }
  }

  async function run(
    operation: OperationDefinitionNode,
    args: Operation,
  ): Promise<ExecutionResult | AsyncGenerator<ExecutionResult, void>> {
    const { document, variableValues, contextValue } = args;
    const startedAt = clock.monotonic();
    let result: ExecutionResult;
    try {
      const planned = plan(document, operation, variableValues, contextValue);
      if (operation.operation === 'subscription') {
        const subscribed = await subscribe(planned, args);
        if (Symbol.asyncIterator in subscribed) return subscribed;
        result = subscribed;
      } else {
        result = await executeOperation(planned, { contextValue, variableValues });
      }
    } catch (error) {
      result = { errors: [error as GraphQLError] }; // As any other: to be masked.
    }
    const finished = finish(result, contextValue);
    record(operation.operation, finished, contextValue, startedAt);
    return finished;
  }

  return {
    prepare({ query, operationName, variables: variableValues }, caller) {
      const { requestId } = caller;
      let known: ReturnType<typeof documents.read>;
      try {
        known = documents.read(query);
      } catch (error) {
        return refuse([error], requestId, 'GRAPHQL_PARSE_FAILED');
      }
      const { document, faults } = known;
      if (faults.length > 0) return refuse(faults, requestId, 'GRAPHQL_VALIDATION_FAILED');
      try {
        const operation = getOperationAST(document, operationName);
        if (!operation) {
          throw new GatewayError('BAD_USER_INPUT', '"operationName" must name an operation of the document.');
        }
        const args = { schema, document, operationName, variableValues, contextValue: makeContext(caller) };
        return { ...args, type: operation.operation, run: () => run(operation, args) };
      } catch (error) {
        return refuse([error], requestId);
      }
    },

    mask: maskAs,

    liveSubscriptions: () => subscriptions,
  };
}

type Operation = Pick<PreparedOperation, 'schema' | 'document' | 'operationName' | 'variableValues' | 'contextValue'>;

/** graphql's words about an unknown name, without the known ones that it may have been meant for. */
function withoutSuggestions(message: string): string {
  return message.replace(/ Did you mean .+\?$/s, '');
}

/** OK, or the code of the first error. */
function codeOf(errors: readonly GraphQLError[] | undefined): string {
  return errors?.[0] === undefined ? 'OK' : String(errors[0].extensions.code);
}

/** What the operation cost upstream, where it reached CXone or was spared that by the cache. */
function upstreamExtension({ call: { tally } }: GraphQLContext): object | undefined {
  const touched = tally.calls > 0 || tally.batches.length > 0 || tally.cacheHits > 0;
  return touched ? { ...tally, waitedMs: Math.round(tally.waitedMs) } : undefined;
}
