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
  /** A text in the variables is not valid Unicode. Mutations tell where it is; nothing else is run with it. */
  readonly isTextBroken: boolean;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** A lone surrogate can only come as an escape: the bytes were strict UTF-8. Without one there is nothing to look for. */
const ESCAPED_SURROGATE = /\\u[dD][89a-fA-F]/;

function refuse(message: string): GatewayError {
  return new GatewayError('BAD_USER_INPUT', message);
}

/**
 * The operations of a JSON body: one, or the array's, where what is none is the error of that one.
 * @throws GatewayError BAD_USER_INPUT for bytes that are not UTF-8, text that is not JSON, or JSON that is no request;
 *   LIMIT_EXCEEDED for more than `maxBatch` operations
 */
export function readJsonParams(
  body: Buffer,
  maxBatch: number,
  documents: TrustedDocuments,
): GraphQLParams | (GraphQLParams | GatewayError)[] {
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    throw refuse('The body is not valid UTF-8.');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refuse('The body is not valid JSON.');
  }
  const mayBeBroken = ESCAPED_SURROGATE.test(text);
  if (!Array.isArray(value)) return readParams(value, documents, { mayBeBroken });
  if (value.length === 0) throw refuse('The array of operations is empty.');
  if (value.length > maxBatch) {
    throw new GatewayError(
      'LIMIT_EXCEEDED',
      `At most ${maxBatch} operations can be sent in one array. Send the rest in another.`,
    );
  }
  return value.map((one) => {
    try {
      return readParams(one, documents, { mayBeBroken });
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
  return readParams(given, documents, { mayBeBroken: true });
}

/**
 * The operation in what a client sent, however it came.
 * @param mayBeBroken whether there may be text that is not valid Unicode
 * @throws GatewayError BAD_USER_INPUT naming what is wrong; NOT_FOUND, FORBIDDEN of the trusted documents
 */
export function readParams(
  value: unknown,
  documents: TrustedDocuments,
  { mayBeBroken }: { readonly mayBeBroken: boolean },
): GraphQLParams {
  const read = paramsSchema.safeParse(value);
  if (!read.success) {
    const name = String(read.error.issues[0]?.path[0] ?? '');
    throw refuse(Object.hasOwn(FORMS, name) ? `"${name}" must be ${FORMS[name]}.` : NO_REQUEST);
  }
  const { variables, operationName, extensions } = read.data;
  const isTextBroken = mayBeBroken && !isWellFormed(variables);
  if (mayBeBroken && !isWellFormed({ ...read.data, variables: undefined })) throw brokenText();
  const documentId = read.data.documentId ?? extensions?.persistedQuery?.sha256Hash;
  const query = documents.textOf({ query: read.data.query, documentId });
  return { query, variables: variables ?? {}, operationName: operationName ?? undefined, isTextBroken };
}

/** For an operation that does not tell which of its texts is not valid Unicode. */
export function brokenText(): GatewayError {
  return refuse('The operation contains text that is not valid Unicode.');
}

/** Whether every string in a JSON value is valid Unicode. Walks without recursion: the value's depth is the client's. */
function isWellFormed(value: unknown): boolean {
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
