/**
 * Thousands of requests that no careful client would send: no 500, no hang, and a gateway that is alive and right
 * afterwards. FUZZ_RUNS says how many of each kind (default 150), FUZZ_SEED which.
 */
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSchema } from '../../src/schema.ts';
import { anyCodePoint } from '../support/any-text.ts';
import { type GraphQLAnswer, startGateway, type TestGateway } from '../support/gateway.ts';
import { createUpload, finished, outboundRow, startImport } from '../support/imports.ts';
import { documentFor, placesOf, rootFields, variablesFor } from '../support/schema-walk.ts';
import { UNLIMITED } from './unlimited.ts';

const RUNS = Number(process.env.FUZZ_RUNS ?? 150);
const SEED = Number(process.env.FUZZ_SEED ?? 20261121);
const CONCURRENCY = 16;
/** Longer than any answer may take. */
const DEADLINE_MS = 12_000;

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({
    ...UNLIMITED,
    env: { ...UNLIMITED.env, LOG_LEVEL: 'error', SEGMENT_CONFIRM_MS: '200' },
  });
});
afterAll(() => gateway[Symbol.asyncDispose]());

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

const sample = <T>(arbitrary: fc.Arbitrary<T>): T[] => fc.sample(arbitrary, { numRuns: RUNS, seed: SEED });

/** Runs all, some at a time. @returns what `check` says of those that went wrong, with what they were */
async function attempt<T>(inputs: readonly T[], check: (input: T) => Promise<string | undefined>): Promise<string[]> {
  const wrong: string[] = [];
  const rest = [...inputs];
  const work = async () => {
    for (let input = rest.pop(); input !== undefined; input = rest.pop()) {
      const fault = await check(input).catch((error: unknown) => String(error));
      if (fault !== undefined) wrong.push(`${fault}: ${JSON.stringify(input).slice(0, 600)}`);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return wrong;
}

async function send(path: string, init: RequestInit): Promise<{ status: number; text: string }> {
  const url = path.startsWith('http') ? path : `${gateway.url}${path}`;
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(DEADLINE_MS) });
  return { status: response.status, text: await response.text() };
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

test('GraphQL requests', { timeout: 600_000 }, async () => {
  const wrong = await attempt(sample(graphqlBody), async (body) =>
    faultOf(await send('/graphql', { method: 'POST', headers: { 'content-type': 'application/json' }, body })),
  );
  expect(wrong).toEqual([]);
});

const row = JSON.stringify(outboundRow(1));
const csv =
  'externalId,firstName,phone,email,doNotCall,doNotEmail\n1,Ada,+14155550100,ada@example.com,false,true\n2,"Gr""ace",,grace@example.com,true,false\n';

test('uploads', { timeout: 600_000 }, async () => {
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
    options: fc.constantFrom(
      undefined,
      { encoding: 'WINDOWS_1252' },
      { invalidText: 'REPLACE' },
      { validateOnly: true },
    ),
  });
  const wrong = await attempt(sample(file), async ({ format, bytes, encoding, options }) => {
    const { url } = await createUpload(gateway, { format, options });
    const headers = encoding === undefined ? {} : { 'content-encoding': encoding };
    return faultOf(await send(url, { method: 'PUT', body: new Uint8Array(bytes), headers }));
  });
  expect(wrong).toEqual([]);
});

test('webhooks, signed and not', { timeout: 600_000 }, async () => {
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
  const key = Buffer.from(gateway.sandbox.webhookSecret.slice('whsec_'.length), 'base64');
  const wrong = await attempt(sample(delivery), async ({ body, id, isSigned }) => {
    const timestamp = String(Math.floor(Date.now() / 1000));
    const sent = Buffer.from(body);
    const signature = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(sent).digest('base64');
    const answer = await send('/webhooks/cxone', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'webhook-id': encodeURIComponent(id),
        'webhook-timestamp': timestamp,
        'webhook-signature': `v1,${isSigned && encodeURIComponent(id) === id ? signature : 'AAAA'}`,
      },
      body: sent,
    });
    return faultOf(answer);
  });
  expect(wrong).toEqual([]);
});

test('paths, methods and headers', { timeout: 600_000 }, async () => {
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
  const wrong = await attempt(sample(request), async ({ path, method, headers }) => {
    const { status } = await send(path, {
      method,
      headers,
      ...(/P/.test(method) && method !== 'OPTIONS' && { body: 'x' }),
    });
    return status >= 500 ? `status ${status}` : undefined;
  });
  expect(wrong).toEqual([]);
});

test('afterwards: nothing broke, nothing is left open, and it works as before', async () => {
  expect(gateway.log.filter(({ level }) => level === 'error')).toEqual([]);
  expect(Object.keys(Object.prototype)).toEqual([]);
  const { gatewayStatus } = await gateway.data('{ gatewayStatus { problems upstream { inFlight queued } } }');
  expect(gatewayStatus.problems).toEqual([]);
  for (const { inFlight, queued } of gatewayStatus.upstream) expect([inFlight, queued]).toEqual([0, 0]);
  // Whatever was asked of the gateway, it asked nothing of CXone that breaks CXone's rules.
  expect(gateway.sandbox.control.requests().violations).toEqual([]);

  gateway.sandbox.control.add.contactList({ id: 'after-the-storm', name: 'After the storm' });
  const rows = Array.from({ length: 1200 }, (_, index) => outboundRow(index));
  const id = await startImport(gateway, rows, { targetId: 'gid://cxone/ContactList/after-the-storm' });
  expect(await finished(gateway, id)).toMatchObject({
    state: 'COMPLETED',
    progress: { received: 1200, succeeded: 1200 },
  });
  const answer: GraphQLAnswer = await gateway.graphql(
    '{ contact(id: "gid://cxone/Contact/book-customers/customer-0150") { cxoneId } }',
  );
  expect(answer).toMatchObject({ data: { contact: { cxoneId: 'customer-0150' } } });
});
