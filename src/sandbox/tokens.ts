/** OAuth 2.0 client credentials in the three styles of cxone-api.md, section 1, and the check of every call's token. */
import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Database } from './database.ts';
import type { Exchange, Reply, Route } from './exchange.ts';
import { isObject } from './formats.ts';
import { SANDBOX_CLIENT_ID, SANDBOX_CLIENT_SECRET, type Settings } from './options.ts';
import { Refusal } from './refusal.ts';

/** Every scope there is (section 1). */
export const SCOPES = [
  'addressbook:addressbook:read',
  'addressbook:addressbook:edit',
  'addressbook:contact:read',
  'addressbook:contact:edit',
  'contactlists:read',
  'contactlists:write',
  'outbound:contactlist:write',
  'outbound:contact:write',
  'contacts.read',
  'contacts.write',
  'outbound.read',
  'outbound.write',
  'webhooks.write',
  'customerdb:read',
  'customerdb:write',
  'segments:read',
  'segments:write',
] as const;

export interface TokenDeps {
  db: Database;
  settings: Settings;
  now: () => number;
  /** Told of every token that was given out. */
  onToken: (style: TokenStyle) => void;
}

export type TokenStyle = 'form' | 'basic' | 'json';

/** The three token endpoints. */
export function tokenRoutes(deps: TokenDeps): Route[] {
  const open = { method: 'POST', group: null, scopes: null } as const;
  return [
    {
      ...open,
      path: '/oauth2/token',
      takes: 'form',
      handle: ({ body }) => {
        const fields = stringFields(body, ['grant_type', 'client_id', 'client_secret', 'scope']);
        checkClient(fields.client_id, fields.client_secret);
        return issueToken(deps, 'form', fields.grant_type, fields.scope);
      },
    },
    {
      ...open,
      path: '/api/v2/oauth/token',
      takes: 'form',
      handle: (exchange) => {
        const fields = stringFields(exchange.body, ['grant_type', 'scope']);
        const [id, secret] = basicCredentials(exchange);
        checkClient(id, secret);
        return issueToken(deps, 'basic', fields.grant_type, fields.scope);
      },
    },
    {
      ...open,
      path: '/api/v2/oauth2/token',
      takes: 'json',
      handle: ({ body }) => {
        const fields = stringFields(body, ['grant_type', 'client_id', 'client_secret', 'scope']);
        checkClient(fields.client_id, fields.client_secret);
        return issueToken(deps, 'json', fields.grant_type, fields.scope);
      },
    },
  ];
}

function stringFields<Name extends string>(body: unknown, known: readonly Name[]): Partial<Record<Name, string>> {
  const fields: Partial<Record<Name, string>> = {};
  for (const [key, value] of Object.entries(isObject(body) ? body : {})) {
    const name = known.find((candidate) => candidate === key);
    if (!name || typeof value !== 'string') {
      throw new Refusal(400, 'invalid_request', `${key} is not a known text field.`, { violation: 'token-request' });
    }
    fields[name] = value;
  }
  return fields;
}

function basicCredentials({ headers }: Exchange): [string | undefined, string | undefined] {
  const [, encoded] = /^Basic ([A-Za-z0-9+/]+={0,2})$/i.exec(headers.authorization ?? '') ?? [];
  if (!encoded) throw invalidClient('Authorization: Basic base64(id:secret) is missing.');
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)];
}

function checkClient(id: string | undefined, secret: string | undefined): void {
  if (id !== SANDBOX_CLIENT_ID || secret !== SANDBOX_CLIENT_SECRET) {
    throw invalidClient('The client id or the client secret is wrong.');
  }
}

function invalidClient(message: string): Refusal {
  return new Refusal(401, 'invalid_client', message, { headers: { 'www-authenticate': 'Basic' } });
}

function issueToken(
  { db, settings, now, onToken }: TokenDeps,
  style: TokenStyle,
  grant: string | undefined,
  scope: string | undefined,
): Reply {
  if (grant !== 'client_credentials') {
    throw new Refusal(400, 'unsupported_grant_type', 'grant_type must be client_credentials.', {
      violation: 'token-request',
    });
  }
  const token = randomBytes(24).toString('base64url');
  db.run('DELETE FROM tokens WHERE expires_at <= ?', now());
  db.run(
    'INSERT INTO tokens (token, scopes_json, expires_at) VALUES (?, ?, ?)',
    token,
    JSON.stringify(grantedScopes(scope, settings)),
    now() + settings.tokenLifetimeSeconds * 1000,
  );
  onToken(style);
  return {
    status: 200,
    headers: { 'cache-control': 'no-store' },
    body: { access_token: token, expires_in: settings.tokenLifetimeSeconds, token_type: 'Bearer' },
  };
}

/** What was asked for, as far as the client may; who names nothing gets all the client may (A). */
function grantedScopes(requested: string | undefined, settings: Settings): string[] {
  const names = requested?.split(' ').filter((name) => name !== '') ?? [];
  const unknown = names.find((name) => !SCOPES.some((scope) => scope === name));
  if (unknown !== undefined) {
    throw new Refusal(400, 'invalid_scope', `There is no scope ${JSON.stringify(unknown)}.`, {
      violation: 'token-request',
    });
  }
  return SCOPES.filter(
    (scope) => (names.length === 0 || names.includes(scope)) && (settings.allowedScopes?.includes(scope) ?? true),
  );
}

/** @throws Refusal 401 without a valid token, 403 naming what is missing when the token may not */
export function checkToken(deps: Omit<TokenDeps, 'onToken'>, headers: IncomingHttpHeaders, route: Route): void {
  if (route.scopes === null) return;
  const [, token] = /^Bearer (\S+)$/i.exec(headers.authorization ?? '') ?? [];
  const row =
    token === undefined
      ? undefined
      : deps.db.one<{ scopes_json: string; expires_at: number }>(
          'SELECT scopes_json, expires_at FROM tokens WHERE token = ?',
          token,
        );
  if (!row || row.expires_at <= deps.now()) {
    const why = token === undefined ? 'A bearer token is missing.' : 'The token is unknown or has expired.';
    throw new Refusal(401, 'Unauthorized', why, { headers: { 'www-authenticate': 'Bearer' } });
  }
  const granted: unknown = JSON.parse(row.scopes_json);
  const may = (scope: string) =>
    Array.isArray(granted) && granted.includes(scope) && (deps.settings.allowedScopes?.includes(scope) ?? true);
  if (!route.scopes.some(may)) {
    throw new Refusal(403, 'Forbidden', `The scope ${route.scopes[0]} is missing.`);
  }
}
