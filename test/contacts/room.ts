/** Address books and contacts with the real store and the real sandbox, reached by GraphQL as the schema has it. */
import { randomUUID } from 'node:crypto';
import { type ExecutionResult, type GraphQLSchema, graphql } from 'graphql';
import { addAddressBookTypes } from '../../src/address-books/schema.ts';
import { createAddressBooks } from '../../src/address-books/service.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import { addContactTypes } from '../../src/contacts/schema.ts';
import { type Contacts, createContacts } from '../../src/contacts/service.ts';
import { type CallContext, newUpstreamTally } from '../../src/cxone/call-context.ts';
import { createCxoneClient } from '../../src/cxone/client.ts';
import { buildSchema, createBuilder } from '../../src/graphql/builder.ts';
import { createRequestLoaders } from '../../src/graphql/context.ts';
import { encodeGlobalId } from '../../src/graphql/global-ids.ts';
import { SANDBOX_CLIENT_ID, SANDBOX_CLIENT_SECRET } from '../../src/sandbox/options.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/server.ts';
import type { Services } from '../../src/services.ts';
import { type AuditEntry, createAuditLog } from '../../src/store/audit-log.ts';
import type { Database } from '../../src/store/database.ts';
import { openDatabase } from '../../src/store/database.ts';
import { createEventLog, type EventLog } from '../../src/store/event-log.ts';
import { createLeases } from '../../src/store/leases.ts';
import { freshDatabaseUrl } from '../support/postgres.ts';

// What a test selects is what it gets: documents are checked against the schema when they are executed.
// biome-ignore lint/suspicious/noExplicitAny: answers are asserted on, not computed with
export type Data = any;

export const BOOK = 'book-a';
export const bookGid = (bookId = BOOK) => encodeGlobalId('AddressBook', bookId);
export const contactGid = (contactId: string, bookId = BOOK) => encodeGlobalId('Contact', bookId, contactId);

export interface Room extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly contacts: Contacts;
  readonly database: Database;
  readonly events: EventLog;
  /** Executes a document; never throws. */
  ask(
    document: string,
    variables?: Record<string, unknown>,
    call?: Partial<CallContext>,
  ): Promise<ExecutionResult & { data?: Data }>;
  /** The data alone. @throws where there are errors */
  data(document: string, variables?: Record<string, unknown>): Promise<Data>;
  /** The payload or error of one mutation, with what is asked for below `on`. */
  mutate(name: string, input: Record<string, unknown>, payload: string): Promise<Data>;
  /** How many requests of this method and route were sent. */
  sent(route: string): number;
  audit(filter?: { action?: string; subject?: string }): Promise<AuditEntry[]>;
}

export interface RoomOptions {
  sandbox?: Sandbox | undefined;
  databaseUrl?: string | undefined;
  clock?: Clock | undefined;
  cacheSize?: number | undefined;
  timeoutMs?: number | undefined;
}

/** A sandbox with one empty book, and no limits: tests count calls, not seconds. */
export async function startEmptySandbox(): Promise<Sandbox> {
  const sandbox = await startSandbox({ seed: 'empty', limits: { addressBooks: Number.POSITIVE_INFINITY } });
  sandbox.control.add.addressBook({ id: BOOK, name: 'A' });
  return sandbox;
}

export async function startRoom(options: RoomOptions = {}): Promise<Room> {
  const parts = new AsyncDisposableStack();
  const { clock = systemClock, cacheSize = 1000, timeoutMs = 5000 } = options;
  const sandbox = options.sandbox ?? parts.use(await startEmptySandbox());
  const url = options.databaseUrl ?? parts.use(await freshDatabaseUrl('sqlite')).url;
  const cxone = parts.use(
    createCxoneClient({
      baseUrl: sandbox.url,
      credentials: { clientId: SANDBOX_CLIENT_ID, clientSecret: SANDBOX_CLIENT_SECRET, style: 'form' },
      limits: { addressBooks: 5000, records: 50, outbound: 50, enrichment: 50, segments: 50 },
      timeoutMs,
      retryBaseMs: { segments: 50, other: 50 },
      clock,
      random: Math.random,
    }),
  );
  const database = parts.use(await openDatabase({ url, clock }));
  const origin = randomUUID();
  const leases = createLeases({ database, clock, owner: origin });
  const audit = createAuditLog({ database });
  const events = parts.use(createEventLog({ database, clock }));
  const log = { warn: () => {}, error: () => {} };
  const shared = { cxone, database, leases, audit, globalId: encodeGlobalId, clock, log };
  const addressBooks = createAddressBooks(shared);
  const contacts = parts.use(
    await createContacts({
      ...shared,
      addressBooks,
      events,
      origin,
      baselineCache: { size: cacheSize, ttlMs: 60_000 },
      random: Math.random,
    }),
  );
  // The other slices' services stay out of reach of this schema.
  const services = { addressBooks, contacts } as unknown as Services;
  const schema = buildRoomSchema();

  const ask: Room['ask'] = async (source, variableValues, call) => {
    const requestId = randomUUID();
    const contextValue = {
      services,
      actor: { name: 'tester', role: 'admin' },
      requestId,
      call: { requestId, lane: { kind: 'interactive' }, tally: newUpstreamTally(), ...call },
      loaders: createRequestLoaders(),
    };
    return await graphql({ schema, source, variableValues: variableValues ?? {}, contextValue });
  };

  const data: Room['data'] = async (document, variables) => {
    const result = await ask(document, variables);
    if (result.errors)
      throw new Error(result.errors.map((error) => error.message).join('\n'), { cause: result.errors[0] });
    return result.data;
  };

  return {
    sandbox,
    contacts,
    database,
    events,
    ask,
    data,
    async mutate(name, input, payload) {
      const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
      const document = `mutation ($input: ${type}Input!) { ${name}(input: $input) {
        __typename
        ... on ${type}Payload { ${payload} }
        ... on Error { message }
        ... on ValidationError { issues { path code message } }
        ... on ConflictError { reason current { __typename id } }
      } }`;
      return (await data(document, { input }))[name];
    },
    sent: (route) => sandbox.control.requests().routes[route]?.requests ?? 0,
    audit: async (filter = {}) => (await audit.page({ first: 250, filter })).entries,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

function buildRoomSchema(): GraphQLSchema {
  const builder = createBuilder();
  const { addressBook } = addAddressBookTypes(builder);
  addContactTypes(builder, { addressBook });
  return buildSchema(builder);
}

export const GET = 'GET /api/v2/addressbooks/{bookId}/contacts/{contactId}';
export const PUT = 'PUT /api/v2/addressbooks/{bookId}/contacts/{contactId}';
export const POST = 'POST /api/v2/addressbooks/{bookId}/contacts';
export const LIST = 'GET /api/v2/addressbooks/{bookId}/contacts';
export const DELETE = 'DELETE /api/v2/addressbooks/{bookId}/contacts/{contactId}';
/** Paths for faults and holds. */
export const ONE = '/api/v2/addressbooks/*/contacts/*';
export const MANY = '/api/v2/addressbooks/*/contacts';
