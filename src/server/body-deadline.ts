/** An end to bodies that trickle: small ones have a time to be there, those of any size a pace. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../clock.ts';
import { sendJson } from './respond.ts';
import { socketsRead } from './sockets-read.ts';

interface Incoming {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
}

const LOOK_EVERY_MS = 1000;

/** Cuts a request off where its body has not arrived `timeoutMs` from now, with a 408 where nothing was answered yet. */
export function enforceBodyDeadline(incoming: Incoming, timeoutMs: number, clock: Clock): void {
  const { request } = incoming;
  const look = async () => {
    await socketsRead();
    if (!request.complete && !request.destroyed) cutOff(incoming, `The body did not arrive within ${timeoutMs} ms.`);
  };
  // Most bodies come with their head: of those, the parser has read all when its caller is done.
  queueMicrotask(() => {
    if (request.complete || request.destroyed) return;
    const cancel = clock.after(timeoutMs, () => void look());
    request.once('end', cancel).once('close', cancel);
  });
}

/**
 * The same where less than `minBytes` come in `windowMs`, for as long as the body lasts. Only time in which everything
 * that came has been read counts: while its reader is behind, the sender is not the one who is slow. It counts by the
 * looks, so that a process that stood still takes nobody for slow.
 */
export function enforceBodyPace(
  incoming: Incoming,
  { minBytes, windowMs }: { minBytes: number; windowMs: number },
  clock: Clock,
): void {
  const { request } = incoming;
  const { socket } = request;
  let bytesBefore = socket.bytesRead;
  let waitedMs = 0;
  const look = () => {
    waitedMs += LOOK_EVERY_MS;
    const isReaderBehind = request.readableLength > 0;
    if (isReaderBehind || waitedMs >= windowMs) {
      if (!isReaderBehind && socket.bytesRead - bytesBefore < minBytes) {
        cutOff(incoming, `Fewer than ${minBytes} bytes of the body came in ${windowMs} ms.`);
        return;
      }
      bytesBefore = socket.bytesRead;
      waitedMs = 0;
    }
    cancel = clock.after(LOOK_EVERY_MS, look);
  };
  let cancel = clock.after(LOOK_EVERY_MS, look);
  request.once('end', () => cancel()).once('close', () => cancel());
}

function cutOff({ request, response, requestId }: Incoming, why: string): void {
  if (response.headersSent) {
    request.destroy();
    return;
  }
  response.once('finish', () => request.destroy()).setHeader('connection', 'close');
  sendJson(response, 408, {
    error: { code: 'BAD_USER_INPUT', message: `${why} Send it again, faster or in parts.`, requestId },
  });
}
