import { expect, test } from 'vitest';
import type { Fault } from '../../src/sandbox/faults.ts';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startTestSandbox, type TestSandbox } from './client.ts';

const BOOKS = '/api/v2/addressbooks';
const SEGMENTS = '/api/v2/segments';
const LIST = DEMO_IDS.contactLists.importTrial;
const IMPORT = `/api/v2/outbound/contactlists/${LIST}/contacts`;
const one = [{ externalId: 'a', phone: '+12025550101', doNotCall: false, doNotEmail: false }];

/** `lost` where the connection broke before the whole answer was there. */
async function outcome(sandbox: TestSandbox, method = 'GET', path = BOOKS, body?: unknown): Promise<number | 'lost'> {
  try {
    return (await sandbox.call(method, path, { body })).status;
  } catch (error) {
    // fetch says TypeError for a broken connection; SyntaxError is what a cut JSON text gives.
    if (error instanceof TypeError) return 'lost';
    throw error;
  }
}

async function outcomes(sandbox: TestSandbox, count: number, path = BOOKS): Promise<(number | 'lost')[]> {
  const all: (number | 'lost')[] = [];
  for (let index = 0; index < count; index += 1) all.push(await outcome(sandbox, 'GET', path));
  return all;
}

test.each<[string, Fault, number[]]>([
  ['the next two', { times: 2 }, [503, 503, 200, 200, 200, 200]],
  ['every third', { every: 3 }, [200, 200, 503, 200, 200, 503]],
  ['all after the first two', { skip: 2 }, [200, 200, 503, 503, 503, 503]],
  ['the second and the fourth only', { every: 2, times: 2 }, [200, 503, 200, 503, 200, 200]],
  ['none', { share: 0 }, [200, 200, 200, 200, 200, 200]],
])('a fault hits %s', async (_, when, expected) => {
  await using sandbox = await startTestSandbox();
  const programmed = sandbox.control.fail({ status: 503, ...when });
  expect(await outcomes(sandbox, 6)).toEqual(expected);
  expect(programmed.hits).toBe(expected.filter((status) => status === 503).length);
});

test('a share is drawn for each request', async () => {
  const drawn = [0.1, 0.6, 0.49, 0.5];
  await using sandbox = await startTestSandbox({ random: () => drawn.shift() ?? 1 });
  sandbox.control.fail({ status: 503, share: 0.5 });
  expect(await outcomes(sandbox, 4)).toEqual([503, 200, 503, 200]);
});

test('a fault hits the method and the path it names and no other; without a path it spares the token endpoints', async () => {
  await using sandbox = await startTestSandbox();
  sandbox.control.fail({ method: 'GET', path: '/api/v2/addressbooks/{bookId}', status: 500 });
  expect(await outcome(sandbox, 'GET', `${BOOKS}/${DEMO_IDS.addressBooks.customers}`)).toBe(500);
  expect(await outcome(sandbox, 'GET', `${BOOKS}/${DEMO_IDS.addressBooks.customers}/contacts`)).toBe(200);
  expect(await outcome(sandbox, 'DELETE', `${BOOKS}/${DEMO_IDS.addressBooks.prospects}`)).toBe(204);
  sandbox.control.fail({ path: `${BOOKS}/**`, status: 501 });
  expect(await outcome(sandbox, 'GET', `${BOOKS}/${DEMO_IDS.addressBooks.customers}/contacts`)).toBe(501);
  sandbox.control.clearFaults();
  sandbox.control.fail({ status: 500 });
  expect(await sandbox.token()).not.toBe('undefined');
  expect(await outcome(sandbox)).toBe(500);
  sandbox.control.fail({ path: '/oauth2/token', status: 503 });
  expect(await sandbox.token()).toBe('undefined');
});

test.each<[string, Fault, unknown]>([
  ['in seconds', { retryAfter: 7 }, '7'],
  ['as garbage', { retryAfter: 'soon' }, 'soon'],
  ['as a date', { retryAfterDateMs: 5000 }, 'Sun, 01 Jun 2025 00:00:05 GMT'],
  ['not at all', {}, null],
])('Retry-After can be given %s', async (_, fault, expected) => {
  await using sandbox = await startTestSandbox({ now: () => Date.parse('2025-06-01T00:00:00Z') });
  sandbox.control.fail({ status: 429, ...fault });
  const answer = await sandbox.call('GET', BOOKS);
  expect(answer.status).toBe(429);
  expect(answer.headers.get('retry-after')).toBe(expected);
});

test.each<[string, Fault, number | 'lost', number]>([
  ['a status', { status: 500 }, 500, 0],
  ['a status after the write', { status: 500, applied: true }, 500, 1],
  ['a cut', { cut: 'before' }, 'lost', 0],
  ['a cut after the write', { cut: 'before', applied: true }, 'lost', 1],
  ['a cut in the middle of the answer', { cut: 'middle' }, 'lost', 1],
  ['a cut in the middle before the write', { cut: 'middle', applied: false }, 'lost', 0],
  ['an early end', { cut: 'early-end' }, 'lost', 1],
  ['garbage', { garbage: true }, 'lost', 0],
  ['HTML', { status: 502, text: '<html>Bad Gateway</html>' }, 502, 0],
  ['any JSON', { json: [null] }, 200, 0],
  ['a delay', { delayMs: 1, delayBeforeMs: 1 }, 201, 1],
])('%s leaves the client with what it says and the list with what it should', async (_, fault, expected, written) => {
  await using sandbox = await startTestSandbox();
  sandbox.control.fail({ path: '/api/v2/outbound/contactlists/*/contacts', ...fault });
  expect(await outcome(sandbox, 'POST', IMPORT, one)).toBe(expected);
  expect(sandbox.control.state.contactList(LIST).total).toBe(written);
});

test('the observed status is the one that was sent, and 0 for an answer that never came', async () => {
  await using sandbox = await startTestSandbox();
  sandbox.control.fail({ status: 503, times: 1 });
  sandbox.control.fail({ cut: 'before', times: 1 });
  await outcomes(sandbox, 3);
  const { statuses } = sandbox.control.requests().routes[`GET ${BOOKS}`] ?? {};
  expect(statuses).toEqual({ 0: 1, 200: 1, 503: 1 });
});

test('truncated JSON comes with a length that agrees with it', async () => {
  await using sandbox = await startTestSandbox();
  const whole = await sandbox.call('GET', SEGMENTS);
  sandbox.control.fail({ path: SEGMENTS, truncate: true, headers: { 'content-type': 'text/plain' } });
  const half = await sandbox.call('GET', SEGMENTS);
  expect(half.status).toBe(200);
  expect(JSON.stringify(whole.body).startsWith(half.body)).toBe(true);
  expect(half.headers.get('content-length')).toBe(String(Buffer.byteLength(half.body)));
  expect(() => JSON.parse(half.body)).toThrow(SyntaxError);
});

test('a slow body, a padded one and a compressed one all say the same in the end', async () => {
  await using sandbox = await startTestSandbox();
  const path = `${SEGMENTS}/${DEMO_IDS.segments.vip}`;
  const { body } = await sandbox.call('GET', path);
  for (const fault of [{ slowBodyMs: 0 }, { padBytes: 300_000 }, { padBytes: 300_000, gzip: true }]) {
    const { id } = sandbox.control.fail({ path, ...fault });
    expect((await sandbox.call('GET', path)).body).toEqual(body);
    sandbox.control.removeFault(id);
  }
});

test('an answer can lie: other counts, another id, keys left out', async () => {
  await using sandbox = await startTestSandbox();
  sandbox.control.fail({ method: 'POST', merge: { accepted: -3 }, times: 1 });
  expect((await sandbox.call('POST', IMPORT, { body: one })).body).toEqual({ accepted: -3 });
  const path = `${SEGMENTS}/${DEMO_IDS.segments.vip}`;
  sandbox.control.fail({ path, merge: { id: DEMO_IDS.segments.newsletter }, omit: ['memberCount'] });
  expect((await sandbox.call('GET', path)).body).toEqual({
    id: DEMO_IDS.segments.newsletter,
    name: 'VIP',
    type: 'static',
  });
});

test('pages can be endless', async () => {
  await using sandbox = await startTestSandbox();
  sandbox.control.fail({ path: SEGMENTS, endlessPages: true });
  for (const page of [1, 2, 9999]) {
    expect((await sandbox.call('GET', `${SEGMENTS}?page=${page}`)).body.pagination.nextPage).toBeTruthy();
  }
});

test('a redirect names the url it was told', async () => {
  await using sandbox = await startTestSandbox();
  sandbox.control.fail({ redirectTo: 'http://127.0.0.1:1/elsewhere' });
  const answer = await sandbox.call('GET', BOOKS);
  expect(answer.status).toBe(307);
  expect(answer.headers.get('location')).toBe('http://127.0.0.1:1/elsewhere');
});

test('an answer that hangs ends when the client gives up, and no longer counts as in flight', async () => {
  await using sandbox = await startTestSandbox();
  sandbox.control.fail({ path: SEGMENTS, hang: true });
  const giveUp = new AbortController();
  const call = sandbox.call('GET', SEGMENTS, { signal: giveUp.signal });
  await sandbox.control.waitFor(({ url, status }) => url === SEGMENTS && status === undefined);
  expect(sandbox.control.requests().inFlight).toBe(1);
  giveUp.abort();
  await expect(call).rejects.toThrow();
  await sandbox.control.waitFor(({ url, status }) => url === SEGMENTS && status === 0);
  expect(sandbox.control.requests().inFlight).toBe(0);
});

test('chosen items of a bulk write fail alone, in the words of their endpoint', async () => {
  await using sandbox = await startTestSandbox();
  const refuse = { keys: ['b'], code: 'Blocked', message: 'no' };
  sandbox.control.fail({ method: 'POST', refuse });
  const names = ['a', 'b', 'c'];

  const outbound = names.map((externalId) => ({ ...one[0], externalId }));
  expect((await sandbox.call('POST', IMPORT, { body: outbound })).body).toEqual({
    accepted: 2,
    rejected: [{ index: 1, code: 'Blocked', message: 'no' }],
  });
  expect(sandbox.control.state.outboundContacts(LIST).map(({ externalId }) => externalId)).toEqual(['a', 'c']);

  const segment = await sandbox.call('POST', `${SEGMENTS}/${DEMO_IDS.segments.summerInvitees}/contacts`, {
    body: names,
    headers: { 'idempotency-key': 'k' },
  });
  expect(segment.body).toEqual({
    successCount: 2,
    failureCount: 1,
    failedContacts: [{ contactId: 'b', code: 'Blocked', message: 'no' }],
  });

  const enriched = await sandbox.call('POST', `/api/v2/contacts/lists/${LIST}/contacts`, {
    body: {
      contactListId: LIST,
      contacts: names.map((contactId) => ({ contactId, attributes: { churn_risk: 1 } })),
    },
  });
  expect(enriched.body).toEqual({ processedCount: 2, failed: [{ contactId: 'b', code: 'Blocked', message: 'no' }] });

  const records = await sandbox.call('POST', `/api/v2/contactlists/${LIST}/records`, {
    body: {
      records: names.map((contactId) => ({
        contactId,
        phoneNumbers: [{ type: 'm', number: '+12025550101' }],
        customFields: {},
        consentTimestamp: '2025-01-01T00:00:00Z',
        optInStatus: 'confirmed',
      })),
    },
  });
  expect(records.body).toMatchObject({ recordsCreated: 2, errors: [{ index: 1, contactId: 'b', code: 'Blocked' }] });
});

test('every k-th item can fail', async () => {
  await using sandbox = await startTestSandbox();
  sandbox.control.fail({ method: 'POST', refuse: { every: 2, code: 'Blocked' } });
  const contacts = ['a', 'b', 'c', 'd'].map((externalId) => ({ ...one[0], externalId }));
  const { body } = await sandbox.call('POST', IMPORT, { body: contacts });
  expect(body.rejected.map(({ index }: { index: number }) => index)).toEqual([1, 3]);
});

test('what is no fault is refused', async () => {
  await using sandbox = await startTestSandbox();
  // @ts-expect-error: a mistyped key must not be taken for "no effect"
  expect(() => sandbox.control.fail({ stauts: 500 })).toThrow();
  expect(() => sandbox.control.fail({ times: 0 })).toThrow();
});
