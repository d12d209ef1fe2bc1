/**
 * Results as a stream of HTTP: server-sent events as graphql-sse has them ("distinct connections"), or multipart/mixed.
 * Nothing is taken from the source while the client does not take what it was sent.
 */
import type { ServerResponse } from 'node:http';
import type { ExecutionResult } from 'graphql';
import type { Clock } from '../clock.ts';

export interface StreamFormat {
  readonly headers: Readonly<Record<string, string>>;
  /** Sent at once: some browsers do not take the headers alone for an answer. */
  readonly begin: string;
  next(json: string): string;
  readonly end: string;
  /** Sent now and then while there is nothing else, so that nobody in between takes the connection for dead. */
  readonly ping?: string;
}

export const EVENT_STREAM: StreamFormat = {
  headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' },
  begin: ':\n\n',
  next: (json) => `event: next\ndata: ${json}\n\n`,
  end: 'event: complete\ndata:\n\n',
  ping: ':\n\n',
};

export const MULTIPART: StreamFormat = {
  headers: { 'content-type': 'multipart/mixed; boundary="-"' },
  begin: '\r\n---',
  next: (json) =>
    `\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}\r\n---`,
  end: '--\r\n',
};

const PING_INTERVAL_MS = 12_000;

/** Writes the results until they or the client end. Never rejects for a client that went away. */
export async function sendStream(
  response: ServerResponse,
  results: AsyncIterable<ExecutionResult>,
  format: StreamFormat,
  { signal, clock }: { readonly signal: AbortSignal; readonly clock: Clock },
): Promise<void> {
  response.writeHead(200, format.headers);
  response.write(format.begin);
  const ended = new AbortController();
  if (format.ping !== undefined) void keepAlive(response, format.ping, ended.signal, clock);
  try {
    for await (const result of results) {
      if (signal.aborted) break;
      if (!response.write(format.next(JSON.stringify(result)))) await writableOrClosed(response);
    }
    if (!signal.aborted) response.end(format.end);
  } finally {
    ended.abort(null);
  }
}

async function keepAlive(response: ServerResponse, ping: string, ended: AbortSignal, clock: Clock): Promise<void> {
  try {
    for (;;) {
      await clock.sleep(PING_INTERVAL_MS, ended);
      // Who does not read what it was sent needs nothing to read.
      if (!response.writableNeedDrain) response.write(ping);
    }
  } catch {
    // The stream has ended.
  }
}

function writableOrClosed(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}
