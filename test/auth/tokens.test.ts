import { createHmac } from 'node:crypto';
import type { JWTPayload } from 'jose';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTokenVerifier, type TokenVerifier } from '../../src/auth/token-verifier.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { AUDIENCE, ISSUER, type Issuer, startIssuer } from './issuer.ts';

let clock: FakeClock;
let issuer: Issuer;
let verifier: TokenVerifier;

beforeEach(async () => {
  clock = createFakeClock();
  issuer = await startIssuer(clock.now);
  verifier = createTokenVerifier({ issuer: { jwksUrl: issuer.jwksUrl, issuer: ISSUER, audience: AUDIENCE }, clock });
});
afterEach(() => issuer[Symbol.asyncDispose]());

const nowSeconds = () => clock.now() / 1000;
const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('whose a token is', () => {
  test('its subject, with the role of its highest scope and its own end', async () => {
    const exp = nowSeconds() + 60;
    const token = await issuer.token({ sub: 'grace', scope: 'openid cxone:read cxone:write', exp });
    expect(await verifier.verify(token)).toEqual({ name: 'grace', role: 'writer', expiresAt: exp * 1000 });
  });

  test.each([
    [{ scope: 'cxone:read' }, 'reader'],
    [{ scope: 'cxone:write' }, 'writer'],
    [{ scope: 'cxone:admin cxone:read' }, 'admin'],
    [{ scope: undefined, scp: 'cxone:write openid' }, 'writer'],
    [{ scope: undefined, scp: ['cxone:read', 'cxone:admin'] }, 'admin'],
  ])('scopes %j make a %s', async (claims, role) => {
    expect(await verifier.verify(await issuer.token(claims))).toMatchObject({ role });
  });

  test.each([
    [{ scope: 'openid' }],
    [{ scope: undefined }],
    [{ scope: 'xcxone:read cxone:readonly' }],
    [{ scp: [7], scope: '' }],
  ])('scopes %j allow nothing: FORBIDDEN', async (claims) => {
    await expect(verifier.verify(await issuer.token(claims))).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  test('a subject is fit for an audit entry: bounded, without control or direction characters', async () => {
    const { name } = await verifier.verify(await issuer.token({ sub: `a\u001b[31m\r\n\u202eb${'x'.repeat(500)}` }));
    expect(name).toMatch(/^a\[31mbx+$/);
    expect(name).toHaveLength(128);
  });

  test('many audiences, ours among them', async () => {
    expect(await verifier.verify(await issuer.token({ aud: ['other', AUDIENCE] }))).toMatchObject({ name: 'ada' });
  });
});

describe('refused as UNAUTHENTICATED', () => {
  test.each([
    ['another issuer', { iss: 'https://evil.example.com/' }, 'wrongIssuer'],
    ['another audience', { aud: 'other' }, 'wrongAudience'],
    ['no audience', { aud: undefined }, 'wrongAudience'],
    ['no subject', { sub: undefined }, 'noSubject'],
    ['a subject of nothing that can be shown', { sub: '\u0000' }, 'noSubject'],
    ['no end', { exp: undefined }, 'malformedToken'],
  ])('%s', async (_name, claims, reason) => {
    // undefined leaves a claim out, which the type does not allow for.
    await expect(verifier.verify(await issuer.token(claims as JWTPayload))).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      reason,
    });
  });

  test('one that has ended, but for five seconds by which clocks may differ', async () => {
    const token = await issuer.token({ exp: nowSeconds() + 60 });
    await clock.advance(64_000);
    expect(await verifier.verify(token)).toMatchObject({ name: 'ada' });
    await clock.advance(1_000);
    await expect(verifier.verify(token)).rejects.toMatchObject({
      reason: 'expired',
      message: 'The token has expired. Get a new one.',
    });
  });

  test('one that is not valid yet', async () => {
    const token = await issuer.token({ nbf: nowSeconds() + 60 });
    await expect(verifier.verify(token)).rejects.toMatchObject({ reason: 'notYetValid' });
  });

  test('one whose claims were changed', async () => {
    const [head, , signature] = (await issuer.token()).split('.');
    const claims = base64url({ iss: ISSUER, aud: AUDIENCE, sub: 'ada', scope: 'cxone:admin', exp: nowSeconds() + 60 });
    await expect(verifier.verify(`${head}.${claims}.${signature}`)).rejects.toMatchObject({ reason: 'badSignature' });
  });

  test('one without a signature, and one signed with the public key as a secret', async () => {
    const claims = base64url({ iss: ISSUER, aud: AUDIENCE, sub: 'ada', scope: 'cxone:admin', exp: nowSeconds() + 60 });
    await expect(verifier.verify(`${base64url({ alg: 'none' })}.${claims}.`)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    const head = base64url({ alg: 'HS256', kid: 'key-1' });
    const forged = createHmac('sha256', JSON.stringify(issuer.publicKey()))
      .update(`${head}.${claims}`)
      .digest('base64url');
    await expect(verifier.verify(`${head}.${claims}.${forged}`)).rejects.toMatchObject({ reason: 'malformedToken' });
  });

  test.each(['a.b.c', '..', 'eyJhbGciOiJFUzI1NiJ9.e30.AAAA'])('%j', async (token) => {
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});

describe('keys', () => {
  test('are fetched once for many tokens', async () => {
    const token = await issuer.token();
    await Promise.all(Array.from({ length: 20 }, () => verifier.verify(token)));
    expect(issuer.fetches()).toBe(1);
  });

  test('a new key is trusted at once, a withdrawn one no longer', async () => {
    const old = await issuer.token();
    await verifier.verify(old);
    await issuer.rotate({ withdraw: true });
    expect(await verifier.verify(await issuer.token())).toMatchObject({ name: 'ada' });
    await expect(verifier.verify(old)).rejects.toMatchObject({ reason: 'unknownSigningKey' });
  });

  test('a flood of tokens that name unknown keys causes few fetches', async () => {
    const token = await issuer.token({}, { kid: 'unheard-of' });
    for (let i = 0; i < 50; i += 1) {
      await expect(verifier.verify(token)).rejects.toMatchObject({ reason: 'unknownSigningKey' });
    }
    expect(issuer.fetches()).toBe(1 + 6);
    await clock.advance(60_000);
    await expect(verifier.verify(token)).rejects.toMatchObject({ reason: 'unknownSigningKey' });
    expect(issuer.fetches()).toBe(1 + 7);
  });

  test('a token that names no key is checked with each', async () => {
    await issuer.rotate({ kid: undefined });
    const token = await issuer.token();
    await issuer.rotate({ kid: undefined });
    expect(await verifier.verify(token)).toMatchObject({ name: 'ada' });
    await issuer.rotate({ withdraw: true, kid: undefined });
  });

  test('that cannot be had are our trouble, not the caller’s: UNAVAILABLE, and good again once they can', async () => {
    issuer.answerWith(503);
    const token = await issuer.token();
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    issuer.answerWith(undefined);
    expect(await verifier.verify(token)).toMatchObject({ name: 'ada' });
  });

  test('once had, they serve on while their source is down', async () => {
    const token = await issuer.token();
    await verifier.verify(token);
    issuer.answerWith(503);
    expect(await verifier.verify(token)).toMatchObject({ name: 'ada' });
  });
});
