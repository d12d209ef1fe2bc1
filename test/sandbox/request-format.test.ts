import { expect, test } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startTestSandbox } from './client.ts';

const BOOKS = '/api/v2/addressbooks';
const encode = (text: string) => new TextEncoder().encode(text);

test.each([
  ['malformed JSON', '{"name":', 400, 'body-json'],
  ['no body', '', 400, 'body-json'],
  ['bytes that are not UTF-8', new Uint8Array([...encode('{"name":"'), 0xe9, ...encode('"}')]), 400, 'body-encoding'],
  ['half a surrogate pair', '{"name":"\\ud83d"}', 400, 'body-encoding'],
  ['a list where an object is expected', '[]', 400, 'body-shape'],
  ['an unknown key', '{"name":"x","colour":"red"}', 400, 'unknown-key'],
])('%s is refused', async (_, raw, status, rule) => {
  await using sandbox = await startTestSandbox();
  const answer = await sandbox.call('POST', BOOKS, { raw });
  expect(answer).toMatchObject({ status, body: { code: expect.any(String), message: expect.any(String) } });
  expect(sandbox.violations()).toEqual({ [rule]: 1 });
});

test('a whole surrogate pair is text like any other', async () => {
  await using sandbox = await startTestSandbox();
  const answer = await sandbox.call('POST', BOOKS, { raw: '{"name":"\\ud83d\\ude00"}' });
  expect(answer).toMatchObject({ status: 201, body: { name: '😀' } });
});

test.each(['text/plain', 'application/json; charset=iso-8859-1', 'application/x-www-form-urlencoded'])(
  'a JSON body sent as %s is refused',
  async (type) => {
    await using sandbox = await startTestSandbox();
    const answer = await sandbox.call('POST', BOOKS, { body: { name: 'x' }, headers: { 'content-type': type } });
    expect(answer.status).toBe(415);
    expect(sandbox.violations()).toEqual({ 'content-type': 1 });
  },
);

test('a JSON body without a Content-Type is refused', async () => {
  await using sandbox = await startTestSandbox();
  const answer = await sandbox.call('POST', BOOKS, { raw: encode('{"name":"x"}'), headers: { 'content-type': '' } });
  expect(answer.status).toBe(415);
});

test('an unknown path is a 404 and a wrong method a 405, both as JSON with a request id', async () => {
  await using sandbox = await startTestSandbox();
  const missing = await sandbox.call('GET', '/api/v2/agents');
  expect(missing).toMatchObject({ status: 404, body: { code: 'NotFound' } });
  const wrong = await sandbox.call('DELETE', BOOKS);
  expect(wrong.status).toBe(405);
  expect(wrong.headers.get('allow')).toBe('POST, GET');
  const requestIds = [missing, wrong, await sandbox.call('GET', BOOKS)].map(({ headers }) =>
    headers.get('x-request-id'),
  );
  expect(new Set(requestIds).size).toBe(3);
  expect(requestIds).not.toContain(null);
  expect(sandbox.violations()).toEqual({ 'unknown-route': 2 });
});

test.each([
  ['a control character', '%00'],
  ['more than 128 characters', 'x'.repeat(129)],
  ['what is not percent-encoded UTF-8', '%ff'],
  ['an encoded ..', '%2e%2e%00'],
])('an id with %s is refused', async (_, id) => {
  await using sandbox = await startTestSandbox();
  expect((await sandbox.call('GET', `${BOOKS}/${id}`)).status).toBe(400);
  expect(sandbox.violations()).toEqual({ 'path-id': 1 });
});

test('an encoded slash is part of the id, not of the path', async () => {
  await using sandbox = await startTestSandbox();
  const id = `${DEMO_IDS.addressBooks.customers}/contacts`;
  const answer = await sandbox.call('GET', `${BOOKS}/${encodeURIComponent(id)}`);
  expect(answer).toMatchObject({ status: 404, body: { message: expect.stringContaining(id) } });
});

test('an unknown query parameter is refused', async () => {
  await using sandbox = await startTestSandbox();
  expect((await sandbox.call('GET', `${BOOKS}?limit=10`)).status).toBe(400);
  expect(sandbox.violations()).toEqual({ 'unknown-parameter': 1 });
});
