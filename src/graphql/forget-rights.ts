/** The end of what the scope plugin keeps for an operation. */
import { RequestCache } from '@pothos/plugin-scope-auth';
import type { GraphQLContext } from './context.ts';

/**
 * Lets go of what was found out about the caller's rights, once an operation is over. It is kept in a WeakMap, of which V8's
 * small collections take the values for alive, and the whole operation with them: it would stay until a full one.
 */
export function forgetRights(context: GraphQLContext): void {
  RequestCache.clearForContext(context);
}
