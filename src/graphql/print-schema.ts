/** The schema as text, in an order that only changes when the schema does, and a check that everything in it is described. */
import {
  type GraphQLNamedType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
  lexicographicSortSchema,
  printSchema as print,
} from 'graphql';

/** Sorted SDL with descriptions, ending in a line break. */
export function printSchema(schema: GraphQLSchema): string {
  return `${print(lexicographicSortSchema(schema))}\n`;
}

/** The coordinates (`Type.field(argument:)`) of all that clients would find without a description. */
export function listUndescribed(schema: GraphQLSchema): string[] {
  return Object.values(schema.getTypeMap())
    .filter((type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type))
    .flatMap((type) => [...(type.description ? [] : [type.name]), ...undescribedMembers(type)])
    .sort();
}

function undescribedMembers(type: GraphQLNamedType): string[] {
  if (isEnumType(type)) return without(type.getValues(), (value) => `${type.name}.${value.name}`);
  if (isInputObjectType(type)) return without(Object.values(type.getFields()), (field) => `${type.name}.${field.name}`);
  if (!isObjectType(type) && !isInterfaceType(type)) return [];
  return Object.values(type.getFields()).flatMap((field) => [
    ...without([field], () => `${type.name}.${field.name}`),
    ...without(field.args, (argument) => `${type.name}.${field.name}(${argument.name}:)`),
  ]);
}

function without<Member extends { description?: string | null | undefined }>(
  members: readonly Member[],
  coordinate: (member: Member) => string,
): string[] {
  return members.filter((member) => !member.description).map(coordinate);
}
