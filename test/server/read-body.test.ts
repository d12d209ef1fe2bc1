import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import { BodyTooLargeError, readBody } from '../../src/server/read-body.ts';

function request(headers: Record<string, string> = {}): IncomingMessage {
  const message = new IncomingMessage(new Socket());
  Object.assign(message.headers, headers);
  message.on('error', () => undefined);
  return message;
}

test('a body is read whole, however it is cut', async () => {
  const message = request();
  const body = readBody(message, 10);
  for (const part of ['a', 'bcd', 'ef']) message.push(part);
  message.push(null);
  expect(String(await body)).toBe('abcdef');
});

test('a body that is there already is taken as it is, within the same bounds', async () => {
  const there = (...parts: string[]) => {
    const message = request();
    for (const part of parts) message.push(part);
    message.push(null);
    return Object.assign(message, { complete: true });
  };
  expect(String(await readBody(there('abc', 'def'), 10))).toBe('abcdef');
  expect(await readBody(there(), 10)).toHaveLength(0);
  await expect(readBody(there('0123456789', '0'), 10)).rejects.toThrow(BodyTooLargeError);
  const refuse = () => {
    throw new GatewayError('LIMIT_EXCEEDED', 'No.');
  };
  await expect(readBody(there('a'), 10, refuse)).rejects.toThrow('No.');
});

test('a body that is too large is refused when that is known: declared, or with the byte that is too many', async () => {
  await expect(readBody(request({ 'content-length': '11' }), 10)).rejects.toThrow(BodyTooLargeError);
  const message = request();
  const body = readBody(message, 10);
  message.push('0123456789');
  message.push('0');
  await expect(body).rejects.toThrow(BodyTooLargeError);
  expect(message.listenerCount('data')).toBe(0);
});

test('a connection that breaks within the body, or has broken before it is read, is waited for by nobody', async () => {
  const breaking = request();
  const body = readBody(breaking, 10);
  breaking.push('01');
  breaking.destroy();
  await expect(body).rejects.toThrow(GatewayError);

  const broken = request();
  const closed = new Promise((resolve) => broken.once('close', resolve));
  broken.destroy();
  await closed;
  await expect(readBody(broken, 10)).rejects.toThrow(GatewayError);
});

test('who looks at the pieces can refuse the body, and is shown no more then', async () => {
  const message = request();
  const seen: string[] = [];
  const body = readBody(message, 100, (piece) => {
    seen.push(String(piece));
    if (String(piece) === 'b') throw new GatewayError('LIMIT_EXCEEDED', 'No.');
  });
  for (const part of ['a', 'b', 'c']) message.push(part);
  await expect(body).rejects.toThrow('No.');
  expect(seen).toEqual(['a', 'b']);
  expect(message.listenerCount('data')).toBe(0);
});
