/** The types the Pothos builder works with: the context, the scalars' shapes and the roles that fields can ask for. */
import type { GraphQLContext } from './context.ts';

export interface SchemaTypes {
  Context: GraphQLContext;
  /** A field is non-null unless it says `nullable: true`, as most fields of the contract are. */
  DefaultFieldNullability: false;
  Scalars: {
    ID: { Input: string; Output: string };
    /** Epoch milliseconds. */
    DateTime: { Input: number; Output: number | Date };
    JSONObject: { Input: Record<string, unknown>; Output: Record<string, unknown> };
    JSON: { Input: unknown; Output: unknown };
  };
  AuthScopes: { reader: boolean; writer: boolean; admin: boolean };
}

export type ExtendedSchemaTypes = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>;

/** The bare Pothos builder; slices take `Builder`, which carries the shared types as well. */
export type SchemaBuilder = PothosSchemaTypes.SchemaBuilder<ExtendedSchemaTypes>;
