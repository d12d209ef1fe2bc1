/** Our execution against graphql-js: the same data and the same errors, whatever is asked and whatever resolvers do. */
import fc from 'fast-check';
import {
  buildSchema,
  type ExecutionResult,
  execute,
  type GraphQLFieldResolver,
  type GraphQLSchema,
  isObjectType,
  Kind,
  parse,
  responsePathAsArray,
  validate,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import { executeOperation } from '../../src/graphql/execution/execute-operation.ts';
import { planOperation } from '../../src/graphql/execution/operation-plan.ts';

const SDL = `
  interface Named { name: String  child: A }
  type A implements Named { name: String  must: String!  child: A  mustChild: A!  children: [A]  mustChildren: [A!]!
    number: Int  flag: Boolean  either: Either  named: Named  grid: [[Int!]]  say(text: String = "dflt", times: Int!): String }
  type B implements Named { name: String  child: A  size: Float }
  union Either = A | B
  type Query { a: A  mustA: A!  all: [A!]  either: Either  eithers: [Either]  named: Named!  say(text: String, times: Int = 2, box: Box): String }
  type Mutation { first: A  second: A!  third: Int }
  input Box { text: String!  more: [Int!] = [1] }
`;

/** What a resolver may do. */
const CONDUCTS = ['value', 'value', 'value', 'later', 'later', 'null', 'throws', 'rejects', 'error'] as const;

/** Its conduct is decided by where it stands, so that both executions meet the same. */
function withConduct(seed: number): GraphQLSchema {
  const schema = buildSchema(SDL);
  const resolve: GraphQLFieldResolver<unknown, unknown> = (_source, given, _context, info) => {
    const place = `${seed}/${responsePathAsArray(info.path).join('/')}`;
    const value = () => valueFor(String(info.returnType), place, given);
    switch (CONDUCTS[hash(place) % CONDUCTS.length]) {
      case 'later':
        return Promise.resolve(value());
      case 'null':
        return null;
      case 'throws':
        throw new Error(`thrown at ${place}`);
      case 'rejects':
        return Promise.reject(new Error(`rejected at ${place}`));
      case 'error':
        return new Error(`returned at ${place}`);
      default:
        return value();
    }
  };
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    for (const field of Object.values(type.getFields())) field.resolve = resolve;
  }
  return schema;
}

function valueFor(type: string, place: string, given: object): unknown {
  const number = hash(`value of ${place}`);
  if (type.startsWith('[[')) return [[number % 9, 2], null, [number % 3 ? 3 : null]];
  if (type.startsWith('[')) {
    const items = [0, 1, 2].map((index) => valueFor(type.replace(/[[\]!]/g, ''), `${place}.${index}`, given));
    if (number % 4 === 0) items[1] = Promise.resolve(items[1]);
    if (number % 7 === 0) items[2] = null;
    if (number % 5 === 0) items[number % 3] = rejected(`item at ${place}`);
    return items;
  }
  switch (type.replace('!', '')) {
    case 'Int':
      return number % 5 === 0 ? 'no number' : number % 100;
    case 'Float':
      return number / 7;
    case 'Boolean':
      return number % 2 === 0;
    case 'String':
      return `${place} ${JSON.stringify(given)}`;
    default:
      return { __typename: type.startsWith('A') || number % 2 === 0 ? 'A' : 'B' };
  }
}

/** graphql-js leaves some behind that nobody hears of. */
function rejected(message: string): Promise<never> {
  const promise = Promise.reject(new Error(message));
  promise.catch(() => undefined);
  return promise;
}

function hash(text: string): number {
  let value = 7;
  for (const char of text) value = (value * 31 + char.charCodeAt(0)) % 1_000_003;
  return value;
}

const FIELDS: Record<string, Record<string, string | null>> = {
  A: {
    name: null,
    must: null,
    child: 'A',
    mustChild: 'A',
    children: 'A',
    mustChildren: 'A',
    number: null,
    flag: null,
    either: 'Either',
    named: 'Named',
    grid: null,
    'say(times: 3)': null,
    'say(times: $n, text: $t)': null,
  },
  B: { name: null, child: 'A', size: null },
  Named: { name: null, child: 'A' },
  Either: {},
  Query: {
    a: 'A',
    mustA: 'A',
    all: 'A',
    either: 'Either',
    eithers: 'Either',
    named: 'Named',
    'say(text: "x", box: {text: "y"})': null,
    'say(text: $t, times: $n, box: {text: "z", more: [$n]})': null,
  },
  Mutation: { first: 'A', second: 'A', third: null },
};
const SPREADS: Record<string, readonly string[]> = {
  A: ['A', 'Named', 'Either'],
  B: ['B', 'Named'],
  Named: ['A', 'B', 'Named'],
  Either: ['A', 'B', 'Named'],
  Query: ['Query'],
  Mutation: ['Mutation'],
};

const condition = fc.constantFrom(
  '',
  '',
  '',
  ' @skip(if: $yes)',
  ' @include(if: $yes)',
  ' @include(if: $no)',
  ' @skip(if: false)',
);

/** A selection on a type: fields under aliases of their own, fragments of both kinds, and conditions. */
function selection(type: string, depth: number): fc.Arbitrary<string> {
  const leaves = Object.entries(FIELDS[type] ?? {}).filter(([, of]) => depth > 0 || of === null);
  const field = (name: string, of: string | null) =>
    fc
      .tuple(fc.nat(99), condition, of === null ? fc.constant('') : selection(of, depth - 1))
      .map(
        ([alias, when, inner]) =>
          `${name.replace(/\W.*/, '')}${alias}${hash(name) % 97}: ${name}${when}${inner && ` ${inner}`}`,
      );
  const parts: fc.Arbitrary<string>[] = [fc.constant('__typename'), ...leaves.map(([name, of]) => field(name, of))];
  if (depth > 0) {
    for (const on of SPREADS[type] ?? []) {
      parts.push(fc.tuple(condition, selection(on, depth - 1)).map(([when, inner]) => `... on ${on}${when} ${inner}`));
    }
    if (type === 'A') parts.push(condition.map((when) => `...OfA${when}`));
  }
  return fc.array(fc.oneof(...parts), { minLength: 1, maxLength: 5 }).map((chosen) => `{ ${chosen.join(' ')} }`);
}

const documents = fc
  .tuple(fc.constantFrom('query', 'query', 'query', 'mutation'), selection('A', 1))
  .chain(([kind, fragment]) =>
    selection(kind === 'query' ? 'Query' : 'Mutation', 3).map(
      (root) =>
        `${kind}($n: Int! = 1, $t: String, $yes: Boolean!, $no: Boolean = false) ${root} fragment OfA on A ${fragment.replace('...OfA', 'name')}`,
    ),
  );

interface Comparable {
  data: unknown;
  /** Of places that the data shows as null; what failed below another failure is a matter of which came first. */
  visible: string[];
}

function comparable({ data, errors = [] }: ExecutionResult): Comparable {
  const plain: unknown = JSON.parse(JSON.stringify(data ?? null));
  const visible = errors.flatMap(({ path = [], message, locations }) => {
    let at: unknown = plain;
    for (const key of path) {
      if (at === null) return [];
      at = (at as Record<string | number, unknown>)[key];
    }
    return [JSON.stringify({ path, message, locations })];
  });
  return { data: plain, visible: visible.sort() };
}

async function run(
  schema: GraphQLSchema,
  text: string,
  variableValues: Record<string, unknown>,
  rootValue?: Record<string, unknown>,
) {
  const document = parse(text);
  const operation = document.definitions.find((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  if (!operation) throw new Error('there is no operation');
  const plan = planOperation(schema, document, operation);
  const ours = await executeOperation(plan, { contextValue: {}, variableValues, rootValue });
  const again = await executeOperation(plan, { contextValue: {}, variableValues, rootValue });
  const theirs = await execute({ schema, document, variableValues, rootValue });
  return { ours, again, theirs: theirs as ExecutionResult };
}

test('the same data and the same errors as graphql-js, the first time and again', async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(documents, fc.nat(1000), fc.boolean(), async (text, seed, yes) => {
      const schema = withConduct(seed);
      fc.pre(
        validate(schema, parse(text), undefined, { maxErrors: 1 }).every(({ message }) => /never used/.test(message)),
      );
      const { ours, again, theirs } = await run(schema, text, { yes, t: 'text' });
      expect(comparable(ours)).toEqual(comparable(theirs));
      expect(comparable(again)).toEqual(comparable(theirs));
      expect(Boolean(ours.errors)).toBe(Boolean(theirs.errors));
      compared += 1;
    }),
    { numRuns: 300 },
  );
  expect(compared).toBeGreaterThan(200);
});

describe('as graphql-js', () => {
  const schema = buildSchema(`
    type Query { text(of: String): String  must: String!  number: Int  thing: Thing  things: [Thing!] }
    union Thing = One | Two   type One { text: String }   type Two { text: String }`);

  test.each([
    ['variables that do not fit', 'query($of: String!) { text(of: $of) }', {}],
    ['a variable of the wrong type', 'query($of: String) { text(of: $of) }', { of: 1 }],
    ['introspection', '{ __schema { queryType { name fields { name type { name ofType { name } } } } } }', {}],
    ['__type', '{ __type(name: "One") { name kind fields(includeDeprecated: true) { name } } __typename }', {}],
    ['a field under the name __proto__', '{ __proto__: text }', {}],
    ['a value that is no output', '{ number }', {}],
    ['a null where none may be', '{ text must }', {}],
    ['a thing of no type', '{ thing { ... on One { text } } }', {}],
    ['a list that is none', '{ things { __typename } }', {}],
  ])('%s', async (_name, text, variables) => {
    const rootValue = { text: 'there', number: 'NaN', thing: { __typename: 'Three' }, things: 7 };
    const document = parse(text);
    const [operation] = document.definitions;
    if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error('no operation');
    const input = { contextValue: {}, variableValues: variables, rootValue };
    const ours = await executeOperation(planOperation(schema, document, operation), input);
    const theirs = (await execute({ schema, document, ...input })) as ExecutionResult;
    expect(JSON.stringify(ours.data)).toBe(JSON.stringify(theirs.data));
    expect(ours.errors?.map(({ path, locations }) => ({ path, locations }))).toEqual(
      theirs.errors?.map(({ path, locations }) => ({ path, locations })),
    );
  });
});

const soon = (turns: number) =>
  Array.from({ length: turns }).reduce<Promise<void>>(
    (waited) => waited.then(() => new Promise((resolve) => setImmediate(resolve))),
    Promise.resolve(),
  );

test('what fails below a null that has taken its place is not told', async () => {
  const schema = buildSchema('type Query { thing: Thing slow: Int } type Thing { must: Int! later: Int }');
  const thing = { must: null, later: () => soon(1).then(() => Promise.reject(new Error('later'))) };
  const rootValue = { thing, slow: () => soon(3).then(() => 1) };
  const { ours, theirs } = await run(schema, '{ slow thing { later must } }', {}, rootValue);
  expect(ours.errors?.map(({ message }) => message)).toEqual(['Cannot return null for non-nullable field Thing.must.']);
  expect(comparable(ours)).toEqual(comparable(theirs));
});

test('promises behind an item that fails its list are heard out: none rejects unhandled', async () => {
  const schema = buildSchema('type Query { things: [Int!] }');
  const document = parse('{ things }');
  const [operation] = document.definitions;
  if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error('no operation');
  const things = [soon(1).then(() => Promise.reject(new Error('first'))), null, Promise.reject(new Error('last'))];
  const input = { contextValue: {}, rootValue: { things } };
  const { data } = await executeOperation(planOperation(schema, document, operation), input);
  expect(data).toEqual({ things: null });
  // vitest fails a run in which a rejection was not handled.
  await soon(3);
});

test('mutations run one after another, queries together', async () => {
  const told: string[] = [];
  const schema = buildSchema('type Query { a: Int b: Int } type Mutation { a: Int b: Int }');
  const rootValue = Object.fromEntries(
    ['a', 'b'].map((name) => [
      name,
      async () => {
        told.push(`${name} begins`);
        await new Promise((resolve) => setImmediate(resolve));
        told.push(`${name} ends`);
        return 1;
      },
    ]),
  );
  for (const kind of ['mutation', 'query']) {
    const document = parse(`${kind} { a b }`);
    const [operation] = document.definitions;
    if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error('no operation');
    await executeOperation(planOperation(schema, document, operation), { contextValue: {}, rootValue });
  }
  expect(told.slice(0, 4)).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
  expect(told.slice(4, 6)).toEqual(['a begins', 'b begins']);
});
