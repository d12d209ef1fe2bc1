import { isObjectType } from 'graphql';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  ConflictError,
  NotFoundError,
  OutcomeUnknownError,
  RateLimitedError,
  UpstreamError,
} from '../../src/errors.ts';
import type { Builder } from '../../src/graphql/builder.ts';
import {
  addConnection,
  connectionArgs,
  connectionCost,
  readPageRequest,
  toConnection,
} from '../../src/graphql/connections.ts';
import { createCursorCodec } from '../../src/graphql/cursors.ts';
import { LOCAL_MUTATION_ERRORS, UPSTREAM_MUTATION_ERRORS } from '../../src/graphql/error-types.ts';
import { decodeGlobalId, encodeGlobalId } from '../../src/graphql/global-ids.ts';
import { addMutation } from '../../src/graphql/mutation-field.ts';
import { listUndescribed, printSchema } from '../../src/graphql/print-schema.ts';
import { createRunner } from './run.ts';

interface Thing {
  readonly cxoneId: string;
}

const cursors = createCursorCodec('things', z.int());

function addThingTypes(builder: Builder): void {
  const thing = builder.objectRef<Thing>('Thing');
  thing.implement({
    description: 'A thing.',
    interfaces: [builder.nodeInterface],
    fields: (t) => ({
      id: t.id({ description: 'Its global id.', resolve: ({ cxoneId }) => encodeGlobalId('Thing', cxoneId) }),
      friend: t.field({
        type: builder.nodeInterface,
        nullable: true,
        description: 'Another.',
        resolve: ({ cxoneId }) => builder.nodes.as(thing, Object.freeze({ cxoneId: `${cxoneId}-friend` })),
      }),
    }),
  });
  builder.nodes.register(thing, {
    partCount: 1,
    resolve: async ([cxoneId]) => (cxoneId === 'missing' ? null : Object.freeze({ cxoneId })),
  });
  const part = builder.objectRef<Thing & { of: string }>('Part').implement({
    description: 'A part of a thing.',
    interfaces: [builder.nodeInterface],
    fields: (t) => ({
      id: t.id({ description: 'Its global id.', resolve: ({ of, cxoneId }) => encodeGlobalId('Part', of, cxoneId) }),
    }),
  });
  builder.nodes.register(part, { partCount: 2, resolve: async ([of, cxoneId]) => ({ of, cxoneId }) });

  builder.queryFields((t) => ({
    things: t.field({
      type: addConnection(builder, thing, 'things'),
      description: 'All things, from 0 to 99.',
      args: connectionArgs(t.arg),
      complexity: connectionCost,
      resolve: (_root, args) => {
        const { first, after = -1 } = readPageRequest(args, cursors);
        const numbers = Array.from({ length: 100 }, (_, i) => i).filter((i) => i > after);
        const page = numbers.slice(0, first).map((i) => ({ cxoneId: String(i) }));
        const neighbours = { hasNextPage: numbers.length > first, hasPreviousPage: after >= 0 };
        return toConnection(page, cursors, ({ cxoneId }) => Number(cxoneId), neighbours);
      },
    }),
  }));

  const input = builder.inputType('TouchThingInput', {
    description: 'What to touch.',
    fields: (t) => ({
      id: t.id({ required: true, description: 'Which.' }),
      names: t.stringList({ description: 'Names.' }),
      fail: t.string({ description: 'How to fail.' }),
    }),
  });
  const payload = builder.objectRef<{ thing: Thing }>('TouchThingPayload').implement({
    description: 'A touched thing.',
    fields: (t) => ({
      thing: t.field({ type: thing, description: 'The thing.', resolve: ({ thing: touched }) => touched }),
    }),
  });
  addMutation(builder, 'touchThing', {
    description: 'Touches a thing.',
    role: 'writer',
    input,
    payload,
    errors: UPSTREAM_MUTATION_ERRORS,
    validate: z.object({
      id: z.string(),
      names: z.array(z.string().min(2, 'Expected at least 2 characters.')).nullish(),
      fail: z.string().nullish(),
    }),
    resolve: async ({ id, fail }) => {
      const cxoneId = decodeGlobalId(id, 'Thing', ['id']);
      switch (fail) {
        case 'notFound':
          throw new NotFoundError('There is none.', id);
        case 'conflict':
          throw new ConflictError('IN_USE', 'It is in use.', encodeGlobalId('Thing', 'user'));
        case 'rateLimited':
          throw new RateLimitedError('Too fast.', 1500);
        case 'upstream':
          throw new UpstreamError('CXone said no.', { fault: 'refused', status: 422, upstreamRequestId: 'r1' });
        case 'unknown':
          throw new OutcomeUnknownError('No answer came.', 'r2');
        case 'bug':
          throw new Error('a bug');
        default:
          return { thing: { cxoneId } };
      }
    },
  });
  // Two mutations may answer with one union, as assignContactsToSegments and startImport do.
  addMutation(builder, 'touchSameThing', {
    description: 'Touches it as well.',
    role: 'admin',
    input,
    payload,
    errors: UPSTREAM_MUTATION_ERRORS,
    resultName: 'TouchThingResult',
    resolve: ({ id }) => ({ thing: { cxoneId: decodeGlobalId(id, 'Thing', ['id']) } }),
  });
  const small = builder.objectRef<{ ok: boolean }>('SmallPayload').implement({
    description: 'Little.',
    fields: (t) => ({ ok: t.exposeBoolean('ok', { description: 'Whether.' }) }),
  });
  addMutation(builder, 'small', {
    description: 'Small.',
    role: 'writer',
    input,
    payload: small,
    errors: LOCAL_MUTATION_ERRORS,
    resolve: () => ({ ok: true }),
  });

  builder.subscriptionFields((t) => ({
    ticks: t.int({
      description: 'Ticks.',
      subscribe: async function* () {
        yield 1;
      },
      resolve: (value) => Number(value),
    }),
  }));
}

const { schema, run } = createRunner(addThingTypes);

describe('nodes', () => {
  test('are found by id, whatever their type; null where there is none', async () => {
    const query =
      '{ a: node(id: "gid://cxone/Thing/1") { __typename id } b: node(id: "gid://cxone/Part/1/2") { __typename id } c: node(id: "gid://cxone/Thing/missing") { id } }';
    expect(await run(query)).toEqual({
      data: {
        a: { __typename: 'Thing', id: 'gid://cxone/Thing/1' },
        b: { __typename: 'Part', id: 'gid://cxone/Part/1/2' },
        c: null,
      },
      errors: [],
    });
  });

  test('are given in the order asked for, each failure at its own place', async () => {
    const ids = [
      'gid://cxone/Thing/2',
      'nonsense',
      'gid://cxone/Thing/missing',
      'gid://cxone/Thing/1',
      'gid://cxone/Part/1',
    ];
    const { data, errors } = await run('query($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids });
    expect(data).toEqual({ nodes: [{ id: 'gid://cxone/Thing/2' }, null, null, { id: 'gid://cxone/Thing/1' }, null] });
    expect(errors.map(({ code, path }) => [code, path])).toEqual([
      ['BAD_USER_INPUT', ['nodes', 1]],
      ['BAD_USER_INPUT', ['nodes', 4]],
    ]);
  });

  test('are at most 250 in one query', async () => {
    const ids = Array.from({ length: 251 }, (_, i) => `gid://cxone/Thing/${i}`);
    expect((await run('query($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids })).errors[0]?.code).toBe(
      'BAD_USER_INPUT',
    );
  });

  test('can be given by a field that has them at hand', async () => {
    const { data } = await run('{ node(id: "gid://cxone/Thing/1") { ... on Thing { friend { __typename id } } } }');
    expect(data).toEqual({ node: { friend: { __typename: 'Thing', id: 'gid://cxone/Thing/1-friend' } } });
  });

  test.each([
    'gid://cxone/Nothing/1',
    'gid://cxone/Thing/1/2',
    'gid://cxone/toString/1',
    'gid://cxone/constructor/1',
    '1',
  ])('%s is a validation error, not a bug', async (id) => {
    expect((await run('query($id: ID!) { node(id: $id) { id } }', { id })).errors[0]?.code).toBe('BAD_USER_INPUT');
  });
});

test('a connection is walked page by page, each item once', async () => {
  const query =
    'query($after: String) { things(first: 30, after: $after) { edges { cursor node { id } } nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }';
  const seen: unknown[] = [];
  let after: unknown;
  for (let page = 0; page < 4; page += 1) {
    const { data, errors } = await run(query, { after });
    expect(errors).toEqual([]);
    const things = data?.things as {
      edges: { cursor: string; node: { id: string } }[];
      nodes: { id: string }[];
      pageInfo: Record<string, unknown>;
    };
    expect(things.nodes).toEqual(things.edges.map((edge) => edge.node));
    expect(things.pageInfo).toEqual({
      hasNextPage: page < 3,
      hasPreviousPage: page > 0,
      startCursor: things.edges[0]?.cursor,
      endCursor: things.edges.at(-1)?.cursor,
    });
    seen.push(...things.nodes.map((node) => node.id));
    after = things.pageInfo.endCursor;
  }
  expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => `gid://cxone/Thing/${i}`));
});

describe('a mutation', () => {
  const query = `mutation($input: TouchThingInput!) { touchThing(input: $input) {
    __typename
    ... on Error { message }
    ... on TouchThingPayload { thing { id } }
    ... on ValidationError { issues { path code message } }
    ... on NotFoundError { id }
    ... on ConflictError { reason current { __typename id } }
    ... on RateLimitedError { retryAfterSeconds }
    ... on UpstreamError { status requestId retryable }
    ... on OutcomeUnknownError { requestId }
  } }`;
  const id = 'gid://cxone/Thing/1';
  const touch = async (input: Record<string, unknown>) => {
    const { data, errors } = await run(query, { input });
    expect(errors).toEqual([]);
    return data?.touchThing;
  };

  test('answers with its payload', async () => {
    expect(await touch({ id })).toEqual({ __typename: 'TouchThingPayload', thing: { id } });
  });

  test.each([
    ['notFound', { __typename: 'NotFoundError', message: 'There is none.', id }],
    [
      'conflict',
      {
        __typename: 'ConflictError',
        message: 'It is in use.',
        reason: 'IN_USE',
        current: { __typename: 'Thing', id: 'gid://cxone/Thing/user' },
      },
    ],
    ['rateLimited', { __typename: 'RateLimitedError', message: 'Too fast.', retryAfterSeconds: 1.5 }],
    [
      'upstream',
      { __typename: 'UpstreamError', message: 'CXone said no.', status: 422, requestId: 'r1', retryable: false },
    ],
    ['unknown', { __typename: 'OutcomeUnknownError', message: 'No answer came.', requestId: 'r2' }],
  ])('answers with the failure %s as data', async (fail, expected) => {
    expect(await touch({ id, fail })).toEqual(expected);
  });

  test('tells everything that is wrong with its input, with paths into it', async () => {
    expect(await touch({ id, names: ['fine', 'x', 'y'] })).toMatchObject({
      __typename: 'ValidationError',
      issues: [
        { path: ['names', '1'], code: 'TOO_SMALL', message: 'Expected at least 2 characters.' },
        { path: ['names', '2'], code: 'TOO_SMALL' },
      ],
    });
    expect(await touch({ id: 'gid://cxone/Part/1/2' })).toMatchObject({
      issues: [{ path: ['id'], code: 'INVALID_ID' }],
    });
  });

  test('that breaks is null and an error, and its neighbours have their outcomes', async () => {
    const { data, errors } = await run(
      `mutation { a: touchThing(input: {id: "${id}", fail: "bug"}) { __typename } b: touchThing(input: {id: "${id}"}) { __typename } }`,
    );
    expect(data).toEqual({ a: null, b: { __typename: 'TouchThingPayload' } });
    expect(errors.map(({ path }) => path)).toEqual([['a']]);
  });

  test('shares its union with another where told to', () => {
    const fields = schema.getMutationType()?.getFields();
    expect(String(fields?.touchThing?.type)).toBe('TouchThingResult');
    expect(String(fields?.touchSameThing?.type)).toBe('TouchThingResult');
    expect(printSchema(schema)).toContain(
      'union TouchThingResult = ConflictError | NotFoundError | OutcomeUnknownError | RateLimitedError | TouchThingPayload | UpstreamError | ValidationError',
    );
    expect(printSchema(schema)).toContain(
      'union SmallResult = ConflictError | NotFoundError | SmallPayload | ValidationError',
    );
  });
});

describe('roles', () => {
  const reads = '{ things(first: 1) { nodes { id } } }';
  const writes = 'mutation { touchThing(input: {id: "gid://cxone/Thing/1"}) { __typename } }';
  const administers = 'mutation { touchSameThing(input: {id: "gid://cxone/Thing/1"}) { __typename } }';
  const invalidWrite =
    'mutation { touchThing(input: {id: "nonsense", names: ["x"]}) { __typename ... on ValidationError { message } } }';

  test.each([
    [null, reads, 'UNAUTHENTICATED'],
    [null, writes, 'UNAUTHENTICATED'],
    [null, '{ node(id: "gid://cxone/Thing/1") { id } }', 'UNAUTHENTICATED'],
    ['reader', reads, undefined],
    ['reader', writes, 'FORBIDDEN'],
    ['reader', invalidWrite, 'FORBIDDEN'],
    ['writer', reads, undefined],
    ['writer', writes, undefined],
    ['writer', administers, 'FORBIDDEN'],
    ['admin', administers, undefined],
  ] as const)('%s asking %s: %s', async (role, query, code) => {
    const { data, errors } = await run(query, {}, role && { name: 'somebody', role });
    expect(errors[0]?.code).toBe(code);
    if (code) expect(JSON.stringify(data ?? null)).not.toMatch(/Payload|gid:|issues/);
  });

  test('are stated by every mutation', () => {
    const fields = Object.values(schema.getMutationType()?.getFields() ?? {});
    expect(fields.map((field) => [field.name, field.extensions.role])).toEqual([
      ['small', 'writer'],
      ['touchSameThing', 'admin'],
      ['touchThing', 'writer'],
    ]);
  });
});

describe('the printed schema', () => {
  test('is the same whatever the order of declaration, and fully described', () => {
    expect(listUndescribed(schema)).toEqual([]);
    const printed = printSchema(schema);
    const types = [...printed.matchAll(/^(?:type|union|enum|input|interface|scalar) (\w+)/gm)].map((match) => match[1]);
    expect(types).toEqual([...types].sort());
    expect(printed.endsWith('}\n')).toBe(true);
  });

  test('names what has no description', () => {
    const bare = createRunner((builder) => {
      builder.queryFields((t) => ({
        plain: t.string({ args: { x: t.arg.int({}) }, resolve: () => 'plain' }),
        color: t.field({
          type: builder.enumType('Color', { values: ['RED'] }),
          description: 'A color.',
          resolve: () => 'RED' as const,
        }),
      }));
      builder.objectRef<object>('Bare').implement({ fields: (t) => ({ size: t.int({ resolve: () => 1 }) }) });
      builder.inputType('BareInput', { fields: (t) => ({ size: t.int() }) });
    });
    expect(listUndescribed(bare.schema)).toEqual([
      'Bare',
      'Bare.size',
      'BareInput',
      'BareInput.size',
      'Color',
      'Color.RED',
      'Query.plain',
      'Query.plain(x:)',
    ]);
  });

  test('has no empty root type where slices add no mutation or subscription', () => {
    const readOnly = createRunner(() => undefined).schema;
    expect(readOnly.getMutationType() ?? undefined).toBeUndefined();
    expect(readOnly.getSubscriptionType() ?? undefined).toBeUndefined();
    expect(
      Object.values(readOnly.getTypeMap())
        .filter(isObjectType)
        .map((type) => type.name),
    ).not.toContain('Mutation');
  });
});
