/** Idempotency keys for every mutation of the schema, in one place: the first result is kept and given again. */
import type { GraphQLContext } from './context.ts';

/** How long a result is kept (contract.graphql, "Mutations"): 24 hours. */
const KEPT_MS = 24 * 3_600_000;

/**
 * Runs `execute`, once for each idempotency key of this caller and mutation; without a key, every time.
 *
 * @throws ConflictError IDEMPOTENCY_KEY_REUSED where the key came with another input before; what `execute` throws.
 */
export async function idempotent<Input, Payload>(
  operation: string,
  input: Input,
  context: GraphQLContext,
  execute: (context: GraphQLContext) => Promise<Payload>,
): Promise<Payload> {
  const { idempotencyKey: key, ...rest } = input as Input & { idempotencyKey?: string | null };
  if (key === undefined || key === null) return execute(context);
  const { services, actor, call } = context;
  const request = { actor: actor?.name ?? 'nobody', operation, key, input: rest, ttlMs: KEPT_MS, signal: call.signal };
  const { result } = await services.idempotencyKeys.run(request, (signal, run) =>
    execute({ ...context, call: { ...call, signal }, ...run }),
  );
  return result;
}
