/**
 * The gateway as this page reaches it: urql for queries and mutations over HTTP, graphql-ws for subscriptions, over a
 * WebSocket that reconnects by itself, goes on behind the last event it saw, and says whether it is there.
 */

import { createClient as createSocketClient, type Client as SocketClient } from 'graphql-ws/client';
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import {
  type AnyVariables,
  type Client,
  type CombinedError,
  createClient,
  fetchExchange,
  mapExchange,
  type TypedDocumentNode,
} from 'urql';
import type { TypedDocumentString } from '../../client/generated/graphql.ts';
import { resumingOperation } from '../../client/resuming-operation.ts';

export type Connection =
  | { readonly state: 'connecting' }
  | { readonly state: 'live' }
  /** What the page shows is what was known at `since`. */
  | { readonly state: 'lost'; readonly since: Date };

export interface Gateway {
  readonly client: Client;
  /**
   * Calls `onEvent` with the data of each event, over broken connections too, and `onEnd` when there are no more: the
   * gateway ended it, or its cursor is no longer kept. @returns what ends it from here
   */
  subscribe<Data, Variables extends Record<string, unknown>>(
    document: TypedDocumentString<Data, Variables>,
    variables: Variables,
    told: { onEvent: (data: Data) => void; onEnd: () => void },
  ): () => void;
  /**
   * A query's answer, over the connection of the subscriptions: so one gateway of several answers all of them. Waits while
   * there is no connection. @throws what the gateway refuses it with
   */
  ask<Data>(document: TypedDocumentString<Data, Record<string, never>>): Promise<Data>;
  dispose(): void;
}

const GatewayContext = createContext<Gateway | null>(null);
export const GatewayProvider = GatewayContext.Provider;

/** @throws outside of a GatewayProvider */
export function useGateway(): Gateway {
  const gateway = useContext(GatewayContext);
  if (gateway === null) throw new Error('there is no gateway here');
  return gateway;
}

/** Relative to the page, so that a proxy may put both under a path. */
const ENDPOINT = new URL('graphql', document.baseURI);

/** Between two attempts to connect, in milliseconds: doubling up to the longest, with jitter. */
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5_000;
/** A connection that says nothing for this long after a ping is dead, in milliseconds. */
const PONG_TIMEOUT_MS = 5_000;
const PING_INTERVAL_MS = 10_000;

export function createGateway(options: {
  apiKey: string | null;
  onConnection: (connection: Connection) => void;
  /** The gateway wants to know who this is, or does not know the key. */
  onUnauthenticated: (message: string) => void;
}): Gateway {
  const { apiKey, onConnection, onUnauthenticated } = options;
  const authorization = apiKey === null ? undefined : `Bearer ${apiKey}`;
  const over = new AbortController();
  const sockets = createSockets({ authorization, onConnection, onUnauthenticated, signal: over.signal });
  const client = createClient({
    url: ENDPOINT.href,
    requestPolicy: 'network-only',
    preferGetMethod: false,
    fetchOptions: { headers: authorization === undefined ? {} : { authorization } },
    exchanges: [
      mapExchange({
        onError(error) {
          if (codeOf(error) === 'UNAUTHENTICATED') onUnauthenticated(messageOf(error));
        },
      }),
      fetchExchange,
    ],
  });
  return {
    client,
    subscribe(document, variables, { onEvent, onEnd }) {
      const { payload, advance } = resumingOperation(String(document), variables);
      return sockets.subscribe(payload, {
        next({ data, errors }) {
          if (errors) return;
          advance(data);
          onEvent(data as never); // Typed by the document, whose answer this is.
        },
        error: onEnd,
        complete: onEnd,
      });
    },
    ask: (document) =>
      new Promise((resolve, reject) => {
        sockets.subscribe(
          { query: String(document) },
          {
            next: ({ data, errors }) => (errors ? reject(errors) : resolve(data as never)), // Typed by the document.
            error: reject,
            complete: () => reject(new Error('there was no answer')),
          },
        );
      }),
    dispose() {
      over.abort();
      void sockets.dispose();
    },
  };
}

function createSockets(options: {
  authorization: string | undefined;
  onConnection: (connection: Connection) => void;
  onUnauthenticated: (message: string) => void;
  /** Aborted when nobody wants to hear of the connection any more. */
  signal: AbortSignal;
}): SocketClient {
  const { authorization, onConnection, onUnauthenticated, signal } = options;
  const url = new URL(ENDPOINT);
  url.protocol = url.protocol.replace('http', 'ws');
  let lastHeard = new Date();
  let isLive = false;
  let pongTimeout: ReturnType<typeof setTimeout> | undefined;
  let socket: WebSocket | undefined;
  const heard = () => {
    lastHeard = new Date();
  };
  const sockets = createSocketClient({
    url: url.href,
    ...(authorization !== undefined && { connectionParams: { authorization } }),
    retryAttempts: Number.POSITIVE_INFINITY,
    // A connection that is refused is an error event, which graphql-ws would take as final.
    shouldRetry: () => true,
    retryWait: (retries) => soonerWhenOnline(Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** retries)),
    keepAlive: PING_INTERVAL_MS,
    on: {
      opened: (opened) => {
        socket = opened as WebSocket; // In a browser it is one.
      },
      connected: () => {
        isLive = true;
        heard();
        onConnection({ state: 'live' });
      },
      message: heard,
      // A cable that is pulled closes nothing: only silence tells.
      ping: (received) => {
        if (!received) pongTimeout = setTimeout(() => sockets.terminate(), PONG_TIMEOUT_MS);
      },
      pong: (received) => {
        if (received) clearTimeout(pongTimeout);
      },
      closed: (event) => {
        clearTimeout(pongTimeout);
        if (signal.aborted) return;
        const close = event as Partial<CloseEvent>; // Also graphql-ws' own, which is shaped alike.
        if (close.code === 4401) onUnauthenticated(close.reason ?? '');
        onConnection(isLive ? { state: 'lost', since: lastHeard } : { state: 'connecting' });
      },
    },
  });
  // The browser knows before any silence does.
  addEventListener('offline', () => socket?.close(), { signal });
  return sockets;
}

/** Waits with jitter, but no longer than until the browser is online again. */
function soonerWhenOnline(waitMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timeout = setTimeout(done, waitMs * (0.5 + Math.random() / 2));
    function done() {
      clearTimeout(timeout);
      removeEventListener('online', done);
      resolve();
    }
    addEventListener('online', done);
  });
}

/**
 * A generated document as urql takes it, with the types of what goes in and comes out: by its hash, which the gateway
 * knows, so that the page also works where no other operations are let in.
 */
export function typed<Data, Variables extends AnyVariables>(
  document: TypedDocumentString<Data, Variables>,
): TypedDocumentNode<Data, Variables> {
  const byHash = { kind: 'Document', definitions: [], documentId: document.__meta__?.hash };
  // urql sends the hash in place of a text; its type for that has no types of data and variables.
  return byHash as unknown as TypedDocumentNode<Data, Variables>;
}

/** `extensions.code` of the first error. */
export function codeOf(error: CombinedError): string | undefined {
  const code = error.graphQLErrors[0]?.extensions.code;
  return typeof code === 'string' ? code : undefined;
}

/** What to tell a person. */
export function messageOf(error: CombinedError): string {
  const message = error.graphQLErrors[0]?.message ?? 'The gateway does not answer. Try again in a moment.';
  return message === 'PersistedQueryNotFound' ? 'The gateway has been updated: reload this page.' : message;
}
