import { expect, test } from 'vitest';
import { z } from 'zod';
import { OutcomeUnknownError, UpstreamError } from '../../src/errors.ts';
import { conditionalWrite, createStillClient, createTestClient, interactive, read, write } from './fixture.ts';
import {
  cutBody,
  garbage,
  json,
  type Reply,
  reset,
  startScriptedUpstream,
  text,
  truncatedJson,
} from './scripted-upstream.ts';

const asJson = { 'content-type': 'application/json' };
const html = text(502, '<html><body>Bad gateway at 10.0.0.7</body></html>', { 'content-type': 'text/html' });

async function outcomeOf(reply: Reply, request: typeof read | typeof write | typeof conditionalWrite = read) {
  await using upstream = await startScriptedUpstream();
  await using still = createStillClient(upstream.baseUrl);
  upstream.script(reply);
  const error: unknown = await still.settled(
    still.client.send(request, interactive()).catch((thrown: unknown) => thrown),
  );
  return { error, requests: upstream.requests.length };
}

const faults: [string, Reply][] = [
  ['a reset connection', reset],
  ['a body cut in the middle', cutBody],
  ['truncated JSON', truncatedJson],
  ['a status line that is none', garbage],
  ['a 500', json(500)],
  ['a 502 with HTML', html],
];

test.each(faults)('a read after %s, once: the value', async (_name, fault) => {
  await using upstream = await startScriptedUpstream();
  await using still = createStillClient(upstream.baseUrl);
  upstream.script(fault, json(200, { id: '1' }));
  expect(await still.settled(still.client.send(read, interactive()))).toMatchObject({ body: { id: '1' } });
  expect(upstream.requests).toHaveLength(2);
});

test.each(faults)('a read after %s, for ever: a typed error after few requests', async (_name, fault) => {
  const { error, requests } = await outcomeOf(fault);
  expect(error).toBeInstanceOf(UpstreamError);
  expect(requests).toBeGreaterThan(1);
  expect(requests).toBeLessThanOrEqual(4);
});

test.each(faults)('a write after %s is never claimed to have failed', async (_name, fault) => {
  const once = await outcomeOf(fault, write);
  expect(once.error).toBeInstanceOf(OutcomeUnknownError);
  expect(once.requests).toBe(1);
  const repeated = await outcomeOf(fault, conditionalWrite);
  expect(repeated.error).toBeInstanceOf(OutcomeUnknownError);
  expect(repeated.requests).toBe(4);
});

test('markup never reaches a message', async () => {
  for (const request of [read, write]) {
    const { error } = await outcomeOf(html, request);
    expect(String(error)).not.toMatch(/<|html|10\.0\.0\.7/);
  }
  const { error } = await outcomeOf(json(400, { message: '<b>no</b>', errors: [{ message: '<script>' }] }));
  expect(String(error) + JSON.stringify(error)).not.toContain('<');
});

test.each([
  ['null', null],
  ['a list', []],
  ['a number', 7],
  ['a text', ''],
  ['an error object', { code: 'Oops', message: 'failed' }],
  ['a wrong type', { id: 7 }],
  ['a missing id', { name: 'a' }],
  ['only a prototype', JSON.parse('{"__proto__":{"id":"1"}}')],
])(
  'a 200 with %s is a bad response to a read, an unknown outcome to a write, and asked for once',
  async (_name, body) => {
    const reading = await outcomeOf(json(200, body));
    expect(reading.error).toMatchObject({ code: 'UPSTREAM_ERROR', fault: 'badResponse', status: 200 });
    expect(reading.requests).toBe(1);
    const writing = await outcomeOf(json(201, body), write);
    expect(writing.error).toBeInstanceOf(OutcomeUnknownError);
    expect(writing.requests).toBe(1);
  },
);

test.each([
  ['the wrong content type', text(200, '{"id":"1"}', { 'content-type': 'text/html' })],
  ['a compressed body', text(200, '{"id":"1"}', { ...asJson, 'content-encoding': 'gzip' })],
  ['bytes that are not UTF-8', text(200, Buffer.from('{"id":"\xff"}', 'latin1'), asJson)],
  ['an overlong sequence', text(200, Buffer.from('{"id":"\xc0\x80"}', 'latin1'), asJson)],
  ['NaN', text(200, '{"id":NaN}', asJson)],
])('a 200 with %s is a bad response', async (_name, reply) => {
  expect((await outcomeOf(reply)).error).toMatchObject({ code: 'UPSTREAM_ERROR', fault: 'badResponse' });
});

test('what does not fit is told by its path, never by its value', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  upstream.script(
    json(200, { contact: { phoneNumbers: [{ number: '+15550100' }, { number: { secret: 'Jane Doe' } }] } }),
  );
  const answer = z.object({ contact: z.object({ phoneNumbers: z.array(z.object({ number: z.string() })) }) });
  const error = await client.send({ ...read, answer }, interactive()).catch((thrown: unknown) => thrown);
  expect(String(error)).toContain('contact.phoneNumbers.1.number');
  expect(String(error)).not.toMatch(/Jane|5550100|secret/);
});

test('keys that a schema does not know are not named either', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  upstream.script(json(200, { id: '1', 'jane.doe@example.com': true }));
  const answer = z.strictObject({ id: z.string() });
  const error = await client.send({ ...read, answer }, interactive()).catch((thrown: unknown) => thrown);
  expect(String(error)).toContain('unknown keys');
  expect(String(error)).not.toContain('jane');
});

test('an interim answer is not the answer', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  upstream.script((response, request) => {
    response.writeProcessing();
    json(200, { id: '1' })(response, request);
  });
  await expect(client.send(read, interactive())).resolves.toMatchObject({ status: 200, body: { id: '1' } });
});

test('keys that could become a prototype are dropped on the way in', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  const escaped =
    '{"id":"1","attributes":{"a":1,"__proto__":{"polluted":1},"\\u005f\\u005fproto__":{"polluted":1},"__pr\\u006Fto__":{"polluted":1}}}';
  upstream.script(text(200, escaped, asJson));
  const answer = z.object({ id: z.string(), attributes: z.unknown() });
  const { body } = await client.send({ ...read, answer }, interactive());
  expect(Object.keys(Object(body.attributes))).toEqual(['a']);
  expect(Object.getPrototypeOf(body.attributes)).toBe(Object.prototype);
});

test('an answer of more than 4 MiB is cut off there, and not asked for again', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  let written = 0;
  upstream.script((response) => {
    response.writeHead(200, asJson);
    const chunk = Buffer.alloc(65_536, 0x20);
    const more = () => {
      while (!response.destroyed && written < 512 * 1024 * 1024) {
        written += chunk.length;
        if (!response.write(chunk)) {
          response.once('drain', more);
          return;
        }
      }
    };
    more();
  });
  await expect(client.send(read, interactive())).rejects.toMatchObject({ fault: 'badResponse' });
  await upstream.quiet();
  expect(written).toBeLessThan(64 * 1024 * 1024);
  expect(upstream.requests).toHaveLength(1);
});

test('an answer of exactly 4 MiB is read', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  upstream.script(text(200, '{"id":"1"}'.padEnd(4 * 1024 * 1024), asJson));
  await expect(client.send(read, interactive())).resolves.toMatchObject({ body: { id: '1' } });
});

test.each([301, 302, 303, 307, 308])('a %i is not followed, and the token stays with its origin', async (status) => {
  await using canary = await startScriptedUpstream();
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  upstream.script(json(status, undefined, { location: `${canary.baseUrl}/api/v2/addressbooks/1` }));
  await expect(client.send(read, interactive())).rejects.toMatchObject({ fault: 'badResponse', status });
  expect(canary.requests).toHaveLength(0);
  // "See other" may follow a write that was done; the other redirects say that it was not.
  const writing = await client.send(write, interactive()).catch((thrown: unknown) => thrown);
  expect(writing).toBeInstanceOf(status === 303 ? OutcomeUnknownError : UpstreamError);
});

test('an answer without a body is undefined to its schema', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  upstream.script(json(204));
  const deletion = { ...read, method: 'DELETE', answer: z.undefined() } as const;
  await expect(client.send(deletion, interactive())).resolves.toMatchObject({ status: 204, body: undefined });
});

test('an accepted refusal keeps its body, even where that is no JSON', async () => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  upstream.script(json(409, { warnings: ['duplicate'] }), text(404, '<html>', { 'content-type': 'text/html' }));
  const accepting = { ...write, accept: [404, 409] as const };
  expect(await client.send(accepting, interactive())).toMatchObject({ status: 409, body: { warnings: ['duplicate'] } });
  expect(await client.send(accepting, interactive())).toMatchObject({ status: 404, body: undefined });
});
