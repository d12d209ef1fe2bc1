/**
 * GraphQL runs the mutation fields of a document one after another, so that a loader never sees two of them together.
 * Here a run of neighbouring fields of one bulk mutation is begun as a whole when the first of them is resolved; each
 * of the others then finds its own promise. Results and order stay as written, and any other field in between ends
 * the run: what stands before it is over before it begins, and what stands behind it begins after it.
 */
import {
  type FieldNode,
  GraphQLIncludeDirective,
  type GraphQLResolveInfo,
  GraphQLSkipDirective,
  getArgumentValues,
  getDirectiveValues,
  Kind,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';

/** The fields of one operation that have begun, by their response keys. */
type BegunFields = Map<string, Promise<unknown>>;

/** What is needed of the operation's context: a place for the begun fields that lives exactly as long. */
interface OperationContext {
  readonly loaders: { loader<T extends object>(key: string, create: () => T): T };
}

interface MutationInput {
  readonly idempotencyKey?: string | null | undefined;
}

/** For the `around` of a mutation's declaration: runs the field, having begun its neighbours along with it. */
export type Around<Input, Payload> = (
  run: (input: Input) => Promise<Payload>,
  input: Input,
  context: OperationContext,
  info: GraphQLResolveInfo,
) => Promise<Payload>;

/**
 * Begins each run of neighbouring fields of the mutation together. Each is checked, permitted and answered as if it
 * stood alone; only what they write is shared.
 *
 * @param itemOf what a field is about, e.g. segment and contact. Fields about the same thing begin one after another,
 *   and so do those with the same idempotency key.
 */
export function withNeighbours<Input extends MutationInput, Payload>(
  itemOf: (input: Input) => readonly string[],
): Around<Input, Payload> {
  const keysOf = (input: Input) => [
    JSON.stringify(['item', ...itemOf(input)]),
    ...(input.idempotencyKey ? [JSON.stringify(['key', input.idempotencyKey])] : []),
  ];

  return (run, input, context, info) => {
    const begun = context.loaders.loader('bulk.begunFields', (): BegunFields => new Map());
    const responseKey = String(info.path.key);
    if (!begun.has(responseKey)) beginRun(begun, responseKey, { run, input, info });
    // What stands under a response key was begun by the `run` of this very field.
    return begun.get(responseKey) as Promise<Payload>;
  };

  function beginRun(
    begun: BegunFields,
    responseKey: string,
    { run, input, info }: { run: (input: Input) => Promise<Payload>; input: Input; info: GraphQLResolveInfo },
  ): void {
    const lastOf = new Map<string, Promise<unknown>>();
    const begin = (fieldKey: string, fieldInput: Input): void => {
      const keys = keysOf(fieldInput);
      const earlier = keys.flatMap((key) => lastOf.get(key) ?? []);
      const result = earlier.length > 0 ? Promise.allSettled(earlier).then(() => run(fieldInput)) : run(fieldInput);
      // Whoever asks for it hears of its failure; an operation that is cancelled before never asks.
      result.catch(() => {});
      for (const key of keys) lastOf.set(key, result);
      begun.set(fieldKey, result);
    };

    begin(responseKey, input);
    for (const [fieldKey, node] of neighboursBehind(info, responseKey)) {
      const fieldInput = readInput<Input>(info, node);
      if (fieldInput) begin(fieldKey, fieldInput);
    }
  }
}

/** The fields right behind the one that is being resolved, as far as they are of the same name. */
function neighboursBehind(info: GraphQLResolveInfo, responseKey: string): [string, FieldNode][] {
  const fields = new Map<string, FieldNode>();
  collectFields(info, info.operation.selectionSet, fields, new Set());
  const all = [...fields];
  const behind = all.slice(all.findIndex(([key]) => key === responseKey) + 1);
  const end = behind.findIndex(([, node]) => node.name.value !== info.fieldName);
  return end === -1 ? behind : behind.slice(0, end);
}

/** CollectFields of the specification for the root type: the first node of each response key, in their order. */
function collectFields(
  info: GraphQLResolveInfo,
  { selections }: SelectionSetNode,
  fields: Map<string, FieldNode>,
  visited: Set<string>,
): void {
  for (const selection of selections) {
    if (!isIncluded(info, selection)) continue;
    if (selection.kind === Kind.FIELD) {
      const key = (selection.alias ?? selection.name).value;
      if (!fields.has(key)) fields.set(key, selection);
      continue;
    }
    let fragment: {
      readonly typeCondition?: { readonly name: { readonly value: string } } | undefined;
      readonly selectionSet: SelectionSetNode;
    };
    if (selection.kind === Kind.FRAGMENT_SPREAD) {
      const name = selection.name.value;
      const definition = info.fragments[name];
      if (!definition || visited.has(name)) continue;
      visited.add(name);
      fragment = definition;
    } else fragment = selection;
    // The root type of mutations implements no interface: a condition names it, or does not hold.
    if (fragment.typeCondition && fragment.typeCondition.name.value !== info.parentType.name) continue;
    collectFields(info, fragment.selectionSet, fields, visited);
  }
}

function isIncluded({ variableValues }: GraphQLResolveInfo, node: SelectionNode): boolean {
  if (getDirectiveValues(GraphQLSkipDirective, node, variableValues)?.if === true) return false;
  return getDirectiveValues(GraphQLIncludeDirective, node, variableValues)?.if !== false;
}

/** Undefined where it does not fit its type: the field fails alone, when its turn comes. */
function readInput<Input>(info: GraphQLResolveInfo, node: FieldNode): Input | undefined {
  const field = info.parentType.getFields()[info.fieldName];
  if (!field) return undefined;
  try {
    return getArgumentValues(field, node, info.variableValues).input as Input; // Of the type that the field's own has.
  } catch {
    return undefined;
  }
}
