import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDateTime, parseDateTime } from '../../src/graphql/date-time.ts';
import { findJsonFault } from '../../src/graphql/json-value.ts';
import { createRunner } from './run.ts';

const { run } = createRunner((builder) => {
  builder.queryFields((t) => ({
    time: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'The same time.',
      args: { at: t.arg({ type: 'DateTime', description: 'A time.' }) },
      resolve: (_root, { at }) => at,
    }),
    object: t.field({
      type: 'JSONObject',
      nullable: true,
      description: 'The same object.',
      args: { value: t.arg({ type: 'JSONObject', description: 'An object.' }) },
      resolve: (_root, { value }) => value,
    }),
    json: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The same value.',
      args: { value: t.arg({ type: 'JSON', description: 'A value.' }) },
      resolve: (_root, { value }) => value,
    }),
  }));
});

/** The value as a GraphQL literal. */
function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value)
      .map(([key, item]) => `${key}: ${literal(item)}`)
      .join(', ')}}`;
  }
  return JSON.stringify(value);
}

/** By variable and by literal, which must agree. */
async function echo(field: 'time' | 'object' | 'json', type: string, value: unknown): Promise<unknown> {
  const argument = field === 'time' ? 'at' : 'value';
  const byVariable = await run(`query($v: ${type}) { x: ${field}(${argument}: $v) }`, { v: value });
  const byLiteral = await run(`{ x: ${field}(${argument}: ${literal(value)}) }`);
  expect(byLiteral.data).toEqual(byVariable.data);
  expect(byLiteral.errors.length > 0).toBe(byVariable.errors.length > 0);
  return byVariable.errors.length > 0 ? 'refused' : byVariable.data?.x;
}

describe('DateTime', () => {
  test.each([
    ['2026-11-21T14:00:00Z', '2026-11-21T14:00:00.000Z'],
    ['2026-11-21T14:00:00.5Z', '2026-11-21T14:00:00.500Z'],
    ['2026-11-21T14:00:00.123999999Z', '2026-11-21T14:00:00.123Z'],
    ['2026-11-21T14:00:00+02:00', '2026-11-21T12:00:00.000Z'],
    ['2026-11-21T14:00:00-05:30', '2026-11-21T19:30:00.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['0099-01-01T00:00:00Z', '0099-01-01T00:00:00.000Z'],
  ])('%s is read, and written as %s', async (given, written) => {
    expect(await echo('time', 'DateTime', given)).toBe(written);
  });

  test.each([
    '2026-11-21',
    '2026-11-21T14:00:00',
    '2026-11-21 14:00:00Z',
    '2026-11-21T14:00Z',
    '2026-02-30T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-11-21T24:00:00Z',
    '2026-11-21T14:60:00Z',
    '2026-11-21T14:00:60Z',
    '2026-11-21T14:00:00+24:00',
    '2026-11-21T14:00:00.Z',
    '2026-11-21t14:00:00z',
    ' 2026-11-21T14:00:00Z',
    '２０２６-11-21T14:00:00Z',
    'yesterday',
    '',
    1_763_733_600_000,
    true,
  ])('%j is refused', async (given) => {
    expect(await echo('time', 'DateTime', given)).toBe('refused');
  });

  test('every time is read as it is written', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }),
        (date) => {
          expect(parseDateTime(formatDateTime(date))).toBe(date.getTime());
          expect(formatDateTime(date.getTime())).toBe(date.toISOString());
        },
      ),
    );
  });
});

const POLLUTING = ['__proto__', 'constructor', 'prototype'];

describe.each([
  ['object', 'JSONObject'],
  ['json', 'JSON'],
] as const)('%s', (field, type) => {
  test('gives back what it was given, by variable and by literal', async () => {
    const value = { a: 1, b: [true, null, 'é😀'], c: { d: -1.5, toString: 'own' } };
    expect(await echo(field, type, value)).toEqual(value);
  });

  test.each(POLLUTING)('refuses the key %s at any depth, by variable and by literal', async (key) => {
    for (const around of [`{"${key}": {"x": 1}}`, `{"a": [{"b": {"${key}": 1}}]}`]) {
      const variable = await run(`query($v: ${type}) { x: ${field}(value: $v) }`, { v: JSON.parse(around) });
      expect(variable.errors).toHaveLength(1);
      const written = await run(`{ x: ${field}(value: ${around.replaceAll(/"(\w+)":/g, '$1:')}) }`);
      expect(written.errors).toHaveLength(1);
    }
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  test('refuses them in a variable within a literal', async () => {
    const within = await run(`query($v: JSON) { x: ${field}(value: {a: $v}) }`, {
      v: JSON.parse('{"__proto__": {"x": 1}}'),
    });
    expect(within.errors).toHaveLength(1);
  });

  test('takes 20 levels and refuses 21', async () => {
    const nested = (levels: number) => Array.from({ length: levels }).reduce((inner: unknown) => ({ a: inner }), 1);
    expect(await echo(field, type, nested(20))).toEqual(nested(20));
    expect(await echo(field, type, nested(21))).toBe('refused');
  });

  test('refuses numbers that are not finite', async () => {
    const value = { a: Number.POSITIVE_INFINITY };
    const { errors } = await run(`query($v: ${type}) { x: ${field}(value: $v) }`, { v: value });
    expect(errors).toHaveLength(1);
  });
});

test('JSONObject refuses what is no object, JSON takes it', async () => {
  for (const value of [1, 'x', [1], true]) {
    expect(await echo('object', 'JSONObject', value)).toBe('refused');
    expect(await echo('json', 'JSON', value)).toEqual(value);
  }
});

test('what is refused is not repeated', async () => {
  const { errors } = await run('query($v: JSONObject) { x: object(value: $v) }', {
    v: JSON.parse('{"__proto__": "secret"}'),
  });
  expect(findJsonFault(JSON.parse('{"__proto__": "secret"}'))).not.toContain('secret');
  expect(errors[0]?.message).toContain('__proto__');
});

test('every JSON value without those keys is taken', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 10, noUnicodeString: false }), (value) => {
      const text = JSON.stringify(value);
      fc.pre(!POLLUTING.some((key) => text.includes(key)) && text.isWellFormed());
      expect(findJsonFault(JSON.parse(text))).toBeUndefined();
    }),
  );
});
