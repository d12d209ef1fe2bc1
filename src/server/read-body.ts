/** A request's body as bytes, within a bound. How long it may take is the server's to watch (http-server.ts). */
import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../errors.ts';

/** What comes in one piece as a rule, and is decoded at once. */
const SHORT_BYTES = 32 * 1024;

/** A body longer than allowed: HTTP says 413. */
export class BodyTooLargeError extends GatewayError {
  constructor(maxBytes: number) {
    super('LIMIT_EXCEEDED', `The body is larger than the ${maxBytes} bytes that are taken here.`);
  }
}

/**
 * The whole body. Stops reading once it is known to be too large, whether that was declared or not.
 * @throws BodyTooLargeError; GatewayError BAD_USER_INPUT where the connection broke within the body
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  await readPieces(request, maxBytes, (piece) => pieces.push(piece));
  return pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces);
}

/**
 * The whole body as text. A long one is decoded as it comes: its bytes are garbage at once, and soon collected in a heap
 * that fills with their text. Kept until the end they would pile up outside of it, where they are let lie.
 * @param look is shown each piece of a long one, and refuses the body by throwing
 * @throws as `readBody`; GatewayError BAD_USER_INPUT for what is not strict UTF-8; what `look` throws
 */
export async function readText(
  request: IncomingMessage,
  maxBytes: number,
  look: (piece: string) => void,
): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  if (Number(request.headers['content-length'] ?? Number.POSITIVE_INFINITY) <= SHORT_BYTES)
    return strictly(decoder, await readBody(request, maxBytes));
  const pieces: string[] = [];
  await readPieces(request, maxBytes, (bytes) => {
    const piece = strictly(decoder, bytes, { stream: true });
    look(piece);
    pieces.push(piece);
  });
  return pieces.join('') + strictly(decoder);
}

function strictly(decoder: TextDecoder, bytes?: Buffer, options?: { stream: boolean }): string {
  try {
    return decoder.decode(bytes, options);
  } catch {
    throw new GatewayError('BAD_USER_INPUT', 'The body is not valid UTF-8.');
  }
}

/** Hands on each piece as it comes. */
async function readPieces(request: IncomingMessage, maxBytes: number, take: (piece: Buffer) => void): Promise<void> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw new BodyTooLargeError(maxBytes);
  // Its `close` has been and would be waited for in vain.
  if (request.destroyed) throw broken();
  let bytes = 0;
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBytes) settle(() => reject(new BodyTooLargeError(maxBytes)));
      else attempt(() => take(chunk));
    };
    const onEnd = () => settle(resolve);
    const attempt = (how: () => void) => {
      try {
        how();
      } catch (error) {
        settle(() => reject(error));
      }
    };
    const onClose = () => settle(() => reject(broken()));
    const settle = (how: () => void) => {
      request.off('data', onData).off('end', onEnd).off('close', onClose);
      how();
    };
    request.on('data', onData).on('end', onEnd).on('close', onClose);
  });
}

function broken(): GatewayError {
  return new GatewayError('BAD_USER_INPUT', 'The connection ended within the body. Send it again.');
}
