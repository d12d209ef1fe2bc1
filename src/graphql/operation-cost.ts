/** What an operation costs, weighed before it is executed: page sizes counted, whether literal or in a variable. */
import { complexityFromQuery } from '@pothos/plugin-complexity';
import { type DocumentNode, type GraphQLSchema, Kind, type OperationDefinitionNode } from 'graphql';
import type { GraphQLContext } from './context.ts';

export interface OperationCost {
  /** The sum of the fields' costs, a list's selection counted once for each of the items it may hold. */
  readonly cost: number;
  /** The fields selected, fragments written out, lists counted once. */
  readonly fields: number;
}

/** @throws GraphQLError where a variable or an argument does not fit its type: what cannot be weighed is not executed */
export function weighOperation(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Record<string, unknown>,
  context: GraphQLContext,
): OperationCost {
  // The plugin weighs the first operation of a document, so it is given the one that will run, and the fragments.
  const fragments = document.definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION);
  const chosen: DocumentNode = { kind: Kind.DOCUMENT, definitions: [operation, ...fragments] };
  const { complexity, breadth } = complexityFromQuery(chosen, { schema, variables, ctx: context });
  return { cost: complexity, fields: breadth };
}
