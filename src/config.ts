/**
 * The environment, checked once at start: every fault is reported at once, one line each, naming its variable.
 * The only reader of process.env; a secret's value never appears in a message.
 */
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { z } from 'zod';

export class ConfigError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`The configuration is not usable:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

/** Requests per second by endpoint group (interface.md). */
export interface RateLimits {
  addressBooks: number;
  records: number;
  outbound: number;
  enrichment: number;
  segments: number;
}

const DEFAULT_LIMITS: RateLimits = { addressBooks: 50, records: 16, outbound: 50, enrichment: 10, segments: 25 };

export interface ApiKey {
  name: string;
  role: 'reader' | 'writer' | 'admin';
  /** Of the key, which is not kept itself. */
  sha256: Uint8Array;
}

export type OAuthStyle = 'form' | 'basic' | 'json';

/** Where CXone is: one of region, organisation domain and explicit base URL. */
export interface CxoneLocation {
  region?: string | undefined;
  orgDomain?: string | undefined;
  baseUrl?: string | undefined;
}

export interface Config {
  host: string;
  port: number;
  /** How others reach the gateway; null: `http://host:port` as listened on. */
  publicUrl: string | null;
  /** Null: the built-in sandbox stands in for CXone. */
  cxone: {
    clientId: string;
    clientSecret: string;
    location: CxoneLocation;
    oauthStyle: OAuthStyle | null;
  } | null;
  limits: RateLimits;
  timeoutMs: number;
  retryBaseMs: { segments: number; other: number };
  segmentPollMs: number;
  segmentConfirmMs: number;
  /** Signs what CXone delivers; several secrets, separated by spaces, while one replaces another. */
  webhookSecrets: readonly string[];
  /** Told of every import. */
  crmWebhookUrl: string | null;
  /** Signs callbacks; null: the gateway makes one up and keeps it. */
  crmWebhookSecret: string | null;
  callbackAllowedHosts: readonly string[];
  databaseUrl: string;
  apiKeys: readonly ApiKey[];
  jwt: { jwksUrl: string; issuer: string; audience: string } | null;
  /** Whether those who come without credentials may do everything. */
  openToEveryone: boolean;
  /** Origins whose web pages may call the gateway from a browser, beside its own. */
  allowedOrigins: readonly string[];
  /** Addresses and networks of proxies that are believed about where a request comes from. */
  trustedProxies: readonly string[];
  baselineCache: { size: number; ttlMs: number };
  logLevel: 'silent' | 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';
  /** GraphiQL, introspection, and suggestions for names that do not exist. */
  graphiql: boolean;
  /** A file of operations that are known by their hash; `only`: no others are run. */
  persistedOperations: { file: string; only: boolean } | null;
  /** How long finished imports keep their rows and batches, and the event log its events. */
  retentionDays: number;
}

const DEFAULT_HOST = '127.0.0.1';

const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, `expected a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `expected a whole number from ${min} to ${max}`);

const httpUrl = z.string().refine(
  (value) => {
    const url = URL.parse(value);
    return url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && !url.username && !url.password;
  },
  { error: 'expected an http(s) URL without user name or password', abort: true },
);

const baseUrl = httpUrl
  .refine((value) => !/[?#]/.test(value), 'expected a URL without query or fragment')
  .transform((value) => value.replace(/\/+$/, ''));

const commaList = z.string().transform((value) =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
);

/** A host or an IPv6 address in brackets, and perhaps a port. */
const ALLOWED_HOST = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$/;

const onOff = z.enum(['on', 'off'], 'expected on or off').transform((value) => value === 'on');

const limitsJson = z.string().transform((text, ctx): RateLimits => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    ctx.addIssue('expected a JSON object such as {"outbound":50}');
    return z.NEVER;
  }
  const perSecond = z
    .number('expected a number')
    .positive('expected a number over 0')
    .max(100_000, 'expected 100000 at most');
  const parsed = z.strictObject({
    addressBooks: perSecond.optional(),
    records: perSecond.optional(),
    outbound: perSecond.optional(),
    enrichment: perSecond.optional(),
    segments: perSecond.optional(),
  });
  const result = parsed.safeParse(value);
  if (!result.success) {
    for (const { code, path, message } of result.error.issues) {
      if (code === 'unrecognized_keys')
        ctx.addIssue(`the groups are ${Object.keys(DEFAULT_LIMITS).join(', ')}, and no others`);
      else if (path.length === 0) ctx.addIssue('expected a JSON object such as {"outbound":50}');
      else ctx.addIssue(`${path.join('.')}: ${message}`);
    }
    return z.NEVER;
  }
  const given = Object.fromEntries(Object.entries(result.data).filter(([, limit]) => limit !== undefined));
  return { ...DEFAULT_LIMITS, ...given };
});

const apiKeys = commaList.transform((entries, ctx): ApiKey[] => {
  const keys: ApiKey[] = [];
  entries.forEach((entry, index) => {
    const [name, role, ...rest] = entry.split(':');
    const key = rest.join(':');
    // The entry itself is a secret: it is named by its place.
    const where = `entry ${index + 1}`;
    if (!name || !/^[\w.-]{1,64}$/.test(name))
      ctx.addIssue(`${where}: expected name:role:key, the name of letters, digits, dots, dashes and underscores`);
    else if (role !== 'reader' && role !== 'writer' && role !== 'admin')
      ctx.addIssue(`${where} (${name}): the role must be reader, writer or admin`);
    else if (!/^[\x21-\x7e]+$/.test(key))
      ctx.addIssue(`${where} (${name}): the key is missing, or not all of it is plain characters without spaces`);
    else if (keys.some((other) => other.name === name)) ctx.addIssue(`${where} (${name}): the name is used twice`);
    else keys.push({ name, role, sha256: createHash('sha256').update(key).digest() });
  });
  if (entries.length === 0) ctx.addIssue('expected name:role:key, several separated by commas');
  return keys;
});

/** Who can change the keys on their way is whoever it likes: plain http only where nobody stands between. */
const jwksUrl = httpUrl.refine((value) => {
  const url = URL.parse(value);
  return url?.protocol === 'https:' || (url !== null && isLoopback(url.hostname.replace(/^\[|\]$/g, '')));
}, 'expected an https URL (http only on a loopback address)');

const origins = commaList.pipe(
  z.array(
    z.string().refine((value) => {
      const url = URL.parse(value);
      return url !== null && /^https?:$/.test(url.protocol) && url.origin === value.toLowerCase();
    }, 'expected origins such as https://crm.example.com, without a path'),
  ),
);

/** `10.1.2.3`, `10.0.0.0/8`, `fd00::/8`. */
const trustedProxies = commaList.pipe(
  z.array(
    z.string().refine((value) => {
      const [address = '', prefix = '0', ...rest] = value.split('/');
      const longest = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
      return rest.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= longest;
    }, 'expected addresses or networks such as 10.0.0.0/8'),
  ),
);

/** Standard Webhooks: `whsec_` and bytes in base64, 24 to 64 of them by its own advice. */
const webhookSecret = z
  .string()
  .refine((value) => /^whsec_[A-Za-z0-9+/]{2,512}={0,2}$/.test(value), 'expected whsec_ followed by base64');

const databaseUrl = z
  .string()
  .refine(
    (value) => /^file:.+/.test(value) || (/^postgres(ql)?:\/\//.test(value) && URL.canParse(value)),
    'expected file:PATH or postgres://…',
  );

const variables = z.object({
  PORT: wholeNumber(0, 65_535).default(4000),
  HOST: z.string().max(255, 'expected a host name or an address').default(DEFAULT_HOST),
  PUBLIC_URL: baseUrl.optional(),
  CXONE_CLIENT_ID: z.string().optional(),
  CXONE_CLIENT_SECRET: z.string().optional(),
  CXONE_REGION: z
    .string()
    .regex(/^(us|eu|[a-z]{2}-\d{2})$/, 'expected us, eu or a region such as us-01')
    .optional(),
  CXONE_ORG_DOMAIN: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.cloudcontact\.io)?$/i, 'expected {org}.cloudcontact.io')
    .optional(),
  CXONE_BASE_URL: baseUrl.optional(),
  CXONE_OAUTH_STYLE: z.enum(['form', 'basic', 'json'], 'expected form, basic or json').optional(),
  CXONE_LIMITS: limitsJson.default(DEFAULT_LIMITS),
  CXONE_TIMEOUT_MS: wholeNumber(10, 600_000).default(30_000),
  RETRY_BASE_MS: wholeNumber(1, 60_000).optional(),
  SEGMENT_POLL_MS: wholeNumber(1, 600_000).default(2000),
  SEGMENT_CONFIRM_MS: wholeNumber(1, 3_600_000).default(30_000),
  CXONE_WEBHOOK_SECRET: z
    .string()
    .transform((value) => value.split(/[\s,]+/).filter((part) => part !== ''))
    .pipe(z.array(webhookSecret))
    .default([]),
  CRM_WEBHOOK_URL: httpUrl.optional(),
  CRM_WEBHOOK_SECRET: webhookSecret.optional(),
  CALLBACK_ALLOWED_HOSTS: commaList
    .pipe(z.array(z.string().regex(ALLOWED_HOST, 'expected hosts such as crm.example.com or crm.example.com:8443')))
    .default([]),
  DATABASE_URL: databaseUrl.default('file:./data/gateway.db'),
  GATEWAY_API_KEYS: apiKeys.default([]),
  GATEWAY_JWKS_URL: jwksUrl.optional(),
  GATEWAY_JWT_ISSUER: z.string().optional(),
  GATEWAY_JWT_AUDIENCE: z.string().optional(),
  GATEWAY_ALLOWED_ORIGINS: origins.default([]),
  GATEWAY_TRUSTED_PROXIES: trustedProxies.default([]),
  GATEWAY_AUTH: z.enum(['none'], 'expected none, the only value there is').optional(),
  BASELINE_CACHE_SIZE: wholeNumber(1, 10_000_000).default(50_000),
  BASELINE_CACHE_TTL_MS: wholeNumber(1, 86_400_000).default(60_000),
  LOG_LEVEL: z
    .enum(
      ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'],
      'expected silent, fatal, error, warn, info, debug or trace',
    )
    .default('info'),
  GATEWAY_GRAPHIQL: onOff.default(true),
  GATEWAY_PERSISTED_OPERATIONS: z.string().optional(),
  GATEWAY_PERSISTED_ONLY: onOff.default(false),
  RETENTION_DAYS: wholeNumber(1, 3650).default(30),
});

type Variables = z.infer<typeof variables>;

/**
 * Rules between variables, by which of them are given: so they are told of also where the value of one is wrong.
 * @param env those that are not empty
 */
function crossFaults(env: Readonly<Record<string, string>>): string[] {
  const faults: string[] = [];
  const sandbox = env.CXONE_CLIENT_ID === undefined && env.CXONE_CLIENT_SECRET === undefined;
  if (!sandbox && env.CXONE_CLIENT_ID === undefined)
    faults.push('CXONE_CLIENT_ID: missing, though CXONE_CLIENT_SECRET is set');
  if (!sandbox && env.CXONE_CLIENT_SECRET === undefined)
    faults.push('CXONE_CLIENT_SECRET: missing, though CXONE_CLIENT_ID is set');

  const locations = (['CXONE_REGION', 'CXONE_ORG_DOMAIN', 'CXONE_BASE_URL'] as const).filter((name) => env[name]);
  if (locations.length > 1) faults.push(`${locations.join(', ')}: only one of them may be set`);
  if (sandbox && locations.length > 0)
    faults.push(`${locations[0]}: set, but CXONE_CLIENT_ID and CXONE_CLIENT_SECRET are missing`);

  if (env.CRM_WEBHOOK_URL && !env.CRM_WEBHOOK_SECRET)
    faults.push('CRM_WEBHOOK_SECRET: missing, though CRM_WEBHOOK_URL is set');

  if (env.GATEWAY_JWKS_URL) {
    if (!env.GATEWAY_JWT_ISSUER) faults.push('GATEWAY_JWT_ISSUER: missing, though GATEWAY_JWKS_URL is set');
    if (!env.GATEWAY_JWT_AUDIENCE) faults.push('GATEWAY_JWT_AUDIENCE: missing, though GATEWAY_JWKS_URL is set');
  } else if (env.GATEWAY_JWT_ISSUER || env.GATEWAY_JWT_AUDIENCE) {
    faults.push('GATEWAY_JWKS_URL: missing, though GATEWAY_JWT_ISSUER or GATEWAY_JWT_AUDIENCE is set');
  }

  if (env.GATEWAY_PERSISTED_ONLY === 'on' && !env.GATEWAY_PERSISTED_OPERATIONS)
    faults.push('GATEWAY_PERSISTED_OPERATIONS: missing, though GATEWAY_PERSISTED_ONLY is on');

  const mayBeOpen = env.GATEWAY_AUTH !== undefined || (sandbox && isLoopback(env.HOST ?? DEFAULT_HOST));
  if (!mayBeOpen && !env.GATEWAY_API_KEYS && !env.GATEWAY_JWKS_URL)
    faults.push(
      'GATEWAY_API_KEYS: missing. Set it (name:role:key,…) or GATEWAY_JWKS_URL; GATEWAY_AUTH=none opens the gateway to everyone',
    );
  return faults;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * Reads and checks the environment. An empty variable counts as missing, as shells and compose files set them.
 *
 * @throws ConfigError with every fault found.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined && value !== '') given[name] = value;
  const result = variables.safeParse(given);
  const issues = result.error?.issues ?? [];
  const faults = [...issues.map(({ path, message }) => `${String(path[0])}: ${message}`), ...crossFaults(given)];
  if (!result.success || faults.length > 0) throw new ConfigError(faults);
  return toConfig(result.data);
}

function toConfig(env: Variables): Config {
  const hasKeys = env.GATEWAY_API_KEYS.length > 0 || env.GATEWAY_JWKS_URL !== undefined;
  return {
    host: env.HOST,
    port: env.PORT,
    publicUrl: env.PUBLIC_URL ?? null,
    cxone:
      env.CXONE_CLIENT_ID !== undefined && env.CXONE_CLIENT_SECRET !== undefined
        ? {
            clientId: env.CXONE_CLIENT_ID,
            clientSecret: env.CXONE_CLIENT_SECRET,
            location: { region: env.CXONE_REGION, orgDomain: env.CXONE_ORG_DOMAIN, baseUrl: env.CXONE_BASE_URL },
            oauthStyle: env.CXONE_OAUTH_STYLE ?? null,
          }
        : null,
    limits: env.CXONE_LIMITS,
    timeoutMs: env.CXONE_TIMEOUT_MS,
    // cxone-api.md, section 6: segments are retried from 2 s; elsewhere 500 ms (interface.md).
    retryBaseMs: { segments: env.RETRY_BASE_MS ?? 2000, other: env.RETRY_BASE_MS ?? 500 },
    segmentPollMs: env.SEGMENT_POLL_MS,
    segmentConfirmMs: env.SEGMENT_CONFIRM_MS,
    webhookSecrets: env.CXONE_WEBHOOK_SECRET,
    crmWebhookUrl: env.CRM_WEBHOOK_URL ?? null,
    crmWebhookSecret: env.CRM_WEBHOOK_SECRET ?? null,
    callbackAllowedHosts: env.CALLBACK_ALLOWED_HOSTS,
    databaseUrl: env.DATABASE_URL,
    apiKeys: env.GATEWAY_API_KEYS,
    jwt:
      env.GATEWAY_JWKS_URL && env.GATEWAY_JWT_ISSUER && env.GATEWAY_JWT_AUDIENCE
        ? { jwksUrl: env.GATEWAY_JWKS_URL, issuer: env.GATEWAY_JWT_ISSUER, audience: env.GATEWAY_JWT_AUDIENCE }
        : null,
    allowedOrigins: env.GATEWAY_ALLOWED_ORIGINS,
    trustedProxies: env.GATEWAY_TRUSTED_PROXIES,
    openToEveryone: env.GATEWAY_AUTH === 'none' || !hasKeys,
    baselineCache: { size: env.BASELINE_CACHE_SIZE, ttlMs: env.BASELINE_CACHE_TTL_MS },
    logLevel: env.LOG_LEVEL,
    graphiql: env.GATEWAY_GRAPHIQL,
    persistedOperations:
      env.GATEWAY_PERSISTED_OPERATIONS === undefined
        ? null
        : { file: env.GATEWAY_PERSISTED_OPERATIONS, only: env.GATEWAY_PERSISTED_ONLY },
    retentionDays: env.RETENTION_DAYS,
  };
}
