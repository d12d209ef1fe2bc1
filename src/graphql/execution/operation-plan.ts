/**
 * What execution finds out anew for every object of every answer (which fields, of which types, by which resolvers, with
 * which arguments), found out once for an operation. `execute-operation.ts` walks it.
 */
import {
  type DocumentNode,
  defaultFieldResolver,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLAbstractType,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getArgumentValues,
  getVariableValues,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
  type VariableValues,
} from 'graphql';
import { type Conditions, collectFields, conditionsOf } from './collect-fields.ts';

export type Variables = VariableValues;
export type Arguments = Readonly<Record<string, unknown>>;

/** How a value of a field becomes a part of the answer. */
export type Shape =
  | { readonly kind: 'leaf'; readonly nonNull: boolean; readonly type: GraphQLLeafType }
  | { readonly kind: 'list'; readonly nonNull: boolean; readonly item: Shape }
  | { readonly kind: 'object'; readonly nonNull: boolean; readonly type: GraphQLObjectType }
  | { readonly kind: 'abstract'; readonly nonNull: boolean; readonly type: GraphQLAbstractType };

export interface FieldPlan {
  readonly responseName: string;
  readonly definition: GraphQLField<unknown, unknown>;
  readonly parentType: GraphQLObjectType;
  readonly nodes: readonly FieldNode[];
  readonly resolve: GraphQLFieldResolver<unknown, unknown>;
  /** Whether the resolver declares its fourth parameter, the info. Making one costs more than most resolvers. */
  readonly takesInfo: boolean;
  readonly shape: Shape;
  /** The arguments, where no variable is in them: every call of the resolver is given the same. */
  readonly constant: Arguments | undefined;
  /** @throws GraphQLError where an argument does not fit its type */
  readonly argumentsOf: (variables: Variables) => Arguments;
  /** What is selected of an object of this type. */
  readonly selectionOf: (type: GraphQLObjectType) => SelectionPlan;
}

export interface SelectionPlan {
  readonly fields: readonly FieldPlan[];
  /** Whether one of them is called `__proto__`, which no plain object can hold. */
  readonly hasProto: boolean;
}

export interface OperationPlan {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>;
  readonly rootType: GraphQLObjectType;
  readonly variablesOf: (inputs: Readonly<Record<string, unknown>>) => ReturnType<typeof getVariableValues>;
  /** The root's selection, which variables may skip parts of. */
  readonly rootSelection: (variables: Variables) => SelectionPlan;
}

/** Selections that differ by the values of @skip and @include; an operation with more of them is planned again. */
const MAX_VARIANTS = 8;

/** The plan of a validated operation. Selections are planned when they are first met. */
export function planOperation(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): OperationPlan {
  const fragments: Record<string, FragmentDefinitionNode> = Object.create(null);
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
  }
  const rootType = schema.getRootType(operation.operation);
  if (!rootType) throw new Error(`There are no ${operation.operation}s.`); // Validation has refused it.
  const conditions = conditionsOf(document);
  const variants = new Map<string, SelectionPlan>();

  return {
    schema,
    document,
    operation,
    fragments,
    rootType,
    variablesOf: (inputs) => getVariableValues(schema, operation.variableDefinitions ?? [], inputs),
    rootSelection(variables) {
      const values = conditions.valuesOf(variables);
      const key = values.key;
      let selection = variants.get(key);
      if (!selection) {
        selection = createSelectionPlanner(schema, fragments, values)(rootType, [operation.selectionSet]);
        if (variants.size >= MAX_VARIANTS) variants.clear();
        variants.set(key, selection);
      }
      return selection;
    },
  };
}

type PlanSelection = (type: GraphQLObjectType, sets: readonly SelectionSetNode[]) => SelectionPlan;

function createSelectionPlanner(
  schema: GraphQLSchema,
  fragments: OperationPlan['fragments'],
  conditions: Conditions,
): PlanSelection {
  /** A fragment that is spread a hundred times is planned once for each type it is met on. */
  const known = new Map<SelectionSetNode, Map<GraphQLObjectType, SelectionPlan>>();

  function planSelection(type: GraphQLObjectType, sets: readonly SelectionSetNode[]): SelectionPlan {
    const [only, ...others] = sets;
    if (!only || others.length > 0) return makeSelection(type, sets);
    const ofSet = known.get(only) ?? new Map<GraphQLObjectType, SelectionPlan>();
    known.set(only, ofSet);
    const selection = ofSet.get(type) ?? makeSelection(type, sets);
    ofSet.set(type, selection);
    return selection;
  }

  function makeSelection(type: GraphQLObjectType, sets: readonly SelectionSetNode[]): SelectionPlan {
    const fields: FieldPlan[] = [];
    for (const [responseName, nodes] of collectFields({ schema, fragments, conditions, type, sets })) {
      const definition = schema.getField(type, nodes[0].name.value);
      if (definition) fields.push(planField(responseName, definition, type, nodes));
    }
    return { fields, hasProto: fields.some(({ responseName }) => responseName === '__proto__') };
  }

  function planField(
    responseName: string,
    definition: GraphQLField<unknown, unknown>,
    parentType: GraphQLObjectType,
    nodes: readonly [FieldNode, ...FieldNode[]],
  ): FieldPlan {
    const resolve = definition.resolve ?? defaultFieldResolver;
    const sets = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
    const selections = new Map<GraphQLObjectType, SelectionPlan>();
    return {
      responseName,
      definition,
      parentType,
      nodes,
      resolve,
      // A rest parameter hides what is taken: (...args) declares none.
      takesInfo: resolve.length === 0 || resolve.length > 3,
      shape: shapeOf(definition.type),
      ...planArguments(definition, nodes[0]),
      selectionOf(type) {
        let selection = selections.get(type);
        if (!selection) {
          selection = planSelection(type, sets);
          selections.set(type, selection);
        }
        return selection;
      },
    };
  }

  return planSelection;
}

function shapeOf(type: GraphQLOutputType): Shape {
  const nonNull = isNonNullType(type);
  const inner = nonNull ? type.ofType : type;
  if (isListType(inner)) return { kind: 'list', nonNull, item: shapeOf(inner.ofType) };
  if (isLeafType(inner)) return { kind: 'leaf', nonNull, type: inner };
  if (isObjectType(inner)) return { kind: 'object', nonNull, type: inner };
  if (isAbstractType(inner)) return { kind: 'abstract', nonNull, type: inner };
  throw new Error(`${String(type)} is no output type.`);
}

const NO_ARGUMENTS: Arguments = Object.freeze(Object.create(null));

function planArguments(
  definition: GraphQLField<unknown, unknown>,
  node: FieldNode,
): Pick<FieldPlan, 'constant' | 'argumentsOf'> {
  const argumentsOf = (variables?: Variables) => getArgumentValues(definition, node, variables);
  if (definition.args.length === 0) return { constant: NO_ARGUMENTS, argumentsOf };
  if (node.arguments?.some(({ value }) => hasVariable(value))) return { constant: undefined, argumentsOf };
  try {
    return { constant: Object.freeze(argumentsOf()), argumentsOf };
  } catch {
    // It fails the field, each time that this is asked for.
    return { constant: undefined, argumentsOf };
  }
}

function hasVariable(value: ValueNode): boolean {
  if (value.kind === Kind.VARIABLE) return true;
  if (value.kind === Kind.LIST) return value.values.some(hasVariable);
  return value.kind === Kind.OBJECT && value.fields.some((field) => hasVariable(field.value));
}
