/** faults.md, "Upstream faults": tokens that are refused, revoked, late or of strange lives. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { finished, outboundRow, startImport } from '../support/imports.ts';
import { ask, READS, type Read } from './reads.ts';
import { UNLIMITED } from './unlimited.ts';

const CONTACT = READS.find(({ name }) => name === 'contact') as Read; // It is there: reads.ts.
const TOKEN = { method: 'POST', path: '/oauth2/token' };

let gateway: TestGateway;
let clock: FakeClock | undefined;
beforeEach(async () => {
  gateway = await startGateway(UNLIMITED);
});
afterEach(async () => {
  await gateway[Symbol.asyncDispose]();
  clock = undefined;
});

const tokens = () => gateway.sandbox.control.requests().tokens.form;
const contactRequests = () =>
  gateway.sandbox.control.requests().routes['GET /api/v2/addressbooks/{bookId}/contacts/{contactId}']?.requests ?? 0;

test('a 401 once: one new token, and the value', async () => {
  await ask(gateway, CONTACT, 1);
  gateway.sandbox.control.resetRequests();
  gateway.sandbox.control.fail({ method: 'GET', path: CONTACT.path, status: 401, times: 1 });
  expect(await ask(gateway, CONTACT, 2)).toMatchObject({ code: 'OK' });
  expect(tokens()).toBe(1);
  expect(contactRequests()).toBe(2);
});

test('a 401 for ever: two new tokens and three requests at most, and an error that says what it is', async () => {
  gateway.sandbox.control.fail({ method: 'GET', path: CONTACT.path, status: 401 });
  const answer = await gateway.graphql(CONTACT.query(1));
  expect(answer.errors?.[0]?.extensions).toMatchObject({ code: 'UPSTREAM_ERROR', fault: 'auth', retryable: false });
  expect(tokens()).toBeLessThanOrEqual(2);
  expect(contactRequests()).toBeLessThanOrEqual(3);
});

test('a token that is revoked under 50 reads: two new ones at most, and all 50 are served', async () => {
  await ask(gateway, CONTACT, 60);
  gateway.sandbox.control.revokeTokens();
  gateway.sandbox.control.resetRequests();
  const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => ask(gateway, CONTACT, index)));
  expect(answers.filter(({ code }) => code === 'OK')).toHaveLength(50);
  expect(tokens()).toBeLessThanOrEqual(2);
});

test('a token endpoint that answers 503 twice costs nobody an error', async () => {
  gateway.sandbox.control.fail({ ...TOKEN, status: 503, times: 2 });
  const answers = await Promise.all(Array.from({ length: 5 }, (_, index) => ask(gateway, CONTACT, index)));
  expect(answers.every(({ code }) => code === 'OK')).toBe(true);
});

test('a token endpoint that refuses is an UPSTREAM_ERROR without a secret in it', async () => {
  gateway.sandbox.control.fail({ ...TOKEN, status: 401, json: { error: 'invalid_client', secret: 'sandbox-secret' } });
  const { text } = await ask(gateway, CONTACT, 1);
  expect(text).toMatch(/"fault":"auth"/);
  expect(text).not.toMatch(/sandbox-secret/);
  expect(JSON.stringify(gateway.log)).not.toMatch(/sandbox-secret/);
});

test('a 401 within an import: the batch goes again under a new token, nothing is lost or failed', async () => {
  gateway.sandbox.control.fail({
    method: 'POST',
    path: '/api/v2/outbound/contactlists/{id}/contacts',
    status: 401,
    times: 1,
  });
  const rows = Array.from({ length: 1500 }, (_, index) => outboundRow(index));
  const outcome = await finished(gateway, await startImport(gateway, rows));
  expect(outcome).toMatchObject({
    state: 'COMPLETED',
    progress: { succeeded: 1500, failed: 0, unknown: 0 },
    batches: { nodes: [{ attempts: 1 }, { attempts: 1 }] },
  });
  expect(gateway.sandbox.control.state.outboundDuplicates('list-import-trial')).toEqual([]);
});

describe('a token’s life', () => {
  test.each([
    ['0', { expires_in: 0 }],
    ['negative', { expires_in: -1 }],
    ['missing', undefined],
    ['a text', { expires_in: '3600' }],
    ['endless', { expires_in: 1e12 }],
  ])('that is %s costs two token calls a minute at most', async (_name, merge) => {
    clock = createFakeClock();
    const fake = clock;
    await using patient = await startGateway({ ...UNLIMITED, clock: fake });
    patient.sandbox.control.fail({ ...TOKEN, ...(merge ? { merge } : { omit: ['expires_in'] }) });
    for (let second = 0; second < 60; second += 5) {
      expect(await ask(patient, CONTACT, second)).toMatchObject({ code: 'OK' });
      await fake.advance(5000);
    }
    expect(patient.sandbox.control.requests().tokens.form).toBeLessThanOrEqual(2);
  });
});
