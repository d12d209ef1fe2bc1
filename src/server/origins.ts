/** Which web pages may talk to the gateway from a browser: its own, and those of the origins that were named. */
import type { IncomingMessage } from 'node:http';

export interface OriginPolicy {
  /** Whether a WebSocket may be opened. Browsers always send an origin, and apply no CORS to WebSockets. */
  allowsSocket(request: IncomingMessage): boolean;
  /** The CORS headers of an answer to this request; none for an origin that was not named. */
  corsHeaders(request: IncomingMessage): Record<string, string>;
}

/** `allowedOrigins` are whole origins (`https://crm.example.com`); without any, no other page may. */
export function createOriginPolicy(allowedOrigins: readonly string[]): OriginPolicy {
  const allowed = new Set(allowedOrigins.map((origin) => origin.toLowerCase()));
  const isNamed = (origin: string) => allowed.has(origin.toLowerCase());
  return {
    allowsSocket({ headers: { origin, host } }) {
      return origin === undefined || isNamed(origin) || isSameHost(origin, host);
    },
    corsHeaders({ headers: { origin } }) {
      if (allowed.size === 0) return {};
      if (origin === undefined || !isNamed(origin)) return { vary: 'Origin' };
      return {
        vary: 'Origin',
        'access-control-allow-origin': origin,
        'access-control-allow-methods': 'GET, POST, PUT',
        'access-control-allow-headers': 'authorization, content-type, content-encoding, x-request-id',
        'access-control-expose-headers': 'x-request-id',
        'access-control-max-age': '600',
      };
    },
  };
}

function isSameHost(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}
