/** Nothing that is secret or personal leaves by a log line, a metric or an error, at any level, whatever goes wrong. */
import { createClient } from 'graphql-ws';
import { expect, test } from 'vitest';
import { AUDIENCE, ISSUER, startIssuer } from '../auth/issuer.ts';
import { type Data, startGateway, type TestGateway } from '../support/gateway.ts';
import { UNLIMITED } from './unlimited.ts';

const BOOK = 'gid://cxone/AddressBook/book-customers';
const LIST = 'gid://cxone/ContactList/list-import-trial';

/** What must not be met again, wherever it was used. */
const SECRETS = {
  apiKey: 'api-key-4f9c1d7e2b',
  wrongKey: 'wrong-key-8a6b3c5d1e',
  clientSecret: 'sandbox-secret',
  upstreamToken: 'c2FuZGJveC10b2tlbi1vZi1mb3J0eS1jaGFyYWN0ZXJz',
  webhookSecret: 'whsec_',
};
const PERSONAL = {
  phone: '+14155550188',
  phoneDigits: '4155550188',
  otherPhone: '+442079460123',
  email: 'wilhelmina.secretperson@example.org',
  firstName: 'Wilhelmina',
  lastName: 'Quaintsurname',
  attribute: 'platinum-diagnosis-7',
  externalRef: 'CRM-PRIVATE-55021',
};

const person = {
  firstName: PERSONAL.firstName,
  lastName: PERSONAL.lastName,
  phoneNumbers: [{ number: PERSONAL.phone, type: 'mobile', primary: true }],
  emailAddresses: [{ address: PERSONAL.email, type: 'work', primary: true }],
  customAttributes: { external_ref_id: PERSONAL.externalRef, tier: PERSONAL.attribute },
};

const CREATE = `mutation ($contact: ContactInput!) { createContact(input: {addressBookId: "${BOOK}", contact: $contact}) {
  __typename ... on Error { message } ... on ValidationError { issues { path code message } } ... on CreateContactPayload { contact { id } } } }`;
const UPDATE = `mutation ($id: ID!, $patch: ContactPatch!) { updateContact(input: {id: $id, patch: $patch}) {
  __typename ... on Error { message } ... on ValidationError { issues { path code message } } } }`;

test('no log line, metric, error or audit entry has a secret or a person in it', async () => {
  await using issuer = await startIssuer();
  await using gateway = await startGateway({
    ...UNLIMITED,
    env: {
      ...UNLIMITED.env,
      LOG_LEVEL: 'trace',
      GATEWAY_AUTH: '',
      GATEWAY_API_KEYS: `ops:admin:${SECRETS.apiKey}`,
      GATEWAY_JWKS_URL: issuer.jwksUrl,
      GATEWAY_JWT_ISSUER: ISSUER,
      GATEWAY_JWT_AUDIENCE: AUDIENCE,
    },
  });
  const token = await issuer.token({ scope: 'cxone:admin' });
  const said: unknown[] = [];
  const ask = async (query: string, variables: Record<string, unknown> = {}): Promise<Data> => {
    const answer = await gateway.graphql(query, variables, { authorization: `Bearer ${SECRETS.apiKey}` });
    said.push(answer.errors, errorsIn(answer.data));
    return answer.data;
  };

  await refuseCredentials(gateway, token, said);
  const { createContact } = await ask(CREATE, { contact: person });
  const { id } = createContact.contact;
  await changeContacts(gateway, id, ask);
  await failUpstream(gateway, id, ask);
  await importRows(gateway, ask);
  await failTokens(gateway, ask);
  await breakRequests(gateway, said);

  said.push(await (await fetch(`${gateway.url}/metrics`)).text());
  said.push(await (await fetch(`${gateway.url}/health/ready`)).text());
  const { auditEntries } = await ask('{ auditEntries(first: 250) { nodes { actor action subject detail } } }');
  expect(auditEntries.nodes.length).toBeGreaterThan(5);
  expect(gateway.log.length).toBeGreaterThan(50);

  const upstreamTokens = /"Bearer [^[]/;
  const texts = {
    log: gateway.log.map((line) => JSON.stringify(line)),
    said: said.map((one) => JSON.stringify(one) ?? ''),
    audit: [JSON.stringify(auditEntries)],
  };
  const hits = Object.entries(texts).flatMap(([where, lines]) =>
    lines.flatMap((line) =>
      Object.entries({ ...SECRETS, ...PERSONAL, token })
        .filter(([, secret]) => line.includes(secret) || upstreamTokens.test(line))
        .map(([name]) => `${name} in ${where}: ${line.slice(0, 500)}`),
    ),
  );
  expect(hits).toEqual([]);
});

type Ask = (query: string, variables?: Record<string, unknown>) => Promise<Data>;

async function refuseCredentials(gateway: TestGateway, token: string, said: unknown[]): Promise<void> {
  const wrong = [`Bearer ${SECRETS.wrongKey}`, `Basic ${SECRETS.wrongKey}`, `Bearer ${token}x`, SECRETS.wrongKey];
  for (const authorization of wrong) {
    const answer = await gateway.graphql('{ gatewayStatus { version } }', {}, { authorization });
    expect(answer.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
    said.push(answer);
  }
  for (const authorization of [`Bearer ${token}`, `Bearer ${SECRETS.wrongKey}`]) {
    const url = `${gateway.url.replace('http', 'ws')}/graphql`;
    const client = createClient({ url, connectionParams: { authorization }, retryAttempts: 0 });
    const results = client.iterate({ query: '{ gatewayStatus { version } }' });
    said.push(await results.next().catch((error: { code: number; reason: string }) => [error.code, error.reason]));
    await client.dispose();
  }
  // A key where none belongs is a slip that people make.
  await fetch(`${gateway.url}/graphql?token=${SECRETS.wrongKey}&query={__typename}`);
  await fetch(`${gateway.url}/uploads/none?token=${SECRETS.wrongKey}`, { method: 'PUT', body: PERSONAL.email });
  await fetch(`${gateway.url}/webhooks/cxone`, {
    method: 'POST',
    headers: { 'webhook-id': 'x', 'webhook-timestamp': '1', 'webhook-signature': `v1,${SECRETS.wrongKey}` },
    body: JSON.stringify(person),
  });
}

async function changeContacts(gateway: TestGateway, id: string, ask: Ask): Promise<void> {
  await ask(UPDATE, { id, patch: { lastName: PERSONAL.lastName, phoneNumbers: [{ number: PERSONAL.otherPhone }] } });
  await ask(UPDATE, { id, patch: { phoneNumbers: [{ number: PERSONAL.phoneDigits }] } });
  await ask(UPDATE, { id, patch: { emailAddresses: [{ address: `${PERSONAL.email} ${PERSONAL.email}` }] } });
  await ask(UPDATE, { id, patch: { customAttributes: { no_such_field: PERSONAL.attribute } } });
  await ask(UPDATE, { id, patch: { customAttributes: { loyalty_points: PERSONAL.phone } } });
  await ask(CREATE, { contact: { ...person, customAttributes: { birthday: PERSONAL.lastName } } });
  await ask(
    `query ($ref: String!, $email: String!) { addressBook(id: "${BOOK}") { contactByExternalRef(externalRefId: $ref) { id }
       contacts(filter: {email: $email}) { nodes { id } } } }`,
    { ref: PERSONAL.externalRef, email: PERSONAL.email },
  );
  await gateway.graphql(`{ contact(id: "${PERSONAL.email}") { id } }`);
}

/** CXone's errors repeat what they were sent, and more. */
async function failUpstream(gateway: TestGateway, id: string, ask: Ask): Promise<void> {
  const { control } = gateway.sandbox;
  const chatty = {
    code: PERSONAL.phoneDigits,
    message: `${PERSONAL.email} or ${PERSONAL.phone} is taken; token ${SECRETS.upstreamToken}`,
    errors: [{ path: `contacts.${PERSONAL.phone}`, message: `Bearer ${SECRETS.upstreamToken} of ${PERSONAL.email}` }],
  };
  const path = '/api/v2/addressbooks/**';
  for (const status of [400, 409, 500]) {
    control.fail({ method: 'PUT', path, status, json: chatty, times: 1 });
    await ask(UPDATE, { id, patch: { firstName: PERSONAL.firstName, lastName: `${PERSONAL.lastName} ${status}` } });
    control.clearFaults();
  }
  control.fail({ method: 'POST', path, cut: 'before' });
  await ask(CREATE, { contact: person });
  control.clearFaults();
  control.fail({ method: 'GET', path, text: JSON.stringify(person), times: 1 });
  await ask(`{ addressBook(id: "${BOOK}") { contacts(first: 5) { nodes { id } } } }`);
  control.clearFaults();
}

async function failTokens({ sandbox: { control } }: TestGateway, ask: Ask): Promise<void> {
  control.revokeTokens();
  control.fail({
    path: '/oauth2/token',
    status: 400,
    json: { error: SECRETS.clientSecret, access_token: SECRETS.upstreamToken },
  });
  await ask('{ contactLists { nodes { id } } }');
  control.clearFaults();
}

async function importRows(gateway: TestGateway, ask: Ask): Promise<void> {
  const row = {
    externalId: PERSONAL.externalRef,
    ...person,
    phone: PERSONAL.phone,
    email: PERSONAL.email,
    doNotCall: false,
    doNotEmail: false,
  };
  const { phoneNumbers: _phones, emailAddresses: _emails, customAttributes: _attributes, ...outbound } = row;
  const rows = [
    outbound,
    outbound,
    { ...outbound, phone: PERSONAL.phoneDigits },
    { ...outbound, externalId: `${PERSONAL.externalRef}-2`, email: `${PERSONAL.email}@` },
  ];
  const refusal = { every: 1, code: 'Taken', message: `${PERSONAL.email} ${PERSONAL.phone}` };
  for (const refuse of [undefined, refusal]) {
    if (refuse) gateway.sandbox.control.fail({ method: 'POST', path: '/api/v2/outbound/**', refuse });
    const { startImport } = await ask(
      `mutation ($rows: [JSONObject!]!) { startImport(input: {kind: OUTBOUND_CONTACTS, targetId: "${LIST}", rows: $rows}) {
         ... on StartImportPayload { import { id } } ... on Error { message } } }`,
      { rows },
    );
    await ended(startImport.import.id, ask);
    gateway.sandbox.control.clearFaults();
  }
  const { createImportUpload } = await ask(
    `mutation { createImportUpload(input: {kind: OUTBOUND_CONTACTS, targetId: "${LIST}", format: CSV}) { ... on CreateImportUploadPayload { url } } }`,
  );
  await fetch(createImportUpload.url, {
    method: 'PUT',
    body: `externalId,email\n"${PERSONAL.email},${PERSONAL.lastName}`,
  });
  await fetch(createImportUpload.url, {
    method: 'PUT',
    body: Buffer.from(`externalId,email\n1,${PERSONAL.email}\xff`, 'latin1'),
  });
}

async function ended(id: string, ask: Ask): Promise<void> {
  const over = async () => (await ask('query ($id: ID!) { import(id: $id) { state } }', { id })).import.state;
  await expect.poll(over, { timeout: 60_000 }).toMatch(/COMPLETED|FAILED/);
}

async function breakRequests(gateway: TestGateway, said: unknown[]): Promise<void> {
  const bodies = [
    `{"query":"{ ${PERSONAL.lastName} }"`,
    JSON.stringify({ query: `{ a(b: "${PERSONAL.email}") }` }),
    JSON.stringify({ query: CREATE, variables: { contact: { firstName: [PERSONAL.email] } } }),
    JSON.stringify({ query: CREATE, variables: person }),
  ];
  for (const body of bodies) {
    await fetch(`${gateway.url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  }
  said.push(await (await fetch(`${gateway.url}/imports/${PERSONAL.lastName}/rejections.csv?token=x`)).text());
}

/** The errors among a mutation's data. */
function errorsIn(data: Data): unknown[] {
  return Object.values(data ?? {}).filter((value) =>
    /Error$/.test((value as { __typename?: string })?.__typename ?? ''),
  );
}
