/**
 * The Pothos builder with everything that slices share: scalars, Node, PageInfo, the error types, and the roles that
 * fields ask for. A slice exports `addXTypes(builder: Builder): void` and adds its own.
 */
import PothosSchemaBuilder from '@pothos/core';
import ComplexityPlugin from '@pothos/plugin-complexity';
import ErrorsPlugin from '@pothos/plugin-errors';
import ScopeAuthPlugin from '@pothos/plugin-scope-auth';
import { GraphQLSchema } from 'graphql';
import { GatewayError, type Issue } from '../errors.ts';
import { addPageInfo, type PageInfo } from './connections.ts';
import type { GraphQLContext, Role } from './context.ts';
import { addErrorTypes } from './error-types.ts';
import { addNodes, type NodeInterface, type NodeRegistry } from './nodes.ts';
import { addScalars } from './scalars.ts';
import type { ExtendedSchemaTypes, SchemaBuilder, SchemaTypes } from './schema-types.ts';

export type { SchemaTypes } from './schema-types.ts';

/** What the builder carries beside Pothos' own methods. */
interface SharedTypes {
  /** The Node interface: the type of fields that can be several types. */
  readonly nodeInterface: NodeInterface;
  /** How nodes are found by their global ids. Every type that implements Node is registered here. */
  readonly nodes: NodeRegistry;
  readonly pageInfo: PothosSchemaTypes.ObjectRef<ExtendedSchemaTypes, PageInfo>;
  readonly validationIssue: PothosSchemaTypes.ObjectRef<ExtendedSchemaTypes, Issue>;
}

export type Builder = SchemaBuilder & SharedTypes;

const RANK: Record<Role, number> = { reader: 1, writer: 2, admin: 3 };

function atLeast(context: GraphQLContext, role: Role): boolean {
  return context.actor !== null && RANK[context.actor.role] >= RANK[role];
}

function refusal(context: GraphQLContext): GatewayError {
  return context.actor
    ? new GatewayError(
        'FORBIDDEN',
        `Your role, ${context.actor.role}, does not allow this: it takes a key or token of a higher one.`,
      )
    : new GatewayError('UNAUTHENTICATED', 'Sign in first: send an API key or a token as "Authorization: Bearer …".');
}

/** A builder with the shared types on it, and nothing of any slice. */
export function createBuilder(): Builder {
  const builder: SchemaBuilder = new PothosSchemaBuilder<SchemaTypes>({
    // Outermost first: who may not, gets no further and learns no more.
    plugins: [ScopeAuthPlugin, ErrorsPlugin, ComplexityPlugin],
    defaultFieldNullability: false,
    scopeAuth: {
      authorizeOnSubscribe: true,
      authScopes: (context) => ({
        reader: atLeast(context, 'reader'),
        writer: atLeast(context, 'writer'),
        admin: atLeast(context, 'admin'),
      }),
      unauthorizedError: (_parent, context) => refusal(context),
    },
    errors: { directResult: true },
    // Only the fields' costs are wanted of it: the whole operation is weighed once, before it is executed
    // (operation-cost.ts), not at each root field.
    complexity: { disabled: true, defaultComplexity: 1, defaultListMultiplier: 10 },
  });

  builder.queryType({ description: 'What can be read.', authScopes: { reader: true } });
  builder.mutationType({
    description: 'What can be changed. Fields of one document run one after another; each has its own outcome.',
  });
  builder.subscriptionType({
    description: 'What can be followed. Every event has a cursor to go on from after a broken connection.',
    authScopes: { reader: true },
  });

  addScalars(builder);
  const { nodeInterface, nodes } = addNodes(builder);
  const pageInfo = addPageInfo(builder);
  const validationIssue = addErrorTypes(builder, nodeInterface, nodes);
  return Object.assign(builder, { nodeInterface, nodes, pageInfo, validationIssue });
}

/**
 * The schema of everything that was added. A root type that got no field is left out, so that a schema of some slices
 * alone is a valid one.
 */
export function buildSchema(builder: Builder): GraphQLSchema {
  const config = builder.toSchema().toConfig();
  const empty = [config.mutation, config.subscription].filter(
    (type) => type && Object.keys(type.getFields()).length === 0,
  );
  return new GraphQLSchema({
    ...config,
    types: config.types.filter((type) => !empty.some((root) => root === type)),
    mutation: empty.includes(config.mutation) ? null : config.mutation,
    subscription: empty.includes(config.subscription) ? null : config.subscription,
  });
}
