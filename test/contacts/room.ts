/** The gateway over an empty sandbox with one address book, and the few things that tests of address books and contacts ask of both. */
import { encodeGlobalId } from '../../src/graphql/global-ids.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/server.ts';
import { type Data, type GraphQLAnswer, startGateway, type TestGatewayOptions } from '../support/gateway.ts';

export const BOOK = 'book-a';
export const bookGid = (bookId = BOOK) => encodeGlobalId('AddressBook', bookId);
export const contactGid = (contactId: string, bookId = BOOK) => encodeGlobalId('Contact', bookId, contactId);

export interface Room extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly databaseUrl: string;
  ask(document: string, variables?: Record<string, unknown>): Promise<GraphQLAnswer>;
  /** The data alone. @throws where there are errors */
  data(document: string, variables?: Record<string, unknown>): Promise<Data>;
  /** The payload or error of one mutation, with what is asked for of the payload. */
  mutate(name: string, input: Record<string, unknown>, payload: string): Promise<Data>;
  /** How many requests of this method and route CXone has got. */
  sent(route: string): number;
  /** The newest first. */
  audit(filter?: { action?: string; subject?: string }): Promise<Data[]>;
  cache(): Promise<{ entries: number; hits: number; misses: number }>;
}

/** A sandbox with one empty book, and no limits: tests count calls, not seconds. */
export async function startEmptySandbox(): Promise<Sandbox> {
  const sandbox = await startSandbox({ seed: 'empty', limits: { addressBooks: Number.POSITIVE_INFINITY } });
  sandbox.control.add.addressBook({ id: BOOK, name: 'A' });
  return sandbox;
}

/** What tests count must not be paced by. */
const NO_LIMIT = JSON.stringify({ addressBooks: 5000 });

export async function startRoom(options: TestGatewayOptions = {}): Promise<Room> {
  const parts = new AsyncDisposableStack();
  const sandbox = options.useSandbox ?? parts.use(await startEmptySandbox());
  const env = { CXONE_LIMITS: NO_LIMIT, ...options.env };
  const gateway = parts.use(await startGateway({ ...options, useSandbox: sandbox, env }));
  const { data } = gateway;

  return {
    sandbox,
    databaseUrl: options.databaseUrl ?? '',
    ask: (document, variables) => gateway.graphql(document, variables),
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
    audit: async (filter = {}) =>
      (
        await data(
          `query ($filter: AuditFilter) { auditEntries(first: 250, filter: $filter) { nodes {
            actor action subject outcome latencyMs requestId upstreamRequestId detail } } }`,
          { filter },
        )
      ).auditEntries.nodes,
    cache: async () =>
      (await data('{ gatewayStatus { baselineCache { entries hits misses } } }')).gatewayStatus.baselineCache,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

export const GET = 'GET /api/v2/addressbooks/{bookId}/contacts/{contactId}';
export const PUT = 'PUT /api/v2/addressbooks/{bookId}/contacts/{contactId}';
export const POST = 'POST /api/v2/addressbooks/{bookId}/contacts';
export const LIST = 'GET /api/v2/addressbooks/{bookId}/contacts';
/** Paths for faults and holds. */
export const ONE = '/api/v2/addressbooks/*/contacts/*';
export const MANY = '/api/v2/addressbooks/*/contacts';
