/** The address a request comes from, also behind proxies: those that the operator named are believed, and nobody else. */
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv6 } from 'node:net';

/** The address of who sent a request; `unknown` where its connection is gone. */
export type ClientAddress = (request: IncomingMessage) => string;

/**
 * Reads `X-Forwarded-For` from its end: what a trusted proxy wrote there is believed, up to the first address that is
 * not one of a trusted proxy. What stands before that may be anybody's invention.
 *
 * @param trustedProxies addresses and networks (`10.0.0.0/8`); without any, it is the connection's other end
 */
export function createClientAddress(trustedProxies: readonly string[]): ClientAddress {
  const trusted = new BlockList();
  for (const entry of trustedProxies) {
    const [address = '', prefix] = entry.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (prefix === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(prefix), family);
  }
  const isTrusted = (address: string) => trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');

  return ({ socket, headers }) => {
    let address = plain(socket.remoteAddress ?? 'unknown');
    if (trustedProxies.length === 0) return address;
    const forwarded = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',');
    while (isIP(address) !== 0 && isTrusted(address)) {
      const before = plain(forwarded.pop()?.trim() ?? '');
      // A proxy that says nothing, or nonsense, is the last that is known.
      if (isIP(before) === 0) break;
      address = before;
    }
    return address;
  };
}

/** Without port, brackets and zone, and an IPv4 address as such, also where it came over a socket for both. */
function plain(address: string): string {
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(address)?.[1] ?? address.replace(/^([\d.]+):\d+$/, '$1');
  return bare.replace(/%.*$/, '').replace(/^::ffff:(?=[\d.]+$)/i, '');
}
