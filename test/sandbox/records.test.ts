import { expect, test } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startTestSandbox, type TestSandbox } from './client.ts';

const LIST = DEMO_IDS.contactLists.importTrial;
const RECORDS = `/api/v2/contactlists/${LIST}/records`;
const NOW = Date.parse('2025-06-01T00:00:00Z');
const DAY_MS = 24 * 60 * 60 * 1000;
const now = () => NOW;

function record(contactId: string, changes: Record<string, unknown> = {}) {
  return {
    contactId,
    phoneNumbers: [{ type: 'mobile', number: '+12025550101' }],
    customFields: { first_name: 'Ada' },
    consentTimestamp: '2025-05-01T08:00:00Z',
    optInStatus: 'confirmed',
    ...changes,
  };
}

const many = (count: number) => Array.from({ length: count }, (_, index) => record(`c-${index}`));
const add = (sandbox: TestSandbox, records: unknown[]) => sandbox.call('POST', RECORDS, { body: { records } });
const total = (sandbox: TestSandbox) => sandbox.control.state.contactList(LIST).total;

test('a batch of 100 is created, one of 101 refused', async () => {
  await using sandbox = await startTestSandbox({ now });
  expect(await add(sandbox, many(101))).toMatchObject({ status: 400, body: { errors: [{ path: 'records' }] } });
  expect(total(sandbox)).toBe(0);
  expect(await add(sandbox, many(100))).toMatchObject({
    status: 201,
    body: { recordsCreated: 100, warnings: [], errors: [] },
  });
  expect(total(sandbox)).toBe(100);
  expect(sandbox.violations()).toEqual({ 'batch-size': 1 });
});

test.each([
  ['no phone', { phoneNumbers: [] }, 'phoneNumbers'],
  ['a local number', { phoneNumbers: [{ type: 'm', number: '0301' }] }, 'phoneNumbers[0].number'],
  [
    'a primary flag',
    { phoneNumbers: [{ type: 'm', number: '+12025550101', primary: true }] },
    'phoneNumbers[0].primary',
  ],
  ['no consent', { consentTimestamp: undefined }, 'consentTimestamp'],
  ['a consent without a time zone', { consentTimestamp: '2025-05-01T08:00:00' }, 'consentTimestamp'],
  ['a consent in the future', { consentTimestamp: new Date(NOW + 1).toISOString() }, 'consentTimestamp'],
  [
    'a consent that is too old',
    { consentTimestamp: new Date(NOW - 1825 * DAY_MS - 1).toISOString() },
    'consentTimestamp',
  ],
  ['another opt-in', { optInStatus: 'maybe' }, 'optInStatus'],
  ['an unknown key', { tier: 'gold' }, 'tier'],
])('a record with %s is refused, and its batch with it', async (_, changes, path) => {
  await using sandbox = await startTestSandbox({ now });
  const answer = await add(sandbox, [record('good'), record('bad', changes)]);
  expect(answer).toMatchObject({ status: 400, body: { errors: [{ path: `records[1].${path}` }] } });
  expect(total(sandbox)).toBe(0);
});

test('a consent given this moment, or 1825 days ago, is still good', async () => {
  await using sandbox = await startTestSandbox({ now });
  const ages = [0, 1825 * DAY_MS].map((ms, index) =>
    record(`c-${index}`, { consentTimestamp: new Date(NOW - ms).toISOString() }),
  );
  expect((await add(sandbox, ages)).body.recordsCreated).toBe(2);
});

test('duplicates are warnings of a success: the others are created', async () => {
  await using sandbox = await startTestSandbox({ now });
  await add(sandbox, [record('a')]);
  const otherPhone = record('a', { phoneNumbers: [{ type: 'mobile', number: '+12025550102' }] });
  const answer = await add(sandbox, [record('a'), record('b'), record('b'), otherPhone]);
  expect(answer.body.recordsCreated).toBe(2);
  expect(answer.body.warnings).toMatchObject([
    { index: 0, contactId: 'a' },
    { index: 2, contactId: 'b' },
  ]);
  expect(total(sandbox)).toBe(3);
  sandbox.control.configure({ warningsAs: 'string' });
  expect((await add(sandbox, [record('a')])).body.warnings).toEqual([expect.stringMatching(/^a: /)]);
});

test('where duplicates are rejected, the whole batch is, and the duplicates are listed', async () => {
  await using sandbox = await startTestSandbox({ now });
  sandbox.control.configure({ recordDuplicates: 'reject' });
  await add(sandbox, [record('a')]);
  const answer = await add(sandbox, [record('b'), record('a')]);
  expect(answer).toMatchObject({ status: 409, body: { recordsCreated: 0, warnings: [{ index: 1, contactId: 'a' }] } });
  expect(sandbox.control.state.records(LIST)).toEqual([record('a')]);
  expect((await add(sandbox, [record('b')])).body.recordsCreated).toBe(1);
});

test('a PUT replaces a record, and its phones for the search of duplicates', async () => {
  await using sandbox = await startTestSandbox({ now });
  await add(sandbox, [record('a')]);
  const changed = record('a', { phoneNumbers: [{ type: 'home', number: '+12025550155' }], customFields: undefined });
  expect((await sandbox.call('PUT', `${RECORDS}/a`, { body: changed })).status).toBe(200);
  expect(sandbox.control.state.records(LIST)).toEqual([JSON.parse(JSON.stringify(changed))]);
  expect((await add(sandbox, [changed])).body.recordsCreated).toBe(0);
  expect((await add(sandbox, [record('a')])).body.recordsCreated).toBe(1);
  expect((await sandbox.call('PUT', `${RECORDS}/nobody`, { body: record('nobody') })).status).toBe(404);
});
