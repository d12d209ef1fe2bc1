/**
 * JSON Web Tokens, checked against the keys that their issuer publishes (JWKS). Only asymmetric signatures count: a
 * token "signed" with a public key as a shared secret, or with none, is refused.
 */
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import type { Clock } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import { CredentialsRefusedError, type Identity, type RefusalReason, type Role } from './identity.ts';

export interface TokenIssuer {
  readonly jwksUrl: string;
  /** `iss` must be this. */
  readonly issuer: string;
  /** `aud` must be this, or contain it. */
  readonly audience: string;
}

export interface TokenVerifier {
  /**
   * Whose token it is.
   * @throws CredentialsRefusedError; GatewayError UNAVAILABLE where the issuer's keys could not be had
   */
  verify(token: string): Promise<Identity>;
}

const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

/** Seconds by which the issuer's clock and ours may differ. */
const CLOCK_TOLERANCE_SECONDS = 5;
const JWKS_TIMEOUT_MS = 5000;
/** Keys are fetched again at least this often, so that one that was withdrawn is not trusted for longer. */
const JWKS_MAX_AGE_MS = 600_000;
/** Extra fetches within a minute for tokens that name an unknown key: a rotation is noticed at once, a flood costs little. */
const REFETCHES_PER_MINUTE = 6;

/** Keys tried for a token that names none. An issuer has two or three. */
const MAX_KEYS_TRIED = 8;

/** A name stands in every audit entry: long enough for `auth0|…` and URLs. */
const MAX_NAME_LENGTH = 128;

const ROLE_OF_SCOPE: readonly (readonly [string, Role])[] = [
  ['cxone:admin', 'admin'],
  ['cxone:write', 'writer'],
  ['cxone:read', 'reader'],
];

export function createTokenVerifier(deps: { issuer: TokenIssuer; clock: Clock }): TokenVerifier {
  const { clock } = deps;
  const { jwksUrl, issuer, audience } = deps.issuer;
  const keySet = createRemoteJWKSet(new URL(jwksUrl), {
    timeoutDuration: JWKS_TIMEOUT_MS,
    cacheMaxAge: JWKS_MAX_AGE_MS,
    // When an unknown key causes a fetch is decided below.
    cooldownDuration: Number.POSITIVE_INFINITY,
  });
  let refetchedAt: number[] = [];

  async function refetchOnce(): Promise<boolean> {
    const now = clock.monotonic();
    refetchedAt = refetchedAt.filter((at) => now - at < 60_000);
    if (!keySet.reloading) {
      if (refetchedAt.length >= REFETCHES_PER_MINUTE) return false;
      refetchedAt.push(now);
    }
    await keySet.reload();
    return true;
  }

  async function check(token: string): Promise<JWTPayload> {
    const options: JWTVerifyOptions = {
      issuer,
      audience,
      algorithms: ALGORITHMS,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(clock.now()),
      // Without an end it would be good for ever; without a subject nobody would have done it.
      requiredClaims: ['exp', 'sub'],
    };
    try {
      return (await jwtVerify(token, keySet, options)).payload;
    } catch (error) {
      if (error instanceof errors.JWKSMultipleMatchingKeys) return verifyWithAny(token, error, options);
      if (error instanceof errors.JWKSNoMatchingKey && (await refetchOnce()))
        return (await jwtVerify(token, keySet, options)).payload;
      throw error;
    }
  }

  return {
    async verify(token) {
      let claims: JWTPayload;
      try {
        claims = await check(token);
      } catch (error) {
        const reason = reasonOf(error);
        if (reason)
          throw new CredentialsRefusedError(
            reason,
            MESSAGES[reason] ?? 'The token is not valid. Get one from the issuer that this gateway trusts.',
          );
        throw new GatewayError(
          'UNAVAILABLE',
          'The keys to check tokens with cannot be fetched right now. Try again in a moment.',
          {
            cause: error,
          },
        );
      }
      const name = cleanName(claims.sub);
      if (name === '')
        throw new CredentialsRefusedError(
          'noSubject',
          'The token names no subject (sub). Get one that says who it is for.',
        );
      const role = roleOf(claims);
      if (!role)
        throw new CredentialsRefusedError(
          'noScope',
          'The token has none of the scopes cxone:read, cxone:write, cxone:admin. Get one that has.',
        );
      return { name, role, ...(claims.exp !== undefined && { expiresAt: claims.exp * 1000 }) };
    },
  };
}

/** For a token that does not say which of several keys signed it. */
async function verifyWithAny(
  token: string,
  keys: errors.JWKSMultipleMatchingKeys,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  let tried = 0;
  for await (const key of keys) {
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (error) {
      tried += 1;
      if (!(error instanceof errors.JWSSignatureVerificationFailed) || tried >= MAX_KEYS_TRIED) throw error;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

const MESSAGES: Partial<Record<RefusalReason, string>> = {
  expired: 'The token has expired. Get a new one.',
  notYetValid: 'The token is not valid yet. Try again in a moment, or check the issuer’s clock.',
};

/** Undefined where it is not the token's fault. */
function reasonOf(error: unknown): RefusalReason | undefined {
  if (error instanceof errors.JWTExpired) return 'expired';
  if (error instanceof errors.JWTClaimValidationFailed) return reasonOfClaim(error.claim);
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'badSignature';
  if (error instanceof errors.JWKSNoMatchingKey) return 'unknownSigningKey';
  const isMalformed =
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JOSEAlgNotAllowed ||
    error instanceof errors.JOSENotSupported;
  return isMalformed ? 'malformedToken' : undefined;
}

function reasonOfClaim(claim: string): RefusalReason {
  if (claim === 'iss') return 'wrongIssuer';
  if (claim === 'aud') return 'wrongAudience';
  if (claim === 'nbf') return 'notYetValid';
  if (claim === 'sub') return 'noSubject';
  return 'malformedToken';
}

/** The highest role that the scopes give: `scope` is one text (RFC 8693), `scp` a text or a list (Entra, Okta). */
function roleOf({ scope, scp }: JWTPayload): Role | undefined {
  const scopes = [scope, scp].flatMap((value) => {
    if (typeof value === 'string') return value.split(' ');
    return Array.isArray(value) ? value : [];
  });
  return ROLE_OF_SCOPE.find(([name]) => scopes.includes(name))?.[1];
}

/** The subject as it may stand in an audit entry and on a screen: no control or direction characters, not endless. */
function cleanName(subject: string | undefined): string {
  return typeof subject === 'string'
    ? subject
        .toWellFormed()
        .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '')
        .slice(0, MAX_NAME_LENGTH)
        .toWellFormed()
        .trim()
    : '';
}
