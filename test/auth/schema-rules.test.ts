/** No root field is without a rule: nobody gets past one without the role it asks for. */
import { execute, parse, subscribe } from 'graphql';
import { describe, expect, test } from 'vitest';
import { newUpstreamTally } from '../../src/cxone/call-context.ts';
import { buildSchema, createBuilder } from '../../src/graphql/builder.ts';
import { type Actor, createRequestLoaders, type GraphQLContext, type Role } from '../../src/graphql/context.ts';
import { maskError } from '../../src/graphql/mask-error.ts';
import { createSchema } from '../../src/schema.ts';
import type { Services } from '../../src/services.ts';
import { documentFor, type RootField, rootFields, variablesFor } from '../support/schema-walk.ts';

const schema = createSchema();
const fields = rootFields(schema);

/** interface.md, "Environment". */
const ADMIN_FIELDS = ['deleteAddressBook', 'registerEnrichmentWebhook', 'auditEntries'];

function roleOf({ type, field }: RootField): Role {
  if (ADMIN_FIELDS.includes(field.name)) return 'admin';
  return type === 'mutation' ? 'writer' : 'reader';
}

/** Whoever gets as far as a service has got past the rule. */
const TOUCHED = 'a service was asked';
const services = new Proxy({} as Services, {
  get() {
    throw new Error(TOUCHED);
  },
});

async function codeFor(root: RootField, actor: Actor | null, inSchema = schema): Promise<unknown> {
  const contextValue: GraphQLContext = {
    services,
    actor,
    requestId: 'request-1',
    call: { requestId: 'request-1', lane: { kind: 'interactive' }, tally: newUpstreamTally() },
    loaders: createRequestLoaders(),
  };
  const args = {
    schema: inSchema,
    document: parse(documentFor(root)),
    variableValues: variablesFor(root),
    contextValue,
  };
  const result = await (root.type === 'subscription' ? subscribe(args) : execute(args));
  if (Symbol.asyncIterator in result) {
    const first = await result.next().catch((error: unknown) => ({ value: { errors: [error] } }));
    return firstCode(first.value?.errors);
  }
  return firstCode(result.errors);
}

function firstCode(errors: readonly unknown[] | undefined): unknown {
  return errors?.[0] === undefined ? 'OK' : maskError(errors[0], 'request-1').code;
}

const REFUSED = ['UNAUTHENTICATED', 'FORBIDDEN'];
const BELOW: Record<Role, Role | null> = { reader: null, writer: 'reader', admin: 'writer' };

test('the walk sees the whole schema', () => {
  expect(fields.filter(({ type }) => type === 'query').length).toBeGreaterThan(10);
  expect(fields.filter(({ type }) => type === 'mutation').length).toBeGreaterThan(10);
  expect(fields.filter(({ type }) => type === 'subscription').length).toBeGreaterThanOrEqual(2);
});

describe.each(fields.map((root) => [`${root.type} ${root.field.name}`, root] as const))('%s', (_name, root) => {
  const role = roleOf(root);
  const below = BELOW[role];

  test('is nobody’s without credentials', async () => {
    expect(await codeFor(root, null)).toBe('UNAUTHENTICATED');
  });

  if (below) {
    test(`is not for a ${below}`, async () => {
      expect(await codeFor(root, { name: 'below', role: below })).toBe('FORBIDDEN');
    });
  }

  test(`is for a ${role}`, async () => {
    expect(REFUSED).not.toContain(await codeFor(root, { name: 'enough', role }));
  });

  if (root.type === 'mutation') {
    test('states its role', () => {
      expect(root.field.extensions.role).toBe(role);
    });
  }
});

test('a mutation without a rule would be found', async () => {
  const builder = createBuilder();
  builder.queryField('hello', (t) => t.string({ resolve: () => 'hello' }));
  builder.mutationField('careless', (t) => t.string({ resolve: () => 'done' }));
  const careful = buildSchema(builder);
  const [careless] = rootFields(careful).filter(({ type }) => type === 'mutation');
  expect(careless && (await codeFor(careless, null, careful))).toBe('OK');
});
