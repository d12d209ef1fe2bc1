import { type DocumentNode, Kind, type OperationDefinitionNode } from 'graphql';
import { expect, test } from 'vitest';
import { buildSchema, createBuilder } from '../../src/graphql/builder.ts';
import type { GraphQLContext } from '../../src/graphql/context.ts';
import { createDocumentCache } from '../../src/server/document-cache.ts';
import { DEFAULT_LIMITS } from '../../src/server/limits.ts';

function createCache() {
  const builder = createBuilder();
  builder.queryField('items', (t) =>
    t.stringList({
      args: { first: t.arg.int(), name: t.arg.string() },
      complexity: ({ first }) => ({ field: first ?? 1, multiplier: 1 }),
      resolve: () => [],
    }),
  );
  return createDocumentCache({ schema: buildSchema(builder), limits: DEFAULT_LIMITS, extraRules: [] });
}

const context = {} as GraphQLContext; // No cost looks at it.

function operationOf({ definitions }: DocumentNode): OperationDefinitionNode {
  const operation = definitions.find((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  if (!operation) throw new Error('there is no operation');
  return operation;
}

test('a text that is asked for again is the same document, with the same plan', () => {
  const cache = createCache();
  const { document, faults } = cache.read('{ items }');
  expect(faults).toEqual([]);
  expect(cache.read('{ items }').document).toBe(document);
  const operation = operationOf(document);
  expect(cache.planOf(document, operation, 1)).toBe(cache.planOf(document, operation, 1));
});

test('what is not valid is told each time, and not kept', () => {
  const cache = createCache();
  const first = cache.read('{ nope }');
  expect(first.faults).toHaveLength(1);
  expect(cache.read('{ nope }').document).not.toBe(first.document);
});

test('documents are bounded in bytes: many go, and large ones do not come in', () => {
  const cache = createCache();
  const { document } = cache.read('{ items }');
  const large = `{ items } #${'x'.repeat(40_000)}`;
  expect(cache.read(large).document).not.toBe(cache.read(large).document);
  for (let index = 0; index < 40; index++) cache.read(`{ items } #${index} ${'x'.repeat(30_000)}`);
  expect(cache.read('{ items }').document).not.toBe(document);
});

test.each([
  ['in a variable', 'query($first: Int) { items(first: $first) }'],
  ['in a variable of a fragment', 'query($first: Int) { ...F } fragment F on Query { items(first: $first) }'],
  ['in the default of a variable', 'query($first: Int = 3) { items(first: $first) }'],
])('a page whose size is %s is weighed with each value', (_name, text) => {
  const cache = createCache();
  const { document } = cache.read(text);
  const cost = (variables: Record<string, unknown>) =>
    cache.costOf(document, operationOf(document), variables, context).cost;
  expect([cost({ first: 5 }), cost({ first: 50 }), cost({ first: 5 })]).toEqual([5, 50, 5]);
});

test('what variables do not change is weighed once', () => {
  const cache = createCache();
  const { document } = cache.read('query($yes: Boolean!) { items(first: 7) ... @include(if: $yes) { __typename } }');
  const cost = (variables: Record<string, unknown>) =>
    cache.costOf(document, operationOf(document), variables, context);
  expect(cost({ yes: true }).cost).toBe(8);
  expect(cost({ yes: false })).toBe(cost({ yes: true }));
});
