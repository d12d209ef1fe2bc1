import { createYoga } from 'graphql-yoga';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { withNeighbours } from '../../src/bulk/mutation-lookahead.ts';
import { newUpstreamTally } from '../../src/cxone/call-context.ts';
import { NotFoundError, ValidationError } from '../../src/errors.ts';
import { buildSchema, createBuilder } from '../../src/graphql/builder.ts';
import { type Actor, createRequestLoaders, type GraphQLContext } from '../../src/graphql/context.ts';
import { addMutation } from '../../src/graphql/mutation-field.ts';
import type { IdempotencyKeys } from '../../src/store/idempotency-keys.ts';

/** What happened, in order: `+a` began, `-a` ended. */
let happened: string[] = [];
let actor: Actor | null = null;

beforeEach(() => {
  happened = [];
  actor = { name: 'tester', role: 'writer' };
});

function createSchema() {
  const builder = createBuilder();
  builder.queryField('nothing', (t) => t.int({ nullable: true, description: 'Nothing.', resolve: () => null }));
  const input = builder.inputType('WriteInput', {
    fields: (t) => ({ item: t.string({ required: true }), idempotencyKey: t.string() }),
  });
  const payload = builder.objectRef<{ item: string }>('WritePayload').implement({
    fields: (t) => ({ item: t.exposeString('item') }),
  });
  const declared = {
    description: 'Writes.',
    role: 'writer' as const,
    input,
    payload,
    errors: [ValidationError, NotFoundError],
  };
  const write = async (item: string) => {
    happened.push(`+${item}`);
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    happened.push(`-${item}`);
    if (item === 'lost') throw new NotFoundError('It is lost.');
    if (item === 'broken') throw new Error('A bug.');
    return { item };
  };
  addMutation(builder, 'write', {
    ...declared,
    around: withNeighbours(({ item }) => [item]),
    validate: z.object({ item: z.string().max(9, 'too long') }),
    resolve: ({ item }) => write(item),
  });
  addMutation(builder, 'other', { ...declared, resolve: ({ item }) => write(item) });
  return buildSchema(builder);
}

/** As the store's, but that it keeps nothing. */
const runOnce: IdempotencyKeys['run'] = async (_request, execute) => ({
  result: await execute(new AbortController().signal, { callKey: 'call', mayBeDone: false }),
  replayed: false,
});

const yoga = createYoga<object, GraphQLContext>({
  schema: createSchema(),
  logging: false,
  batching: { limit: 5 },
  context: (): GraphQLContext => ({
    // No other is used.
    services: { idempotencyKeys: { run: runOnce } } as unknown as GraphQLContext['services'],
    actor,
    requestId: 'request',
    call: { requestId: 'request', lane: { kind: 'interactive' }, tally: newUpstreamTally() },
    loaders: createRequestLoaders(),
  }),
});
afterAll(() => yoga.dispose());

async function post(body: unknown) {
  const response = await yoga.fetch('http://test/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return response.json();
}

async function run(query: string, variables: Record<string, unknown> = {}) {
  return post({ query, variables });
}

const RESULT = '{ __typename ... on WritePayload { item } ... on ValidationError { issues { path message } } }';
const field = (alias: string, item = alias, mutation = 'write') =>
  `${alias}: ${mutation}(input: {item: "${item}"}) ${RESULT}`;
const written = (item: string) => ({ __typename: 'WritePayload', item });

describe('neighbouring fields of one bulk mutation', () => {
  it('begin together, and answer in the order they are written', async () => {
    const { data } = await run(`mutation { ${field('c')} ${field('a')} ${field('b')} }`);
    expect(happened).toEqual(['+c', '+a', '+b', '-c', '-a', '-b']);
    expect(Object.keys(data)).toEqual(['c', 'a', 'b']);
    expect(data).toEqual({ c: written('c'), a: written('a'), b: written('b') });
  });

  it('wait for any other field in between, and hold it up in turn', async () => {
    await run(`mutation { ${field('a')} ${field('b')} ${field('x', 'x', 'other')} ${field('c')} ${field('d')} }`);
    expect(happened).toEqual(['+a', '+b', '-a', '-b', '+x', '-x', '+c', '+d', '-c', '-d']);
  });

  it('are found through fragments, conditions and variables', async () => {
    const { data } = await run(
      `mutation Run($item: String!, $yes: Boolean!, $no: Boolean!) {
        a: write(input: {item: $item}) ${RESULT}
        ... @include(if: $yes) { ${field('b')} }
        ...More
        skipped: write(input: {item: "skipped"}) @skip(if: $yes) ${RESULT}
        f: write(input: {item: "f"}) @include(if: $yes) ${RESULT}
      }
      fragment More on Mutation {
        ${field('c')}
        ... on Mutation @skip(if: $no) { ${field('d')} }
        ...Never @include(if: $no)
        ...Again
      }
      fragment Again on Mutation { a: write(input: {item: $item}) ${RESULT} ${field('e')} }
      fragment Never on Mutation { ${field('never')} }`,
      { item: 'first', yes: true, no: false },
    );
    expect(happened.slice(0, 6)).toEqual(['+first', '+b', '+c', '+d', '+e', '+f']);
    expect(Object.keys(data)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(happened.length).toBe(12);
  });

  it('that are about the same item keep their order', async () => {
    await run(`mutation { ${field('a', 'same')} ${field('b')} ${field('c', 'same')} ${field('d', 'same')} }`);
    expect(happened).toEqual(['+same', '+b', '-same', '+same', '-b', '-same', '+same', '-same']);
  });

  it('that have the same idempotency key keep their order', async () => {
    const keyed = (alias: string) => `${alias}: write(input: {item: "${alias}", idempotencyKey: "k"}) ${RESULT}`;
    const { errors } = await run(`mutation { ${keyed('a')} ${keyed('b')} }`);
    expect(errors).toBeUndefined();
    expect(happened).toEqual(['+a', '-a', '+b', '-b']);
  });

  it('fail alone: for their input, as data, or by a bug', async () => {
    const { data, errors } = await run(
      `mutation Run($last: String!) {
        ${field('a')} ${field('b', 'much too long')} ${field('c', 'lost')} ${field('d', 'broken')}
        e: write(input: {item: $last}) ${RESULT} ${field('f')}
      }`,
      { last: 'e' },
    );
    expect(data).toMatchObject({
      a: written('a'),
      b: { __typename: 'ValidationError', issues: [{ path: ['item'], message: 'too long' }] },
      c: { __typename: 'NotFoundError' },
      d: null,
      e: written('e'),
      f: written('f'),
    });
    expect(errors.map(({ path }: { path: string[] }) => path)).toEqual([['d']]);
    expect(happened.slice(0, 5)).toEqual(['+a', '+lost', '+broken', '+e', '+f']);
  });

  it('are not begun for somebody who may not', async () => {
    actor = { name: 'reader', role: 'reader' };
    const { data, errors } = await run(`mutation { ${field('a')} ${field('b')} }`);
    expect(data).toEqual({ a: null, b: null });
    expect(errors.length).toBe(2);
    expect(happened).toEqual([]);
  });

  it('of one operation are not those of another of the same document', async () => {
    const query = `mutation { ${field('a')} ${field('b')} }`;
    const answers = await post([{ query }, { query }]);
    expect(answers).toEqual([
      { data: { a: written('a'), b: written('b') } },
      { data: { a: written('a'), b: written('b') } },
    ]);
    expect(happened.filter((each) => each === '+a').length).toBe(2);
  });
});
