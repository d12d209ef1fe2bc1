/** A server over a tiny schema on the real builder, for tests of the transports. */
import { z } from 'zod';
import { systemClock } from '../../src/clock.ts';
import { newUpstreamTally } from '../../src/cxone/call-context.ts';
import { ConflictError, NotFoundError, UpstreamError } from '../../src/errors.ts';
import { type Builder, buildSchema, createBuilder } from '../../src/graphql/builder.ts';
import { createRequestLoaders, type GraphQLContext } from '../../src/graphql/context.ts';
import { LOCAL_MUTATION_ERRORS } from '../../src/graphql/error-types.ts';
import { addMutation } from '../../src/graphql/mutation-field.ts';
import { openToEveryone } from '../../src/server/authenticate.ts';
import { type Server, type ServerOptions, startServer } from '../../src/server/http-server.ts';
import type { Services } from '../../src/services.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { createMetrics, type ServerGauges } from '../../src/telemetry/metrics.ts';

/** What a bug says: no client may ever read it. */
export const SECRET = 'secret db password=hunter2';

export interface Harness extends AsyncDisposable {
  readonly server: Server;
  readonly graphql: string;
  readonly ws: string;
  /** Every line that was logged. */
  readonly lines: string[];
  /** Subscription sources that have begun and not ended. */
  liveSources(): number;
  /** How often `flood` has said something. */
  floods(): number;
  /** How many `hang` were ended by their signal. */
  abortedHangs(): number;
  /** Resolves when a source has ended. */
  sourceEnded(): Promise<void>;
  /** Resolves when the field `hang` is being resolved. */
  hanging(): Promise<void>;
  /** Lets every `hang` that waits go on. */
  release(): void;
  /** As the metrics have it. */
  requestsRunning(): number;
  /** Live subscriptions, as the metrics have it. */
  subscriptions(): number;
  /** Open WebSockets, as the metrics have it. */
  sockets(): number;
  post(body: unknown, headers?: Record<string, string>, signal?: AbortSignal): Promise<Response>;
}

export async function startHarness(
  options: Partial<ServerOptions> = {},
  addTypes: (builder: Builder) => void = () => undefined,
): Promise<Harness> {
  let live = 0;
  let floods = 0;
  let abortedHangs = 0;
  const ended: (() => void)[] = [];
  const started: (() => void)[] = [];
  const held: (() => void)[] = [];
  const lines: string[] = [];

  async function hang(signal: AbortSignal | undefined): Promise<void> {
    const released = new Promise<void>((resolve) => {
      held.push(resolve);
      signal?.addEventListener('abort', () => resolve(), { once: true });
    });
    for (const resolve of started.splice(0)) resolve();
    await released;
    if (signal?.aborted) abortedHangs += 1;
    signal?.throwIfAborted();
  }

  const builder = createBuilder();
  builder.queryFields((t) => ({
    hello: t.string({
      description: 'Greets.',
      args: { name: t.arg.string({ description: 'Whom.' }) },
      resolve: (_root, { name }) => `hello ${name ?? 'world'}`,
    }),
    bug: t.string({
      nullable: true,
      description: 'Breaks.',
      resolve: () => {
        throw new Error(SECRET);
      },
    }),
    upstreamDown: t.string({
      nullable: true,
      description: 'Fails upstream.',
      resolve: () => {
        throw new UpstreamError('CXone did not answer.', { fault: 'timeout', upstreamRequestId: 'up-1' });
      },
    }),
    calls: t.int({
      description: 'Makes upstream calls.',
      resolve: (_root, _args, { call: { tally } }) => {
        tally.calls += 2;
        tally.waitedMs += 1.6;
        tally.batches.push({ id: 'b1', size: 7 });
        return tally.calls;
      },
    }),
    hang: t.string({
      description: 'Waits until it is released or the client goes away.',
      resolve: async (_root, _args, { call: { signal } }) => {
        await hang(signal);
        return 'released';
      },
    }),
    whoAmI: t.string({ description: 'The actor.', resolve: (_root, _args, { actor }) => actor?.name ?? 'nobody' }),
    requestId: t.string({ description: 'The request id.', resolve: (_root, _args, context) => context.requestId }),
    big: t.string({
      description: 'A long text.',
      args: { bytes: t.arg.int({ required: true, description: 'How long.' }) },
      resolve: (_root, { bytes }) => 'x'.repeat(bytes),
    }),
    self: t.field({ type: selfType(builder), description: 'Itself, to nest.', resolve: () => ({}) }),
  }));

  const thing = builder.objectRef<{ id: string }>('Thing').implement({
    description: 'A thing.',
    interfaces: [builder.nodeInterface],
    fields: (t) => ({ id: t.exposeID('id', { description: 'Its id.' }) }),
  });
  builder.nodes.register(thing, {
    partCount: 1,
    resolve: async ([id]) => (id === 'missing' ? null : { id: `gid://cxone/Thing/${id}` }),
  });

  const input = builder.inputType('RenameThingInput', {
    description: 'What to rename.',
    fields: (t) => ({
      id: t.id({ required: true, description: 'Which.' }),
      name: t.string({ required: true, description: 'To what.' }),
    }),
  });
  const payload = builder.objectRef<{ name: string }>('RenameThingPayload').implement({
    description: 'A renamed thing.',
    fields: (t) => ({ name: t.exposeString('name', { description: 'Its name.' }) }),
  });
  addMutation(builder, 'renameThing', {
    description: 'Renames a thing.',
    role: 'writer',
    input,
    payload,
    errors: LOCAL_MUTATION_ERRORS,
    validate: z.object({ id: z.string(), name: z.string().min(2, 'Expected at least 2 characters.') }),
    resolve: async ({ id, name }, { call: { signal } }) => {
      if (name === 'hang') await hang(signal);
      if (name === 'bug') throw new Error(SECRET);
      if (name === 'taken') throw new ConflictError('NAME_TAKEN', 'This name is taken.', 'gid://cxone/Thing/other');
      if (id === 'missing') throw new NotFoundError('There is no such thing.', id);
      return { name };
    },
  });

  builder.subscriptionFields((t) => ({
    count: t.int({
      description: 'Counts up to a number.',
      args: { to: t.arg.int({ required: true, description: 'How far.' }) },
      subscribe: async function* (_root, { to }) {
        for (let i = 1; i <= to; i += 1) yield i;
      },
      resolve: (value) => Number(value),
    }),
    silent: t.int({
      description: 'Begins with 0, then says nothing for ever, and does not listen to its signal.',
      subscribe: () => watched(silence()),
      resolve: (value) => Number(value),
    }),
    failing: t.int({
      description: 'Says 1, then its source breaks.',
      subscribe: async function* () {
        yield 1;
        throw new Error(SECRET);
      },
      resolve: (value) => Number(value),
    }),
    refused: t.int({
      description: 'Its source cannot be had.',
      subscribe: async (): Promise<AsyncIterable<number>> => {
        throw new Error(SECRET);
      },
      resolve: (value) => Number(value),
    }),
    flood: t.string({
      description: 'Says long things without end.',
      args: { bytes: t.arg.int({ required: true, description: 'How long.' }) },
      subscribe: (_root, { bytes }) => watched(repeat('x'.repeat(bytes))),
      resolve: (value) => String(value),
    }),
  }));
  addTypes(builder);

  async function* silence(): AsyncGenerator<number> {
    yield 0;
    await new Promise(() => undefined);
  }
  async function* repeat(text: string): AsyncGenerator<string> {
    for (;;) {
      floods += 1;
      yield text;
    }
  }
  /** Counts a source as live until it is asked to return, once or more often. */
  function watched<T>(source: AsyncGenerator<T>): AsyncIterable<T> {
    live += 1;
    let over = false;
    const end = () => {
      if (over) return;
      over = true;
      live -= 1;
      for (const resolve of ended.splice(0)) resolve();
    };
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => source.next(),
        return: () => {
          end();
          return source.return(undefined);
        },
      }),
    };
  }

  const metrics = createMetrics();
  let gauges: (() => ServerGauges) | undefined;
  const server = await startServer({
    schema: buildSchema(builder),
    host: '127.0.0.1',
    port: 0,
    graphiql: false,
    allowedOrigins: [],
    authenticate: openToEveryone(),
    makeContext: ({ actor, requestId, signal }): GraphQLContext => ({
      services: {} as Services, // The tiny schema has no services.
      actor,
      requestId,
      call: { requestId, lane: { kind: 'interactive' }, signal, tally: newUpstreamTally() },
      loaders: createRequestLoaders(),
    }),
    routes: [],
    healthChecks: {},
    metrics: {
      ...metrics,
      watchServer(read) {
        gauges = read;
        metrics.watchServer(read);
      },
    },
    log: createLog({ level: 'trace', destination: { write: (line) => lines.push(line) } }),
    clock: systemClock,
    ...options,
  });

  const graphql = `${server.url}/graphql`;
  return {
    server,
    graphql,
    ws: graphql.replace('http', 'ws'),
    lines,
    liveSources: () => live,
    floods: () => floods,
    abortedHangs: () => abortedHangs,
    sourceEnded: () => new Promise((resolve) => ended.push(resolve)),
    hanging: () => new Promise((resolve) => started.push(resolve)),
    release: () => {
      for (const resolve of held.splice(0)) resolve();
    },
    requestsRunning: () => gauges?.().requests ?? 0,
    subscriptions: () => gauges?.().subscriptions ?? 0,
    sockets: () => gauges?.().sockets ?? 0,
    post: (body, headers = {}, signal) =>
      fetch(graphql, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' || body instanceof Uint8Array ? (body as BodyInit) : JSON.stringify(body),
        ...(signal && { signal }),
      }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function selfType(builder: Builder) {
  const ref = builder.objectRef<object>('Self');
  return ref.implement({
    description: 'Something that leads to itself.',
    fields: (t) => ({
      self: t.field({ type: ref, description: 'Itself again.', resolve: () => ({}) }),
      many: t.field({ type: [ref], description: 'Itself, many times.', resolve: () => [{}, {}] }),
      name: t.string({ description: 'Its name.', resolve: () => 'self' }),
    }),
  });
}

/** Waits for what has no event of its own, turn by turn of the event loop. The test's own time limit ends it. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
