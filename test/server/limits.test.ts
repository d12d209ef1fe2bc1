import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { getIntrospectionQuery } from 'graphql';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Harness, startHarness } from './harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(async () => {
  await harness[Symbol.asyncDispose]();
});

interface Outcome {
  code: string;
  data: Record<string, unknown> | null | undefined;
}

interface Result {
  data?: Record<string, unknown> | null;
  errors?: readonly { extensions?: Record<string, unknown> }[];
}

const outcome = ({ data, errors }: Result): Outcome => ({ code: String(errors?.[0]?.extensions?.code ?? 'OK'), data });

async function overHttp(query: string, variables?: Record<string, unknown>): Promise<Outcome> {
  const response = await harness.post({ query, variables });
  expect(response.status).toBeLessThan(500);
  return outcome((await response.json()) as Result);
}

async function overWebSocket(query: string, variables?: Record<string, unknown>): Promise<Outcome> {
  const client = createClient({ url: harness.ws, retryAttempts: 0 });
  try {
    return await new Promise<Outcome>((resolve, reject) => {
      client.subscribe<Record<string, unknown>>(
        { query, variables },
        {
          next: (result) => resolve(outcome(result as Result)),
          error: (errors) => (Array.isArray(errors) ? resolve(outcome({ errors })) : reject(errors)),
          complete: () => undefined,
        },
      );
    });
  } finally {
    await client.dispose();
  }
}

const nested = (depth: number) => `{ ${'self { '.repeat(depth - 1)} name ${'} '.repeat(depth - 1)} }`;
const nestedInFragments = (depth: number) => {
  const fragments = Array.from({ length: depth - 1 }, (_, i) =>
    i === depth - 2 ? `fragment F${i} on Self { name }` : `fragment F${i} on Self { self { ...F${i + 1} } }`,
  );
  return `{ self { ...F0 } } ${fragments.join(' ')}`;
};
/** A short document whose fragments, written out, are `width` to the power of `levels` fields. */
const wide = (levels: number, width: number) => {
  const fragments = Array.from({ length: levels }, (_, level) => {
    const below = level === levels - 1 ? '{ name }' : `{ ...W${level + 1} }`;
    return `fragment W${level} on Self { ${Array.from({ length: width }, (_, i) => `a${i}: self ${below}`).join(' ')} }`;
  });
  return `{ self { ...W0 } } ${fragments.join(' ')}`;
};

for (const [transport, ask] of [
  ['HTTP', overHttp],
  ['WebSocket', overWebSocket],
] as const) {
  describe(`over ${transport}`, () => {
    test('a document of 15 levels is served, one of 16 is refused, in fragments too', async () => {
      expect(await ask(nested(15))).toMatchObject({ code: 'OK' });
      expect(await ask(nestedInFragments(15))).toMatchObject({ code: 'OK' });
      expect(await ask(nested(16))).toEqual({ code: 'LIMIT_EXCEEDED', data: undefined });
      expect(await ask(nestedInFragments(16))).toEqual({ code: 'LIMIT_EXCEEDED', data: undefined });
    });

    test('some hundred aliased mutations are served', async () => {
      const one = (i: number) =>
        `m${i}: renameThing(input: $input) { __typename ... on RenameThingPayload { name } ... on Error { message } }`;
      const query = `mutation($input: RenameThingInput!) { ${Array.from({ length: 500 }, (_, i) => one(i)).join(' ')} }`;
      const { code, data } = await ask(query, { input: { id: '1', name: 'xx' } });
      expect(code).toBe('OK');
      expect(Object.keys(data ?? {})).toHaveLength(500);
    });

    test('the introspection of GraphiQL is served', async () => {
      expect(await ask(getIntrospectionQuery({ descriptions: true }))).toMatchObject({ code: 'OK' });
    });

    test.each([
      ['a width of 100 000 fields', wide(5, 10), 'LIMIT_EXCEEDED'],
      ['lists within lists', `{ self { ${'many { '.repeat(6)} name ${'} '.repeat(6)} } }`, 'LIMIT_EXCEEDED'],
      ['half a megabyte in one token', `{ hello } # ${'x'.repeat(512 * 1024)}`, 'LIMIT_EXCEEDED'],
      ['40 001 tokens', `{ ${'hello '.repeat(40_001)} }`, 'LIMIT_EXCEEDED'],
      [
        'ten thousand brackets within each other',
        `{ hello(name: ${'['.repeat(9_000)}1${']'.repeat(9_000)}) }`,
        'LIMIT_EXCEEDED',
      ],
      [
        'five thousand brackets in a type',
        `query($a: ${'['.repeat(5_000)}Int${']'.repeat(5_000)}) { hello }`,
        'LIMIT_EXCEEDED',
      ],
      [
        '2^30 fields in 30 fragments',
        `{ self { ...F0 } } ${Array.from({ length: 30 }, (_, i) => (i === 29 ? `fragment F29 on Self { name }` : `fragment F${i} on Self { a: self { ...F${i + 1} } b: self { ...F${i + 1} } }`)).join(' ')}`,
        'LIMIT_EXCEEDED',
      ],
      [
        'a chain of 2 000 fragments',
        `{ self { ...F0 } } ${Array.from({ length: 2_000 }, (_, i) => `fragment F${i} on Self { ${i === 1_999 ? 'name' : `...F${i + 1}`} }`).join(' ')}`,
        'LIMIT_EXCEEDED',
      ],
      [
        'a fragment that is its own part',
        '{ self { ...A } } fragment A on Self { self { ...B } } fragment B on Self { ...A }',
        'GRAPHQL_VALIDATION_FAILED',
      ],
      ['3 000 duplicate fields', `{ ${'hello '.repeat(3_000)} }`, 'GRAPHQL_VALIDATION_FAILED'],
      ['1 000 directives', `{ hello ${'@skip(if: false) '.repeat(1_000)} }`, 'GRAPHQL_VALIDATION_FAILED'],
      ['an unclosed bracket', '{ hello', 'GRAPHQL_PARSE_FAILED'],
      [
        'introspection in circles',
        '{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }',
        'GRAPHQL_VALIDATION_FAILED',
      ],
    ])('%s: refused at once, without a result', async (_what, query, code) => {
      const startedAt = performance.now();
      expect(await ask(query)).toEqual({ code, data: undefined });
      expect(performance.now() - startedAt).toBeLessThan(2_000);
    });

    test('a page size in a variable counts like one in the document', async () => {
      const query = 'query($ids: [ID!]!) { nodes(ids: $ids) { id } }';
      const ids = (count: number) => Array.from({ length: count }, (_, i) => `gid://cxone/Thing/${i}`);
      expect((await ask(query, { ids: ids(250) })).data?.nodes).toHaveLength(250);
      const heavy = `query($ids: [ID!]!) { ${Array.from({ length: 300 }, (_, i) => `n${i}: nodes(ids: $ids) { a: id b: id c: id d: id e: id f: id g: id }`).join(' ')} }`;
      expect(await ask(heavy, { ids: ids(2) })).toMatchObject({ code: 'OK' });
      expect(await ask(heavy, { ids: ids(250) })).toEqual({ code: 'LIMIT_EXCEEDED', data: undefined });
    });
  });
}

test('a body of megabytes is served where its strings are not long', async () => {
  const things = Array.from({ length: 70_000 }, (_, i) => ({ name: `thing "${i}" \\ ${'x'.repeat(40)}` }));
  const body = { query: '{ hello }', variables: { things } };
  expect(JSON.stringify(body).length).toBeGreaterThan(4 * 1024 * 1024);
  expect(await overHttp(body.query, body.variables)).toMatchObject({ code: 'OK' });
});

test.each([
  ['long', 3_000, 20],
  ['middling', 1_300, 60],
])('distinct %s documents, however many, do not fill the memory', async (_size, aliases, documents) => {
  setFlagsFromString('--expose-gc');
  const collectGarbage: () => void = runInNewContext('gc');
  const ask = async (from: number, to: number) => {
    for (let i = from; i < to; i += 1) {
      const fields = Array.from({ length: aliases }, (_, j) => `a${i}_${j}: self { name }`);
      await overHttp(`{ hello @include(if: false) ${fields.join(' ')} }`);
    }
  };
  await ask(0, 3);
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  await ask(3, documents);
  collectGarbage();
  const grownBytes = process.memoryUsage().heapUsed - before;
  expect(grownBytes).toBeLessThan(64 * 1024 * 1024);
});
