/** What a sandbox can be told when it starts, what can be changed while it runs, and what holds where nothing is said. */
import { z } from 'zod';

/** The groups CXone counts requests in. Each has its own limit. */
export const LIMIT_GROUPS = ['addressBooks', 'records', 'outbound', 'enrichment', 'segments'] as const;
export type LimitGroup = (typeof LIMIT_GROUPS)[number];

/** Requests a second by group; `Infinity` turns a limit off. */
export type Limits = Record<LimitGroup, number>;

/** Some limits, as JSON: it has no infinity, so null turns a limit off. */
export const limitsSchema = z.partialRecord(
  z.enum(LIMIT_GROUPS),
  z
    .union([z.number().positive(), z.literal(Number.POSITIVE_INFINITY), z.null()])
    .transform((limit) => limit ?? Number.POSITIVE_INFINITY),
);

/** The one pair of credentials the sandbox knows. It guards nothing: it stands in for a tenant's own. */
export const SANDBOX_CLIENT_ID = 'sandbox';
export const SANDBOX_CLIENT_SECRET = 'sandbox-secret';

export interface SandboxOptions {
  /** 0 (the default) takes any free port. */
  port?: number;
  /** Default 127.0.0.1: the sandbox's credentials are public, so it stays on this machine unless told otherwise. */
  host?: string;
  /** A SQLite file; `:memory:` (default) keeps nothing; the empty string is a temporary file that spills to disk. */
  file?: string;
  /** What a store that is still empty is filled with. */
  seed?: 'demo' | 'empty';
  /** Decides which requests a fault with a `share` hits. Between 0 and 1. */
  random?: () => number;
  limits?: { [Group in LimitGroup]?: number | undefined };
  /** How long a written segment member stays invisible. Default 3000 with the demo seed, 0 with the empty one. */
  indexLagMs?: number;
  /** Milliseconds since the epoch, for everything the sandbox times but the waits of programmed faults. */
  now?: () => number;
  /** `whsec_<base64>`: signs the webhooks. Made at random where it is missing. */
  webhookSecret?: string;
  /** Registered for every event from the start, besides what is registered by the API. */
  webhookUrl?: string;
}

/** What can be changed while it runs (`POST /_sandbox/settings`). */
export interface Settings {
  limits: Limits;
  indexLagMs: number;
  /** `expires_in` of the tokens from now on. */
  tokenLifetimeSeconds: number;
  /** Duplicate records: told as warnings of a success, or the whole batch refused with 409 (both are in section 3). */
  recordDuplicates: 'warn' | 'reject';
  /** How a warning is written: both forms are assumed in section 3 (A). */
  warningsAs: 'object' | 'string';
  /**
   * Whether single contacts come with an ETag. Without, `If-Match` is neither asked for nor looked at. `weak`: with one
   * as some frameworks make them up, which `If-Match` must then repeat letter for letter.
   */
  etags: boolean | 'weak';
  /** What a filter that matches nothing gets (section 2 allows both). */
  noMatch: 'empty' | '404';
  /** What the client may do; null is everything. A call outside of it gets a 403 that names the scope. */
  allowedScopes: readonly string[] | null;
}

/** Requests a second (interface.md, `CXONE_LIMITS`; the records' 16 are the 1000 a minute of cxone-api.md, section 3). */
export const DEFAULT_LIMITS: Limits = { addressBooks: 50, records: 16, outbound: 50, enrichment: 10, segments: 25 };

const DEMO_INDEX_LAG_MS = 3000;
const TOKEN_LIFETIME_SECONDS = 3600;

/** The settings a sandbox starts with. */
export function initialSettings(options: SandboxOptions): Settings {
  return {
    limits: withLimits(DEFAULT_LIMITS, options.limits),
    indexLagMs: options.indexLagMs ?? (options.seed === 'empty' ? 0 : DEMO_INDEX_LAG_MS),
    tokenLifetimeSeconds: TOKEN_LIFETIME_SECONDS,
    recordDuplicates: 'warn',
    warningsAs: 'object',
    etags: true,
    noMatch: 'empty',
    allowedScopes: null,
  };
}

/** The limits with those changed that are given. */
export function withLimits(limits: Limits, changes: { [Group in LimitGroup]?: number | undefined } = {}): Limits {
  const changed = { ...limits };
  for (const group of LIMIT_GROUPS) changed[group] = changes[group] ?? limits[group];
  return changed;
}
