import { expect, test } from 'vitest';
import { createRequestLoaders } from '../../src/graphql/context.ts';

test('a loader is made once for an operation, and anew for the next', () => {
  let made = 0;
  const make = () => ({ number: ++made });
  const first = createRequestLoaders();
  expect(first.loader('contacts.byId', make)).toBe(first.loader('contacts.byId', make));
  expect(first.loader('contacts.other', make)).not.toBe(first.loader('contacts.byId', make));
  expect(createRequestLoaders().loader('contacts.byId', make)).not.toBe(first.loader('contacts.byId', make));
  expect(made).toBe(3);
});
