/** faults.md, "Upstream faults": a CXone that fails, hangs or breaks off, as somebody who reads meets it. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Fault } from '../../src/sandbox/faults.ts';
import { createFakeClock } from '../support/clock.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { addThingsToRead, ask, READS } from './reads.ts';
import { UNLIMITED } from './unlimited.ts';

const HTML = '<html><body>upstream-html</body></html>';

const FAULTS: Record<string, Fault> = {
  '500': { status: 500, text: HTML },
  '502': { status: 502, text: HTML },
  '503': { status: 503, text: HTML },
  '504': { status: 504, text: HTML },
  'no answer': { hang: true },
  'a head that comes too late': { delayMs: 3_000 },
  'a body that comes byte by byte': { slowBodyMs: 300 },
  'a reset before the answer': { cut: 'before' },
  'a reset within the body': { cut: 'middle' },
  'an end within the body': { cut: 'early-end' },
  'JSON that stops in the middle': { truncate: true },
  'a status line that is none': { garbage: true },
};

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({ ...UNLIMITED, env: { ...UNLIMITED.env, CXONE_TIMEOUT_MS: '200' } });
  addThingsToRead(gateway, 100);
  // Who asks first also waits for the token.
  await gateway.data('{ addressBooks(first: 1) { nodes { id } } }');
});
afterAll(() => gateway[Symbol.asyncDispose]());

let index = 0;
beforeEach(() => {
  index += 1;
});

describe.each(READS.filter(({ name }) => name === 'contact'))('$name', (read) => {
  test.each(Object.entries(FAULTS))('%s, once: the value all the same', async (_name, fault) => {
    const programmed = gateway.sandbox.control.fail({ method: read.method, path: read.path, times: 1, ...fault });
    expect((await ask(gateway, read, index)).code).toBe('OK');
    expect(programmed.hits).toBe(1);
  });

  test.each(Object.entries(FAULTS))('%s, for ever: UPSTREAM_ERROR after few requests', async (_name, fault) => {
    const programmed = gateway.sandbox.control.fail({ method: read.method, path: read.path, ...fault });
    const { code, text } = await ask(gateway, read, index);
    gateway.sandbox.control.clearFaults();
    expect(code).toBe('UPSTREAM_ERROR');
    expect(text).not.toContain('upstream-html');
    expect(programmed.hits).toBeGreaterThan(1);
    expect(programmed.hits).toBeLessThanOrEqual(6);
    // Its failures are not another's: eight in a row would open the circuit.
    expect((await ask(gateway, read, index)).code).toBe('OK');
    expect(gateway.sandbox.control.requests().inFlight).toBe(0);
  });
});

describe('the whole of a request', () => {
  test.each([
    ['no answer', { hang: true }],
    ['a body that comes byte by byte', { slowBodyMs: 200 }],
  ])(
    '%s: over within 12 s, by a deadline that is not of the idle kind, and no socket is left',
    async (_name, fault) => {
      const clock = createFakeClock();
      await using slow = await startGateway({ ...UNLIMITED, clock });
      const path = '/api/v2/addressbooks';
      slow.sandbox.control.fail({ method: 'GET', path, ...fault });
      const answered = slow.graphql('{ addressBooks(first: 1) { nodes { id } } }');
      await slow.sandbox.control.waitFor(({ url }) => url.startsWith(path));
      await clock.advance(12_000);
      expect((await answered).errors?.[0]?.extensions).toMatchObject({ code: 'UPSTREAM_ERROR', fault: 'timeout' });
      await expect.poll(() => slow.sandbox.control.requests().inFlight, { timeout: 1000 }).toBe(0);
    },
  );

  test('a client that goes away takes its call to CXone with it', async () => {
    const path = '/api/v2/addressbooks';
    const hold = gateway.sandbox.control.hold({ method: 'GET', path });
    const client = new AbortController();
    const asked = fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: '{ addressBooks(first: 3) { nodes { id } } }' }),
      signal: client.signal,
    });
    await expect.poll(() => hold.held(), { timeout: 2000 }).toBe(1);
    client.abort();
    await expect(asked).rejects.toThrow();
    await expect.poll(() => gateway.sandbox.control.requests().inFlight, { timeout: 2000 }).toBe(0);
    hold.release();
  });
});

test('a storm of 200 failing reads makes at most 300 requests', async () => {
  await using stormy = await startGateway(UNLIMITED);
  const { method, path, query } = READS.find(({ name }) => name === 'contact') ?? { query: () => '' };
  const programmed = stormy.sandbox.control.fail({ method, path, status: 503 });
  const answers = await Promise.all(Array.from({ length: 200 }, (_, contact) => stormy.graphql(query(contact))));
  expect(answers.every(({ errors }) => errors?.[0]?.extensions.code === 'UPSTREAM_ERROR')).toBe(true);
  expect(programmed.hits).toBeLessThanOrEqual(300);
});

test.each([
  [400, 'UPSTREAM_ERROR'],
  [403, 'UPSTREAM_ERROR'],
  [422, 'UPSTREAM_ERROR'],
  [404, 'OK'],
])('a %i is final: one request, %s', async (status, code) => {
  const [, read] = READS;
  if (!read) throw new Error('there is a second read');
  const programmed = gateway.sandbox.control.fail({ method: read.method, path: read.path, status });
  const answer = await ask(gateway, read, index);
  gateway.sandbox.control.clearFaults();
  expect(answer.code).toBe(code);
  if (status === 404) expect(answer.data).toEqual({ root: null });
  expect(programmed.hits).toBe(1);
});
