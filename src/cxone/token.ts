/**
 * The access token: one for all calls, fetched once however many wait, renewed before it ends (cxone-api.md,
 * section 1). Errors name the endpoint and the status, never a secret.
 */
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { backoffMs } from './backoff.ts';
import type { UpstreamTally } from './call-context.ts';
import { endSignal } from './deadline.ts';
import type { TokenStyle } from './hosts.ts';
import type { Http } from './http.ts';
import { SCOPES } from './limits.ts';
import { readAnswer } from './read-answer.ts';
import type { Exchange, FailureOutcome, Outcome, Token } from './step.ts';

export interface Credentials {
  clientId: string;
  clientSecret: string;
  style: TokenStyle;
}

/** Life that is believed, milliseconds (faults.md, "token expires_in"). */
const SHORTEST_LIFE_MS = 30_000;
const LONGEST_LIFE_MS = 24 * 3_600_000;
/** Renewed so long before its end, milliseconds (cxone-api.md, section 1). */
const RENEWAL_MARGIN_MS = 60_000;
/** Tries of one renewal, for 429, 5xx and no answer; only one where the renewal before it failed, too. */
const MAX_TRIES = 4;
/** First backoff between them, milliseconds. */
const RETRY_BASE_MS = 200;
/**
 * After a refusal or the last try, the token endpoint is left alone for this long, milliseconds; twice as long after each
 * further one. Up to half of it is added at random, so that many gateways that start while it is down do not ask in step.
 */
const QUIET_MS = 1_000;
const LONGEST_QUIET_MS = 8_000;
/** A token that replaced a refused one and is refused itself is not replaced sooner, milliseconds. */
const REFUSED_AGAIN_MS = 5_000;

const tokenAnswer = z.object({
  // What goes into a header: RFC 6750's characters, and of a bounded length.
  access_token: z.string().regex(/^[\x21-\x7e]{1,16384}$/),
  expires_in: z.unknown().optional(),
});

export interface Tokens {
  /** The token for this try, at once or when it is there, or that there was none in time. */
  take(exchange: Exchange): Token | FailureOutcome | Promise<Token | FailureOutcome>;
  /** To be told what a call that was sent with a token was answered. */
  note(token: Token, status: number): void;
}

/** @param deps.timeoutMs the longest one request for a token may take */
export function createTokens(deps: {
  http: Http;
  credentials: Credentials;
  timeoutMs: number;
  clock: Clock;
  random: () => number;
}): Tokens {
  const { clock, random } = deps;
  let failedRenewals = 0;
  let current: Token | undefined;
  let renewal: Promise<Token | FailureOutcome> | undefined;
  let lastWasRefused = false;
  /** The last renewal failed: until then, whoever needs a token gets the same failure. */
  let quiet: { until: number; failure: FailureOutcome } | undefined;

  function renew(tally: UpstreamTally): Promise<Token | FailureOutcome> {
    renewal ??= fetchToken(deps, tally, failedRenewals === 0 ? MAX_TRIES : 1)
      .then((result) => {
        if ('value' in result) {
          failedRenewals = 0;
          current = { ...result, doubtful: lastWasRefused };
          return current;
        }
        const ownMs = Math.min(QUIET_MS * 2 ** failedRenewals, LONGEST_QUIET_MS) * (1 + random() / 2);
        failedRenewals++;
        quiet = { until: clock.monotonic() + (result.quietMs ?? ownMs), failure: result.failure };
        return result.failure;
      })
      .finally(() => {
        renewal = undefined;
      });
    return renewal;
  }

  function take(exchange: Exchange): Token | FailureOutcome | Promise<Token | FailureOutcome> {
    const now = clock.monotonic();
    if (current && now < current.renewAt) return current;
    const mayAsk = !quiet || now >= quiet.until;
    if (current && now < current.endsAt) {
      if (mayAsk) void renew(exchange.tally);
      return current;
    }
    if (!mayAsk && quiet) return quiet.failure;
    return orGivenUp(renew(exchange.tally), exchange, clock);
  }

  /** What an answer's status says about the token that was sent. */
  function note(token: Token, status: number): void {
    if (status !== 401) {
      token.doubtful = false;
      lastWasRefused = false;
      return;
    }
    // Of 50 calls that find the same token revoked, the first drops it and all wait for the one renewal. The retry
    // step sends each of them again, once, in its turn at the limiter.
    const mayDrop = !token.doubtful || clock.monotonic() - token.fetchedAt >= REFUSED_AGAIN_MS;
    if (current === token && mayDrop) {
      current = undefined;
      lastWasRefused = true;
    }
  }

  return { take, note };
}

/** The token, or that there was none in time. */
async function orGivenUp<T>(work: Promise<T>, exchange: Exchange, clock: Clock): Promise<T | FailureOutcome> {
  const { tryEndsAt = Number.POSITIVE_INFINITY } = exchange;
  const over = new AbortController();
  const givenUp = endSignal(exchange);
  const limit = AbortSignal.any([over.signal, ...(givenUp ? [givenUp] : [])]);
  const timeUp = clock.sleep(Math.ceil(tryEndsAt - clock.monotonic()), limit).then(
    () => true,
    () => false,
  );
  const noToken = async () => ({ ...tokenFailure('timeout', 'there was no token in time'), timedOut: await timeUp });
  try {
    return await Promise.race([work, noToken()]);
  } finally {
    over.abort(null);
  }
}

interface TokenFailure {
  failure: FailureOutcome;
  /** How long the endpoint told us to stay away. */
  quietMs?: number | undefined;
}

async function fetchToken(
  { http, credentials, timeoutMs, clock, random }: Parameters<typeof createTokens>[0],
  tally: UpstreamTally,
  maxTries: number,
): Promise<Token | TokenFailure> {
  const request = tokenRequest(credentials);
  for (let tryNumber = 1; ; tryNumber++) {
    tally.calls++;
    const askedAt = clock.monotonic();
    const tryEndsAt = askedAt + timeoutMs;
    const answer = await http.exchange({ method: 'POST', ...request, signal: undefined, tryEndsAt });
    const outcome = answer.kind === 'answer' ? readAnswer(answer, undefined, clock) : answer;
    if (outcome.kind === 'answer' && outcome.status >= 200 && outcome.status < 300) {
      const parsed = tokenAnswer.safeParse(outcome.body);
      if (parsed.success) return shapeToken(parsed.data, askedAt);
    }
    const told = outcome.kind === 'answer' ? outcome.retryAfterMs : undefined;
    const delayMs = told ?? backoffMs('addressBooks', tryNumber, RETRY_BASE_MS, random);
    if (!mayPass(outcome) || tryNumber === maxTries || delayMs > timeoutMs) {
      return { failure: describe(request.target, outcome), quietMs: told };
    }
    await clock.sleep(delayMs);
  }
}

/** Whether asking again may help. */
function mayPass(outcome: Outcome): boolean {
  if (outcome.kind === 'failure') return !outcome.lasting;
  return outcome.status === 429 || outcome.status >= 500;
}

function describe(target: string, outcome: Outcome): FailureOutcome {
  const endpoint = `the token endpoint POST ${target}`;
  if (outcome.kind === 'failure') return tokenFailure(outcome.fault, `${endpoint}: ${outcome.reason}`, outcome.status);
  const { status } = outcome;
  if (mayPass(outcome)) return tokenFailure('unavailable', `${endpoint} answered ${status}`, status);
  if (status < 300) return tokenFailure('badResponse', `${endpoint} answered ${status} without a usable token`, status);
  return tokenFailure('auth', `${endpoint} answered ${status}${oauthError(outcome.body)}`, status);
}

/** OAuth's own error words, such as `invalid_client`; no text. */
function oauthError(body: unknown): string {
  const parsed = z.object({ error: z.string().regex(/^[a-z_]{1,40}$/) }).safeParse(body);
  return parsed.success ? ` (${parsed.data.error})` : '';
}

function tokenFailure(fault: FailureOutcome['fault'], reason: string, status?: number): FailureOutcome {
  return { kind: 'failure', fault, reached: 'token', reason, status, latencyMs: 0 };
}

function shapeToken({ access_token, expires_in }: z.infer<typeof tokenAnswer>, askedAt: number): Token {
  const seconds = typeof expires_in === 'string' && /^\d{1,15}$/.test(expires_in) ? Number(expires_in) : expires_in;
  const known = typeof seconds === 'number' && seconds > 0;
  const lifeMs = known ? Math.min(Math.max(seconds * 1000, SHORTEST_LIFE_MS), LONGEST_LIFE_MS) : SHORTEST_LIFE_MS;
  // Half its life where that is later than the margin leaves; nothing known of its life: 30 s, and not more often.
  const usableMs = known ? Math.max(lifeMs - RENEWAL_MARGIN_MS, lifeMs / 2) : lifeMs;
  return {
    value: access_token,
    fetchedAt: askedAt,
    renewAt: askedAt + usableMs,
    endsAt: askedAt + lifeMs,
    doubtful: false,
  };
}

/** The three forms of cxone-api.md, section 1. */
function tokenRequest({ clientId, clientSecret, style }: Credentials) {
  const form = 'application/x-www-form-urlencoded';
  const common = { accept: 'application/json', 'accept-encoding': 'identity' };
  const grant = { grant_type: 'client_credentials' };
  const secret = { client_id: clientId, client_secret: clientSecret };
  switch (style) {
    case 'form':
      return {
        target: '/oauth2/token',
        headers: { ...common, 'content-type': form },
        body: new URLSearchParams({ ...grant, ...secret, scope: SCOPES.join(' ') }).toString(),
      };
    case 'basic':
      return {
        target: '/api/v2/oauth/token',
        headers: {
          ...common,
          'content-type': form,
          authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
        },
        body: new URLSearchParams(grant).toString(),
      };
    case 'json':
      return {
        target: '/api/v2/oauth2/token',
        headers: { ...common, 'content-type': 'application/json' },
        body: JSON.stringify({ ...grant, ...secret }),
      };
  }
}
