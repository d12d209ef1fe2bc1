/** Every root field of the schema as an operation that is well-formed, for tests that hold for all of them. */
import {
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  type OperationTypeNode,
} from 'graphql';

export interface RootField {
  readonly type: OperationTypeNode;
  readonly field: GraphQLField<unknown, unknown>;
}

/** All fields of Query, Mutation and Subscription, but graphql's own. */
export function rootFields(schema: GraphQLSchema): RootField[] {
  const roots = [
    ['query', schema.getQueryType()],
    ['mutation', schema.getMutationType()],
    ['subscription', schema.getSubscriptionType()],
  ] as const;
  return roots.flatMap(([type, root]) =>
    Object.values(root?.getFields() ?? {}).map((field) => ({ type: type as OperationTypeNode, field })),
  );
}

/** Asks for the field alone, all its arguments in variables of their own names. */
export function documentFor({ type, field }: RootField): string {
  const declared = field.args.map((arg) => `$${arg.name}: ${arg.type}`).join(', ');
  const passed = field.args.map((arg) => `${arg.name}: $${arg.name}`).join(', ');
  const selection = isCompositeType(getNamedType(field.type)) ? ' { __typename }' : '';
  return `${type}${declared && ` (${declared})`} { ${field.name}${passed && `(${passed})`}${selection} }`;
}

/** Where a value stands in the variables: names of arguments and input fields, `0` for the item of a list. */
export type InputPath = readonly string[];

/**
 * Variables of the right types: the required ones, and those that lead to `path`, where `value` is put.
 * Every object has the first of its @oneOf fields.
 */
export function variablesFor(
  { field }: RootField,
  place?: { path: InputPath; value: unknown },
): Record<string, unknown> {
  const entries = field.args.flatMap((arg) => {
    const inside = place?.path[0] === arg.name ? { path: place.path.slice(1), value: place.value } : undefined;
    const isRequired = isNonNullType(arg.type) && arg.defaultValue === undefined && arg.default === undefined;
    return inside || isRequired ? [[arg.name, example(arg.type, inside)]] : [];
  });
  return Object.fromEntries(entries);
}

function example(type: GraphQLInputType, place?: { path: InputPath; value: unknown }): unknown {
  if (isNonNullType(type)) return example(type.ofType, place);
  if (place?.path.length === 0) return place.value;
  if (isListType(type)) return [example(type.ofType, place && { ...place, path: place.path.slice(1) })];
  if (isEnumType(type)) return type.getValues()[0]?.name;
  if (!isInputObjectType(type)) return EXAMPLES[type.name];
  const fields = Object.values(type.getFields());
  const chosen = fields.filter((field, index) => {
    if (place?.path[0] === field.name) return true;
    if (type.isOneOf) return place === undefined && index === 0;
    return isNonNullType(field.type) && field.defaultValue === undefined && field.default === undefined;
  });
  return Object.fromEntries(
    chosen.map((field) => [
      field.name,
      example(field.type, place?.path[0] === field.name ? { ...place, path: place.path.slice(1) } : undefined),
    ]),
  );
}

const EXAMPLES: Record<string, unknown> = {
  ID: 'gid://cxone/AddressBook/none',
  String: 'text',
  Int: 1,
  Float: 1,
  Boolean: true,
  DateTime: '2026-01-01T00:00:00Z',
  JSON: 'text',
  JSONObject: { name: 'text' },
};

/** The places of all inputs of a scalar type below the field's arguments, lists and input objects included. */
export function placesOf({ field }: RootField, scalar: string): InputPath[] {
  return field.args.flatMap((arg) => placesIn(arg.type, [arg.name], scalar));
}

function placesIn(type: GraphQLInputType, path: string[], scalar: string): InputPath[] {
  if (isNonNullType(type)) return placesIn(type.ofType, path, scalar);
  if (isListType(type)) return placesIn(type.ofType, [...path, '0'], scalar);
  if (isInputObjectType(type))
    return Object.values(type.getFields()).flatMap((field) => placesIn(field.type, [...path, field.name], scalar));
  return type.name === scalar ? [path] : [];
}
