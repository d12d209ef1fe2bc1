/**
 * GraphQL itself, the same for every transport: Yoga's parse, validation and execution with our bounds before them,
 * and behind them the masking of errors, `extensions.upstream`, the log and the metrics. What comes out of here may go
 * to a client as it is.
 */
import { randomUUID } from 'node:crypto';
import type { DocumentNode, ExecutionResult, GraphQLError, GraphQLSchema, OperationDefinitionNode } from 'graphql';
import { getOperationAST, NoSchemaIntrospectionCustomRule } from 'graphql';
import { createYoga, isAsyncIterable, type Plugin } from 'graphql-yoga';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import { newUpstreamTally } from '../cxone/call-context.ts';
import { GatewayError } from '../errors.ts';
import type { Actor, GraphQLContext } from '../graphql/context.ts';
import { forgetRights } from '../graphql/forget-rights.ts';
import { type LiveRun, newsOf } from '../graphql/live-subscription.ts';
import { maskError } from '../graphql/mask-error.ts';
import { weighOperation } from '../graphql/operation-cost.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics, OperationType } from '../telemetry/metrics.ts';
import { createQueryCompiler } from './compiled-queries.ts';
import { parseWithin } from './document-limits.ts';
import { brokenText, type GraphQLParams } from './graphql-params.ts';
import type { ServerLimits } from './limits.ts';
import { createSharedSubscriptions, type Reader } from './shared-subscriptions.ts';
import { untilAborted } from './until-aborted.ts';

/** Who sent an operation and when it is over: everything a context is made from. */
export interface Caller {
  readonly actor: Actor | null;
  readonly requestId: string;
  /** Aborted when the client has gone or has had enough. */
  readonly signal: AbortSignal;
  /** Of a live subscription that is run in parts: which one. */
  readonly live?: LiveRun | undefined;
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
  /**
   * There for a live subscription, and to be called instead of `run`: the news of it are shared with others and go to the
   * reader, past the generator, which gives what has been before and ends with the subscription. Never rejects.
   */
  readonly follow?: (reader: Reader) => Promise<ExecutionResult | AsyncGenerator<ExecutionResult, void>>;
}

export interface GraphQLEngine {
  /** The operation, ready to run, or why there is none. Never rejects. */
  prepare(params: GraphQLParams, caller: Caller): Promise<PreparedOperation | { errors: readonly GraphQLError[] }>;
  /** The error as a client may see it; what is hidden from it is logged. */
  mask(error: unknown, requestId: string): GraphQLError;
  /** The operation's answer as a stream, by Yoga: SSE, or multipart where that was asked for. */
  stream(params: GraphQLParams, caller: Caller, request: { method: string; accept: string }): Promise<Response>;
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

/** Characters of document text whose parsed form is kept. A parsed document takes up to a hundred times its text. */
const DOCUMENT_CACHE_CHARACTERS = 512 * 1024;
const LARGEST_CACHED_DOCUMENT = 32 * 1024;

type StreamContext = Caller & { readonly params: GraphQLParams };

export function createGraphQLEngine({
  schema,
  introspection,
  limits,
  makeContext,
  log,
  metrics,
  clock,
}: GraphQLEngineOptions): GraphQLEngine {
  let subscriptions = 0;
  const shared = createSharedSubscriptions({ clock });
  /** Errors that have been masked. Yoga's way to a response passes some of them twice. */
  const masked = new WeakSet<object>();

  /** @param signal of the operation: that its client has gone is nobody's bug */
  const maskAs = (
    error: unknown,
    requestId: string,
    { requestCode, signal }: { requestCode?: string | undefined; signal?: AbortSignal | undefined } = {},
  ): GraphQLError => {
    if (typeof error === 'object' && error !== null && masked.has(error)) return error as GraphQLError; // Only those get in.
    const { shown, hidden } = maskError(error, requestId, requestCode);
    if (!introspection) shown.message = withoutSuggestions(shown.message);
    if (hidden !== undefined && !(signal?.aborted && hidden === signal.reason))
      log.error({ requestId, error: hidden, path: shown.path?.join('.') }, 'internal error');
    masked.add(shown);
    return shown;
  };

  const refuse = (errors: readonly unknown[], requestId: string, requestCode?: string) => {
    const shown = errors.map((error) => maskAs(error, requestId, { requestCode }));
    metrics.operation('unknown', codeOf(shown), 0);
    return { errors: shown };
  };

  const finish = (result: ExecutionResult, context: GraphQLContext): ExecutionResult => {
    const { signal } = context.call;
    const errors = result.errors?.map((error) => maskAs(error, context.requestId, { signal }));
    const upstream = upstreamExtension(context);
    return {
      ...result,
      ...(errors && { errors }),
      ...(upstream && { extensions: { ...result.extensions, upstream } }),
    };
  };

  const record = (type: OperationType, result: ExecutionResult, context: GraphQLContext, startedAt: number) => {
    const durationMs = clock.monotonic() - startedAt;
    const outcome = result.errors && context.call.signal?.aborted ? 'CANCELLED' : codeOf(result.errors);
    metrics.operation(type, outcome, durationMs);
    log.debug(
      { requestId: context.requestId, type, outcome, durationMs, upstreamCalls: context.call.tally.calls },
      'operation',
    );
  };

  /** Counts a subscription as live, until the function returned is called. */
  const begin = (context: GraphQLContext, startedAt: number) => {
    subscriptions += 1;
    return () => {
      subscriptions -= 1;
      record('subscription', {}, context, startedAt);
    };
  };

  /** Each event masked like any result; what the source throws becomes its last event. */
  async function* finishEach(
    events: AsyncIterable<ExecutionResult>,
    context: GraphQLContext,
  ): AsyncGenerator<ExecutionResult, void> {
    const { live, call, loaders } = context;
    try {
      for await (const event of events) {
        yield finish(event, context);
        // What one event cost and loaded is not the next one's.
        loaders.clear();
        Object.assign(call.tally, newUpstreamTally());
      }
    } catch (error) {
      if (live) live.at = Number.POSITIVE_INFINITY;
      if (!call.signal?.aborted) yield { errors: [maskAs(error, context.requestId)] };
    }
  }

  const plugin: Plugin<StreamContext & GraphQLContext, StreamContext> = {
    onRequestParse({ setRequestParser, serverContext }) {
      const { query, variables, operationName } = serverContext.params;
      setRequestParser(() => ({ query, variables, ...(operationName !== undefined && { operationName }) }));
    },
    onParse({ setParseFn }) {
      setParseFn((source) => parseWithin(String(source), limits));
    },
    onValidate({ addValidationRule }) {
      if (!introspection) addValidationRule(NoSchemaIntrospectionCustomRule);
    },
    onExecute({ args, setResultAndStopExecution, setExecuteFn }) {
      const context: GraphQLContext = args.contextValue;
      const startedAt = clock.monotonic();
      const operation = getOperationAST(args.document, args.operationName);
      const weighed = weigh(args, operation);
      if ('refusal' in weighed) setResultAndStopExecution({ errors: [weighed.refusal] });
      else {
        const compiled = operation && compiler.compiled(args.document, operation, weighed.fields);
        if (compiled) setExecuteFn(compiled);
      }
      Object.assign(args, { signal: context.call.signal });
      return {
        onExecuteDone({ result, setResult }) {
          if (isAsyncIterable(result)) return;
          forgetRights(context);
          const finished = finish(result, context);
          record(operation?.operation ?? 'unknown', finished, context, startedAt);
          setResult(finished);
        },
      };
    },
    onSubscribe({ args, setResultAndStopExecution }) {
      const context: GraphQLContext = args.contextValue;
      const startedAt = clock.monotonic();
      const operation = getOperationAST(args.document, args.operationName);
      const weighed = weigh(args, operation);
      if ('refusal' in weighed) setResultAndStopExecution({ errors: [weighed.refusal] });
      const signal = context.call.signal ?? new AbortController().signal;
      Object.assign(args, { signal });
      return {
        onSubscribeResult({ result, setResult }) {
          if (!(Symbol.asyncIterator in result)) {
            const finished = finish(result, context);
            record('subscription', finished, context, startedAt);
            setResult(finished);
            return;
          }
          // Who follows a subscription is counted, not the parts that it is run in.
          const end = context.live ? () => undefined : begin(context, startedAt);
          setResult(untilAborted(finishEach(result, context), signal, end));
        },
      };
    },
    onResultProcess({ result, setResult, serverContext }) {
      // What Yoga refused before there was an operation has not passed `finish`.
      if (Array.isArray(result) || isAsyncIterable(result) || !result.errors) return;
      setResult({ ...result, errors: result.errors.map((error) => maskAs(error, serverContext.requestId)) });
    },
  };

  /** How many fields the operation selects, or why it is not executed. */
  function weigh(
    args: { document: DocumentNode; variableValues?: unknown; contextValue?: unknown },
    operation: OperationDefinitionNode | null | undefined,
  ): { readonly fields: number } | { readonly refusal: unknown } {
    if (!operation) return { fields: 0 }; // Execution says so itself.
    try {
      const variables = args.variableValues as Record<string, unknown>; // As readParams made them.
      const context = args.contextValue as GraphQLContext; // As makeContext made it.
      const { cost, fields } = weighOperation(schema, args.document, operation, variables, context);
      if (fields > limits.maxFields) {
        throw new GatewayError(
          'LIMIT_EXCEEDED',
          `The operation selects ${fields} fields; at most ${limits.maxFields} are allowed. Ask for less, or in several operations.`,
        );
      }
      if (cost > limits.maxCost) {
        throw new GatewayError(
          'LIMIT_EXCEEDED',
          `The operation costs ${cost}; at most ${limits.maxCost} is allowed. Ask for fewer items (first), or in several operations.`,
        );
      }
      return { fields };
    } catch (refusal) {
      return { refusal };
    }
  }

  const compiler = createQueryCompiler({ schema });
  const documents = new LRUCache<string, DocumentNode>({
    maxSize: DOCUMENT_CACHE_CHARACTERS,
    maxEntrySize: LARGEST_CACHED_DOCUMENT,
    sizeCalculation: (_document, text) => text.length,
  });
  /** Documents that validation has passed: those that are kept need it once. */
  const valid = new WeakSet<DocumentNode>();

  const yoga = createYoga<StreamContext, GraphQLContext>({
    schema,
    plugins: [plugin],
    context: ({ actor, requestId, signal, live }) => ({ ...makeContext({ actor, requestId, signal }), live }),
    // Yoga's own masking does not know the request; ours does.
    maskedErrors: false,
    logging: false,
    graphiql: false,
    landingPage: false,
    cors: false,
    multipart: false,
    parserAndValidationCache: {
      documentCache: documents,
      // An error holds its whole document: hostile ones are not worth keeping.
      errorCache: { get: () => undefined, set: () => undefined },
    },
  });

  async function prepare(
    params: GraphQLParams,
    caller: Caller,
  ): Promise<PreparedOperation | { errors: readonly GraphQLError[] }> {
    const { requestId } = caller;
    const enveloped = yoga.getEnveloped({ ...caller });
    let document: DocumentNode;
    try {
      document = documents.get(params.query) ?? enveloped.parse(params.query);
    } catch (error) {
      return refuse([error], requestId, 'GRAPHQL_PARSE_FAILED');
    }
    try {
      if (!valid.has(document)) {
        const faults: readonly GraphQLError[] = enveloped.validate(schema, document);
        if (faults.length > 0) return refuse(faults, requestId, 'GRAPHQL_VALIDATION_FAILED');
        valid.add(document);
      }
      const operation = getOperationAST(document, params.operationName);
      if (!operation) {
        throw new GatewayError('BAD_USER_INPUT', '"operationName" must name an operation of the document.');
      }
      const type = operation.operation;
      if (params.isTextBroken && type !== 'mutation') throw brokenText();
      const contextValue: GraphQLContext = await enveloped.contextFactory();
      const { operationName, variables: variableValues } = params;
      const args = { schema, document, operationName, variableValues, contextValue };
      const run = async () => {
        try {
          return await (type === 'subscription' ? enveloped.subscribe(args) : enveloped.execute(args));
        } catch (error) {
          if (caller.signal.aborted) return {}; // Nobody is there to be told.
          return { errors: [maskAs(error, requestId)] };
        }
      };
      if (type !== 'subscription' || caller.live) return { ...args, type, run };
      const news = newsOf(schema, { document, operation, text: params.query, variables: variableValues });
      if (!news) return { ...args, type, run };
      const follow = (reader: Reader) => followShared({ params, caller, news, context: contextValue, reader });
      return { ...args, type, run, follow };
    } catch (error) {
      return refuse([error], requestId);
    }
  }

  /** A live subscription for one reader: its past with the caller's rights, its news with those of all who have the same. */
  async function followShared({
    params,
    caller,
    news,
    context,
    reader,
  }: {
    readonly params: GraphQLParams;
    readonly caller: Caller;
    readonly news: object;
    readonly context: GraphQLContext;
    readonly reader: Reader;
  }): Promise<ExecutionResult | AsyncGenerator<ExecutionResult, void>> {
    const startedAt = clock.monotonic();
    const { actor, signal } = caller;
    const runAs = (who: Omit<Caller, 'signal' | 'live'>) => async (live: LiveRun, until: AbortSignal) => {
      const prepared = await prepare(params, { ...who, signal: until, live });
      return 'errors' in prepared ? prepared : prepared.run();
    };
    const followed = await shared.follow({
      // Nothing else of the caller decides what there is to tell.
      key: JSON.stringify([news, params.operationName ?? null, actor?.role ?? null]),
      runOwn: runAs(caller),
      runNews: runAs({ actor: actor && { name: 'subscribers', role: actor.role }, requestId: randomUUID() }),
      reader,
      signal,
    });
    if (!isAsyncIterable(followed)) return followed;
    return untilAborted(followed, signal, begin(context, startedAt));
  }

  return {
    prepare,

    mask: maskAs,

    async stream(params, caller, { method, accept }) {
      if (params.isTextBroken) throw brokenText();
      const { Request } = yoga.fetchAPI;
      const request = new Request('http://gateway/graphql', { method, headers: { accept }, signal: caller.signal });
      return yoga.fetch(request, { ...caller, params });
    },

    liveSubscriptions: () => subscriptions,
  };
}

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
