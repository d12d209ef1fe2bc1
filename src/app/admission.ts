/** Who may come in, and which operations: what the configuration says of both, as the server asks it. */
import { readFile } from 'node:fs/promises';
import { createApiKeys } from '../auth/api-keys.ts';
import { createAuthenticator } from '../auth/authenticator.ts';
import { createTokenVerifier } from '../auth/token-verifier.ts';
import { ownOperations } from '../client/own-operations.ts';
import { type Config, ConfigError } from '../config.ts';
import { ANONYMOUS_ADMIN, type Authenticate, openToEveryone } from '../server/authenticate.ts';
import { createTrustedDocuments, parseManifest, type TrustedDocuments } from '../server/trusted-documents.ts';
import { createThrottledAudit } from '../store/throttled-audit.ts';
import type { Ground } from './ground.ts';
import type { Storage } from './storage.ts';

/** @throws ConfigError for a file that cannot be read or is no manifest */
export async function trustedDocuments({ persistedOperations }: Config): Promise<TrustedDocuments> {
  // The dashboard and the command line are never strangers.
  if (!persistedOperations) return createTrustedDocuments(ownOperations(), { only: false });
  const { file, only } = persistedOperations;
  try {
    const documents = { ...ownOperations(), ...parseManifest(await readFile(file, 'utf8')) };
    return createTrustedDocuments(documents, { only });
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'it is unreadable';
    throw new ConfigError([`GATEWAY_PERSISTED_OPERATIONS: the file cannot be used (${reason})`]);
  }
}

/** Where there are neither keys nor tokens, there is nothing to hold credentials against: they are not looked at. */
export function createAuthentication({ config, clock, log, metrics }: Ground, { audit }: Storage): Authenticate {
  if (config.apiKeys.length === 0 && !config.jwt) return openToEveryone();
  return createAuthenticator({
    apiKeys: createApiKeys(config.apiKeys),
    tokens: config.jwt ? createTokenVerifier({ issuer: config.jwt, clock }) : undefined,
    anonymous: config.openToEveryone ? ANONYMOUS_ADMIN : null,
    audit: createThrottledAudit({ audit, clock, log }),
    onRefused: metrics.authRefused,
    clock,
  });
}
