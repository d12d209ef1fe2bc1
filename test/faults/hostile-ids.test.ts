/** faults.md, "Client abuse", ids: whatever is given as an id, in whatever place, CXone is asked nothing. */
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSchema } from '../../src/schema.ts';
import { type GraphQLAnswer, startGateway, type TestGateway } from '../support/gateway.ts';
import {
  documentFor,
  type InputPath,
  placesOf,
  type RootField,
  rootFields,
  variablesFor,
} from '../support/schema-walk.ts';

/** As one of CXone's own ids. */
const PROBES = [
  '',
  '.',
  '..',
  '../admin',
  '..\\admin',
  '....//admin',
  '/etc/passwd',
  '//canary.example.com',
  'a/b',
  'a\\b',
  '..%2fadmin',
  '%2e%2e%2fadmin',
  '%252e%252e%252f',
  '..%c0%afadmin',
  'a;b',
  'a?b=c',
  'a#b',
  'a&b=c',
  'a%b',
  'a%00b',
  'a\u0000b',
  'a b',
  'a\tb',
  'a\r\nX-Injected: 1',
  'a\u2028b',
  '\u202egnp.exe',
  'a\uff0fb',
  '\uff0e\uff0e',
  'caf\u00e9',
  "x' or '1' eq '1",
  'a"b',
  '<script>alert(1)</script>',
  '\u0024{jndi:ldap://canary}',
  '{{7*7}}',
  '$where',
  '~root',
  '-rf',
  '_all',
  '.hidden',
  'a|b',
  'a@b',
  'a=b',
  'a,b',
  'a*',
  'x'.repeat(129),
  'x'.repeat(10_000),
];

const TYPES = ['AddressBook', 'Contact', 'ContactList', 'Segment', 'Campaign', 'Import'];

/** Nothing that a global id is, whatever it names. */
const FORMS = [
  'book-customers',
  'gid://cxone/',
  'gid://cxone/AddressBook',
  'gid://cxone/AddressBook/',
  'gid://cxone//book-customers',
  'gid://cxone/Nothing/1',
  'gid://cxone/__proto__/1',
  'gid://cxone/constructor/1',
  'gid://other/AddressBook/1',
  'gid://cxone/AddressBook/1/2/3',
  'gid://cxone/AddressBook/%zz',
  'gid://cxone/AddressBook/%ff',
  'https://canary.example.com/AddressBook/1',
  'QWRkcmVzc0Jvb2s6MQ==',
];

const GLOBAL_IDS = [
  ...FORMS,
  // As they are they end at the form of the id, whatever its type; encoded they come as far as the check of their own.
  ...PROBES.map((probe, index) => globalId(TYPES[index % TYPES.length] ?? '', probe)),
  ...PROBES.flatMap((probe) => TYPES.map((type) => globalId(type, encodeURIComponent(probe)))),
];

function globalId(type: string, part: string): string {
  return `gid://cxone/${type}/${type === 'Contact' ? 'book-customers/' : ''}${part}`;
}

const BATCH = 20;

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
  // A token is had, and what the gateway asks of its own accord is asked.
  await gateway.data('{ addressBooks(first: 1) { nodes { id } } }');
  gateway.sandbox.control.resetRequests();
});
afterAll(() => gateway[Symbol.asyncDispose]());

const schema = createSchema();
const places = (scalar: string, isMeant: (path: InputPath) => boolean = () => true) =>
  rootFields(schema)
    .filter(({ type }) => type !== 'subscription')
    .flatMap((root) =>
      placesOf(root, scalar)
        .filter(isMeant)
        .map((path) => [`${root.field.name} ${path.join('.')}`, root, path] as const),
    );

/** Refused before anything was done: by the error's code, or as data. */
function isRefused(answer: GraphQLAnswer): boolean {
  const error = answer.errors?.[0];
  if (error) return error.extensions.code === 'BAD_USER_INPUT';
  return Object.values(answer.data).every(
    (value) => (value as { __typename?: string })?.__typename === 'ValidationError',
  );
}

async function accepted(root: RootField, path: InputPath, values: readonly string[]): Promise<string[]> {
  const query = documentFor(root);
  const through: string[] = [];
  for (let start = 0; start < values.length; start += BATCH) {
    const some = values.slice(start, start + BATCH);
    const body = some.map((value) => ({ query, variables: variablesFor(root, { path, value }) }));
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const answers = (await response.json()) as GraphQLAnswer[];
    answers.forEach((answer, index) => {
      if (!isRefused(answer)) through.push(`${some[index]?.slice(0, 80)} → ${JSON.stringify(answer).slice(0, 200)}`);
    });
  }
  return through;
}

describe.each(places('ID'))('%s', (_name, root, path) => {
  test('takes no hostile global id', async () => {
    expect(await accepted(root, path, GLOBAL_IDS)).toEqual([]);
    expect(gateway.sandbox.control.requests().total).toBe(0);
  });
});

/** Texts that stand for one of CXone's own ids. */
describe.each(places('String', (path) => path.some((name) => /^contactIds?$/.test(name))))(
  '%s',
  (_name, root, path) => {
    test('takes no hostile id of CXone’s own', async () => {
      expect(await accepted(root, path, PROBES)).toEqual([]);
      expect(gateway.sandbox.control.requests().total).toBe(0);
    });
  },
);

test('subscriptions take none either', async () => {
  const client = createClient({ url: `${gateway.url.replace('http', 'ws')}/graphql`, retryAttempts: 0 });
  const ids = [...FORMS, ...PROBES.map((probe) => `gid://cxone/Import/${encodeURIComponent(probe)}`)];
  const subscriptions = rootFields(schema).filter(({ type }) => type === 'subscription');
  for (const [root, path] of subscriptions.flatMap((root) => placesOf(root, 'ID').map((at) => [root, at] as const))) {
    for (const value of ids) {
      const events = client.iterate({ query: documentFor(root), variables: variablesFor(root, { path, value }) });
      const { value: first } = await events.next();
      expect(first, value).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
      await events.return?.();
    }
  }
  await client.dispose();
  expect(gateway.sandbox.control.requests().total).toBe(0);
});

test('the walk has seen the ids there are', () => {
  expect(places('ID').length).toBeGreaterThan(20);
});
