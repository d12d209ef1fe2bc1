/** What an operation costs, weighed before it is executed: page sizes counted, whether literal or in a variable. */
import { complexityFromQuery } from '@pothos/plugin-complexity';
import {
  type DocumentNode,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  type VariableDefinitionNode,
} from 'graphql';
import type { GraphQLContext } from './context.ts';

export interface OperationCost {
  /** The sum of the fields' costs, a list's selection counted once for each of the items it may hold. */
  readonly cost: number;
  /** The fields selected, fragments written out, lists counted once. */
  readonly fields: number;
}

/**
 * @throws GraphQLError where a variable or an argument on which the cost depends does not fit its type: what cannot be
 *   weighed is not executed
 */
export type WeighOperation = (
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Record<string, unknown>,
  context: GraphQLContext,
) => OperationCost;

export function createScale({ schema }: { schema: GraphQLSchema }): WeighOperation {
  /** Of operations that cost the same whatever their variables say. */
  const costs = new WeakMap<OperationDefinitionNode, OperationCost>();

  return (document, operation, variables, context) => {
    const known = costs.get(operation);
    if (known) return known;
    // The plugin weighs the first operation of a document, so it is given the one that will run, and the fragments.
    const fragments = document.definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION);
    const chosen: DocumentNode = { kind: Kind.DOCUMENT, definitions: [operation, ...fragments] };
    const { complexity, breadth } = complexityFromQuery(chosen, { schema, variables, ctx: context });
    const cost = { cost: complexity, fields: breadth };
    if (!operation.variableDefinitions?.some(isWeighty)) costs.set(operation, cost);
    return cost;
  };
}

/** Whether a cost may depend on the variable: page sizes are Int, and how many things are named is the length of a list. */
function isWeighty({ type }: VariableDefinitionNode): boolean {
  const bare = type.kind === Kind.NON_NULL_TYPE ? type.type : type;
  return bare.kind === Kind.LIST_TYPE || bare.name.value === 'Int';
}
