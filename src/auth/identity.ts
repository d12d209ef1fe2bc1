/** Who somebody turned out to be, and why credentials were refused. */
import { GatewayError } from '../errors.ts';

/** Each role may do what the ones before it may (interface.md, "Environment"). */
export type Role = 'reader' | 'writer' | 'admin';

export interface Identity {
  /** The name of the API key, or the token's subject. */
  readonly name: string;
  readonly role: Role;
  /** When the credentials end, in epoch milliseconds. Without it: never. */
  readonly expiresAt?: number | undefined;
}

/** Stable words, for the audit. */
export type RefusalReason =
  | 'unknownKey'
  | 'notBearer'
  | 'malformedToken'
  | 'badSignature'
  | 'unknownSigningKey'
  | 'expired'
  | 'notYetValid'
  | 'wrongIssuer'
  | 'wrongAudience'
  | 'noSubject'
  | 'noScope';

/** UNAUTHENTICATED: the credentials are not valid. FORBIDDEN: they are, and allow nothing here. */
export class CredentialsRefusedError extends GatewayError {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, message: string) {
    super(reason === 'noScope' ? 'FORBIDDEN' : 'UNAUTHENTICATED', message);
    this.reason = reason;
  }
}
