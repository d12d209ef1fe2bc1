/**
 * The error family, and the one table that says of each code whether clients may see it, whether trying again can
 * help, and which HTTP status it has. Everything that is not of this family is a bug and is masked at the edge.
 */

export type ErrorCode = keyof typeof ERROR_TABLE;

interface ErrorPolicy {
  /** Whether the message may be shown to a client. It must then hold no secret and no personal data. */
  clientVisible: boolean;
  /** Whether the same request may succeed later. */
  retryable: boolean;
  httpStatus: number;
}

/** Codes are stable: programs match on them. They stand in `extensions.code` of a GraphQL error. */
export const ERROR_TABLE = {
  BAD_USER_INPUT: { clientVisible: true, retryable: false, httpStatus: 400 },
  UNAUTHENTICATED: { clientVisible: true, retryable: false, httpStatus: 401 },
  FORBIDDEN: { clientVisible: true, retryable: false, httpStatus: 403 },
  NOT_FOUND: { clientVisible: true, retryable: false, httpStatus: 404 },
  CONFLICT: { clientVisible: true, retryable: false, httpStatus: 409 },
  CURSOR_EXPIRED: { clientVisible: true, retryable: false, httpStatus: 410 },
  LIMIT_EXCEEDED: { clientVisible: true, retryable: false, httpStatus: 400 },
  RATE_LIMITED: { clientVisible: true, retryable: true, httpStatus: 429 },
  SLOW_CONSUMER: { clientVisible: true, retryable: true, httpStatus: 429 },
  UPSTREAM_ERROR: { clientVisible: true, retryable: true, httpStatus: 502 },
  OUTCOME_UNKNOWN: { clientVisible: true, retryable: false, httpStatus: 502 },
  UNAVAILABLE: { clientVisible: true, retryable: true, httpStatus: 503 },
  INTERNAL_SERVER_ERROR: { clientVisible: false, retryable: false, httpStatus: 500 },
} as const satisfies Record<string, ErrorPolicy>;

/** What is said in place of an error that clients may not see; its answer has the request id beside it. */
export const INTERNAL_ERROR = 'Internal error. The gateway’s log tells more under this requestId.';

/** An expected failure. Its message is written for the person who called: what happened, where, what to do. */
export class GatewayError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** One fault of the input. `path` leads to it (list indexes as decimal strings); `code` is stable, for programs; `message` is whole sentences that stand alone. */
export interface Issue {
  path: string[];
  code: string;
  message: string;
}

/** The input was refused before anything was sent. */
export class ValidationError extends GatewayError {
  readonly issues: readonly Issue[];

  constructor(issues: readonly Issue[], message = summariseIssues(issues)) {
    super('BAD_USER_INPUT', message);
    this.issues = issues;
  }
}

function summariseIssues(issues: readonly Issue[]): string {
  const [first] = issues;
  if (!first) return 'The input is invalid.';
  const where = first.path.length > 0 ? `${first.path.join('.')}: ` : '';
  const more = issues.length > 1 ? ` And ${issues.length - 1} more.` : '';
  return `${where}${first.message}${more}`;
}

/** What was named does not exist, or not for this caller. `id` is the global id that was asked for. */
export class NotFoundError extends GatewayError {
  readonly id: string | undefined;

  constructor(message: string, id?: string) {
    super('NOT_FOUND', message);
    this.id = id;
  }
}

export type ConflictReason =
  | 'NAME_TAKEN'
  | 'VERSION_MISMATCH'
  | 'DUPLICATE'
  | 'IN_USE'
  | 'IDEMPOTENCY_KEY_REUSED'
  | 'DYNAMIC_SEGMENT'
  | 'NOT_IN_THIS_STATE';

/** The state of things forbids the change. `currentId` is the global id of the thing as it is now, where that helps. */
export class ConflictError extends GatewayError {
  readonly reason: ConflictReason;
  readonly currentId: string | undefined;

  constructor(reason: ConflictReason, message: string, currentId?: string) {
    super('CONFLICT', message);
    this.reason = reason;
    this.currentId = currentId;
  }
}

/** Not now: CXone's limit or a full queue of ours. Nothing was done. */
export class RateLimitedError extends GatewayError {
  readonly retryAfterMs: number | undefined;

  constructor(message: string, retryAfterMs?: number, options?: ErrorOptions) {
    super('RATE_LIMITED', message, options);
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * How CXone failed.
 * refused: it answered 4xx. unavailable: 5xx, no connection, or its circuit is open. timeout: no answer in time.
 * badResponse: an answer that does not fit its schema. auth: it accepts neither our token nor a new one.
 */
export type UpstreamFault = 'refused' | 'unavailable' | 'timeout' | 'badResponse' | 'auth';

export interface UpstreamFailure {
  fault: UpstreamFault;
  /** The HTTP status, where there was an answer. */
  status?: number | undefined;
  /** CXone's `x-request-id`, for its support. */
  upstreamRequestId?: string | undefined;
  /** CXone's own `code`, where its error body had one. */
  upstreamCode?: string | undefined;
  /** CXone's own words, where its error body had some that may be repeated. */
  upstreamMessage?: string | undefined;
  /** What CXone said was wrong and where, where its error body said so. */
  issues?: readonly Issue[] | undefined;
  retryable?: boolean | undefined;
}

/** CXone refused the call or failed, and the call certainly took no effect (or had none to take). */
export class UpstreamError extends GatewayError {
  readonly fault: UpstreamFault;
  readonly status: number | undefined;
  readonly upstreamRequestId: string | undefined;
  readonly upstreamCode: string | undefined;
  readonly upstreamMessage: string | undefined;
  readonly issues: readonly Issue[];
  readonly retryable: boolean;

  constructor(message: string, failure: UpstreamFailure, options?: ErrorOptions) {
    super('UPSTREAM_ERROR', message, options);
    this.fault = failure.fault;
    this.status = failure.status;
    this.upstreamRequestId = failure.upstreamRequestId;
    this.upstreamCode = failure.upstreamCode;
    this.upstreamMessage = failure.upstreamMessage;
    this.issues = failure.issues ?? [];
    this.retryable = failure.retryable ?? (failure.fault === 'unavailable' || failure.fault === 'timeout');
  }
}

/** A write was sent, no usable answer came, and nothing could tell afterwards whether it took effect. */
export class OutcomeUnknownError extends GatewayError {
  readonly upstreamRequestId: string | undefined;

  constructor(message: string, upstreamRequestId?: string, options?: ErrorOptions) {
    super('OUTCOME_UNKNOWN', message, options);
    this.upstreamRequestId = upstreamRequestId;
  }
}

/** Whether something of the gateway's own could not be had: its database is away, or somebody else holds what is needed. */
export function isUnavailable(error: unknown): error is GatewayError & { readonly code: 'UNAVAILABLE' } {
  return error instanceof GatewayError && error.code === 'UNAVAILABLE';
}

/** Which policy applies to anything thrown: whatever is not of the family is internal. */
export function errorPolicy(error: unknown): ErrorPolicy & { code: ErrorCode } {
  const code = error instanceof GatewayError ? error.code : 'INTERNAL_SERVER_ERROR';
  return { code, ...ERROR_TABLE[code] };
}
