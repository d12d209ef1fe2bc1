/**
 * Name resolution that never leads to a private address. A connection goes to the very address that was judged: a name
 * that answers differently the second time (rebinding) gains nothing, as nobody asks a second time.
 */
import { promises as dns, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { GatewayError } from '../errors.ts';
import { isPublicAddress } from './public-address.ts';

/** All addresses of a name; rejects where there are none. */
export type ResolveHost = (hostname: string) => Promise<LookupAddress[]>;

/** As the machine resolves names. */
export const resolveBySystem: ResolveHost = (hostname) => dns.lookup(hostname, { all: true });

/** The name leads, also or only, to addresses that are not public. */
export class PrivateAddressError extends GatewayError {
  constructor() {
    super('FORBIDDEN', 'The host resolves to an address that is not public.');
  }
}

/**
 * The `lookup` of a socket. One private address among a name's addresses refuses the name: whoever answers so plays games.
 * Sockets do not look up what is an address already: those are for `checkPublicUrl` to judge.
 */
export function createGuardedLookup(resolve: ResolveHost): LookupFunction {
  return (hostname, options, callback) => {
    resolvePublic(hostname, resolve).then(
      (addresses) => {
        const [first] = addresses;
        if (options.all) callback(null, addresses);
        else if (first) callback(null, first.address, first.family);
      },
      (error: Error) => callback(error, []),
    );
  };
}

/** The name's addresses, at least one. @throws PrivateAddressError; what `resolve` throws */
export async function resolvePublic(hostname: string, resolve: ResolveHost): Promise<LookupAddress[]> {
  const addresses = await resolve(hostname);
  if (addresses.length === 0) throw new Error('The host has no address.');
  if (!addresses.every(({ address }) => isPublicAddress(address))) throw new PrivateAddressError();
  return addresses;
}
