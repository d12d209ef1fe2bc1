/** An upstream on loopback that answers exactly as it is told, in the order it is told, and remembers what it was asked. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SeenRequest {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export type Reply = (response: ServerResponse, request: SeenRequest) => void;

export interface ScriptedUpstream extends AsyncDisposable {
  baseUrl: string;
  /** Calls, without those for tokens, in order of arrival. */
  requests: SeenRequest[];
  tokenRequests: SeenRequest[];
  /** The most calls that were under way at once. */
  peakInFlight(): number;
  openSockets(): number;
  /** Answers to the calls to come, one each; the last goes on for ever. Without a script: 200 `{"id":"1"}`. */
  script(...replies: Reply[]): void;
  /** The same for the token endpoint. Without a script: token-1, token-2, … for an hour each. */
  scriptToken(...replies: Reply[]): void;
  /** Resolves once `count` calls have arrived in all. */
  arrived(count: number): Promise<void>;
  /** Resolves once no call is under way, ended or broken off. */
  quiet(): Promise<void>;
}

export async function startScriptedUpstream(): Promise<ScriptedUpstream> {
  const requests: SeenRequest[] = [];
  const tokenRequests: SeenRequest[] = [];
  let replies: Reply[] = [json(200, { id: '1' })];
  let tokenReplies: Reply[] = [];
  let inFlight = 0;
  let peak = 0;
  let news = Promise.withResolvers<void>();
  const sockets = new Set<unknown>();

  function tell(): void {
    news.resolve();
    news = Promise.withResolvers();
  }

  const server = createServer((message, response) => {
    void readAll(message).then((seen) => {
      const isToken = /\/oauth2?\/token$/.test(seen.url);
      if (isToken) {
        tokenRequests.push(seen);
        const reply = tokenReplies.length > 1 ? tokenReplies.shift() : tokenReplies[0];
        (reply ?? json(200, { access_token: `token-${tokenRequests.length}`, expires_in: 3600 }))(response, seen);
        return;
      }
      requests.push(seen);
      peak = Math.max(peak, ++inFlight);
      response.once('close', () => {
        inFlight--;
        tell();
      });
      tell();
      const reply = replies.length > 1 ? replies.shift() : replies[0];
      reply?.(response, seen);
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      tell();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A server that listens on TCP has an address of this form.
  const { port } = server.address() as AddressInfo;

  return {
    baseUrl: `http://127.0.0.1:${port}`,
    requests,
    tokenRequests,
    peakInFlight: () => peak,
    openSockets: () => sockets.size,
    script: (...next) => {
      replies = next;
    },
    scriptToken: (...next) => {
      tokenReplies = next;
    },
    async arrived(count) {
      while (requests.length < count) await news.promise;
    },
    async quiet() {
      while (inFlight > 0) await news.promise;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function readAll(message: IncomingMessage): Promise<SeenRequest> {
  let body = '';
  message.setEncoding('utf8');
  for await (const chunk of message) body += chunk;
  return { method: message.method ?? '', url: message.url ?? '', headers: message.headers, body };
}

/** A whole JSON answer; `body` undefined: none. */
export function json(status: number, body?: unknown, headers: Record<string, string> = {}): Reply {
  return (response) => {
    response.writeHead(status, { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  };
}

/** A whole answer with this text or these bytes as they are. */
export function text(status: number, body: string | Buffer, headers: Record<string, string>): Reply {
  return (response) => {
    response.writeHead(status, headers);
    response.end(body);
  };
}

/** The connection is reset before any answer. */
export const reset: Reply = (response) => {
  response.socket?.resetAndDestroy();
};

/** Half a JSON answer of a declared length, then the end of the connection. */
export const cutBody: Reply = (response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
  response.write('{"id":', () => response.socket?.end());
};

/** A whole answer whose JSON stops in the middle. */
export const truncatedJson: Reply = text(200, '{"id":"1', { 'content-type': 'application/json' });

/** Something that is no HTTP. */
export const garbage: Reply = (response) => {
  response.socket?.end('*** 200 FINE\r\n\r\n');
};

/** Never an answer. */
export const hang: Reply = () => {};

/** A head at once, then a space from time to time, never the end. */
export function drip(everyMs: number): Reply {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const timer = setInterval(() => response.write(' '), everyMs);
    response.once('close', () => clearInterval(timer));
  };
}
