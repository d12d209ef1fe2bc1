/**
 * What a URL that a user gives must be before the gateway, or CXone on its behalf, sends anything there: https to a
 * public host, or a host the configuration names. Names are judged by their form here; where they lead is judged when
 * they are resolved (guarded-lookup.ts).
 */
import { isIP } from 'node:net';
import { type Issue, ValidationError } from '../errors.ts';
import type { AllowedHosts } from './allowed-hosts.ts';
import { isPublicAddress } from './public-address.ts';

/** Longer ones are refused by much of what stands between here and there. In UTF-16 units. */
const MAX_URL_LENGTH = 2048;

/** Names that never lead to the public internet: RFC 6761 and 6762, RFC 9476, ICANN's `.internal`, RFC 8375. */
const PRIVATE_NAME = /(?:^|\.)(?:localhost|local|internal|home\.arpa|alt|test|invalid|onion)$/;

export interface UrlCheck {
  readonly allowedHosts: AllowedHosts;
  /** Where the URL stands in the input. */
  readonly path: readonly string[];
}

/**
 * The URL, where something may be sent to it: https, port 443, no private name or address; or on a host that is
 * allowed by name, where http, any port and private addresses are fine too.
 *
 * @throws ValidationError (INVALID_URL, URL_NOT_PUBLIC) at `path`
 */
export function checkPublicUrl(text: string, { allowedHosts, path }: UrlCheck): URL {
  const url = readPlainUrl(text, path);
  if (allowedHosts.names(url)) return url;
  if (url.protocol !== 'https:') {
    throw refuse(path, 'URL_NOT_PUBLIC', 'This must be https, unless CALLBACK_ALLOWED_HOSTS names its host.');
  }
  if (url.port !== '') {
    throw refuse(
      path,
      'URL_NOT_PUBLIC',
      'This must use port 443, unless CALLBACK_ALLOWED_HOSTS names its host and port.',
    );
  }
  if (!isPublicHost(url.hostname)) {
    throw refuse(path, 'URL_NOT_PUBLIC', 'This must name a public host, or one that CALLBACK_ALLOWED_HOSTS names.');
  }
  return url;
}

/**
 * The URL of a callback: its host must be allowed by name (contract.graphql, ImportOptions.callbackUrl).
 *
 * @throws ValidationError (INVALID_URL, HOST_NOT_ALLOWED) at `path`
 */
export function checkCallbackUrl(text: string, { allowedHosts, path }: UrlCheck): URL {
  const url = readPlainUrl(text, path);
  if (!allowedHosts.names(url)) {
    throw refuse(
      path,
      'HOST_NOT_ALLOWED',
      'CALLBACK_ALLOWED_HOSTS does not name this host. The operator has to add it.',
    );
  }
  return url;
}

/**
 * A URL written the way it is read. What a parser would first have to repair (`127.1`, `0x7f.1`, full-width digits, tabs,
 * backslashes, percent-encoded hosts, user names that look like hosts) is somebody's attempt to be misread.
 */
function readPlainUrl(text: string, path: readonly string[]): URL {
  const url = text.length <= MAX_URL_LENGTH ? URL.parse(text) : null;
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw refuse(path, 'INVALID_URL', `This must be an https URL of at most ${MAX_URL_LENGTH} characters.`);
  }
  const origin = `${url.protocol}//${url.hostname}`;
  const rest = text.slice(origin.length);
  const isPlain = text.slice(0, origin.length).toLowerCase() === origin && /^(?::\d{1,5})?(?:[/?][!-~]*)?$/.test(rest);
  if (!isPlain || url.hash !== '' || text.includes('\\')) {
    throw refuse(
      path,
      'INVALID_URL',
      'This must be written plainly: https://host/path, in ASCII, without user or fragment.',
    );
  }
  return url;
}

function isPublicHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  if (isIP(host) !== 0) return isPublicAddress(host);
  return host.includes('.') && !PRIVATE_NAME.test(host);
}

function refuse(path: readonly string[], code: string, message: string): ValidationError {
  const issue: Issue = { path: [...path], code, message };
  return new ValidationError([issue]);
}
