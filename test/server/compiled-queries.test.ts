/** Queries that come again and again are compiled, and nobody can tell but by the time they take. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NotFoundError } from '../../src/errors.ts';
import type { Builder } from '../../src/graphql/builder.ts';
import { type Harness, SECRET, startHarness, until } from './harness.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await startHarness({}, addTypes);
});
afterEach(() => harness[Symbol.asyncDispose]());

/** `how` tells by what it gets who executes the query: only Yoga's executor hands its resolvers an abort signal. */
function addTypes(builder: Builder): void {
  const colour = builder.enumType('Colour', {
    description: 'A colour.',
    values: { RED: { value: 'red', description: 'Like roses.' } } as const,
  });
  const filter = builder.inputType('ShapeFilter', {
    description: 'Which shapes.',
    fields: (t) => ({
      names: t.stringList({ description: 'Of these names.' }),
      sides: t.int({ defaultValue: 4, description: 'With so many.' }),
    }),
  });
  const shape = builder.objectRef<{ name: string }>('Shape');
  shape.implement({
    description: 'A shape.',
    fields: (t) => ({
      name: t.exposeString('name', { description: 'Its name.' }),
      colour: t.field({ type: colour, description: 'Its colour.', resolve: async () => 'red' as const }),
      since: t.field({ type: 'DateTime', description: 'Since when.', resolve: () => new Date(0) }),
      gone: t.string({ nullable: true, description: 'Fails at once.', resolve: ({ name }) => fail(name) }),
      goneLater: t.string({ nullable: true, description: 'Fails later.', resolve: async ({ name }) => fail(name) }),
      needed: t.string({ description: 'Fails, and takes its shape along.', resolve: ({ name }) => fail(name) }),
      neededLater: t.string({ description: 'The same, later.', resolve: async ({ name }) => fail(name) }),
      nothing: t.string({ description: 'Is not there, though it must be.', resolve: () => null as unknown as string }),
      broken: t.string({
        nullable: true,
        description: 'A bug.',
        resolve: () => {
          throw new Error(SECRET);
        },
      }),
      wrong: t.int({ nullable: true, description: 'Not of its type.', resolve: () => 'seven' as unknown as number }),
      inner: t.field({
        type: shape,
        nullable: true,
        description: 'What is in it.',
        resolve: ({ name }) => ({ name: `${name}'` }),
      }),
    }),
  });
  builder.queryFields((t) => ({
    how: t.string({
      description: 'How it is executed.',
      resolve: (_root, _args, _context, info) => ('getAbortSignal' in info ? 'as it stands' : 'compiled'),
    }),
    shape: t.field({
      type: shape,
      nullable: true,
      description: 'One.',
      args: { name: t.arg.id({ required: true, description: 'Its name.' }) },
      resolve: async (_root, { name }) => ({ name }),
    }),
    shapes: t.field({
      type: [shape],
      description: 'Some.',
      args: { first: t.arg.int({ defaultValue: 2, description: 'How many.' }) },
      resolve: async (_root, { first }) => Array.from({ length: first ?? 0 }, (_, index) => ({ name: `s${index}` })),
    }),
    told: t.field({
      type: 'JSON',
      description: 'What was given.',
      args: {
        filter: t.arg({ type: filter, description: 'Some.' }),
        colour: t.arg({ type: colour, description: 'One.' }),
        at: t.arg({ type: 'DateTime', description: 'When.' }),
        any: t.arg({ type: 'JSON', description: 'Anything.' }),
      },
      resolve: (_root, args) => JSON.parse(JSON.stringify(args)),
    }),
  }));
}

function fail(name: string): string {
  throw new NotFoundError(`There is no ${name}.`, name);
}

interface Answer {
  readonly data: { readonly how?: string } | null;
  readonly errors?: readonly object[];
}

/** The answer as text but for `how`, its errors in a fixed order, for they have none; and how it was executed. */
async function ask(query: string, variables: object = {}): Promise<{ how: string | undefined; answer: string }> {
  const response = await harness.post({ query, variables }, { 'x-request-id': 'same' });
  const text = await response.text();
  const { data, errors, ...rest } = JSON.parse(text) as Answer;
  const sorted = errors?.map((error) => JSON.stringify(error)).sort();
  const answer = JSON.stringify([response.status, { ...data, how: undefined }, data === null, sorted, rest]);
  return { how: data?.how, answer };
}

/** Asks until the query is compiled; the test's own time limit ends it. */
async function askUntilCompiled(query: string, variables: object = {}) {
  const before: string[] = [];
  for (;;) {
    const { how, answer } = await ask(query, variables);
    if (how === 'compiled') return { before, answer };
    before.push(answer);
  }
}

test('a query is executed as it stands at first, and compiled where it comes again and again', async () => {
  const { before, answer } = await askUntilCompiled('query Shapes { how shapes { name } }');
  expect(before.length).toBeGreaterThanOrEqual(10);
  expect(new Set([...before, answer]).size).toBe(1);
});

describe('the answer is the same', () => {
  test.each<[what: string, query: string, variables?: object]>([
    ['values at once and later', '{ how shapes { name colour since inner { name colour } } }'],
    ['arguments and their defaults', '{ how shapes(first: 3) { name } all: shapes { name } }'],
    ['variables', 'query ($name: ID!) { how shape(name: $name) { name } }', { name: 'a "b" `c` \\ d' }],
    ['a number for an id', 'query ($name: ID!) { how shape(name: $name) { name } }', { name: 7 }],
    [
      'variables that are left out',
      'query ($first: Int = 1, $filter: ShapeFilter) { how shapes(first: $first) { name } told(filter: $filter) }',
    ],
    [
      'variables that are null',
      'query ($filter: ShapeFilter) { how told(filter: $filter, colour: null) }',
      { filter: null },
    ],
    [
      'inputs of all kinds',
      'query ($f: ShapeFilter, $c: Colour, $at: DateTime, $any: JSON) { how told(filter: $f, colour: $c, at: $at, any: $any) }',
      { f: { names: ['a', 'b'] }, c: 'RED', at: '2026-01-01T00:00:00Z', any: { a: [1, { b: null }] } },
    ],
    [
      'one value where a list is expected',
      'query ($f: ShapeFilter) { how told(filter: $f) }',
      { f: { names: 'a', sides: 3 } },
    ],
    [
      'fragments and fields named twice',
      '{ how shapes { ...A inner { name } } } fragment A on Shape { name inner { colour ...B } } fragment B on Shape { since }',
    ],
    ['type names', '{ __typename how shapes { __typename t: __typename } }'],
    [
      'names that mean something in JavaScript',
      '{ how constructor: shapes { toString: name valueOf: colour } prototype: shapes { name } }',
    ],
    ['some fields that fail', '{ how shapes { name gone goneLater } }'],
    [
      'fields that take their parent along',
      'query ($n: ID!) { how a: shape(name: $n) { name needed } b: shape(name: $n) { neededLater } c: shape(name: $n) { name inner { needed } } }',
      { n: 'x' },
    ],
    ['nothing where something must be', 'query ($n: ID!) { how shape(name: $n) { nothing } }', { n: 'x' }],
    ['a bug', '{ how shapes { broken } }'],
    ['what does not fit its type', '{ how shapes { wrong } }'],
  ])('%s', async (_what, query, variables) => {
    const { before, answer } = await askUntilCompiled(query, variables);
    expect(new Set([...before, answer]).size).toBe(1);
    expect(answer).not.toContain(SECRET);
  });

  test('of an operation that is one of several in its document', async () => {
    const query = 'query A { how } query B { how shapes { name } }';
    const asked = new Set<string>();
    for (let how: string | undefined; how !== 'compiled'; ) {
      const { data } = (await (await harness.post({ query, operationName: 'B' })).json()) as Answer;
      how = data?.how;
      asked.add(JSON.stringify({ ...data, how: undefined }));
    }
    expect([...asked]).toEqual(['{"shapes":[{"name":"s0"},{"name":"s1"}]}']);
  });

  test.each([
    ['a number', 'query ($first: Int!) { how shapes(first: $first) { name } }', { first: 1 }, { first: 'many' }],
    ['an id', 'query ($name: ID!) { how shape(name: $name) { name } }', { name: 'a' }, { name: {} }],
    ['an id that is missing', 'query ($name: ID!) { how shape(name: $name) { name } }', { name: 'a' }, {}],
  ])('where variables do not fit, before and after others have fitted: %s', async (_what, query, right, wrong) => {
    const askWrongly = async () => (await ask(query, wrong)).answer;
    const before = await askWrongly();
    await ask(query, right);
    expect(await askWrongly()).toBe(before);
    await askUntilCompiled(query, right);
    expect(await askWrongly()).toBe(before);
    expect(before).toContain('BAD_USER_INPUT');
  });

  test('where all is lost', async () => {
    await askUntilCompiled('{ how shapes { name } }'); // The compiler is there from now on.
    for (let time = 0; time < 30; time++) {
      const answer = await (await harness.post({ query: '{ how shapes { needed } }' })).json();
      expect(answer).toEqual({
        data: null,
        errors: [
          expect.objectContaining({
            message: 'There is no s0.',
            path: ['shapes', 0, 'needed'],
            locations: [{ line: 1, column: 16 }],
          }),
        ],
      });
    }
  });
});

test('who has gone is not waited for by a compiled query either', async () => {
  const query = '{ how hang }';
  for (let how: string | undefined; how !== 'compiled'; ) {
    const hanging = harness.hanging();
    const asked = ask(query);
    await hanging;
    harness.release();
    how = (await asked).how;
  }
  const hanging = harness.hanging();
  const gone = new AbortController();
  const asked = harness.post({ query }, {}, gone.signal);
  await hanging;
  gone.abort();
  await expect(asked).rejects.toThrow('abort');
  await until(() => harness.abortedHangs() === 1);
  await until(() => harness.requestsRunning() === 0);
});

describe('executed as it stands, however often it comes', () => {
  const hostile = '__MAGIC_DATE__33a9e76d_02e0_4128_8e92_3530ad3da74d';

  test.each<[what: string, query: string]>([
    ['a document with a text in it', '{ how hello(name: "x") }'],
    ['or a long one', '{ how hello(name: """x""") }'],
    ['a text by default', 'query ($n: String = "x") { how hello(name: $n) }'],
    ['a list', '{ how told(any: [1]) }'],
    ['an object', '{ how told(filter: { sides: 3 }) }'],
    ['a fraction', '{ how told(any: 1.5) }'],
    ['directives', '{ how hello @skip(if: false) }'],
    ['fields of several types', 'query ($id: ID!) { how node(id: $id) { id } }'],
    ['names that might be the compiler’s own', '{ how __proto__: hello }'],
    ['names that could be two paths', '{ how self { a_b: name } self_a: self { b: name } }'],
    ['very many fields', `{ how ${Array.from({ length: 2_000 }, (_, n) => `h${n}: hello`).join(' ')} }`],
  ])('%s', async (_what, query) => {
    await askUntilCompiled('{ how }');
    const answers = new Set<string>();
    for (let time = 0; time < 30; time++) {
      const { how, answer } = await ask(query, { id: 'gid://cxone/Thing/1' });
      expect(how).toBe('as it stands');
      answers.add(answer);
    }
    expect(answers.size).toBe(1);
  });

  test('a text that the compiler would run', async () => {
    await askUntilCompiled('{ how }');
    const code = 'globalThis.intruder=true';
    for (let time = 0; time < 30; time++) {
      const { answer } = await ask(`{ how hello(name: "${hostile}${code}") }`);
      expect(answer).toContain(`hello ${hostile}${code}`);
    }
    expect(globalThis).not.toHaveProperty('intruder');
  });
});

test('of very many queries, those are let go of that have not come for longest', async () => {
  const query = (n: number) =>
    `{ how ${Array.from({ length: 1_900 }, (_, index) => `q${n}h${index}: hello`).join(' ')} }`;
  for (let n = 0; n <= 5; n++) await askUntilCompiled(query(n));
  expect((await ask(query(5))).how).toBe('compiled');
  expect((await ask(query(0))).how).toBe('as it stands');
  expect((await askUntilCompiled(query(0))).before.length).toBeGreaterThan(0);
});
