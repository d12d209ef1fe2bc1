/** An issuer of tokens with a JWKS on loopback, which can rotate its keys and break. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

export const ISSUER = 'https://issuer.example.com/';
export const AUDIENCE = 'cxone-gateway';

export interface Issuer extends AsyncDisposable {
  readonly jwksUrl: string;
  /** How often the keys were asked for. */
  fetches(): number;
  /** From now on tokens are signed with a new key; the old one stays published unless `withdraw`. */
  rotate(options?: { withdraw?: boolean; kid?: string | undefined }): Promise<void>;
  /** Answers with this status instead of keys; undefined: with keys again. */
  answerWith(status: number | undefined): void;
  /** A token of the subject `ada`, good for an hour by the wall clock; `undefined` leaves a claim out. */
  token(claims?: JWTPayload, header?: { kid?: string | undefined; typ?: string }): Promise<string>;
  /** The newest public key, as published. */
  publicKey(): object;
}

export async function startIssuer(now: () => number = Date.now): Promise<Issuer> {
  let published: object[] = [];
  let current: { privateKey: CryptoKey; kid: string | undefined };
  let keyCount = 0;
  let fetches = 0;
  let failingStatus: number | undefined;

  const rotate: Issuer['rotate'] = async ({ withdraw = false, ...named } = {}) => {
    keyCount += 1;
    const kid = 'kid' in named ? named.kid : `key-${keyCount}`;
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const jwk = { ...(await exportJWK(publicKey)), alg: 'ES256', use: 'sig', ...(kid !== undefined && { kid }) };
    published = withdraw ? [jwk] : [...published, jwk];
    current = { privateKey, kid };
  };
  await rotate();

  const server = createServer((_request, response) => {
    fetches += 1;
    response.writeHead(failingStatus ?? 200, { 'content-type': 'application/json' });
    response.end(failingStatus === undefined ? JSON.stringify({ keys: published }) : '{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // It listens on TCP.

  return {
    jwksUrl: `http://127.0.0.1:${port}/jwks.json`,
    fetches: () => fetches,
    rotate,
    answerWith(status) {
      failingStatus = status;
    },
    token(claims = {}, header = {}) {
      const seconds = Math.floor(now() / 1000);
      const payload = { iss: ISSUER, aud: AUDIENCE, sub: 'ada', scope: 'cxone:read', exp: seconds + 3600, ...claims };
      const kid = 'kid' in header ? header.kid : current.kid;
      return new SignJWT(payload)
        .setProtectedHeader({ alg: 'ES256', ...header, ...(kid !== undefined && { kid }) } as { alg: string })
        .sign(current.privateKey);
    },
    publicKey: () => published.at(-1) ?? {},
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
