import { request } from 'node:http';
import { expect, test } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startTestSandbox, type TestSandbox } from './client.ts';

const LIST = DEMO_IDS.contactLists.importTrial;
const PATH = `/api/v2/outbound/contactlists/${LIST}`;

function contact(externalId: string, changes: Record<string, unknown> = {}) {
  return { externalId, phone: '+12025550101', doNotCall: false, doNotEmail: true, ...changes };
}

const many = (count: number) => Array.from({ length: count }, (_, index) => contact(`e-${index}`));
const add = (sandbox: TestSandbox, body: unknown) => sandbox.call('POST', `${PATH}/contacts`, { body });

test('a batch of 1000 is taken, and the list counts it at once; one of 1001 is refused', async () => {
  await using sandbox = await startTestSandbox();
  expect((await add(sandbox, many(1001))).status).toBe(400);
  expect(await add(sandbox, many(1000))).toMatchObject({ status: 201, body: { accepted: 1000 } });
  expect((await sandbox.call('GET', PATH)).body).toEqual({ id: LIST, name: 'Import trial', totalContactCount: 1000 });
  expect(sandbox.control.state.outboundContacts(LIST)).toEqual(many(1000));
});

test('the same contact sent twice is there twice', async () => {
  await using sandbox = await startTestSandbox();
  await add(sandbox, many(3));
  await add(sandbox, [contact('e-1')]);
  expect(sandbox.control.state.contactList(LIST)).toMatchObject({ outboundContacts: 4, outboundBatches: 2 });
  expect(sandbox.control.state.outboundDuplicates(LIST)).toEqual([{ externalId: 'e-1', count: 2 }]);
});

test.each([
  ['no externalId', { externalId: undefined }, '.externalId'],
  ['neither phone nor email', { phone: undefined }, ''],
  ['a local number', { phone: '2025550101' }, '.phone'],
  ['a bad address', { email: 'x' }, '.email'],
  ['no doNotCall', { doNotCall: undefined }, '.doNotCall'],
  ['a text for a flag', { doNotEmail: 'true' }, '.doNotEmail'],
  ['257 characters', { lastName: 'x'.repeat(257) }, '.lastName'],
  ['257 characters in an own field', { customFields: { note: 'x'.repeat(257) } }, '.customFields.note'],
])('a contact with %s is refused with its path, and its batch with it', async (_, changes, path) => {
  await using sandbox = await startTestSandbox();
  const answer = await add(sandbox, [contact('good'), contact('bad', changes)]);
  expect(answer).toMatchObject({ status: 400, body: { errors: [{ path: `[1]${path}` }] } });
  expect(sandbox.control.state.contactList(LIST).total).toBe(0);
});

test('a contact may have an email alone, 256 characters, and fields of its own', async () => {
  await using sandbox = await startTestSandbox();
  const given = contact('a', {
    phone: undefined,
    email: 'a@example.com',
    lastName: 'x'.repeat(256),
    score: 7,
    customFields: { note: 'n' },
  });
  expect((await add(sandbox, [given])).status).toBe(201);
});

test('a body that was not sent chunked is taken and counted', async () => {
  await using sandbox = await startTestSandbox();
  await add(sandbox, many(1));
  expect(sandbox.violations()).toEqual({ 'outbound-not-chunked': 1 });
  sandbox.control.resetRequests();
  expect(await sendChunked(`${sandbox.url}${PATH}/contacts`, await sandbox.token(), many(2))).toBe(201);
  expect(sandbox.violations()).toEqual({});
});

/** Without a Content-Length node:http chunks the body by itself. */
function sendChunked(url: string, token: string, body: unknown): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const outgoing = request(url, { method: 'POST', headers }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode));
    });
    outgoing.on('error', reject);
    outgoing.write(JSON.stringify(body));
    outgoing.end();
  });
}
