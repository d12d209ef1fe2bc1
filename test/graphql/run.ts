/** Runs an operation on a schema of the real builder, without a server. */
import { graphql } from 'graphql';
import { newUpstreamTally } from '../../src/cxone/call-context.ts';
import { type Builder, buildSchema, createBuilder } from '../../src/graphql/builder.ts';
import { type Actor, createRequestLoaders, type GraphQLContext } from '../../src/graphql/context.ts';
import type { Services } from '../../src/services.ts';

export function testContext(actor: Actor | null = { name: 'ada', role: 'admin' }): GraphQLContext {
  return {
    services: {} as Services, // The test's own types need none.
    actor,
    requestId: 'test',
    call: { requestId: 'test', lane: { kind: 'interactive' }, tally: newUpstreamTally() },
    loaders: createRequestLoaders(),
  };
}

export interface Outcome {
  readonly data: Record<string, unknown> | null | undefined;
  readonly errors: readonly { message: string; code: unknown; path: readonly (string | number)[] | undefined }[];
}

export function createRunner(addTypes: (builder: Builder) => void) {
  const builder = createBuilder();
  addTypes(builder);
  const schema = buildSchema(builder);
  const run = async (
    source: string,
    variableValues: Record<string, unknown> = {},
    actor?: Actor | null,
  ): Promise<Outcome> => {
    const result = await graphql({ schema, source, variableValues, contextValue: testContext(actor) });
    const errors = (result.errors ?? []).map((error) => {
      const cause: unknown = error.originalError;
      const code = cause instanceof Error && 'code' in cause ? cause.code : error.extensions.code;
      return { message: error.message, code, path: error.path };
    });
    return { data: result.data && JSON.parse(JSON.stringify(result.data)), errors };
  };
  return { schema, run };
}
