/** A request's body as bytes, within a bound. How long it may take is the server's to watch (http-server.ts). */
import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../errors.ts';

/** A body longer than allowed: HTTP says 413. */
export class BodyTooLargeError extends GatewayError {
  constructor(maxBytes: number) {
    super('LIMIT_EXCEEDED', `The body is larger than ${maxBytes} bytes.`);
  }
}

/**
 * The whole body. Stops reading once it is known to be too large, whether that was declared or not.
 * @throws BodyTooLargeError; GatewayError BAD_USER_INPUT where the connection broke within the body
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw new BodyTooLargeError(maxBytes);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      const broke = () => reject(new GatewayError('BAD_USER_INPUT', 'The connection ended within the body.'));
      request
        .on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > maxBytes) reject(new BodyTooLargeError(maxBytes));
          else chunks.push(chunk);
        })
        .on('end', () => resolve(Buffer.concat(chunks, bytes)))
        .on('error', broke)
        .on('close', broke);
    });
  } finally {
    request.removeAllListeners('data').removeAllListeners('end').removeAllListeners('close');
  }
}
