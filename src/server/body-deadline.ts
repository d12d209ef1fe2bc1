/** An end to bodies that trickle. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../clock.ts';
import { sendJson } from './respond.ts';

/** Cuts a request off where its body has not arrived `timeoutMs` from now, with a 408 where nothing was answered yet. */
export function enforceBodyDeadline(
  { request, response, requestId }: { request: IncomingMessage; response: ServerResponse; requestId: string },
  timeoutMs: number,
  clock: Clock,
): void {
  if (request.complete) return;
  const cutOff = () => {
    if (response.headersSent) {
      request.destroy();
      return;
    }
    const message = `The body did not arrive within ${timeoutMs} ms. Send it again, faster or in parts.`;
    response.once('finish', () => request.destroy()).setHeader('connection', 'close');
    sendJson(response, 408, { error: { code: 'BAD_USER_INPUT', message, requestId } });
  };
  const cancel = clock.after(timeoutMs, cutOff);
  request.once('end', cancel).once('close', cancel);
}
