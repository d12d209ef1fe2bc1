/** Where CXone is and how it gives tokens there: cxone-api.md, section 1, as one pure function. */
import { ValidationError } from '../errors.ts';

/**
 * How a token is asked for.
 * form: everything in a form. basic: credentials in the Authorization header. json: everything in a JSON body.
 */
export type TokenStyle = 'form' | 'basic' | 'json';

export interface CxoneHost {
  /** Without a slash at its end. */
  baseUrl: string;
  tokenStyle: TokenStyle;
}

/** One of the three; a base URL goes before an organisation domain, and that before a region. */
export interface CxoneLocation {
  region?: string | undefined;
  orgDomain?: string | undefined;
  baseUrl?: string | undefined;
}

const NAMED_REGIONS: Readonly<Record<string, string>> = {
  us: 'https://api.cloud.nice-incontact.com',
  eu: 'https://api-eu.cloud.nice-incontact.com',
};

/**
 * The base URL and the token style of a location; region `us` where nothing is given.
 *
 * @throws ValidationError for a region, domain or URL that is not of its form
 */
export function cxoneHost({ region = 'us', orgDomain, baseUrl }: CxoneLocation): CxoneHost {
  if (baseUrl !== undefined) return { baseUrl: checkedBaseUrl(baseUrl), tokenStyle: 'form' };
  if (orgDomain !== undefined) {
    const label = /^([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(?:\.cloudcontact\.io)?$/i.exec(orgDomain)?.[1];
    if (!label) refuse('orgDomain', 'expected {org}.cloudcontact.io');
    return { baseUrl: `https://${label.toLowerCase()}.cloudcontact.io`, tokenStyle: 'basic' };
  }
  const named = Object.hasOwn(NAMED_REGIONS, region) ? NAMED_REGIONS[region] : undefined;
  if (named) return { baseUrl: named, tokenStyle: 'form' };
  if (!/^[a-z]{2}-\d{2}$/.test(region)) refuse('region', 'expected us, eu or a region such as us-01');
  return { baseUrl: `https://api-${region}.nice-incontact.com`, tokenStyle: 'json' };
}

function checkedBaseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) refuse('baseUrl', 'expected an http(s) URL');
  if (url.username || url.password) refuse('baseUrl', 'must not hold credentials');
  if (url.search || url.hash) refuse('baseUrl', 'must have no query and no fragment');
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

function refuse(name: string, message: string): never {
  throw new ValidationError([{ path: [name], code: 'INVALID_LOCATION', message }]);
}
