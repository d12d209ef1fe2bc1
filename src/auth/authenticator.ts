/** From an `Authorization` header to who it is: API keys and tokens, guessing limited, refusals audited. */
import type { Clock } from '../clock.ts';
import { RateLimitedError } from '../errors.ts';
import type { ThrottledAudit } from '../store/throttled-audit.ts';
import type { ApiKeys } from './api-keys.ts';
import { createAttempts } from './attempts.ts';
import { CredentialsRefusedError, type Identity, type RefusalReason } from './identity.ts';
import type { TokenVerifier } from './token-verifier.ts';

export interface Credentials {
  /** The `Authorization` header, or what stands for it in a WebSocket's connection parameters. */
  readonly authorization: string | undefined;
  readonly remoteAddress: string;
  readonly requestId: string;
}

/** Longer ones are nobody's: Node takes no longer header, but a WebSocket message may be long. */
const MAX_AUTHORIZATION_LENGTH = 16_384;

/**
 * Tells who credentials belong to; without any, `anonymous`.
 * @returns a function that throws CredentialsRefusedError; RateLimitedError after ten refusals within a minute from one
 *   address; GatewayError UNAVAILABLE where a token cannot be checked right now
 */
export function createAuthenticator(deps: {
  apiKeys: ApiKeys;
  /** Undefined where tokens are not accepted. */
  tokens: TokenVerifier | undefined;
  /** Who comes without credentials; null: nobody, who may do nothing. */
  anonymous: Identity | null;
  audit: ThrottledAudit;
  /** Told of every refusal: its reason, or `rateLimited`. */
  onRefused: (reason: RefusalReason | 'rateLimited') => void;
  clock: Clock;
}): (credentials: Credentials) => Promise<Identity | null> {
  const { apiKeys, tokens, anonymous, audit, onRefused, clock } = deps;
  const attempts = createAttempts({ clock });

  async function identify(authorization: string, remoteAddress: string, isLimited: boolean): Promise<Identity> {
    const credential = readBearer(authorization);
    const key = apiKeys.find(credential);
    if (key) {
      // A guess that hits must not count once there were too many, or guessing would go on. But others behind the same
      // address must not be shut out by one that guesses: a key that was used from there before is none.
      if (isLimited && !attempts.hasUsed(remoteAddress, key.name)) throw unknownKey();
      attempts.noteKey(remoteAddress, key.name);
      return key;
    }
    // Nobody guesses a signature: right tokens always count.
    if (tokens && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(credential)) return tokens.verify(credential);
    throw unknownKey();
  }

  async function noteRefusal(
    { reason, code }: CredentialsRefusedError,
    { remoteAddress, requestId }: Credentials,
  ): Promise<void> {
    if (code === 'UNAUTHENTICATED') attempts.noteFailure(remoteAddress);
    await audit.append({
      actor: 'unknown',
      action: 'auth.failed',
      subject: remoteAddress,
      outcome: 'REJECTED',
      requestId,
      detail: { reason },
    });
  }

  return async (credentials) => {
    const { authorization, remoteAddress } = credentials;
    if (authorization === undefined || authorization === '') return anonymous;
    const waitMs = attempts.waitMs(remoteAddress);
    try {
      return await identify(authorization, remoteAddress, waitMs > 0);
    } catch (error) {
      if (!(error instanceof CredentialsRefusedError)) throw error;
      onRefused(waitMs > 0 ? 'rateLimited' : error.reason);
      if (waitMs > 0) throw tooManyWrong(waitMs);
      await noteRefusal(error, credentials);
      throw error;
    }
  };
}

function tooManyWrong(waitMs: number): RateLimitedError {
  const again = `Try again in ${Math.ceil(waitMs / 1000)} s.`;
  return new RateLimitedError(`Too many wrong credentials came from this address. ${again}`, waitMs);
}

function readBearer(authorization: string): string {
  const [, credential] = /^Bearer +([^\s,]+) *$/i.exec(authorization.slice(0, MAX_AUTHORIZATION_LENGTH + 1)) ?? [];
  if (credential === undefined || authorization.length > MAX_AUTHORIZATION_LENGTH)
    throw new CredentialsRefusedError('notBearer', 'Expected "Authorization: Bearer <API key or token>".');
  return credential;
}

function unknownKey(): CredentialsRefusedError {
  return new CredentialsRefusedError(
    'unknownKey',
    'The API key or token is not valid. Check it, or ask the gateway’s operator for another.',
  );
}
