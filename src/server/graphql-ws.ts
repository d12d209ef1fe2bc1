/** GraphQL over WebSocket (`graphql-transport-ws`): graphql-ws speaks the protocol, the engine does the rest. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ExecutionResult } from 'graphql';
import { CloseCode, handleProtocols, makeServer } from 'graphql-ws';
import { WebSocketServer } from 'ws';
import type { Clock } from '../clock.ts';
import { errorPolicy, GatewayError } from '../errors.ts';
import type { Actor } from '../graphql/context.ts';
import type { Log } from '../telemetry/log.ts';
import type { Authenticate } from './authenticate.ts';
import type { ClientAddress } from './client-address.ts';
import { endWithCredentials } from './credential-expiry.ts';
import type { GraphQLEngine, PreparedOperation } from './graphql-engine.ts';
import { readParams } from './graphql-params.ts';
import type { ServerLimits } from './limits.ts';
import type { OriginPolicy } from './origins.ts';
import type { Told } from './recent-results.ts';
import { refuseConnection } from './respond.ts';
import { createSocketConnection, type SocketConnection } from './socket-connection.ts';
import type { TrustedDocuments } from './trusted-documents.ts';

/** RFC 6455: the server goes down. graphql-ws clients reconnect after it; most 44xx codes they take as final. */
const GOING_AWAY = 1001;

/** IANA's registry of close codes: for what may do better later. */
const TRY_AGAIN_LATER = 1013;

export interface GraphQLSocketsOptions {
  readonly engine: GraphQLEngine;
  readonly authenticate: Authenticate;
  readonly documents: TrustedDocuments;
  readonly origins: OriginPolicy;
  readonly addressOf: ClientAddress;
  readonly limits: ServerLimits;
  readonly clock: Clock;
  readonly log: Log;
}

export interface GraphQLSockets {
  /** Takes over a connection that asked to become a WebSocket, or refuses it. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  count(): number;
  /** Closes every socket so that its client reconnects: at once, or when the queries and mutations on it are answered. */
  drain(): void;
  /** Ends every socket now. */
  terminate(): void;
}

/** Of a socket. Not the request it came from, which would be kept for as long as the socket. */
interface Extra {
  readonly connection: SocketConnection;
  readonly authorization: string | undefined;
  readonly remoteAddress: string;
  actor: Actor | null;
}

/** What graphql-ws hands back to `execute` and `subscribe`: the prepared operation beside the arguments it needs itself. */
interface PreparedArgs {
  readonly run: PreparedOperation['run'];
}

export function createGraphQLSockets({
  engine,
  authenticate,
  documents,
  origins,
  addressOf,
  limits,
  clock,
  log,
}: GraphQLSocketsOptions): GraphQLSockets {
  const connections = new Map<SocketConnection, () => void>();
  const socketsOf = createActorSockets(limits.maxSocketsPerActor);
  const stopped = new AbortController();
  let draining = false;

  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: limits.maxMessageBytes,
    perMessageDeflate: false,
    autoPong: false,
    handleProtocols,
  });

  const run = (args: unknown) => (args as PreparedArgs).run(); // onSubscribe below put it there.

  const protocol = makeServer<Record<string, unknown>, Extra>({
    connectionInitWaitTimeout: limits.connectionInitTimeoutMs,
    async onConnect({ extra, connectionParams }) {
      const given = connectionParams?.authorization ?? connectionParams?.Authorization;
      const authorization = typeof given === 'string' ? given : extra.authorization;
      const requestId = randomUUID();
      try {
        extra.actor = await authenticate({ authorization, remoteAddress: extra.remoteAddress, requestId });
      } catch (error) {
        const { message } = engine.mask(error, requestId);
        extra.connection.close(closeCodeOf(error), message.slice(0, 120));
        return false;
      }
      const { connection } = extra;
      if (!socketsOf.enter(extra.actor, connection.closed)) {
        connection.close(
          TRY_AGAIN_LATER,
          `At most ${limits.maxSocketsPerActor} sockets can be open at a time. Close one first.`,
        );
        return false;
      }
      const end = () =>
        connection.close(CloseCode.Forbidden, 'The credentials have expired. Connect again with new ones.');
      endWithCredentials(extra.actor, connection.closed, clock, end);
      return true;
    },
    async onSubscribe({ extra }, id, payload) {
      const requestId = randomUUID();
      const controller = new AbortController();
      try {
        if (draining) throw new GatewayError('UNAVAILABLE', 'The gateway is stopping. Try again in a moment.');
        const caller = { actor: extra.actor, requestId, signal: controller.signal };
        const prepared = await engine.prepare(readParams(payload, documents, { mayBeBroken: true }), caller);
        if ('errors' in prepared) return prepared.errors;
        const isSubscription = prepared.type === 'subscription';
        checkRoom(extra.connection, isSubscription);
        extra.connection.operations.set(id, { controller, isSubscription });
        const { type: _type, follow, ...args } = prepared;
        if (!follow) return args;
        const { tell, isBusy, drained, cutOff } = extra.connection;
        const head = `{"id":${JSON.stringify(id)},"type":"next","payload":`;
        const tellOne = (results: readonly Told[]) => tell(results.map(({ json }) => `${head}${json}}`));
        return { ...args, run: () => follow({ tell: tellOne, isBusy, drained, cutOff }) };
      } catch (error) {
        return [engine.mask(error, requestId)];
      }
    },
    execute: run as () => Promise<ExecutionResult>, // An async generator is only ever given to subscribe.
    subscribe: run,
    onComplete({ extra }, id) {
      settle(extra.connection, id);
    },
    onError({ extra }, id, _payload, errors) {
      settle(extra.connection, id);
      return errors.map((error) => engine.mask(error, randomUUID()).toJSON());
    },
  });

  function checkRoom({ operations }: SocketConnection, isSubscription: boolean): void {
    const running = [...operations.values()].filter((operation) => operation.isSubscription === isSubscription).length;
    const most = isSubscription ? limits.maxSubscriptionsPerSocket : limits.maxRunningPerSocket;
    if (running < most) return;
    const what = isSubscription ? 'subscriptions' : 'queries and mutations';
    throw new GatewayError(
      'LIMIT_EXCEEDED',
      `At most ${most} ${what} can run on one socket. End one first, or open another socket.`,
    );
  }

  function settle(connection: SocketConnection, id: string): void {
    connection.operations.get(id)?.controller.abort();
    connection.operations.delete(id);
    // Not before its `complete` is sent, which follows this at once: without it the client would take the operation as
    // unfinished and do it again elsewhere, mutations included.
    if (draining) setImmediate(() => closeIfIdle(connection));
  }

  function closeIfIdle(connection: SocketConnection): void {
    const busy = [...connection.operations.values()].some((operation) => !operation.isSubscription);
    if (!busy) connection.close(GOING_AWAY, 'Going away');
  }

  async function keepAlive(): Promise<void> {
    try {
      for (;;) {
        await clock.sleep(limits.pingIntervalMs, stopped.signal);
        for (const connection of connections.keys()) connection.ping();
      }
    } catch {
      // Stopped.
    }
  }
  void keepAlive();

  return {
    count: () => connections.size,

    upgrade(request, socket, head) {
      const refusal = refuse(request);
      if (refusal) {
        refuseConnection(socket, refusal);
        return;
      }
      const { authorization } = request.headers;
      const remoteAddress = addressOf(request);
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        const connection = createSocketConnection(webSocket, socket, { limits, clock, log });
        const closed = protocol.opened(
          {
            protocol: webSocket.protocol,
            send: connection.send,
            close: (code = CloseCode.InternalServerError, reason = '') => connection.close(code, reason),
            onMessage(receive) {
              webSocket.on('message', (bytes) => {
                if (connection.closed.aborted) return;
                const text = String(bytes);
                const completed = idOfComplete(text);
                if (completed !== undefined) connection.operations.get(completed)?.controller.abort();
                receive(text).catch((error: unknown) => {
                  log.error({ error }, 'a WebSocket message failed');
                  connection.close(CloseCode.InternalServerError, 'Internal server error');
                });
              });
            },
          },
          { connection, authorization, remoteAddress, actor: null },
        );
        connections.set(connection, () => webSocket.terminate());
        // A broken frame or connection; ws closes it with the right code by itself, and 'close' follows.
        webSocket.on('error', (error) => log.debug({ error }, 'a WebSocket broke'));
        webSocket.once('close', (code, reason) => {
          connections.delete(connection);
          connection.ended();
          closed(code, String(reason)).catch((error: unknown) =>
            log.error({ error }, 'a WebSocket did not end cleanly'),
          );
        });
        if (draining) closeIfIdle(connection);
      });
    },

    drain() {
      draining = true;
      for (const connection of connections.keys()) closeIfIdle(connection);
    },

    terminate() {
      draining = true;
      stopped.abort();
      for (const terminate of connections.values()) terminate();
      sockets.close();
    },
  };

  function refuse(request: IncomingMessage): string | undefined {
    if (draining) return '503 Service Unavailable';
    if (!origins.allowsSocket(request)) return '403 Forbidden';
    if (connections.size >= limits.maxSockets) return '503 Service Unavailable';
    return undefined;
  }
}

/** Counts the sockets of each actor. */
function createActorSockets(most: number) {
  const open = new Map<string, number>();
  return {
    /** False where the actor has enough. Otherwise one more, until the signal says that it is closed. */
    enter(actor: Actor | null, closed: AbortSignal): boolean {
      const name = actor?.name ?? '';
      const count = open.get(name) ?? 0;
      if (count >= most || closed.aborted) return false;
      open.set(name, count + 1);
      closed.addEventListener('abort', () => {
        const left = (open.get(name) ?? 1) - 1;
        if (left > 0) open.set(name, left);
        else open.delete(name);
      });
      return true;
    },
  };
}

/** Why credentials were not taken. 4401 is final for graphql-ws clients: the same ones would not do better. */
function closeCodeOf(error: unknown): number {
  const { code } = errorPolicy(error);
  if (code === 'UNAUTHENTICATED') return CloseCode.Unauthorized;
  if (code === 'FORBIDDEN') return CloseCode.Forbidden;
  return TRY_AGAIN_LATER;
}

/** Longer than any message that completes an operation. */
const LONGEST_COMPLETE = 256;

/**
 * The operation that a message ends. graphql-ws answers it by asking the source to return, which a source that waits
 * for its next event does not hear; so the operation is aborted first.
 */
function idOfComplete(text: string): string | undefined {
  if (text.length > LONGEST_COMPLETE || !text.includes('"complete"')) return undefined;
  try {
    const message: unknown = JSON.parse(text);
    if (typeof message !== 'object' || message === null || !('type' in message) || !('id' in message)) return undefined;
    return message.type === 'complete' && typeof message.id === 'string' ? message.id : undefined;
  } catch {
    return undefined;
  }
}
