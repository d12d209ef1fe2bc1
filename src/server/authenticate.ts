/** Who a request comes from. How keys and tokens are checked is passed in; the server only carries them there. */
import type { Actor } from '../graphql/context.ts';

export interface Credentials {
  /** The `Authorization` header, or `authorization` of a WebSocket's connection parameters. */
  readonly authorization: string | undefined;
  /** Where they come from, for limiting failed attempts. */
  readonly remoteAddress: string;
  /** Of the request they came with. */
  readonly requestId: string;
}

/**
 * The actor behind the credentials, null for somebody who did not sign in (who then may do nothing that asks for a
 * role). @throws GatewayError UNAUTHENTICATED for credentials that are wrong or have ended, RATE_LIMITED for too many
 */
export type Authenticate = (credentials: Credentials) => Promise<Actor | null>;

/** Everybody, where the gateway is open: in the sandbox on a loopback address, or where that was asked for. */
export const ANONYMOUS_ADMIN: Actor = { name: 'anonymous', role: 'admin' };

/** Lets everybody in as an administrator, whatever they send. */
export function openToEveryone(): Authenticate {
  return async () => ANONYMOUS_ADMIN;
}
