/** An end to bodies that trickle. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../clock.ts';
import { sendJson } from './respond.ts';

/** Said to the wait for a body that came in time: the usual case, so it is made once. */
const ARRIVED = new DOMException('The body has arrived.', 'AbortError');

/** Cuts a request off where its body has not arrived `timeoutMs` from now, with a 408 where nothing was answered yet. */
export function enforceBodyDeadline(
  { request, response, requestId }: { request: IncomingMessage; response: ServerResponse; requestId: string },
  timeoutMs: number,
  clock: Clock,
): void {
  if (request.complete) return;
  const arrived = new AbortController();
  request.once('end', () => arrived.abort(ARRIVED)).once('close', () => arrived.abort(ARRIVED));
  const cutOff = () => {
    if (response.headersSent) {
      request.destroy();
      return;
    }
    const message = `The body did not arrive within ${timeoutMs} ms.`;
    response.once('finish', () => request.destroy()).setHeader('connection', 'close');
    sendJson(response, 408, { error: { code: 'BAD_USER_INPUT', message, requestId } });
  };
  clock.sleep(timeoutMs, arrived.signal).then(cutOff, () => undefined);
}
