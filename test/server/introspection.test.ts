import { getIntrospectionQuery } from 'graphql';
import { createClient } from 'graphql-ws';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Harness, startHarness } from './harness.ts';

let harness: Harness;
afterEach(() => harness[Symbol.asyncDispose]());

async function messagesOver(transport: 'HTTP' | 'WebSocket', query: string, variables = {}): Promise<string[]> {
  if (transport === 'HTTP') {
    const { errors = [] } = (await (await harness.post({ query, variables })).json()) as {
      errors?: { message: string }[];
    };
    return errors.map(({ message }) => message);
  }
  const client = createClient({ url: harness.ws, retryAttempts: 0 });
  // The client throws what comes as an `error` message.
  const errors = await client
    .iterate({ query, variables })
    .next()
    .then(({ value }) => value?.errors ?? [])
    .catch((thrown: unknown) => thrown);
  await client.dispose();
  return (errors as readonly { message: string }[]).map(({ message }) => message);
}

const MISSPELT = ['{ helo }', '{ hello(nam: "x") }', '{ self { naem } }', '{ ... on Qery { hello } }'];

describe.each(['HTTP', 'WebSocket'] as const)('off, over %s', (transport) => {
  beforeEach(async () => {
    harness = await startHarness({ introspection: false });
  });

  test('the schema cannot be asked for', async () => {
    for (const query of [
      getIntrospectionQuery(),
      '{ __schema { types { name } } }',
      '{ __type(name: "Query") { name } }',
    ])
      expect((await messagesOver(transport, query)).join()).toMatch(/introspection/i);
  });

  test('unknown names are not answered with known ones', async () => {
    for (const query of MISSPELT) {
      const messages = await messagesOver(transport, query);
      expect(messages.length).toBeGreaterThan(0);
      expect(messages.join()).not.toMatch(/did you mean/i);
    }
  });

  test('what a client needs of a name remains', async () => {
    expect(await messagesOver(transport, '{ __typename }')).toEqual([]);
  });
});

test('on, both help', async () => {
  harness = await startHarness();
  expect(await messagesOver('HTTP', getIntrospectionQuery())).toEqual([]);
  expect((await messagesOver('HTTP', '{ helo }')).join()).toMatch(/Did you mean "hello"/);
});
