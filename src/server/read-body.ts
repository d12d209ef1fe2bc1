/** A request's body as bytes, within a bound. How long it may take is the server's to watch (http-server.ts). */
import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../errors.ts';

/** A body longer than allowed: HTTP says 413. */
export class BodyTooLargeError extends GatewayError {
  constructor(maxBytes: number) {
    super('LIMIT_EXCEEDED', `The body is larger than the ${maxBytes} bytes that are taken here.`);
  }
}

/**
 * The whole body. Stops reading once it is known to be too large, whether that was declared or not.
 * @param look is shown each piece as it comes, and refuses the body by throwing
 * @throws BodyTooLargeError; GatewayError BAD_USER_INPUT where the connection broke within the body; what `look` throws
 */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
  look: (piece: Buffer) => void = () => undefined,
): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw new BodyTooLargeError(maxBytes);
  // Its `close` has been and would be waited for in vain.
  if (request.destroyed) throw broken();
  // Most bodies come with their head and are there in one piece.
  if (request.complete) return takeWhole(request, maxBytes, look);
  const chunks: Buffer[] = [];
  let bytes = 0;
  return new Promise<Buffer>((resolve, reject) => {
    const onData = (chunk: Buffer) => {
      try {
        bytes += chunk.length;
        if (bytes > maxBytes) throw new BodyTooLargeError(maxBytes);
        look(chunk);
        chunks.push(chunk);
      } catch (error) {
        settle(() => reject(error));
      }
    };
    const onEnd = () =>
      settle(() => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, bytes)));
    const onClose = () => settle(() => reject(broken()));
    const settle = (how: () => void) => {
      request.off('data', onData).off('end', onEnd).off('close', onClose);
      how();
    };
    request.on('data', onData).on('end', onEnd).on('close', onClose);
  });
}

function takeWhole(request: IncomingMessage, maxBytes: number, look: (piece: Buffer) => void): Buffer {
  const body: Buffer = request.read() ?? Buffer.alloc(0);
  if (body.length > maxBytes) throw new BodyTooLargeError(maxBytes);
  look(body);
  return body;
}

function broken(): GatewayError {
  return new GatewayError('BAD_USER_INPUT', 'The connection ended within the body. Send it again.');
}
