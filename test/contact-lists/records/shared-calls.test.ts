import { describe, expect, it } from 'vitest';
import { type Data, startGateway, type TestGateway } from '../../support/gateway.ts';

const POST = 'POST /api/v2/contactlists/{listId}/records';
const PUT = 'PUT /api/v2/contactlists/{listId}/records/{recordId}';
const LIST = 'gid://cxone/ContactList/list';
const RESULT = `{
  __typename
  ... on AddContactListRecordPayload { contactId outcome bulkCall { id size } }
  ... on ConflictError { reason }
  ... on ValidationError { issues { path code } }
  ... on NotFoundError { id }
  ... on UpstreamError { status }
  ... on Error { message }
}`;

type Policy = 'SKIP' | 'UPDATE' | 'FAIL';
interface Item {
  contactId: string;
  onDuplicate?: Policy;
  phone?: string;
  custom?: string;
  contactListId?: string;
}

const phoneOf = (index: number) => `+4930${String(1_000_000 + index)}`;

function inputOf(
  { contactId, onDuplicate = 'SKIP', phone, custom = 'new', contactListId = LIST }: Item,
  index: number,
) {
  return {
    contactListId,
    onDuplicate,
    record: {
      contactId,
      phoneNumbers: [{ type: 'mobile', number: phone ?? phoneOf(index) }],
      customFields: { custom },
      consentTimestamp: new Date(Date.now() - 86_400_000).toISOString(),
      optInStatus: 'CONFIRMED',
    },
  };
}

/** As aliases of one document. */
async function addAll(gateway: TestGateway, items: readonly Item[]): Promise<Data[]> {
  const variables = Object.fromEntries(items.map((item, index) => [`i${index}`, inputOf(item, index)]));
  const declared = items.map((_item, index) => `$i${index}: AddContactListRecordInput!`).join(' ');
  const fields = items.map((_item, index) => `a${index}: addContactListRecord(input: $i${index}) ${RESULT}`).join('\n');
  const { data, errors } = await gateway.graphql(`mutation Add(${declared}) { ${fields} }`, variables);
  expect(errors).toBeUndefined();
  return items.map((_item, index) => data[`a${index}`]);
}

async function start(settings: Data = {}): Promise<TestGateway> {
  const gateway = await startGateway({ sandbox: { seed: 'empty' } });
  gateway.sandbox.control.add.contactList({ id: 'list', name: 'Callbacks' });
  gateway.sandbox.control.configure(settings);
  return gateway;
}

const people = (count: number, rest: Partial<Item> = {}, from = 0): Item[] =>
  Array.from({ length: count }, (_, index) => ({
    contactId: `person-${from + index}`,
    phone: phoneOf(from + index),
    ...rest,
  }));

function countOf(results: readonly Data[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { outcome, __typename } of results)
    counts[outcome ?? __typename] = (counts[outcome ?? __typename] ?? 0) + 1;
  return counts;
}

describe('200 records of which 30 are there already', () => {
  for (const warningsAs of ['object', 'string'] as const) {
    it(`get the other 170 in with at most 6 calls when CXone refuses the batch with 409 (${warningsAs}s)`, async () => {
      await using gateway = await start({ recordDuplicates: 'reject', warningsAs });
      await addAll(gateway, people(30, { custom: 'old' }, 85));
      gateway.sandbox.control.resetRequests();
      const results = await addAll(gateway, people(200));
      expect(countOf(results)).toEqual({ CREATED: 170, SKIPPED: 30 });
      expect(results.flatMap(({ outcome }, index) => (outcome === 'SKIPPED' ? [index] : []))).toEqual(
        Array.from({ length: 30 }, (_, index) => 85 + index),
      );
      expect(gateway.sandbox.control.requests().routes[POST]?.requests).toBeLessThanOrEqual(6);
      expect(gateway.sandbox.control.state.contactList('list').records).toBe(200);
      expect(gateway.sandbox.control.requests().violations).toEqual([]);
    });

    it(`take two calls when CXone only warns of them (${warningsAs}s)`, async () => {
      await using gateway = await start({ recordDuplicates: 'warn', warningsAs });
      await addAll(gateway, people(30, {}, 85));
      gateway.sandbox.control.resetRequests();
      expect(countOf(await addAll(gateway, people(200)))).toEqual({ CREATED: 170, SKIPPED: 30 });
      expect(gateway.sandbox.control.requests().routes[POST]).toMatchObject({ requests: 2, batchSizes: { 100: 2 } });
    });
  }
});

describe('a record that is there already', () => {
  for (const recordDuplicates of ['warn', 'reject'] as const) {
    it(`is skipped, updated or reported as its own sender wants, in one batch (${recordDuplicates})`, async () => {
      await using gateway = await start({ recordDuplicates });
      await addAll(gateway, people(3, { custom: 'old' }));
      const policies: Policy[] = ['SKIP', 'UPDATE', 'FAIL'];
      const results = await addAll(gateway, [
        ...people(3).map((item, index) => ({ ...item, onDuplicate: policies[index] ?? 'SKIP' })),
        ...people(1, { onDuplicate: 'FAIL' }, 3),
      ]);
      expect(results).toMatchObject([
        { outcome: 'SKIPPED' },
        { outcome: 'UPDATED' },
        { __typename: 'ConflictError', reason: 'DUPLICATE' },
        { outcome: 'CREATED' },
      ]);
      const records = gateway.sandbox.control.state.records('list');
      expect(records.map((record: Data) => record.customFields.custom)).toEqual(['old', 'new', 'old', 'new']);
    });
  }

  it.each([
    { code: 'DuplicateRecords' },
    { code: 'CONFLICT', message: 'Conflict.' },
    { code: null, message: '2 dups' },
    { code: null, message: null },
  ])('is found by halves where a 409 names nobody (%o)', async (said) => {
    await using gateway = await start({ recordDuplicates: 'reject' });
    await addAll(gateway, people(1, {}, 5));
    const merge = { warnings: [], ...said };
    gateway.sandbox.control.fail({ method: 'POST', path: '/api/v2/contactlists/*/records', merge });
    expect(countOf(await addAll(gateway, people(16)))).toEqual({ CREATED: 15, SKIPPED: 1 });
    expect(gateway.sandbox.control.state.contactList('list').records).toBe(16);
  });

  it('stands once in a call: the same contact twice goes in two, in their order', async () => {
    await using gateway = await start();
    const results = await addAll(gateway, [
      { contactId: 'same', phone: phoneOf(1), custom: 'first' },
      { contactId: 'same', phone: phoneOf(1), custom: 'second', onDuplicate: 'UPDATE' },
    ]);
    expect(results.map(({ outcome }) => outcome)).toEqual(['CREATED', 'UPDATED']);
    expect(gateway.sandbox.control.state.records('list')).toMatchObject([{ customFields: { custom: 'second' } }]);
  });
});

describe('a batch whose answer is lost', () => {
  it('is sent again, and what is there by then counts as created', async () => {
    await using gateway = await start();
    const { control } = gateway.sandbox;
    control.fail({ method: 'POST', path: '/api/v2/contactlists/*/records', times: 1, cut: 'before', applied: true });
    expect(countOf(await addAll(gateway, people(20, { onDuplicate: 'FAIL' })))).toEqual({ CREATED: 20 });
    expect(control.state.contactList('list').records).toBe(20);
  });

  it('that had not been taken is sent again, and duplicates of others stay what they are', async () => {
    await using gateway = await start({ recordDuplicates: 'reject' });
    await addAll(gateway, people(2));
    const { control } = gateway.sandbox;
    control.fail({ method: 'POST', path: '/api/v2/contactlists/*/records', times: 1, cut: 'before', applied: false });
    expect(countOf(await addAll(gateway, people(20)))).toEqual({ CREATED: 18, SKIPPED: 2 });
  });

  it('is unknown where CXone gives no answer at all', async () => {
    await using gateway = await start();
    gateway.sandbox.control.fail({ method: 'POST', path: '/api/v2/contactlists/*/records', cut: 'before' });
    const [result] = await addAll(gateway, people(1));
    expect(result.__typename).toBe('OutcomeUnknownError');
  });
});

describe('counts that do not add up', () => {
  it.each([
    { recordsCreated: 3, expected: { OutcomeUnknownError: 5 } },
    { recordsCreated: -1, expected: { OutcomeUnknownError: 5 } },
    { recordsCreated: 'many', expected: { OutcomeUnknownError: 5 } },
    { recordsCreated: 7, expected: { CREATED: 5 } },
  ])(
    '$recordsCreated of 5 are never reported as more than were created, and stand in the audit',
    async ({ recordsCreated, expected }) => {
      await using gateway = await start();
      gateway.sandbox.control.fail({
        method: 'POST',
        path: '/api/v2/contactlists/*/records',
        merge: { recordsCreated },
      });
      expect(countOf(await addAll(gateway, people(5)))).toEqual(expected);
      const { auditEntries } = await gateway.data(
        '{ auditEntries(filter: {action: "contactListRecord.add"}) { nodes { detail } } }',
      );
      expect(JSON.stringify(auditEntries)).toContain('do not add up');
    },
  );
});

describe('records that break a rule', () => {
  it('fail alone, before anything is sent, with the path of each fault', async () => {
    await using gateway = await start();
    const days = (count: number) => new Date(Date.now() - count * 86_400_000).toISOString();
    const records = [
      { phoneNumbers: [] },
      { phoneNumbers: [{ type: 'mobile', number: '0301234567' }] },
      { consentTimestamp: days(1826) },
      { consentTimestamp: days(-1) },
      { contactId: '../etc' },
      {},
    ];
    const fields = records.map((_record, index) => `a${index}: addContactListRecord(input: $i${index}) ${RESULT}`);
    const { data } = await gateway.graphql(
      `mutation Add(${records.map((_record, index) => `$i${index}: AddContactListRecordInput!`).join(' ')}) { ${fields.join(' ')} }`,
      Object.fromEntries(
        records.map((record, index) => {
          const input = inputOf({ contactId: `person-${index}` }, index);
          return [`i${index}`, { ...input, record: { ...input.record, ...record } }];
        }),
      ),
    );
    const faults = records.slice(0, -1).map((_record, index) => data[`a${index}`].issues);
    expect(faults).toEqual([
      [{ path: ['record', 'phoneNumbers'], code: 'REQUIRED' }],
      [{ path: ['record', 'phoneNumbers', '0', 'number'], code: 'INVALID_PHONE' }],
      [{ path: ['record', 'consentTimestamp'], code: 'CONSENT_EXPIRED' }],
      [{ path: ['record', 'consentTimestamp'], code: 'CONSENT_IN_FUTURE' }],
      [{ path: ['record', 'contactId'], code: 'INVALID_ID' }],
    ]);
    expect(data.a5.outcome).toBe('CREATED');
    expect(gateway.sandbox.control.requests().routes[POST]).toMatchObject({ requests: 1, batchSizes: { 1: 1 } });
  });

  it('are told by CXone for one record of many: only that one fails', async () => {
    await using gateway = await start();
    gateway.sandbox.control.fail({
      method: 'POST',
      path: '/api/v2/contactlists/*/records',
      refuse: { keys: ['person-3'], code: 'BadNumber' },
    });
    const results = await addAll(gateway, people(6));
    expect(countOf(results)).toEqual({ CREATED: 5, UpstreamError: 1 });
    expect(results[3].message).toContain('BadNumber');
  });

  it('go to a list that is there', async () => {
    await using gateway = await start();
    const missing = 'gid://cxone/ContactList/missing';
    const [result] = await addAll(gateway, [{ contactId: 'a', contactListId: missing }]);
    expect(result).toMatchObject({ __typename: 'NotFoundError', id: missing });
  });
});

describe('updateContactListRecord', () => {
  it('replaces the whole record, and says so where there is none', async () => {
    await using gateway = await start();
    await addAll(gateway, people(1));
    const update = async (contactId: string) => {
      const { onDuplicate: _policy, ...input } = inputOf({ contactId, custom: 'updated' }, 7);
      return gateway.data(
        `mutation Update($input: UpdateContactListRecordInput!) { updateContactListRecord(input: $input) {
          __typename ... on UpdateContactListRecordPayload { contactId }
        } }`,
        { input },
      );
    };
    expect((await update('person-0')).updateContactListRecord).toMatchObject({ contactId: 'person-0' });
    expect((await update('nobody')).updateContactListRecord.__typename).toBe('NotFoundError');
    expect(gateway.sandbox.control.state.records('list')).toMatchObject([
      { phoneNumbers: [{ number: phoneOf(7) }], customFields: { custom: 'updated' } },
    ]);
    expect(gateway.sandbox.control.requests().routes[PUT]?.requests).toBe(2);
  });
});
