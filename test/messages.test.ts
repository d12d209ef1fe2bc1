/** Errors are part of the interface: whatever a user can meet says in whole sentences what is wrong and what to do. */
import { expect, test } from 'vitest';
import { ConfigError, readConfig } from '../src/config.ts';
import { DEMO_IDS } from '../src/sandbox/seed.ts';
import { startGateway, type TestGateway } from './support/gateway.ts';
import { finished, outboundRow, startImport } from './support/imports.ts';

const LIST = `gid://cxone/ContactList/${DEMO_IDS.contactLists.summerOutreach}`;
const BOOK = 'gid://cxone/AddressBook/book-customers';
const CONTACT = 'gid://cxone/Contact/book-customers/customer-0001';

/** Where it is, a capital or a name in quotes, a full stop at the end; and nothing of our insides. */
const SENTENCES = /^(?:[\w.]+: )?["A-Z][^\n]*[.?]$/;
const INSIDES = /undefined|\[object|Invalid input|node_modules|\.ts:|\bat \w+ \(|null\b/;

function expectSentences(messages: readonly string[]): void {
  expect(messages.filter((message) => !SENTENCES.test(message) || INSIDES.test(message))).toEqual([]);
}

/** Every `message` in an answer, wherever it stands. */
function messagesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    key === 'message' && typeof each === 'string' ? [each] : messagesIn(each),
  );
}

const ERRORS = '... on ValidationError { message issues { path message } } ... on Error { message }';
const mutate = (field: string, input: string) => `mutation { ${field}(input: ${input}) { __typename ${ERRORS} } }`;

const FAULTY: readonly string[] = [
  '{ nope }',
  '{ contact(id: "x") { id } }',
  '{ node(id: "gid://cxone/Nope/1") { id } }',
  '{ contactLists(first: 0) { nodes { id } } }',
  '{ contactLists(after: "x") { nodes { id } } }',
  `{ addressBook(id: "${BOOK}") { contacts(filter: { customAttribute: { name: "a b'", equals: "x" } }) { nodes { id } } } }`,
  `{ segment(id: "gid://cxone/Segment/segment-vip") { membership(contactId: "a b") { state } } }`,
  '{ auditEntries(filter: { since: "yesterday" }) { nodes { id } } }',
  mutate('createAddressBook', '{ name: "" }'),
  mutate('createAddressBook', '{ name: "Customers" }'),
  mutate('updateAddressBook', `{ id: "gid://cxone/AddressBook/none", name: "x" }`),
  mutate('deleteAddressBook', `{ id: "${BOOK}" }`),
  mutate('deleteAddressBook', `{ id: "${BOOK}", onReferences: REASSIGN }`),
  mutate('deleteAddressBook', `{ id: "${BOOK}", onReferences: REASSIGN, fallbackAddressBookId: "${BOOK}" }`),
  mutate('createContact', `{ addressBookId: "gid://cxone/AddressBook/none", contact: { firstName: "A" } }`),
  mutate(
    'createContact',
    `{ addressBookId: "${BOOK}", contact: { firstName: "A\\u0007", phoneNumbers: [{ number: "12", type: "" }, { number: "+14155550123", primary: true }, { number: "+14155550124", primary: true }], emailAddresses: [{ address: "x" }], customAttributes: { nope: 1, lifetime_value: "much", tier: [] } } }`,
  ),
  mutate('updateContact', `{ id: "gid://cxone/Contact/book-customers/none", patch: { firstName: "A" } }`),
  mutate('updateContact', `{ id: "${CONTACT}", patch: { firstName: "A" }, ifVersion: "old" }`),
  mutate('upsertContact', `{ addressBookId: "${BOOK}", contact: { firstName: "A" } }`),
  mutate(
    'upsertContact',
    `{ addressBookId: "${BOOK}", contact: { firstName: "A" }, match: { person: { email: "a@example.com", firstName: "B", lastName: "" } } }`,
  ),
  mutate('upsertContact', `{ addressBookId: "${BOOK}", contact: {}, match: { externalRefId: "" } }`),
  mutate('deleteContact', `{ id: "gid://cxone/Contact/book-customers/none" }`),
  mutate(
    'addOutboundContact',
    `{ contactListId: "${LIST}", contact: { externalId: "", doNotCall: false, doNotEmail: false } }`,
  ),
  mutate(
    'addOutboundContact',
    `{ contactListId: "${LIST}", contact: { externalId: "1", phone: "12", email: "x", firstName: "${'x'.repeat(300)}", customFields: { a: [1] }, doNotCall: false, doNotEmail: false } }`,
  ),
  mutate(
    'addContactListRecord',
    `{ contactListId: "${LIST}", record: { contactId: "", phoneNumbers: [], consentTimestamp: "2001-01-01T00:00:00Z", optInStatus: PENDING } }`,
  ),
  mutate(
    'addContactListRecord',
    `{ contactListId: "${LIST}", record: { contactId: "a b", phoneNumbers: [{ type: "", number: "12" }], consentTimestamp: "2101-01-01T00:00:00Z", optInStatus: PENDING } }`,
  ),
  mutate('enrichContact', `{ contactListId: "${LIST}", contactId: "a b", attributes: {} }`),
  mutate('enrichContact', `{ contactListId: "${LIST}", contactId: "a", attributes: { nope: 1, churn_risk: "high" } }`),
  mutate('enrichContact', `{ contactListId: "gid://cxone/ContactList/none", contactId: "a", attributes: { a: 1 } }`),
  mutate('addContactToSegment', `{ segmentId: "gid://cxone/Segment/segment-high-value", contactId: "a" }`),
  mutate('addContactToSegment', `{ segmentId: "gid://cxone/Segment/none", contactId: "a" }`),
  mutate('refreshSegment', `{ id: "gid://cxone/Segment/none" }`),
  mutate('registerEnrichmentWebhook', `{ url: "http://example.com" }`),
  mutate('registerEnrichmentWebhook', `{ url: "https://127.0.0.1/" }`),
  mutate('registerEnrichmentWebhook', `{ url: "no url" }`),
  mutate('startImport', `{ kind: CONTACTS, rows: [] }`),
  mutate('startImport', `{ kind: CONTACTS, targetId: "${LIST}", rows: [] }`),
  mutate('startImport', `{ kind: OUTBOUND_CONTACTS, targetId: "gid://cxone/ContactList/none", rows: [] }`),
  mutate(
    'startImport',
    `{ kind: OUTBOUND_CONTACTS, targetId: "${LIST}", campaignId: "gid://cxone/Campaign/x", rows: [] }`,
  ),
  mutate(
    'startImport',
    `{ kind: OUTBOUND_CONTACTS, targetId: "${LIST}", rows: [], options: { defaultCountry: "QQ", maxFailures: -1 } }`,
  ),
  mutate(
    'startImport',
    `{ kind: OUTBOUND_CONTACTS, targetId: "${LIST}", rows: [], options: { callbackUrl: "https://x.example.com/" } }`,
  ),
  mutate(
    'startImport',
    `{ kind: SEGMENT_MEMBERS, rows: [], options: { fieldMapping: [{ source: "a", target: "b" }, { source: "a", target: "x..y" }] } }`,
  ),
  mutate('assignContactsToSegments', '{ contactIds: [], segmentIds: [] }'),
  mutate('pauseImport', '{ id: "gid://cxone/Import/none" }'),
  `mutation { createContact(input: { addressBookId: "${BOOK}", contact: {}, idempotencyKey: "" }) { __typename ${ERRORS} } }`,
];

test('what GraphQL answers is whole sentences, whoever found the fault', async () => {
  await using gateway = await startGateway();
  const messages: string[] = [];
  for (const query of FAULTY) {
    const found = messagesIn(await gateway.graphql(query));
    expect(found.length, query).toBeGreaterThan(0);
    messages.push(...found);
  }
  expect(messages.length).toBeGreaterThan(70);
  expectSentences(messages);
});

test('what is wrong with a row is whole sentences, in every kind of import', async () => {
  await using gateway = await startGateway();
  const rows: [string, string | null, Record<string, unknown>[]][] = [
    ['CONTACTS', BOOK, [{}, { firstName: [] }, { phoneNumbers: 'x' }, { nope: { a: 1 } }, { emailAddresses: [{}] }]],
    [
      'RECORDS',
      LIST,
      [{}, { contactId: 'a b', phoneNumbers: 1, consentTimestamp: 'x', optInStatus: 'x', customFields: 1 }],
    ],
    [
      'OUTBOUND_CONTACTS',
      LIST,
      [{}, { externalId: {}, phone: '1', email: 'x', customFields: 1 }, { externalId: '1', phone: '+14155550123' }],
    ],
    ['ATTRIBUTES', LIST, [{}, { contactId: 'a b', attributes: 1 }, { contactId: 'a', nope: 1, churn_risk: 'x' }]],
    ['SEGMENT_MEMBERS', null, [{}, { contactId: 'a b', segmentId: 'c d' }, { contactId: 'a', segmentId: 'none' }]],
  ];
  const messages: string[] = [];
  for (const [kind, targetId, faulty] of rows) {
    const id = await startImport(gateway, [...faulty, ...faulty.slice(-1)], { kind, targetId });
    await finished(gateway, id);
    messages.push(...(await rejectionMessages(gateway, id)));
  }
  expect(messages.length).toBeGreaterThan(25);
  expectSentences(messages);
});

test('what CXone refuses, or does not answer, is said with what to do', async () => {
  await using gateway = await startGateway();
  const { control } = gateway.sandbox;
  const write = { method: 'POST', path: '/api/v2/outbound/contactlists/*/contacts', times: 10 };
  const faults: Parameters<typeof control.fail>[0][] = [
    { status: 400, json: { code: 'Bad', message: 'No such phone.' } },
    { status: 403, json: { message: 'outbound:contact:write' } },
    { status: 500 },
    { cut: 'before' },
    { status: 429, retryAfter: 3600 },
  ];
  const messages: string[] = [];
  for (const fault of faults) {
    control.fail({ ...write, ...fault });
    const answer = await gateway.graphql(
      mutate(
        'addOutboundContact',
        `{ contactListId: "${LIST}", contact: { externalId: "${messages.length}", phone: "+14155550123", doNotCall: false, doNotEmail: false } }`,
      ),
    );
    control.clearFaults();
    const found = messagesIn(answer);
    expect(found.length).toBe(1);
    messages.push(...found);
  }
  expect(messages).toEqual([
    'CXone refused the contact (Bad): No such phone.',
    expect.stringContaining('the scope outbound:contact:write is missing, add it'),
    expect.stringMatching(/Look before sending it again|Try again/),
    expect.stringMatching(/Look before sending it again|Try again/),
    expect.stringMatching(/Try again in \d+ s|The next try is in \d+ s/),
  ]);
});

test('routes answer with whole sentences', async () => {
  await using gateway = await startGateway();
  const id = await startImport(gateway, [outboundRow(1)]);
  const requests: [string, RequestInit][] = [
    ['/nope', {}],
    ['/webhooks/cxone', { method: 'GET' }],
    ['/webhooks/cxone', { method: 'POST', body: '{}' }],
    [`/imports/${id.split('/').at(-1)}/rejections.csv`, {}],
    ['/imports/none/rejections.csv', {}],
    ['/uploads/none?token=x', { method: 'PUT', body: 'a,b' }],
    ['/graphql', { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } }],
    ['/graphql', { method: 'POST', body: '{"query":7}', headers: { 'content-type': 'application/json' } }],
    ['/graphql', { method: 'POST', body: '{"query":"{a}","b":1}', headers: { 'content-type': 'application/json' } }],
    [
      '/graphql',
      { method: 'POST', body: '{"query":"{a}","variables":[]}', headers: { 'content-type': 'application/json' } },
    ],
    ['/graphql', { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } }],
    ['/graphql', { headers: { authorization: 'Basic x' } }],
    ['/graphql', { headers: { authorization: 'Bearer x' } }],
  ];
  for (const [path, init] of requests) {
    const text = await (await fetch(gateway.url + path, init)).text();
    const messages = messagesIn(JSON.parse(text || '{}'));
    expect(messages.length, `${path} ${init.body} ${text}`).toBe(1);
    expectSentences(messages);
  }
});

test('every line of a wrong configuration names the variable and what was expected', () => {
  const env = {
    PORT: 'x',
    PUBLIC_URL: 'x',
    CXONE_REGION: 'x',
    CXONE_LIMITS: '{"outbound":"x","nope":1}',
    CXONE_WEBHOOK_SECRET: 'x',
    CALLBACK_ALLOWED_HOSTS: 'https://x',
    DATABASE_URL: 'x',
    GATEWAY_API_KEYS: 'a,b:owner:c,c:reader:,',
    GATEWAY_AUTH: 'x',
    GATEWAY_GRAPHIQL: 'x',
    LOG_LEVEL: 'x',
  };
  try {
    readConfig(env);
    expect.unreachable();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const lines = error.message.split('\n').filter((line) => /^\W*[A-Z_]+: /.test(line));
    expect(lines.length).toBeGreaterThan(12);
    for (const line of lines) expect(line).toMatch(/expected|entry \d|the groups are|(?:set, but|missing)/);
    for (const name of Object.keys(env)) expect(error.message).toContain(`${name}: `);
  }
});

async function rejectionMessages(gateway: TestGateway, id: string): Promise<string[]> {
  return messagesIn(
    await gateway.data(
      'query ($id: ID!) { import(id: $id) { rejections(first: 250) { nodes { issues { message } } } } }',
      { id },
    ),
  );
}
