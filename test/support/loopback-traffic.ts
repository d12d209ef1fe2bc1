/**
 * Tells whether anything is under way between this process and itself over HTTP, so that a fake clock is moved only
 * when all that was sent has arrived: however slow the machine is, everybody who is about has come before time goes on.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';

/** The event loop turns so often after the last thing that was seen: what follows from it is then done. */
const TURNS_AFTER = 30;

export interface LoopbackTraffic extends Disposable {
  /** To be asked once in each turn of the event loop. */
  isMoving(): boolean;
}

/**
 * @param urls.gateway requests to it move until they arrive, and their answers until they are read: in between they may wait
 * @param urls.upstream requests to it move until they are answered
 */
export function watchLoopbackTraffic(urls: { gateway: string; upstream: string }): LoopbackTraffic {
  const gatewayPort = Number(new URL(urls.gateway).port);
  const toGateway = { sent: 0, arrived: 0, answered: 0, over: 0 };
  const atUpstream = new Set<object>();
  let turns = 0;

  const onSent = ({ request }: Undici) => {
    turns = 0;
    if (originOf(request) === urls.upstream) atUpstream.add(request);
    else if (originOf(request) === urls.gateway) toGateway.sent++;
  };
  const onOver = ({ request }: Undici) => {
    turns = 0;
    if (!atUpstream.delete(request) && originOf(request) === urls.gateway) toGateway.over++;
  };
  const count = (what: 'arrived' | 'answered') => (message: Server) => {
    turns = 0;
    if (message.request.socket.localPort === gatewayPort) toGateway[what]++;
  };
  const listeners = [
    // Undici's and Node's messages have no types; these are their documented parts.
    ['undici:request:create', onSent],
    ['undici:request:trailers', onOver],
    ['undici:request:error', onOver],
    ['http.server.request.start', count('arrived')],
    ['http.server.response.finish', count('answered')],
  ] as unknown as [string, (message: unknown) => void][];
  for (const [channel, listener] of listeners) subscribe(channel, listener);

  return {
    isMoving() {
      turns++;
      const { sent, arrived, answered, over } = toGateway;
      return atUpstream.size > 0 || sent !== arrived || answered !== over || turns < TURNS_AFTER;
    },
    [Symbol.dispose]() {
      for (const [channel, listener] of listeners) unsubscribe(channel, listener);
    },
  };
}

interface Undici {
  readonly request: { readonly origin: string | URL };
}

interface Server {
  readonly request: IncomingMessage;
}

function originOf({ origin }: Undici['request']): string {
  return new URL(String(origin)).origin;
}
