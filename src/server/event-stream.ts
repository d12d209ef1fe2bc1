/**
 * The answer to a live subscription over SSE: as Yoga's (graphql-sse's protocol, "distinct connections mode"), but with a
 * text that is made once for all who are told the same. Yoga would make a web stream and the text anew for each of them.
 */
import type { ServerResponse } from 'node:http';
import type { ExecutionResult, GraphQLError } from 'graphql';
import type { Clock } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import { drainedOrClosed } from './drained.ts';
import type { Told } from './recent-results.ts';
import type { Reader } from './shared-subscriptions.ts';

const HEAD = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' };
/** A comment: it keeps the connection in use, and makes browsers take the head at once. */
const PING = ':\n\n';
const COMPLETE = 'event: complete\ndata:\n\n';
const next = (json: string) => `event: next\ndata: ${json}\n\n`;

export interface EventStreamOptions {
  readonly response: ServerResponse;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
  /** Subscribes a reader: what has been comes from the generator, what is new goes to the reader. */
  readonly follow: (reader: Reader) => Promise<ExecutionResult | AsyncGenerator<ExecutionResult, void>>;
  /** An error as the client may see it. */
  readonly mask: (error: unknown) => GraphQLError;
}

/** @returns answers with a subscription, from its first event to its end or to that of its client */
export function createEventStreams(deps: {
  readonly pingIntervalMs: number;
  readonly clock: Clock;
}): (options: EventStreamOptions) => Promise<void> {
  const { pingIntervalMs, clock } = deps;
  /** What was told last, which is told to many in a row. */
  let last: { readonly results: readonly Told[]; readonly text: string } | undefined;
  const open = new Set<ServerResponse>();
  let stopPinging = () => {};

  function textOf(results: readonly Told[]): string {
    if (last?.results !== results) last = { results, text: results.map(({ json }) => next(json)).join('') };
    return last.text;
  }

  function ping(): void {
    for (const response of open) if (!response.writableEnded && !response.writableNeedDrain) response.write(PING);
    stopPinging = clock.after(pingIntervalMs, ping);
  }

  /** One timer for all, while there is any. */
  function keepAlive(response: ServerResponse, signal: AbortSignal): void {
    if (open.size === 0) stopPinging = clock.after(pingIntervalMs, ping);
    open.add(response);
    const forget = () => {
      open.delete(response);
      if (open.size === 0) stopPinging();
    };
    signal.addEventListener('abort', forget, { once: true });
  }

  return async ({ response, signal, follow, mask }) => {
    let isTooSlow = false;
    const followed = await follow({
      tell: (results) => {
        if (!response.writableEnded) response.write(textOf(results));
      },
      isBusy: () => response.writableNeedDrain,
      drained: () => drainedOrClosed(response),
      cutOff() {
        isTooSlow = true;
        if (Symbol.asyncIterator in followed) void followed.return();
      },
    });
    if (signal.aborted) return;
    // Sent alone, the head is kept as the one text that it is, and not in the forty pieces that it was made of.
    response.writeHead(200, HEAD).flushHeaders();
    response.write(PING);
    keepAlive(response, signal);
    for await (const result of Symbol.asyncIterator in followed ? followed : [followed]) {
      response.write(next(JSON.stringify(result)));
      if (response.writableNeedDrain) await drainedOrClosed(response);
    }
    if (signal.aborted) return;
    if (isTooSlow) response.write(next(JSON.stringify({ errors: [mask(new SlowConsumerError())] })));
    response.end(COMPLETE);
  };
}

class SlowConsumerError extends GatewayError {
  constructor() {
    super(
      'SLOW_CONSUMER',
      'Events came faster than they were read. Subscribe again with the cursor of the last one as `after`.',
    );
  }
}
