import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import { BodyTooLargeError, readBody, readText } from '../../src/server/read-body.ts';

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

test('a text is the same whether its length was declared or not, and however it is cut', async () => {
  const text = 'aé€😀"\\';
  const bytes = Buffer.from(text);
  for (const headers of [{}, { 'content-length': String(bytes.length) }]) {
    const message = request(headers);
    const read = readText(message, 100, () => undefined);
    for (const byte of bytes) message.push(Buffer.of(byte));
    message.push(null);
    expect(await read).toBe(text);
  }
});

test('what is not UTF-8 is refused: in the middle, and where it ends within a character', async () => {
  for (const bytes of [Buffer.from('ab\xffcd', 'latin1'), Buffer.from('€').subarray(0, 2)]) {
    const message = request();
    const read = readText(message, 100, () => undefined);
    message.push(bytes);
    message.push(null);
    await expect(read).rejects.toThrow('The body is not valid UTF-8.');
    expect(message.listenerCount('data')).toBe(0);
  }
});
