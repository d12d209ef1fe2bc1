/** faults.md, "Client abuse": filters, cursors, JSON, keys, cells and names that try to be more than what they are. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { finished, startImport } from '../support/imports.ts';
import { UNLIMITED } from './unlimited.ts';

const BOOK = 'gid://cxone/AddressBook/book-customers';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway(UNLIMITED);
  await gateway.data('{ addressBooks(first: 1) { nodes { id } } }');
});
afterAll(() => gateway[Symbol.asyncDispose]());
beforeEach(() => gateway.sandbox.control.resetRequests());

const upstreamRequests = () => gateway.sandbox.control.requests().total;
const codeOf = async (query: string, variables: Record<string, unknown> = {}) =>
  (await gateway.graphql(query, variables)).errors?.[0]?.extensions.code;

describe('a filter', () => {
  const BY_REF = `query ($ref: String!) { addressBook(id: "${BOOK}") { contactByExternalRef(externalRefId: $ref) { cxoneId } } }`;

  test.each([
    "x' or '1' eq '1",
    "x'",
    "''",
    "' and customAttributes.tier eq 'gold",
    'x\\',
    'x%27 or 1 eq 1',
    'x&filter=customAttributes.tier',
    'x#',
    'ä€😀',
  ])('with %j is one comparison with just that', async (ref) => {
    const { addressBook } = await gateway.data(BY_REF, { ref });
    expect(addressBook.contactByExternalRef).toBeNull();
    const filters = gateway.sandbox.control
      .requestLog()
      .map(({ url }) => new URL(url, 'http://cxone').searchParams.getAll('filter'))
      .filter((values) => values.length > 0);
    expect(filters.length).toBeGreaterThan(0);
    for (const values of filters)
      expect(values).toEqual([`customAttributes.external_ref_id eq '${ref.replaceAll("'", "''")}'`]);
  });

  test('that CXone ignores gives nobody another’s contact', async () => {
    const path = '/api/v2/addressbooks/*/contacts';
    const someone = {
      id: 'someone',
      firstName: 'Some',
      phoneNumbers: [],
      emailAddresses: [],
      customAttributes: { external_ref_id: 'other' },
    };
    gateway.sandbox.control.fail({
      method: 'GET',
      path,
      json: { entities: [someone], pagination: { page: 1, pageSize: 250 } },
    });
    const { addressBook } = await gateway.data(BY_REF, { ref: 'wanted' });
    const { data } = await gateway.graphql(
      `mutation { upsertContact(input: {addressBookId: "${BOOK}", match: {externalRefId: "wanted-2"}, contact: {firstName: "X", customAttributes: {external_ref_id: "wanted-2"}}}) {
         __typename ... on UpsertContactPayload { outcome } } }`,
    );
    gateway.sandbox.control.clearFaults();
    expect(addressBook.contactByExternalRef).toBeNull();
    // Not the contact that came: a new one, or none.
    expect(data.upsertContact.outcome ?? 'none').not.toBe('UPDATED');
    expect(gateway.sandbox.control.requestLog().filter(({ method }) => method === 'PUT')).toEqual([]);
  });
});

describe('a cursor', () => {
  const CONNECTIONS = [
    'query ($after: String) { root: addressBooks(after: $after) { nodes { id } } }',
    'query ($after: String) { root: contactLists(after: $after) { nodes { id } } }',
    'query ($after: String) { root: segments(after: $after) { nodes { id } } }',
    'query ($after: String) { root: imports(after: $after) { nodes { id } } }',
    'query ($after: String) { root: auditEntries(after: $after) { nodes { id } } }',
    `query ($after: String) { root: addressBook(id: "${BOOK}") { contacts(after: $after) { nodes { id } } } }`,
  ];

  test.each([
    'x',
    '-1',
    '0',
    'MQ==',
    '{"__proto__":{}}',
    Buffer.from('["addressBooks",-1]').toString('base64url'),
    Buffer.from('["addressBooks",1e400]').toString('base64url'),
    Buffer.from('{"offset":1}').toString('base64url'),
    'x'.repeat(100_000),
    '\u0000',
  ])('that is forged (%j) is BAD_USER_INPUT and asks nothing', async (after) => {
    for (const query of CONNECTIONS) expect(await codeOf(query, { after })).toBe('BAD_USER_INPUT');
    // A contact connection is under its book, which has to be there first.
    expect(gateway.sandbox.control.requestLog().filter(({ route }) => !/\{bookId\}$/.test(route))).toEqual([]);
  });

  test('of another connection is BAD_USER_INPUT', async () => {
    const { addressBooks } = await gateway.data('{ addressBooks(first: 1) { pageInfo { endCursor } } }');
    const after = addressBooks.pageInfo.endCursor;
    expect(after).toEqual(expect.any(String));
    for (const query of CONNECTIONS.slice(1)) expect(await codeOf(query, { after })).toBe('BAD_USER_INPUT');
  });
});

test.each([0, -1, 251, 1_000_000, 2_147_483_647])(
  'a page of %i is BAD_USER_INPUT, through a variable too, and asks nothing',
  async (first) => {
    for (const field of ['addressBooks', 'contactLists', 'segments', 'imports', 'auditEntries']) {
      expect(await codeOf(`{ ${field}(first: ${first}) { nodes { id } } }`)).toMatch(
        /^(BAD_USER_INPUT|LIMIT_EXCEEDED)$/,
      );
      expect(await codeOf(`query ($first: Int) { ${field}(first: $first) { nodes { id } } }`, { first })).toMatch(
        /^(BAD_USER_INPUT|LIMIT_EXCEEDED)$/,
      );
    }
    expect(upstreamRequests()).toBe(0);
  },
);

describe('JSON', () => {
  const CREATE = `mutation ($attributes: JSONObject) { createContact(input: {addressBookId: "${BOOK}", contact: {firstName: "A", customAttributes: $attributes}}) {
    __typename ... on ValidationError { issues { code } } } }`;

  test.each(['__proto__', 'constructor', 'prototype'])('with the key %s, at any depth, is refused', async (key) => {
    for (const attributes of [`{"${key}":{"polluted":true}}`, `{"a":{"b":[{"${key}":{"polluted":true}}]}}`]) {
      const response = await fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: `{"query":${JSON.stringify(CREATE)},"variables":{"attributes":${attributes}}}`,
      });
      const { data, errors } = (await response.json()) as {
        data?: { createContact?: { __typename: string } };
        errors?: { extensions: { code: string } }[];
      };
      expect(errors?.[0]?.extensions.code ?? data?.createContact?.__typename).toMatch(
        /^(BAD_USER_INPUT|ValidationError)$/,
      );
    }
    const literal = CREATE.replace('($attributes: JSONObject)', '').replace(
      '$attributes',
      `{${key}: {polluted: true}}`,
    );
    expect(await codeOf(literal)).toBe('BAD_USER_INPUT');
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
    expect(upstreamRequests()).toBe(0);
  });

  test('in the rows of an import: the row or the call is refused, and nothing is polluted', async () => {
    const { data, errors } = await gateway.graphql(
      `mutation ($rows: [JSONObject!]!) { startImport(input: {kind: OUTBOUND_CONTACTS, targetId: "gid://cxone/ContactList/list-import-trial", rows: $rows}) { __typename } }`,
      { rows: [JSON.parse('{"externalId":"1","__proto__":{"polluted":true}}')] },
    );
    expect(errors?.[0]?.extensions.code ?? data.startImport.__typename).toMatch(/^(BAD_USER_INPUT|ValidationError)$/);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });
});

describe('headers', () => {
  test.each(['key\r\nX-Injected: yes', 'key\u0000', 'ключ', 'k'.repeat(255)])(
    'to CXone hold nothing of an idempotency key such as %j',
    async (idempotencyKey) => {
      await gateway.graphql(
        `mutation ($key: String) { createAddressBook(input: {name: "Keyed", idempotencyKey: $key}) { __typename } }`,
        { key: idempotencyKey },
      );
      for (const { idempotencyKey: sent, ifMatch, requestId } of gateway.sandbox.control.requestLog()) {
        for (const value of [sent, ifMatch, requestId]) {
          expect(value ?? '').not.toContain(idempotencyKey);
          expect(value ?? '').toMatch(/^[\x20-\x7e]*$/);
        }
      }
    },
  );
});

test('cells that a spreadsheet would take for formulas leave as text', async () => {
  const cells = ['=cmd|/c calc!A0', '+1+1', '-2+3', '@SUM(A1)', '\t=1+1', '\r=1+1'];
  const rows = cells.map((firstName, index) => ({
    externalId: `f-${index}`,
    firstName,
    doNotCall: false,
    doNotEmail: false,
  }));
  const id = await startImport(gateway, rows);
  expect((await finished(gateway, id)).progress).toMatchObject({ rejected: cells.length });
  const { import: imported } = await gateway.data('query ($id: ID!) { import(id: $id) { rejectionsUrl } }', { id });
  const csv = await (await fetch(imported.rejectionsUrl)).text();
  for (const cell of cells) {
    expect(csv).toContain(`'${cell}`);
    expect(csv).not.toContain(`,${cell}`);
    expect(csv).not.toContain(`"${cell}`);
  }
});

test('what clients write never makes a log line of its own, nor colours one', async () => {
  const forged = '\u001b[31mred\u001b[0m\r\n{"level":"info","msg":"forged"}\u2028';
  await gateway.graphql('query ($id: ID!) { addressBook(id: $id) { id } }', { id: forged });
  await gateway.graphql(`mutation ($name: String!) { createAddressBook(input: {name: $name}) { __typename } }`, {
    name: forged,
  });
  await fetch(`${gateway.url}/${encodeURIComponent(forged)}`, {
    headers: { 'user-agent': encodeURIComponent(forged), 'x-request-id': 'x y' },
  });
  const lines = gateway.log.map((line) => JSON.stringify(line));
  expect(lines.length).toBeGreaterThan(0);
  expect(gateway.log.filter(({ msg }) => msg === 'forged')).toEqual([]);
  expect(lines.join('\n')).not.toMatch(/\\u001b|forged/);
});
