/**
 * Requests that no careful client would send, of four kinds, and what is wrong with their answers. For tests, and for
 * watching a process that gets thousands of them.
 */
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { createSchema } from '../../src/schema.ts';
import { anyCodePoint } from '../support/any-text.ts';
import type { GraphQLAnswer } from '../support/gateway.ts';
import { LIST, outboundRow } from '../support/imports.ts';
import { documentFor, placesOf, rootFields, variablesFor } from '../support/schema-walk.ts';

/** Longer than any answer may take. */
const DEADLINE_MS = 12_000;

const roots = rootFields(createSchema()).filter(({ type }) => type !== 'subscription');

/** Values that are hard on whoever reads them. */
const nasty: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue(),
  fc.string({ unit: anyCodePoint }),
  fc.constantFrom(
    null,
    '',
    ' ',
    '\u0000',
    '\ufeff',
    '\ud800',
    '__proto__',
    'constructor',
    'NaN',
    '1e999',
    '../..',
    'gid://cxone/',
    '2026-13-45T99:99:99Z',
    '9'.repeat(400),
    'x'.repeat(20_000),
    -1,
    0,
    1,
    251,
    2 ** 31,
    -(2 ** 31) - 1,
    1e308,
    0.1,
    true,
    [],
    {},
    [[]],
    [null],
    { __typename: 1 },
    Array(300).fill('x'),
    { a: { b: { c: { d: {} } } } },
  ),
);

/** One value of an operation that is otherwise right. */
const operation = fc.constantFrom(...roots).chain((root) => {
  const places = ['ID', 'String', 'Int', 'Boolean', 'Float', 'DateTime', 'JSON', 'JSONObject'].flatMap((scalar) =>
    placesOf(root, scalar),
  );
  return fc.record({ root: fc.constant(root), path: fc.constantFrom([], ...places), value: nasty });
});
const operationBody = operation.map(({ root, path, value }) => {
  const variables = path.length === 0 ? { input: value } : variablesFor(root, { path, value });
  return JSON.stringify({ query: documentFor(root), variables });
});

/** A text with some of its characters lost, doubled, changed or moved. */
const mutated = (corpus: readonly string[]): fc.Arbitrary<string> =>
  fc
    .record({
      text: fc.constantFrom(...corpus),
      edits: fc.array(fc.tuple(fc.nat(), fc.nat(4), fc.string({ unit: anyCodePoint, maxLength: 4 })), {
        minLength: 1,
        maxLength: 8,
      }),
    })
    .map(({ text, edits }) =>
      edits.reduce((current, [at, kind, insert]) => {
        const place = current.length === 0 ? 0 : at % current.length;
        if (kind === 0) return current.slice(0, place);
        if (kind === 1) return current.slice(0, place) + insert + current.slice(place);
        if (kind === 2) return current.slice(0, place) + current.slice(place + 1 + (at % 7));
        if (kind === 3)
          return (
            current.slice(0, place) +
            current
              .slice(place)
              .repeat(2)
              .slice(0, 4 * current.length)
          );
        return current.slice(place) + current.slice(0, place);
      }, text),
    );

const documents = roots.map((root) => documentFor(root));
const bodies = [
  ...documents.map((query) => JSON.stringify({ query, variables: {} })),
  '{"query":"{ __typename }"}',
  '[{"query":"{ __typename }"},{"query":"{ gatewayStatus { version } }"}]',
  '{"query":"query A { __typename } query B { __typename }","operationName":"A"}',
  '{"query":"{ ...F } fragment F on Query { ...F }"}',
  '{"documentId":"sha256:00","extensions":{"persistedQuery":{"version":1,"sha256Hash":"00"}}}',
];

const graphqlBody = fc.oneof(
  { weight: 4, arbitrary: operationBody },
  { weight: 2, arbitrary: mutated(documents).map((query) => JSON.stringify({ query })) },
  { weight: 2, arbitrary: mutated(bodies) },
  { weight: 1, arbitrary: fc.jsonValue().map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: fc.string({ unit: anyCodePoint }) },
);

const row = JSON.stringify(outboundRow(1));
const csv =
  'externalId,firstName,phone,email,doNotCall,doNotEmail\n1,Ada,+14155550100,ada@example.com,false,true\n2,"Gr""ace",,grace@example.com,true,false\n';

const file = fc.record({
  format: fc.constantFrom('CSV', 'NDJSON'),
  bytes: fc.oneof(
    mutated([csv, `${row}\n${row}\n`, csv.replaceAll('\n', '\r\n'), `\ufeff${csv}`]).map((text) =>
      Buffer.from(text.toWellFormed()),
    ),
    mutated([csv]).map((text) => Buffer.from(text, 'latin1')),
    fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
  ),
  encoding: fc.constantFrom(undefined, undefined, undefined, 'gzip', 'br'),
  options: fc.constantFrom(undefined, { encoding: 'WINDOWS_1252' }, { invalidText: 'REPLACE' }, { validateOnly: true }),
});
const event = JSON.stringify({
  id: 'evt_1',
  type: 'contact.enriched',
  occurredAt: '2026-11-21T12:00:00Z',
  contactListId: 'list-renewals',
  contactId: 'customer-0001',
  attributes: { tier: 'gold' },
});
const delivery = fc.record({
  body: fc.oneof(
    mutated([event]),
    fc.jsonValue().map((value) => JSON.stringify(value)),
    fc.string({ unit: anyCodePoint }),
  ),
  id: fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 300 }),
  isSigned: fc.boolean(),
});
const request = fc.record({
  path: fc.oneof(
    mutated([
      '/graphql?query={__typename}',
      '/uploads/abc?token=x.y',
      '/imports/abc/rejections.csv?token=x.y',
      '/health/ready',
      '/metrics',
      '/webhooks/cxone',
      '/',
    ]).map((text) => `/${encodeURI(text.toWellFormed()).replace(/^\/+/, '')}`),
    fc.webPath(),
  ),
  method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH'),
  headers: fc.dictionary(
    fc.constantFrom(
      'accept',
      'content-type',
      'authorization',
      'x-request-id',
      'origin',
      'range',
      'if-match',
      'content-encoding',
    ),
    fc.string({ unit: 'grapheme-ascii' }).map((text) => text.trim()),
    { maxKeys: 4 },
  ),
});
/** A kind of request: what it may be, and its way to a gateway. Told is what is wrong with the answer, if anything. */
export interface FuzzKind<Input> {
  readonly inputs: fc.Arbitrary<Input>;
  send(input: Input): Promise<string | undefined>;
}

/** What is wrong with an answer, whatever was asked. */
function faultOf({ status, text }: { status: number; text: string }): string | undefined {
  if (status >= 500) return `status ${status}`;
  if (text.includes('INTERNAL_SERVER_ERROR')) return `internal error ${text.slice(0, 300)}`;
  if (text === '') return status < 300 ? 'an empty answer' : undefined;
  try {
    JSON.parse(text);
    return undefined;
  } catch {
    return `no JSON: ${text.slice(0, 200)}`;
  }
}

/** @param gateway.webhookSecret `whsec_…`, as the gateway has it */
export function createFuzz(gateway: {
  url: string;
  webhookSecret: string;
  graphql(query: string, variables?: Record<string, unknown>): Promise<GraphQLAnswer>;
}) {
  async function send(path: string, init: RequestInit): Promise<{ status: number; text: string }> {
    const url = path.startsWith('http') ? path : `${gateway.url}${path}`;
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(DEADLINE_MS) });
    return { status: response.status, text: await response.text() };
  }

  async function uploadUrl(input: Record<string, unknown>): Promise<string> {
    const { data } = await gateway.graphql(
      `mutation ($input: CreateImportUploadInput!) { createImportUpload(input: $input) {
         ... on CreateImportUploadPayload { url } } }`,
      { input: { kind: 'OUTBOUND_CONTACTS', targetId: LIST, ...input } },
    );
    return data.createImportUpload.url;
  }

  const json = { 'content-type': 'application/json' };
  const key = Buffer.from(gateway.webhookSecret.slice('whsec_'.length), 'base64');

  const graphql: FuzzKind<string> = {
    inputs: graphqlBody,
    send: async (body) => faultOf(await send('/graphql', { method: 'POST', headers: json, body })),
  };

  const uploads: FuzzKind<FuzzFile> = {
    inputs: file,
    async send({ format, bytes, encoding, options }) {
      const headers: Record<string, string> = encoding === undefined ? {} : { 'content-encoding': encoding };
      const url = await uploadUrl({ format, options });
      return faultOf(await send(url, { method: 'PUT', body: new Uint8Array(bytes), headers }));
    },
  };

  const webhooks: FuzzKind<FuzzDelivery> = {
    inputs: delivery,
    async send({ body, id, isSigned }) {
      const timestamp = String(Math.floor(Date.now() / 1000));
      const sent = Buffer.from(body);
      const signature = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(sent).digest('base64');
      const headers = {
        ...json,
        'webhook-id': encodeURIComponent(id),
        'webhook-timestamp': timestamp,
        'webhook-signature': `v1,${isSigned && encodeURIComponent(id) === id ? signature : 'AAAA'}`,
      };
      return faultOf(await send('/webhooks/cxone', { method: 'POST', headers, body: sent }));
    },
  };

  const requests: FuzzKind<FuzzRequest> = {
    inputs: request,
    async send({ path, method, headers }) {
      const hasBody = /P/.test(method) && method !== 'OPTIONS';
      const { status } = await send(path, { method, headers, ...(hasBody && { body: 'x' }) });
      return status >= 500 ? `status ${status}` : undefined;
    },
  };

  return { graphql, uploads, webhooks, requests };
}

type Made<Source> = Source extends fc.Arbitrary<infer Input> ? Input : never;
type FuzzFile = Made<typeof file>;
type FuzzDelivery = Made<typeof delivery>;
type FuzzRequest = Made<typeof request>;
