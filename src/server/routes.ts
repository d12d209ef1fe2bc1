/** Routes beside GraphQL: what one is, and which one a request belongs to. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../telemetry/log.ts';

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The parts of the path that the pattern names, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly requestId: string;
  /** Aborted when the client goes away before the answer is whole. */
  readonly signal: AbortSignal;
  readonly remoteAddress: string;
  readonly log: Log;
}

export interface Route {
  /** GET answers HEAD too. */
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `/uploads/:importId`: a name stands for one part of the path. Also the route's label in the metrics. */
  readonly pattern: string;
  /** Milliseconds for the request's body; null where it may take any time that its pace makes up for. Without it, the server's default. */
  readonly bodyTimeoutMs?: number | null | undefined;
  /** Answers. A GatewayError that it throws becomes a JSON answer with its status, anything else a 500. */
  handle(exchange: Exchange): Promise<void>;
}

export type RouteMatch =
  | { kind: 'route'; route: Route; params: Record<string, string> }
  /** The path is known, but not with this method. */
  | { kind: 'method'; allow: string }
  | { kind: 'none' };

/** Finds routes by method and path. */
export function createRouter(routes: readonly Route[]): (method: string, path: string) => RouteMatch {
  const table = routes.map((route) => ({ route, parts: route.pattern.split('/') }));
  return (method, path) => {
    const wanted = method === 'HEAD' ? 'GET' : method;
    const parts = path.split('/');
    const allow: string[] = [];
    for (const { route, parts: pattern } of table) {
      const params = matchParts(pattern, parts);
      if (!params) continue;
      if (route.method === wanted) return { kind: 'route', route, params };
      allow.push(route.method);
    }
    return allow.length > 0 ? { kind: 'method', allow: allow.join(', ') } : { kind: 'none' };
  };
}

function matchParts(pattern: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    const part = parts[index] ?? '';
    if (!expected.startsWith(':')) {
      if (part !== expected) return undefined;
      continue;
    }
    try {
      params[expected.slice(1)] = decodeURIComponent(part);
    } catch {
      return undefined;
    }
  }
  return params;
}
