import { Kind, type OperationDefinitionNode, OperationTypeNode, parse, print } from 'graphql';
import { expect, test } from 'vitest';
import { GRAPHIQL_EXAMPLES } from '../../src/server/graphiql-examples.ts';
import { startGateway } from '../support/gateway.ts';

const { definitions } = parse(GRAPHIQL_EXAMPLES);
const operations = definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
const isSubscription = ({ operation }: OperationDefinitionNode) => operation === OperationTypeNode.SUBSCRIPTION;

/** One example as GraphiQL sends it: alone. */
function example(name: string): string {
  return print(operations.find((each) => each.name?.value === name) ?? expect.fail(`there is no example ${name}`));
}

test('the examples are operations only: GraphiQL sends every fragment with each, and all but one would not use it', () => {
  expect(operations).toHaveLength(definitions.length);
});

test('the examples that GraphiQL opens with work on the sandbox’s data, one after another', async () => {
  await using gateway = await startGateway();
  const names = operations.filter((each) => !isSubscription(each)).map((each) => each.name?.value ?? '');
  expect(names.length).toBeGreaterThan(8);
  for (const name of names) {
    const data = await gateway.data(example(name));
    // An error that is part of an answer has a message at the place of the payload.
    const refused = Object.values(data).filter((result) => typeof result === 'object' && result && 'message' in result);
    expect(refused, name).toEqual([]);
  }
});

test.each([
  ['ImportActivity', 'Import'],
  ['Enrichment', 'Enrich'],
])('the example %s hears what the example %s does', async (subscription, mutation) => {
  await using gateway = await startGateway();
  await gateway.data(example('RegisterWebhook'));
  const events = gateway.subscribe(example(subscription));
  let heard: unknown;
  const first = events.next().then(({ value }) => {
    heard = value;
  });
  // Nobody tells when a subscription has begun; what happens often enough happens after that.
  while (heard === undefined) await gateway.data(example(mutation));
  await first;
  expect(heard).toBeDefined();
  await events.return?.();
});

test('every subscription among the examples is tried here', () => {
  expect(operations.filter(isSubscription).map(({ name }) => name?.value)).toEqual(['ImportActivity', 'Enrichment']);
});
