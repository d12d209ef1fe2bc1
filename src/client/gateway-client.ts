/**
 * The gateway as a program calls it: typed documents over HTTP, subscriptions over one WebSocket that reconnects by
 * itself and goes on behind the last event.
 */
import { createClient } from 'graphql-ws';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { TypedDocumentString } from './generated/graphql.ts';
import { resumingOperation } from './resuming-operation.ts';

export interface GatewayClient extends AsyncDisposable {
  /** A query's or mutation's data. @throws GatewayCallError */
  execute<Data, Variables>(document: TypedDocumentString<Data, Variables>, variables: Variables): Promise<Data>;
  /** The events of a subscription, until it ends or the caller stops. @throws GatewayCallError */
  subscribe<Data, Variables extends Record<string, unknown>>(
    document: TypedDocumentString<Data, Variables>,
    variables: Variables,
  ): AsyncIterable<Data>;
}

/** The gateway could not be reached or refused; the message is meant for a person. */
export class GatewayCallError extends Error {
  /** `extensions.code` of the GraphQL error; UNREACHABLE where no answer came. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const errorsSchema = z
  .array(z.object({ message: z.string(), extensions: z.object({ code: z.string() }).partial().optional() }))
  .min(1);
/** Only the frame: what is in `data` is what the document asked for, which its generated type says. */
const answerSchema = z
  .object({ data: z.looseObject({}).nullish(), errors: errorsSchema.optional() })
  .refine(({ data, errors }) => data || errors);

/** Waits between attempts to connect, in milliseconds: doubling up to the longest, with jitter. */
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;
/** Shows a connection that died without a word; in milliseconds. */
const PING_INTERVAL_MS = 15_000;

export interface GatewayClientOptions {
  /** The gateway's address; a path in front of `/graphql` is kept. */
  readonly url: string;
  readonly apiKey?: string | undefined;
  /** Attempts to connect again, in a row, before a subscription gives up. */
  readonly retryAttempts: number;
  /** Told when the connection of the subscriptions breaks, and when it is there again. */
  readonly onConnection?: ((state: 'lost' | 'resumed') => void) | undefined;
  readonly clock: Clock;
  readonly random: () => number;
}

export function createGatewayClient(options: GatewayClientOptions): GatewayClient {
  const endpoint = `${options.url.replace(/\/+$/, '')}/graphql`;
  const authorization = options.apiKey === undefined ? undefined : `Bearer ${options.apiKey}`;
  let connection: 'none' | 'there' | 'lost' = 'none';

  const sockets = createClient({
    url: endpoint.replace(/^http/, 'ws'),
    ...(authorization !== undefined && { connectionParams: { authorization } }),
    retryAttempts: options.retryAttempts,
    // A connection that is refused is an error event, which graphql-ws would take as final.
    shouldRetry: () => true,
    retryWait: (retries) =>
      options.clock.sleep(Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** retries) * (0.5 + options.random() / 2)),
    keepAlive: PING_INTERVAL_MS,
    on: {
      connected() {
        if (connection === 'lost') options.onConnection?.('resumed');
        connection = 'there';
      },
      closed(event) {
        // 1000 is our own goodbye.
        const isOurs = typeof event === 'object' && event !== null && 'code' in event && event.code === 1000;
        // Told once: it is also closed whenever it cannot be made again.
        if (connection !== 'there' || isOurs) return;
        connection = 'lost';
        options.onConnection?.('lost');
      },
    },
  });

  return {
    async execute<Data, Variables>(document: TypedDocumentString<Data, Variables>, variables: Variables) {
      const answer = await post(endpoint, { query: String(document), variables }, authorization);
      if (answer.errors) throw callError(answer.errors);
      return answer.data as Data; // Typed by the document, from the gateway's own schema.
    },

    async *subscribe<Data, Variables extends Record<string, unknown>>(
      document: TypedDocumentString<Data, Variables>,
      variables: Variables,
    ) {
      const { payload, advance } = resumingOperation(String(document), variables);
      try {
        for await (const { data, errors } of sockets.iterate(payload)) {
          if (errors) throw callError(errors);
          advance(data);
          yield data as Data; // Typed by the document, as above.
        }
      } catch (error) {
        throw asCallError(error, endpoint);
      }
    },

    async [Symbol.asyncDispose]() {
      await sockets.dispose();
    },
  };
}

async function post(endpoint: string, body: unknown, authorization: string | undefined) {
  let response: Response;
  try {
    response = await fetch(endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json, application/json',
        ...(authorization !== undefined && { authorization }),
      },
      body: JSON.stringify(body),
    });
  } catch (error) {
    throw asCallError(error, endpoint);
  }
  const parsed = answerSchema.safeParse(await response.json().catch(() => undefined));
  if (parsed.success) return parsed.data;
  throw new GatewayCallError(
    'UNREACHABLE',
    `What answers at ${endpoint} (status ${response.status}) is not a gateway. Is the address right?`,
  );
}

function callError(errors: unknown): GatewayCallError {
  const parsed = errorsSchema.safeParse(errors);
  const [first] = parsed.success ? parsed.data : [];
  return new GatewayCallError(first?.extensions?.code ?? 'UNKNOWN', first?.message ?? 'The gateway refused the call.');
}

/** 4401: the gateway does not know who this is (graphql-transport-ws). */
const UNAUTHORIZED = 4401;

const closeSchema = z.object({ code: z.number(), reason: z.string() });

function asCallError(error: unknown, endpoint: string): GatewayCallError {
  if (error instanceof GatewayCallError) return error;
  if (Array.isArray(error)) return callError(error);
  const close = closeSchema.safeParse(error);
  if (close.success && close.data.code === UNAUTHORIZED)
    return new GatewayCallError('UNAUTHENTICATED', close.data.reason);
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : '';
  const why = close.success ? `closed with ${close.data.code} ${close.data.reason}`.trim() : cause;
  return new GatewayCallError(
    'UNREACHABLE',
    `The gateway at ${endpoint} cannot be reached${why ? ` (${why})` : ''}. Is it running?`,
    { cause: error },
  );
}
