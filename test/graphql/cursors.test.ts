import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { ValidationError } from '../../src/errors.ts';
import { MAX_PAGE_SIZE, readPageRequest, toConnection } from '../../src/graphql/connections.ts';
import { createCursorCodec } from '../../src/graphql/cursors.ts';

const contacts = createCursorCodec('contacts', z.object({ page: z.int().min(1), index: z.int().min(0) }));
const imports = createCursorCodec('imports', z.object({ page: z.int().min(1), index: z.int().min(0) }));

const invalid = expect.objectContaining({
  issues: [expect.objectContaining({ path: ['after'], code: 'INVALID_CURSOR' })],
});

test('what was encoded is decoded, for every position', () => {
  const position = fc.record({ page: fc.integer({ min: 1 }), index: fc.nat() });
  fc.assert(
    fc.property(position, (value) => {
      expect(contacts.decode(contacts.encode(value))).toEqual({ ...value });
    }),
  );
});

test('a cursor says nothing to a reader and is safe in a URL', () => {
  expect(contacts.encode({ page: 3, index: 7 })).toMatch(/^[A-Za-z0-9_-]+$/);
});

test('a cursor of another list is refused', () => {
  expect(() => contacts.decode(imports.encode({ page: 1, index: 0 }))).toThrow(invalid);
});

test.each([
  '',
  'x',
  '====',
  Buffer.from('{}').toString('base64url'),
  Buffer.from('[1,"contacts",{"page":0,"index":0}]').toString('base64url'),
  Buffer.from('[2,"contacts",{"page":1,"index":0}]').toString('base64url'),
  Buffer.from('[1,"contacts",{"page":"1","index":0}]').toString('base64url'),
  `${contacts.encode({ page: 1, index: 0 })}=`,
  ` ${contacts.encode({ page: 1, index: 0 })}`,
  'A'.repeat(100_000),
])('the forged cursor %j is refused', (cursor) => {
  expect(() => contacts.decode(cursor)).toThrow(invalid);
});

test('whatever text is given, it is a position or a ValidationError', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.base64String(),
        fc.json().map((json) => Buffer.from(json).toString('base64url')),
      ),
      (text) => {
        expect(() => contacts.decode(text)).toThrow(ValidationError);
      },
    ),
  );
});

test('a page holds 50, or 1 to 250 as asked', () => {
  expect(readPageRequest({}, contacts)).toEqual({ first: 50, after: undefined });
  expect(readPageRequest({ first: null, after: null }, contacts)).toEqual({ first: 50, after: undefined });
  const after = contacts.encode({ page: 2, index: 4 });
  expect(readPageRequest({ first: MAX_PAGE_SIZE, after }, contacts)).toEqual({
    first: 250,
    after: { page: 2, index: 4 },
  });
  for (const first of [0, -1, 251, 1_000_000]) {
    expect(() => readPageRequest({ first }, contacts)).toThrow(
      expect.objectContaining({
        code: 'BAD_USER_INPUT',
        issues: [expect.objectContaining({ path: ['first'], code: 'OUT_OF_RANGE' })],
      }),
    );
  }
});

test('a connection begins and ends with the cursors of its first and last item', () => {
  const connection = toConnection(['a', 'b'], contacts, (_node, index) => ({ page: 1, index }), {
    hasNextPage: true,
    hasPreviousPage: false,
  });
  expect(connection.edges.map((edge) => [contacts.decode(edge.cursor()).index, edge.node])).toEqual([
    [0, 'a'],
    [1, 'b'],
  ]);
  expect(connection.pageInfo).toEqual({
    hasNextPage: true,
    hasPreviousPage: false,
    startCursor: connection.edges[0]?.cursor(),
    endCursor: connection.edges[1]?.cursor(),
  });
  const empty = toConnection([], contacts, () => ({ page: 1, index: 0 }), {
    hasNextPage: false,
    hasPreviousPage: false,
  });
  expect(empty).toEqual({
    edges: [],
    pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
  });
});
