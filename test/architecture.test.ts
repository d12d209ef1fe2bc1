/** Who may import whom, as one table that is executed. README.md draws the same rooms. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { expect, test } from 'vitest';

const SRC = resolve(import.meta.dirname, '../src');

/** Files at the top of src that every room but the sandbox may use: pure, and knowing nothing of ours but each other. */
const COMMON = ['errors', 'clock', 'entry-bound', 'own-property', 'phone-numbers', 'plain-text', 'sortable-id'];
const PLATFORM = ['bulk', 'cxone', 'store', 'telemetry'];

/**
 * Room → rooms it may import, beside itself and COMMON. A room is a folder of src, or a file at its top.
 * `schema:` and `routes:` are the files of a slice that speak GraphQL or HTTP, and may use those rooms on top.
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
  main: ['app', 'config', 'start-failure', 'telemetry'],
  'start-failure': ['config', 'store'],
  app: ['*'],
  'write-schema': ['schema', 'graphql'],
  schema: ['*'],
  services: ['*'],
  config: [],
  telemetry: [],
  sandbox: [],
  samples: [],
  cxone: ['telemetry'],
  store: ['telemetry'],
  auth: ['store', 'telemetry'],
  replicas: ['cxone', 'store', 'telemetry'],
  bulk: ['cxone', 'store', 'telemetry'],
  graphql: ['services', 'cxone'],
  server: ['graphql', 'telemetry', 'cxone'],

  'address-books': PLATFORM,
  contacts: [...PLATFORM, 'address-books'],
  'contact-lists': PLATFORM,
  enrichment: [...PLATFORM, 'contact-lists'],
  segments: [...PLATFORM, 'contacts', 'address-books'],
  imports: [...PLATFORM],
  webhooks: [...PLATFORM, 'callbacks', 'contact-lists'],
  callbacks: [...PLATFORM, 'imports'],
  audit: PLATFORM,
  status: PLATFORM,

  client: [],
  cli: ['client'],
  dashboard: ['server'],
};

/** The files of a slice that declare its part of the schema. */
const GRAPHQL_SIDE = /(?:^|\/)(?:schema|inputs|mutations)[^/]*\.ts$/;

/** On top, for the files of a slice that are its GraphQL or its HTTP side. */
const SIDES: readonly { file: RegExp; may: readonly string[] }[] = [
  { file: GRAPHQL_SIDE, may: ['graphql', 'contact-lists', 'contacts', 'address-books'] },
  { file: /(?:^|\/)(?:routes|receiver)\.ts$/, may: ['server'] },
];

/** Packages that belong to one room, and who else may use them. */
const PACKAGES: readonly { name: RegExp; rooms: readonly string[]; files?: RegExp }[] = [
  { name: /^undici$/, rooms: ['cxone', 'callbacks'] },
  { name: /^(?:kysely|kysely\/.*|pg|node:sqlite)$/, rooms: ['store'] },
  { name: /^node:sqlite$/, rooms: ['store', 'sandbox'] },
  { name: /^(?:graphql-yoga|@graphql-yoga\/.*|ws|graphql-ws.*)$/, rooms: ['server'] },
  { name: /^graphql-ws$/, rooms: ['client'] },
  { name: /^@pothos\//, rooms: ['graphql'], files: GRAPHQL_SIDE },
  { name: /^pino$/, rooms: ['telemetry'] },
  { name: /^prom-client$/, rooms: ['telemetry'] },
];

interface Import {
  from: string;
  target: string;
}

function sourceFiles(): string[] {
  return readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(
    (file) => /\.tsx?$/.test(file) && !file.startsWith(join('dashboard', 'page')),
  );
}

/** Type imports, re-exports and dynamic imports included: a dependency is a dependency. */
function importsOf(file: string): Import[] {
  const text = readFileSync(join(SRC, file), 'utf8');
  const specifiers = [...text.matchAll(/\b(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '');
  return specifiers.map((specifier) => ({
    from: file,
    target: specifier.startsWith('.') ? relative(SRC, resolve(SRC, dirname(file), specifier)) : specifier,
  }));
}

function roomOf(path: string): string {
  return (path.split(sep)[0] ?? '').replace(/\.tsx?$/, '');
}

function faultOf({ from, target }: Import): string | null {
  const room = roomOf(from);
  const isOurs = target.endsWith('.ts') || target.endsWith('.tsx');
  if (!isOurs) {
    const rules = PACKAGES.filter(({ name }) => name.test(target));
    const allowed = rules.length === 0 || rules.some(({ rooms, files }) => rooms.includes(room) || files?.test(from));
    return allowed ? null : `${from} uses ${target}`;
  }
  const to = roomOf(target);
  const rules = MAY_IMPORT[room];
  if (!rules) return `${from} is in a room that the table does not know`;
  if (to === room || rules.includes('*')) return null;
  if (COMMON.includes(to)) return room === 'sandbox' || room === 'config' ? `${from} imports ${target}` : null;
  const sides = COMMON.includes(room) ? [] : SIDES.filter(({ file }) => file.test(from)).flatMap(({ may }) => may);
  return [...rules, ...sides].includes(to) ? null : `${from} imports ${target}`;
}

const all = sourceFiles().flatMap(importsOf);

test('every import follows the table', () => {
  expect(all.map(faultOf).filter((fault) => fault !== null)).toEqual([]);
});

test('the table was asked about the whole of the source', () => {
  expect(new Set(all.map(({ from }) => from)).size).toBeGreaterThan(100);
  expect(all.length).toBeGreaterThan(400);
});

test('only the configuration and the entry points read the environment', () => {
  // In quotes it is a name that Vite replaces in the page, and reads nothing.
  const readers = sourceFiles().filter((file) => /(?<!')process\.env/.test(readFileSync(join(SRC, file), 'utf8')));
  expect(
    readers.filter(
      (file) => !['main.ts', 'config.ts', join('sandbox', 'main.ts'), join('cli', 'main.ts')].includes(file),
    ),
  ).toEqual([]);
});

// Each rule was seen to refuse: what it must catch is planted here.
test.each([
  ['a slice that reaches into another', { from: 'audit/schema.ts', target: 'segments/service.ts' }],
  ['the platform that knows a slice', { from: 'cxone/client.ts', target: 'contacts/model.ts' }],
  ['imports that know a kind', { from: 'imports/service.ts', target: 'contact-lists/outbound-bulk.ts' }],
  ['a service that speaks GraphQL', { from: 'imports/service.ts', target: 'graphql/builder.ts' }],
  ['a service that speaks HTTP', { from: 'imports/service.ts', target: 'server/routes.ts' }],
  ['a sandbox that shares our code', { from: 'sandbox/server.ts', target: 'errors.ts' }],
  ['SQL outside the store', { from: 'imports/service.ts', target: 'kysely' }],
  ['HTTP calls outside the client', { from: 'contacts/client.ts', target: 'undici' }],
  ['Pothos outside a schema', { from: 'contacts/service.ts', target: '@pothos/core' }],
  ['Yoga outside the server', { from: 'graphql/builder.ts', target: 'graphql-yoga' }],
  ['a room nobody has heard of', { from: 'utils/strings.ts', target: 'errors.ts' }],
])('refused: %s', (_name, planted) => {
  expect(faultOf(planted)).not.toBeNull();
});
