import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { listUndescribed, printSchema } from '../src/graphql/print-schema.ts';
import { createSchema } from '../src/schema.ts';

const written = () => readFileSync(new URL('../schema.graphql', import.meta.url), 'utf8');

test('schema.graphql is what the code says (npm run fix writes it)', () => {
  expect(written()).toBe(printSchema(createSchema()));
});

test('everything a client can name has a description', () => {
  expect(listUndescribed(createSchema())).toEqual([]);
});

test('every mutation states who may call it', () => {
  const mutations = createSchema().getMutationType()?.getFields() ?? {};
  const withoutRole = Object.values(mutations).filter(
    ({ extensions }) => !['writer', 'admin'].includes(String(extensions.role)),
  );
  expect(Object.keys(mutations).length).toBeGreaterThan(4);
  expect(withoutRole.map(({ name }) => name)).toEqual([]);
});
