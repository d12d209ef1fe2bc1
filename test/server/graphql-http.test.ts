import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { INTERNAL_ERROR } from '../../src/errors.ts';
import { DEFAULT_LIMITS } from '../../src/server/limits.ts';
import { type Harness, SECRET, startHarness, until } from './harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(async () => {
  await harness[Symbol.asyncDispose]();
});

interface Answer {
  data?: Record<string, unknown> | null;
  errors?: { message: string; path?: string[]; extensions: Record<string, unknown> }[];
  extensions?: Record<string, unknown>;
}

async function ask(body: unknown, headers?: Record<string, string>): Promise<{ status: number; answer: Answer }> {
  const response = await harness.post(body, headers);
  return { status: response.status, answer: (await response.json()) as Answer };
}

describe('answers', () => {
  test('a query, its variables and operation name by POST', async () => {
    const query = 'query A { hello } query B($n: String) { hello(name: $n) }';
    const { answer } = await ask({ query, operationName: 'B', variables: { n: 'Ada' } });
    expect(answer).toEqual({ data: { hello: 'hello Ada' } });
  });

  test('a query by GET', async () => {
    const url = `${harness.graphql}?query=${encodeURIComponent('query($n:String){hello(name:$n)}')}&variables=${encodeURIComponent('{"n":"É+"}')}`;
    expect(await (await fetch(url)).json()).toEqual({ data: { hello: 'hello É+' } });
  });

  test('an array of operations with an array of answers, in order, each with its own outcome', async () => {
    const { status, answer } = await ask([{ query: '{hello}' }, { query: '{nope}' }, { query: '{calls}' }]);
    expect(status).toBe(200);
    expect(answer).toMatchObject([
      { data: { hello: 'hello world' } },
      { errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }] },
      { data: { calls: 2 }, extensions: { upstream: { calls: 2 } } },
    ]);
    expect((answer as unknown as Answer[])[0]).not.toHaveProperty('extensions');
  });

  test('an operation that reached CXone with what it cost', async () => {
    const { answer } = await ask({ query: '{calls}' });
    expect(answer.extensions?.upstream).toEqual({
      calls: 2,
      batches: [{ id: 'b1', size: 7 }],
      retries: 0,
      waitedMs: 2,
      cacheHits: 0,
    });
  });

  test('an operation that did not reach CXone without extensions', async () => {
    expect((await ask({ query: '{hello}' })).answer).not.toHaveProperty('extensions');
  });
});

test.each([
  ['query', '{hang}'],
  ['mutation', 'mutation {renameThing(input: {id: "1", name: "hang"}) {__typename}}'],
])('a client that goes away during a %s is told to what works for it, and is nobody’s bug', async (_type, query) => {
  const leaving = new AbortController();
  const hanging = harness.hanging();
  const answer = harness.post({ query }, {}, leaving.signal);
  await hanging;
  leaving.abort();
  await expect(answer).rejects.toThrow();
  await until(() => harness.abortedHangs() === 1);
  await until(() => harness.requestsRunning() === 0);
  expect(harness.lines.filter((line) => line.includes('internal error'))).toEqual([]);
  const metrics = await fetch(new URL('/metrics', harness.graphql));
  expect(await metrics.text()).not.toContain('INTERNAL_SERVER_ERROR');
});

describe('request ids', () => {
  test('a safe one is taken over, into the context and the answer', async () => {
    const response = await harness.post({ query: '{requestId}' }, { 'x-request-id': 'crm-4711.a_b' });
    expect(response.headers.get('x-request-id')).toBe('crm-4711.a_b');
    expect(await response.json()).toEqual({ data: { requestId: 'crm-4711.a_b' } });
  });

  test.each(['a b', 'x'.repeat(65), 'evil"}', '=1+1', 'ä'])('an unsafe one (%j) is replaced', async (id) => {
    const response = await harness.post(
      { query: '{requestId}' },
      { 'x-request-id': encodeURIComponent(id).includes('%') ? id.replace('ä', '\u00e4') : id },
    );
    const own = response.headers.get('x-request-id');
    expect(own).toMatch(/^[0-9a-f-]{36}$/);
    expect(await response.json()).toEqual({ data: { requestId: own } });
  });
});

describe('errors', () => {
  test('a bug is masked, and found in the log under the request id', async () => {
    const { status, answer } = await ask({ query: '{bug hello}' }, { 'x-request-id': 'bug-1' });
    expect(status).toBe(200);
    expect(answer.data).toEqual({ bug: null, hello: 'hello world' });
    expect(answer.errors).toEqual([
      {
        message: INTERNAL_ERROR,
        locations: [{ line: 1, column: 2 }],
        path: ['bug'],
        extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: 'bug-1' },
      },
    ]);
    const line = harness.lines.find((entry) => entry.includes('bug-1') && entry.includes('internal error'));
    expect(line).toContain(SECRET);
  });

  test('an upstream failure says what it is', async () => {
    const { answer } = await ask({ query: '{upstreamDown}' });
    expect(answer.errors?.[0]).toMatchObject({
      message: 'CXone did not answer.',
      extensions: { code: 'UPSTREAM_ERROR', fault: 'timeout', retryable: true, upstreamRequestId: 'up-1' },
    });
  });

  test('a broken mutation is null and leaves its neighbour alone', async () => {
    const query = `mutation {
      a: renameThing(input: {id: "1", name: "bug"}) { __typename }
      b: renameThing(input: {id: "1", name: "fine"}) { ... on RenameThingPayload { name } }
    }`;
    const { answer } = await ask({ query });
    expect(answer.data).toEqual({ a: null, b: { name: 'fine' } });
    expect(answer.errors).toHaveLength(1);
    expect(JSON.stringify(answer)).not.toContain('hunter2');
  });

  test.each([
    ['syntax', '{', 'GRAPHQL_PARSE_FAILED'],
    ['an unknown field', '{nope}', 'GRAPHQL_VALIDATION_FAILED'],
    ['a variable of the wrong type', 'query($n: Int!) { big(bytes: $n) }', 'BAD_USER_INPUT'],
  ])('%s has code and request id', async (_what, query, code) => {
    for (const accept of ['application/json', 'application/graphql-response+json']) {
      const { status, answer } = await ask({ query, variables: { n: 'x' } }, { accept });
      expect(status).toBe(accept === 'application/json' ? 200 : 400);
      expect(answer.errors?.[0]?.extensions).toEqual({ code, requestId: expect.any(String) });
      expect(answer).not.toHaveProperty('data');
    }
  });
});

describe('what is refused before GraphQL sees it', () => {
  const bytes = (text: string, encoding: BufferEncoding) => Buffer.from(text, encoding);
  test.each([
    ['not JSON', '{"query": '],
    ['a string', '"{hello}"'],
    ['null', 'null'],
    ['no query', '{"variables": {}}'],
    ['a query that is no string', '{"query": 7}'],
    ['variables that are no object', '{"query": "{hello}", "variables": [1]}'],
    ['a field it does not know', '{"query": "{hello}", "isAdmin": true}'],
    ['a prototype', '{"query": "{hello}", "__proto__": {"x": 1}}'],
    ['an empty array', '[]'],
    ['Latin-1', bytes('{"query":"{hello(name:\\"é\\")}"}', 'latin1')],
    ['UTF-16', bytes('{"query":"{hello}"}', 'utf16le')],
    [
      'an overlong slash',
      Buffer.concat([bytes('{"query":"{hello(name:\\"', 'utf8'), Buffer.from([0xc0, 0xaf]), bytes('\\")}"}', 'utf8')]),
    ],
    ['a lone surrogate', '{"query": "query($n:String){hello(name:$n)}", "variables": {"n": "\\ud800"}}'],
  ])('%s: 400', async (_what, body) => {
    const { status, answer } = await ask(body as string);
    expect(status).toBe(400);
    expect(answer.errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
    expect(JSON.stringify(answer)).not.toContain('hello world');
  });

  test('characters beyond the basic plane arrive as they were sent', async () => {
    const { answer } = await ask(
      '{"query": "query($n:String){hello(name:$n)}", "variables": {"n": "\\ud83d\\ude00é"}}',
    );
    expect(answer.data).toEqual({ hello: 'hello 😀é' });
  });

  test('more than 20 operations in an array: LIMIT_EXCEEDED; 20 are served', async () => {
    const some = (count: number) => Array.from({ length: count }, () => ({ query: '{hello}' }));
    const refused = await ask(some(21));
    expect(refused.status).toBe(400);
    expect(refused.answer.errors?.[0]?.extensions.code).toBe('LIMIT_EXCEEDED');
    expect((await ask(some(20))).answer).toHaveLength(20);
  });

  test.each([
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/plain',
    'application/graphql',
    'application/json; charset=iso-8859-1',
    'application/jsonp',
  ])('a body of type %s: 415', async (type) => {
    const response = await harness.post('{"query":"mutation{renameThing(input:{id:1,name:\\"xx\\"}){__typename}}"}', {
      'content-type': type,
    });
    expect(response.status).toBe(415);
  });

  test.each(['gzip', 'br', 'zstd'])('a body with content encoding %s: 415', async (encoding) => {
    expect((await harness.post({ query: '{hello}' }, { 'content-encoding': encoding })).status).toBe(415);
  });

  test('a mutation by GET: 405, and nothing is done', async () => {
    const query = encodeURIComponent('mutation{renameThing(input:{id:"1",name:"xx"}){__typename}}');
    for (const accept of ['application/json', 'text/event-stream']) {
      const response = await fetch(`${harness.graphql}?query=${query}`, { headers: { accept } });
      expect(response.status).toBe(405);
      expect(await response.text()).not.toContain('RenameThingPayload');
    }
  });

  test.each(['variables=xx', 'variables=%22a%22', 'query=%ff', 'query=%', ''])(
    'GET with %j: 400',
    async (queryString) => {
      const withQuery = queryString.startsWith('variables') ? `query=%7Bhello%7D&${queryString}` : queryString;
      expect((await fetch(`${harness.graphql}?${withQuery}`)).status).toBe(400);
    },
  );

  test('an Accept that nothing fits: 406', async () => {
    expect((await harness.post({ query: '{hello}' }, { accept: 'text/csv' })).status).toBe(406);
  });

  test.each(['PUT', 'DELETE', 'PATCH'])('%s: 405', async (method) => {
    expect((await fetch(harness.graphql, { method })).status).toBe(405);
  });
});

describe('size', () => {
  const padded = (bytes: number) => {
    const body = '{"query":"{hello}","operationName":null}';
    return body.padEnd(bytes, ' ');
  };

  test('a body of 8 MiB is served, one of a byte more is 413', async () => {
    expect((await ask(padded(DEFAULT_LIMITS.maxBodyBytes))).answer.data).toEqual({ hello: 'hello world' });
    const refused = await ask(padded(DEFAULT_LIMITS.maxBodyBytes + 1));
    expect(refused.status).toBe(413);
    expect(refused.answer.errors?.[0]?.extensions.code).toBe('LIMIT_EXCEEDED');
  });

  test('a body that does not declare its length is 413 as well', async () => {
    let sent = 0;
    const part = 64 * 1024;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1;
        if (sent * part > DEFAULT_LIMITS.maxBodyBytes + 4 * part) controller.close();
        else controller.enqueue(new Uint8Array(part).fill(32));
      },
    });
    const response = await fetch(harness.graphql, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      duplex: 'half',
    } as RequestInit); // `duplex` is what fetch needs to stream; the DOM's types do not know it.
    expect(response.status).toBe(413);
  });
});
