/**
 * What a client may see of an error. Only errors of the family whose policy says so, and graphql's own words about the
 * request, go out; everything else becomes "Internal error" with the request id under which it was logged.
 */
import { GraphQLError } from 'graphql';
import {
  errorPolicy,
  GatewayError,
  INTERNAL_ERROR,
  RateLimitedError,
  UpstreamError,
  ValidationError,
} from '../errors.ts';

export interface MaskedError {
  readonly shown: GraphQLError;
  /** What `shown` has in `extensions.code`. */
  readonly code: string;
  /** What was hidden, to be logged; undefined where nothing was. */
  readonly hidden: unknown;
}

/** The codes that graphql and Yoga give, and ours for the same. */
const FOREIGN_CODES: Record<string, string> = {
  BAD_REQUEST: 'BAD_USER_INPUT',
  REQUEST_ENTITY_TOO_LARGE: 'LIMIT_EXCEEDED',
  OPERATION_RESOLUTION_FAILURE: 'BAD_USER_INPUT',
};

/**
 * What is to be shown in place of `error`, whatever was thrown. `requestCode` is the code of what graphql says about
 * the request without giving it one: what is wrong differs by the phase that found it.
 */
export function maskError(error: unknown, requestId: string, requestCode = 'BAD_USER_INPUT'): MaskedError {
  const cause = rootCause(error);
  if (cause instanceof GatewayError && errorPolicy(cause).clientVisible) {
    return mask(error, cause.message, { code: cause.code, ...details(cause) }, requestId, undefined);
  }
  if (cause instanceof GraphQLError && isAboutTheRequest(cause)) {
    const given = cause.extensions.code;
    const code = typeof given === 'string' ? (FOREIGN_CODES[given] ?? given) : requestCode;
    return mask(error, cause.message, { code }, requestId, undefined);
  }
  return mask(error, INTERNAL_ERROR, { code: 'INTERNAL_SERVER_ERROR' }, requestId, cause ?? error);
}

/** What was thrown first: graphql wraps what a resolver throws, to say where. */
function rootCause(error: unknown): unknown {
  let cause = error;
  while (cause instanceof GraphQLError) {
    const inner: unknown = cause.originalError ?? cause.cause;
    if (inner === undefined || inner === null) break;
    cause = inner;
  }
  return cause;
}

/**
 * Whether graphql itself speaks about the document or the variables. An error of its own with a path comes from a
 * resolver's value that does not fit its type, which is our bug and repeats the value; except when it is about an
 * argument. What Yoga marks as unexpected was no GraphQL error to begin with.
 */
function isAboutTheRequest(error: GraphQLError): boolean {
  if (error.extensions.unexpected === true) return false;
  return error.path === undefined || typeof error.extensions.code === 'string' || /^Argument "/.test(error.message);
}

function details(error: GatewayError): Record<string, unknown> {
  if (error instanceof ValidationError) return { issues: error.issues };
  if (error instanceof RateLimitedError && error.retryAfterMs !== undefined)
    return { retryAfterMs: error.retryAfterMs };
  if (error instanceof UpstreamError) {
    return { fault: error.fault, retryable: error.retryable, upstreamRequestId: error.upstreamRequestId };
  }
  return {};
}

function mask(
  error: unknown,
  message: string,
  extensions: Record<string, unknown> & { code: string },
  requestId: string,
  hidden: unknown,
): MaskedError {
  const located = error instanceof GraphQLError ? error : undefined;
  const shown = new GraphQLError(message, {
    nodes: located?.nodes,
    source: located?.source,
    positions: located?.positions,
    path: located?.path,
    extensions: { ...extensions, requestId },
  });
  return { shown, code: extensions.code, hidden };
}
