/** From outcome to error: what the caller is told, by what is known of whether the call took effect. */
import {
  type GatewayError,
  OutcomeUnknownError,
  RateLimitedError,
  UpstreamError,
  type UpstreamFault,
} from '../errors.ts';
import { readErrorBody } from './error-body.ts';
import { type AnswerOutcome, type Exchange, isWrite, type Outcome } from './step.ts';

/** What to do about each fault; of what CXone refused, its own words tell. */
const ADVICE: Readonly<Record<Exclude<UpstreamFault, 'refused'>, string>> = {
  unavailable: 'Try again in a moment.',
  timeout: 'Try again in a moment.',
  badResponse: 'If that stays so, ask CXone’s support, with the request id.',
  auth: 'The operator should check CXONE_CLIENT_ID and CXONE_CLIENT_SECRET.',
};

/** The error for an outcome that is the last word on a call. */
export function toError(exchange: Exchange, outcome: Outcome): GatewayError {
  const call = `${exchange.method} ${exchange.route}`;
  if (outcome.kind === 'failure') {
    const { fault, status, upstreamRequestId, reason, cause } = outcome;
    return new UpstreamError(
      `CXone: ${call} failed: ${reason}. ${ADVICE[fault]}`,
      { fault, status, upstreamRequestId },
      { cause },
    );
  }
  const { status, upstreamRequestId } = outcome;
  if (status === 429) {
    const again =
      outcome.retryAfterMs === undefined ? 'a little later' : `in ${Math.ceil(outcome.retryAfterMs / 1000)} s`;
    return new RateLimitedError(`CXone: ${call} is over the rate limit. Try again ${again}.`, outcome.retryAfterMs);
  }
  if (status === 401) {
    return new UpstreamError(`CXone: ${call} was answered 401 with a new token too. ${ADVICE.auth}`, {
      fault: 'auth',
      status,
      upstreamRequestId,
    });
  }
  if (status >= 500) {
    return new UpstreamError(`CXone: ${call} was answered ${status}. ${ADVICE.unavailable}`, {
      fault: 'unavailable',
      status,
      upstreamRequestId,
    });
  }
  if (status < 400) {
    return new UpstreamError(
      `CXone: ${call} was answered ${status}: redirects are not followed. ${ADVICE.badResponse}`,
      {
        fault: 'badResponse',
        status,
        upstreamRequestId,
      },
    );
  }
  return refusal(call, outcome);
}

function refusal(call: string, { status, body, upstreamRequestId }: AnswerOutcome): UpstreamError {
  const { code, message, issues, missingScope } = readErrorBody(body, status);
  const scope = missingScope ? `: the scope ${missingScope} is missing, add it to the client in CXone` : '';
  const said = message ? ` ${message}` : '';
  return new UpstreamError(`CXone refused ${call} with ${status}${code ? ` (${code})` : ''}${scope}.${said}`, {
    fault: 'refused',
    status,
    upstreamRequestId,
    upstreamCode: code,
    upstreamMessage: message,
    issues,
    retryable: false,
  });
}

/**
 * Whether the call may have taken effect although this outcome is no success. Only a write can; a clear refusal
 * (4xx, 429, a redirect but 303) says that it did not.
 */
export function mayHaveBeenApplied(exchange: Exchange, outcome: Outcome): boolean {
  if (!isWrite(exchange)) return false;
  if (outcome.kind === 'failure') return outcome.reached === 'upstream';
  return outcome.status >= 500 || outcome.status === 303;
}

/** The write may have taken effect, and nothing that came after told. `cause` is what ended it. */
export function unknownOutcome(exchange: Exchange, cause: unknown, upstreamRequestId?: string): OutcomeUnknownError {
  const why = cause instanceof Error && cause.name !== 'AbortError' ? ` ${cause.message}` : '';
  return new OutcomeUnknownError(
    `${exchange.method} ${exchange.route} was sent to CXone, and whether it took effect is not known.${why} Look before sending it again.`,
    upstreamRequestId,
    { cause },
  );
}
