/** What a GraphQL request consists of, read strictly from a body or a query string before anything else sees it. */
import { z } from 'zod';
import { GatewayError } from '../errors.ts';
import type { TrustedDocuments } from './trusted-documents.ts';

const jsonObject = z.record(z.string(), z.unknown());

/** A hash, and the name of its kind in front. */
const MAX_DOCUMENT_ID_LENGTH = 256;

const paramsSchema = z.strictObject({
  query: z.string().min(1).optional(),
  documentId: z.string().min(1).max(MAX_DOCUMENT_ID_LENGTH).nullish(),
  variables: jsonObject.nullish(),
  operationName: z.string().nullish(),
  extensions: z
    .looseObject({
      persistedQuery: z.looseObject({ sha256Hash: z.string().min(1).max(MAX_DOCUMENT_ID_LENGTH) }).nullish(),
    })
    .nullish(),
});

/** What each part of a request must be, for those who sent something else. */
const FORMS: Readonly<Record<string, string>> = {
  query: 'a GraphQL document, as a string that is not empty',
  documentId: `a string of 1 to ${MAX_DOCUMENT_ID_LENGTH} characters`,
  variables: 'a JSON object',
  operationName: 'a string',
  extensions: 'a JSON object, and its persistedQuery one with a sha256Hash',
};
const NO_REQUEST = `A request must be a JSON object with "query" and perhaps ${Object.keys(FORMS)
  .slice(1)
  .map((name) => `"${name}"`)
  .join(', ')}, and nothing else.`;

export interface GraphQLParams {
  readonly query: string;
  readonly variables: Record<string, unknown>;
  readonly operationName: string | undefined;
}

/** A lone surrogate can only come as an escape: the bytes were strict UTF-8. Without one there is nothing to look for. */
const ESCAPED_SURROGATE = /\\u[dD][89a-fA-F]/;

function refuse(message: string): GatewayError {
  return new GatewayError('BAD_USER_INPUT', message);
}

/**
 * The operations of a JSON body: one, or the array's, where what is none is the error of that one.
 * @throws GatewayError BAD_USER_INPUT for text that is not JSON, or JSON that is no request;
 *   LIMIT_EXCEEDED for more than `maxBatch` operations
 */
export function readJsonParams(
  text: string,
  maxBatch: number,
  documents: TrustedDocuments,
): GraphQLParams | (GraphQLParams | GatewayError)[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refuse('The body is not valid JSON.');
  }
  if (ESCAPED_SURROGATE.test(text) && !isWellFormed(value))
    throw refuse('The body contains text that is not valid Unicode.');
  if (!Array.isArray(value)) return readParams(value, documents);
  if (value.length === 0) throw refuse('The array of operations is empty.');
  if (value.length > maxBatch) {
    throw new GatewayError(
      'LIMIT_EXCEEDED',
      `At most ${maxBatch} operations can be sent in one array. Send the rest in another.`,
    );
  }
  return value.map((one) => {
    try {
      return readParams(one, documents);
    } catch (error) {
      if (error instanceof GatewayError) return error;
      throw error;
    }
  });
}

/** The operation of a GET's query string. @throws GatewayError as readParams */
export function readQueryParams(queryString: string, documents: TrustedDocuments): GraphQLParams {
  const given: Record<string, unknown> = {};
  for (const pair of queryString.split('&')) {
    const [name = '', value = ''] = pair.split('=', 2).map(decodeStrictly);
    if (value === '') continue;
    if (name === 'query' || name === 'operationName' || name === 'documentId') given[name] = value;
    if (name === 'variables' || name === 'extensions') given[name] = parseParameter(name, value);
  }
  if (!isWellFormed(given)) throw refuse('The query string contains text that is not valid Unicode.');
  return readParams(given, documents);
}

/**
 * The operation in what a client sent, however it came.
 * @throws GatewayError BAD_USER_INPUT naming what is wrong; NOT_FOUND, FORBIDDEN of the trusted documents
 */
export function readParams(value: unknown, documents: TrustedDocuments): GraphQLParams {
  const read = paramsSchema.safeParse(value);
  if (!read.success) {
    const name = String(read.error.issues[0]?.path[0] ?? '');
    throw refuse(Object.hasOwn(FORMS, name) ? `"${name}" must be ${FORMS[name]}.` : NO_REQUEST);
  }
  const { variables, operationName, extensions } = read.data;
  const documentId = read.data.documentId ?? extensions?.persistedQuery?.sha256Hash;
  const query = documents.textOf({ query: read.data.query, documentId });
  return { query, variables: variables ?? {}, operationName: operationName ?? undefined };
}

/** Whether every string in a JSON value is valid Unicode. Walks without recursion: the value's depth is the client's. */
export function isWellFormed(value: unknown): boolean {
  const rest: unknown[] = [value];
  while (rest.length > 0) {
    const next = rest.pop();
    if (typeof next === 'string' && !next.isWellFormed()) return false;
    if (typeof next === 'object' && next !== null) {
      for (const [key, item] of Object.entries(next)) rest.push(key, item);
    }
  }
  return true;
}

function decodeStrictly(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw refuse('The query string is not valid percent-encoded UTF-8.');
  }
}

function parseParameter(name: string, value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    throw refuse(`"${name}" is not valid JSON.`);
  }
}
