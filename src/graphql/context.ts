/**
 * What every resolver is given: who asks, the services, the tally of what the operation costs upstream, and a cache
 * that lives exactly as long as the operation.
 */
import type { CallContext } from '../cxone/call-context.ts';
import type { Services } from '../services.ts';
import type { LiveRun } from './live-subscription.ts';

/** Each role may do what the ones before it may (interface.md, "Environment"). */
export type Role = 'reader' | 'writer' | 'admin';

export interface Actor {
  /** Stands in every audit entry. Never a secret. */
  readonly name: string;
  readonly role: Role;
  /** When the credentials end, in epoch milliseconds: a socket is closed then. Without it: never. */
  readonly expiresAt?: number | undefined;
}

export interface GraphQLContext {
  readonly services: Services;
  /** Null where nobody signed in. */
  readonly actor: Actor | null;
  readonly requestId: string;
  /** Goes with every call to CXone. Its signal is aborted when the client goes away or the operation ends. */
  readonly call: CallContext;
  readonly loaders: RequestLoaders;
  /** Of a live subscription that is run in parts: which one this is. */
  readonly live?: LiveRun | undefined;
  /** Of a mutation with an idempotency key: the same whenever this very call is run again, after a crash, too. */
  readonly callKey?: string;
  /** Of a mutation with an idempotency key: a run of this very call was cut short, and may have done what is to be done. */
  readonly mayBeDone?: boolean;
}

export interface RequestLoaders {
  /**
   * The loader kept under `key` for this operation, made by `create` on first use. One key stands for one kind of
   * loader everywhere; the name of the slice goes in front of it.
   */
  loader<T extends object>(key: string, create: () => T): T;
  /** Forgets all of them: what was loaded for one event of a subscription is old at the next. */
  clear(): void;
}

/** A fresh cache of loaders, for one operation. */
export function createRequestLoaders(): RequestLoaders {
  const loaders = new Map<string, object>();
  return {
    loader<T extends object>(key: string, create: () => T): T {
      let loader = loaders.get(key);
      if (!loader) {
        loader = create();
        loaders.set(key, loader);
      }
      return loader as T; // What is stored under a key was made by that key's own `create`.
    },
    clear: () => loaders.clear(),
  };
}

/** On whose behalf services act: the name that stands in the audit, the call, and what is known of earlier runs of it. */
export function callerOf({ actor, call, mayBeDone = false }: GraphQLContext): {
  actor: string;
  call: CallContext;
  mayBeDone: boolean;
} {
  return { actor: actor?.name ?? 'nobody', call, mayBeDone };
}
