/** Which fields a selection asks for of an object type, by response name: CollectFields of the GraphQL specification. */
import {
  type ASTNode,
  type DirectiveNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLSchema,
  isAbstractType,
  Kind,
  type NamedTypeNode,
  type SelectionNode,
  type SelectionSetNode,
  type VariableValues,
  visit,
} from 'graphql';

/** The values that @skip and @include of a document have. */
export interface Conditions {
  /** The same for the same values. */
  readonly key: string;
  readonly isTrue: (directive: DirectiveNode) => boolean;
}

const SKIP = 'skip';
const INCLUDE = 'include';

/** Reads what the conditions of a document are, given its variables. */
export function conditionsOf(document: DocumentNode): { valuesOf(variables: VariableValues): Conditions } {
  const names = new Set<string>();
  visit(document, {
    Directive(directive) {
      const value = conditionOf(directive);
      if (value?.kind === Kind.VARIABLE) names.add(value.name.value);
    },
  });
  if (names.size === 0) {
    const fixed: Conditions = { key: '', isTrue: (directive) => isTrueLiteral(conditionOf(directive)) };
    return { valuesOf: () => fixed };
  }
  return {
    valuesOf: ({ coerced }) => ({
      key: [...names].map((name) => Number(coerced[name] === true)).join(''),
      isTrue(directive) {
        const value = conditionOf(directive);
        return value?.kind === Kind.VARIABLE ? coerced[value.name.value] === true : isTrueLiteral(value);
      },
    }),
  };
}

/** The `if` of a directive of either kind. */
function conditionOf({ name, arguments: given = [] }: DirectiveNode) {
  return name.value === SKIP || name.value === INCLUDE ? given[0]?.value : undefined;
}

function isTrueLiteral(value: ASTNode | undefined): boolean {
  return value?.kind === Kind.BOOLEAN && value.value;
}

interface Collecting {
  readonly schema: GraphQLSchema;
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>;
  readonly conditions: Conditions;
  readonly type: GraphQLObjectType;
}

export type CollectedFields = Map<string, [FieldNode, ...FieldNode[]]>;

/** The fields of all of the selection sets together, in the order in which their response names first come. */
export function collectFields({ sets, ...of }: Collecting & { sets: readonly SelectionSetNode[] }): CollectedFields {
  const fields: CollectedFields = new Map();
  const spread = new Set<string>();
  for (const set of sets) collectInto(fields, spread, set, of);
  return fields;
}

function collectInto(fields: CollectedFields, spread: Set<string>, set: SelectionSetNode, of: Collecting): void {
  for (const selection of set.selections) {
    if (!isIncluded(selection, of.conditions)) continue;
    if (selection.kind === Kind.FIELD) {
      const name = (selection.alias ?? selection.name).value;
      const nodes = fields.get(name);
      if (nodes) nodes.push(selection);
      else fields.set(name, [selection]);
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      if (appliesTo(selection.typeCondition, of)) collectInto(fields, spread, selection.selectionSet, of);
    } else {
      const fragment = of.fragments[selection.name.value];
      if (!fragment || spread.has(selection.name.value) || !appliesTo(fragment.typeCondition, of)) continue;
      spread.add(selection.name.value);
      collectInto(fields, spread, fragment.selectionSet, of);
    }
  }
}

function isIncluded({ directives = [] }: SelectionNode, conditions: Conditions): boolean {
  return directives.every((directive) => {
    if (directive.name.value === SKIP) return !conditions.isTrue(directive);
    return directive.name.value !== INCLUDE || conditions.isTrue(directive);
  });
}

function appliesTo(condition: NamedTypeNode | undefined, { schema, type }: Collecting): boolean {
  if (!condition || condition.name.value === type.name) return true;
  const wanted = schema.getType(condition.name.value);
  return isAbstractType(wanted) && schema.isSubType(wanted, type);
}
