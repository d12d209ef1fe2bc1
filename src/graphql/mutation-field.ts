/**
 * How every mutation is declared: one `input`, a result that is its payload or one of the errors it names, a role, and
 * a nullable field, so that one that breaks leaves its neighbours' outcomes alone.
 */
import type { GraphQLResolveInfo } from 'graphql';
import type { z } from 'zod';
import { type Issue, ValidationError } from '../errors.ts';
import type { Builder } from './builder.ts';
import type { GraphQLContext, Role } from './context.ts';
import type { ErrorClass } from './error-types.ts';
import { idempotent } from './idempotent.ts';
import { forgetLoaded } from './load-once.ts';
import type { ExtendedSchemaTypes } from './schema-types.ts';
import { requireStrictText } from './strict-text.ts';

export interface Mutation<Input, Payload extends object, Valid = Input> {
  readonly description: string;
  /** Who may. It also stands in the field's `extensions.role`. */
  readonly role: Exclude<Role, 'reader'>;
  readonly input: PothosSchemaTypes.InputObjectRef<ExtendedSchemaTypes, Input>;
  readonly payload: PothosSchemaTypes.ObjectRef<ExtendedSchemaTypes, Payload>;
  /** The failures that come back as data, UPSTREAM_MUTATION_ERRORS or LOCAL_MUTATION_ERRORS for most. */
  readonly errors: readonly ErrorClass[];
  /** The union's name, where it is not the field's own with `Result` behind it. */
  readonly resultName?: string | undefined;
  /**
   * What the input must be beyond its GraphQL types; what it returns is what `resolve` gets. Applied once the caller is
   * known to be allowed. Its issues become a ValidationError with paths into the input.
   */
  readonly validate?: z.ZodType<Valid> | undefined;
  resolve(input: Valid, context: GraphQLContext, info: GraphQLResolveInfo): Payload | Promise<Payload>;
  /**
   * Runs the field by `run`, and may begin others of the same name before it has ended: `run` checks an input, keeps
   * its idempotency key and resolves it, as if it stood alone. Without this, the field just runs.
   */
  around?(
    run: (input: Input) => Promise<Payload>,
    input: Input,
    context: GraphQLContext,
    info: GraphQLResolveInfo,
  ): Promise<Payload>;
}

/** Adds the mutation `name`, answering with the union `<Name>Result`. */
export function addMutation<Input, Payload extends object, Valid = Input>(
  builder: Builder,
  name: string,
  mutation: Mutation<Input, Payload, Valid>,
): void {
  const resultName = mutation.resultName ?? `${name.charAt(0).toUpperCase()}${name.slice(1)}Result`;
  const run = async (input: Input, context: GraphQLContext, info: GraphQLResolveInfo): Promise<Payload> => {
    const once = async (given: Input) => {
      requireStrictText(given);
      // Without `validate`, Valid is Input.
      const valid = mutation.validate ? validateInput(mutation.validate, given) : (given as unknown as Valid);
      return idempotent(name, given, context, async (own) => mutation.resolve(valid, own, info));
    };
    forgetLoaded(context);
    return mutation.around ? mutation.around(once, input, context, info) : once(input);
  };
  builder.mutationField(name, (t) =>
    t.field({
      type: mutation.payload,
      nullable: true,
      description: mutation.description,
      extensions: { role: mutation.role },
      authScopes: mutation.role === 'admin' ? { admin: true } : { writer: true },
      args: { input: t.arg({ type: mutation.input, required: true, description: 'What to do.' }) },
      errors: {
        types: [...mutation.errors],
        // The plugin keeps one union for one result name: two mutations that share a union share this too.
        result: { name: resultName },
        union: { name: resultName, description: `${mutation.payload.name} where it succeeded, else why it did not.` },
      },
      // Pothos asks of each type parameter whether it may be null or a list, and gives up; an input argument that is
      // required and an object type are neither.
      resolve: (_root, args, context, info) => run((args as { input: Input }).input, context, info) as never,
    }),
  );
}

/** The input as the schema reads it. @throws ValidationError with all that is wrong, paths relative to the input */
export function validateInput<Valid>(schema: z.ZodType<Valid>, input: unknown): Valid {
  const read = schema.safeParse(input);
  if (read.success) return read.data;
  throw new ValidationError(read.error.issues.map(toIssue));
}

/** zod's issue as ours. A check that wants a code of its own gives it as `params: { code }`. */
export function toIssue(issue: z.core.$ZodIssue): Issue {
  const own: unknown = issue.code === 'custom' ? issue.params?.code : undefined;
  return {
    path: issue.path.map(String),
    code: typeof own === 'string' ? own : issue.code.toUpperCase(),
    message: issue.message,
  };
}
