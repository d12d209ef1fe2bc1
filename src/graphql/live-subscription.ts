/**
 * Subscriptions that tell the same to all who ask for the same with the same rights, whenever they began: what is new
 * from now on. The server runs one of them for all.
 */
import { type GraphQLSchema, getArgumentValues, getVariableValues, Kind, type OperationDefinitionNode } from 'graphql';

const EXTENSION = 'isLive';

/** For the `extensions` of a subscription field: it is live when these arguments ask for nothing but what is new. */
export function liveWhen<Args>(isLive: (args: Args) => boolean): { readonly [EXTENSION]: (args: Args) => boolean } {
  return { [EXTENSION]: isLive };
}

/** Without a cursor: nothing that has been. */
export function isFromNowOn({ after }: { after?: string | null | undefined }): boolean {
  return after === undefined || after === null;
}

/** Whether the one field of a validated subscription is live. One that stands in a fragment is taken for not. */
export function isLiveSubscription(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  variables: Record<string, unknown>,
): boolean {
  const [node] = operation.selectionSet.selections;
  if (node?.kind !== Kind.FIELD) return false;
  const field = schema.getSubscriptionType()?.getFields()[node.name.value];
  const isLive: unknown = field?.extensions[EXTENSION];
  if (!field || typeof isLive !== 'function') return false;
  try {
    const { variableValues } = getVariableValues(schema, operation.variableDefinitions ?? [], variables);
    return isLive(getArgumentValues(field, node, variableValues)) === true;
  } catch {
    return false; // What does not fit its type: the subscription itself will say so.
  }
}
