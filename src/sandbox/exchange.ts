/** What the routes of the sandbox have in common: a request as a route sees it, and the answer it gives. */
import type { IncomingHttpHeaders } from 'node:http';
import type { LimitGroup } from './options.ts';

export interface Exchange {
  readonly route: Route;
  /** The decoded `{names}` of the route's path. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The body's bytes; empty where the route takes none. */
  readonly raw: Buffer;
  /** The parsed body: JSON, or the fields of a form. Undefined where the route takes none. */
  readonly body: unknown;
  /** Counts a rule of the contract that was broken without the request being refused. */
  violate(rule: string, detail?: string): void;
  /** Whether a programmed fault refuses this item of a bulk write. */
  refuseItem(key: string, index: number): { code: string; message: string } | undefined;
  /** Calls back once the answer is on its way, or lost. */
  onAnswered(listener: () => void): void;
}

export interface Reply {
  status: number;
  headers?: Record<string, string>;
  /** Sent as JSON; undefined sends no body. */
  body?: unknown;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Segments in braces are parameters: `/api/v2/addressbooks/{bookId}`. */
  readonly path: string;
  /** Whose request rate it counts in; null for tokens, which have no limit. */
  readonly group: LimitGroup | null;
  /** Any one of these is enough (A: the contract lists scopes, not which call needs which). Null needs no token. */
  readonly scopes: readonly string[] | null;
  readonly takes: 'nothing' | 'json' | 'form';
  /** Query parameters it understands; others are refused. */
  readonly query?: readonly string[];
  /** How many items a bulk body carries, for the observations. */
  readonly countItems?: (body: unknown) => number;
  /** Runs before `handle`, in a transaction of its own: what others did stays, whatever becomes of this request. */
  readonly before?: (exchange: Exchange) => void;
  /** Runs in one transaction: what throws leaves no trace. */
  readonly handle: (exchange: Exchange) => Reply;
}

/** The name a route goes by in observations and faults: `GET /api/v2/segments/{segmentId}`. */
export function routeName(route: Route): string {
  return `${route.method} ${route.path}`;
}
