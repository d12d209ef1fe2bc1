/** From path segments and query to what stands in the request line. Ids are hostile: nothing of them is ever syntax. */
import { ValidationError } from '../errors.ts';
import { MAX_ID_LENGTH } from './limits.ts';

/** The words of CXone's own paths (cxone-api.md); every other segment is an id. */
const WORDS = new Set(
  (
    'api v2 addressbooks contacts groups reassignments contactlists records outbound campaigns lists schema actions ' +
    'refresh webhooks segments'
  ).split(' '),
);

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * The request target, every segment and value percent-encoded.
 *
 * @throws ValidationError for a segment that is empty, `.`, `..`, over 128 UTF-16 units, has control characters or
 *   lone surrogates; for a query value with lone surrogates
 */
export function requestTarget(
  path: readonly string[],
  query: Readonly<Record<string, string | number | undefined>> = {},
): string {
  // Joined, for what is added up piece by piece stays in its pieces.
  let target = `/${path.map((segment) => (WORDS.has(segment) ? segment : encodeSegment(segment))).join('/')}`;
  let separator = '?';
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    const text = String(value);
    if (!text.isWellFormed()) refuse('a value of a filter is not well-formed Unicode');
    target += `${separator}${encodeURIComponent(name)}=${encodeURIComponent(text)}`;
    separator = '&';
  }
  return target;
}

/** The path as it may be logged and counted: `/api/v2/segments/{id}/contacts`. */
export function routeTemplate(path: readonly string[]): string {
  return `/${path.map((segment) => (WORDS.has(segment) ? segment : '{id}')).join('/')}`;
}

function encodeSegment(segment: string): string {
  if (segment === '') refuse('an id is empty');
  if (segment === '.' || segment === '..') refuse('an id is "." or ".."');
  if (segment.length > MAX_ID_LENGTH) refuse(`an id is longer than ${MAX_ID_LENGTH} characters`);
  if (CONTROL_CHARACTERS.test(segment)) refuse('an id has control characters');
  if (!segment.isWellFormed()) refuse('an id is not well-formed Unicode');
  return encodeURIComponent(segment);
}

function refuse(what: string): never {
  throw new ValidationError([{ path: [], code: 'INVALID_ID', message: `Nothing was sent to CXone: ${what}.` }]);
}
