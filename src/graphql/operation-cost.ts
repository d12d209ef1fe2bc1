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

/** What no cost depends on: page sizes are Int, and how many things are named is the length of a list. */
const WEIGHTLESS: ReadonlySet<string> = new Set(['ID', 'String', 'Boolean']);

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
    if (operation.variableDefinitions?.every(isWeightless) ?? true) costs.set(operation, cost);
    return cost;
  };
}

function isWeightless({ type }: VariableDefinitionNode): boolean {
  const named = type.kind === Kind.NON_NULL_TYPE ? type.type : type;
  return named.kind === Kind.NAMED_TYPE && WEIGHTLESS.has(named.name.value);
}
