/** Reads a request's body: bounded, strict UTF-8, of the announced type (cxone-api.md, section 1). */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { Route } from './exchange.ts';
import { Refusal } from './refusal.ts';

/** Far above any body the contract allows: 1000 contacts of some fields are well under a megabyte (A). */
const MAX_BODY_BYTES = 16 * 1024 * 1024;

/**
 * All bytes of the body. A body that is too large is read to its end, but not kept.
 * @throws Refusal 413; rejects when the client goes away
 */
export function readBytes(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY_BYTES) chunks.push(chunk);
    });
    request.on('end', () => {
      if (size <= MAX_BODY_BYTES) resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
      else reject(new Refusal(413, 'BodyTooLarge', `More than ${MAX_BODY_BYTES} bytes.`, { violation: 'body-size' }));
    });
    request.on('error', reject);
    request.on('close', () => {
      if (!request.complete) reject(new Error('The client went away.'));
    });
  });
}

/** @throws Refusal 400 or 415 for a body that is not what the route takes */
export function parseBody(route: Route, request: IncomingMessage, raw: Buffer): unknown {
  if (route.takes === 'nothing') {
    if (raw.length > 0) throw new Refusal(400, 'UnexpectedBody', 'No body is expected.', { violation: 'body-shape' });
    return undefined;
  }
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new Refusal(415, 'UnsupportedMediaType', 'Content-Encoding is not supported.', { violation: 'content-type' });
  }
  const expected = route.takes === 'json' ? 'application/json' : 'application/x-www-form-urlencoded';
  const [type, ...parameters] = (request.headers['content-type'] ?? '').toLowerCase().split(/\s*;\s*/);
  if (type !== expected || parameters.some((parameter) => !/^charset="?utf-8"?$/.test(parameter))) {
    throw new Refusal(415, 'UnsupportedMediaType', `Content-Type must be ${expected}.`, { violation: 'content-type' });
  }
  if (!isUtf8(raw)) throw new Refusal(400, 'InvalidEncoding', 'The body is not UTF-8.', { violation: 'body-encoding' });
  const text = raw.toString('utf8');
  if (route.takes === 'form') return Object.fromEntries(new URLSearchParams(text));
  const body = parseJson(text);
  if (SURROGATE_ESCAPE.test(text) && SURROGATE_ESCAPE.test(JSON.stringify(body))) {
    throw new Refusal(400, 'InvalidEncoding', 'A text holds half a character.', { violation: 'body-encoding' });
  }
  return body;
}

/** An escaped surrogate may be half of a pair; `JSON.stringify` writes pairs out and keeps only the lone ones escaped. */
const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, 'InvalidJson', 'The body is not JSON.', { violation: 'body-json' });
  }
}
