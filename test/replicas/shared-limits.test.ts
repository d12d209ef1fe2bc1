import { expect, test, vi } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startSandbox } from '../../src/sandbox/server.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { freshDatabaseUrl } from '../support/postgres.ts';
import { dataOf, startGateways } from './processes.ts';

const BOOK = `gid://cxone/AddressBook/${DEMO_IDS.addressBooks.customers}`;
const LIMIT = 40;
/** cxone-api.md, section 2. */
const MAX_IN_FLIGHT = 15;

/** So many callers at once, each asking one thing after the other until stopped. Answers the count of answers. */
function load(
  gateway: GatewayProcess,
  callers: number,
  queryOf: (number: number) => string,
): { readonly answered: () => number; stop(): Promise<void> } {
  let stopped = false;
  let answered = 0;
  let number = 0;
  const ask = async () => {
    while (!stopped) {
      // One that is refused in time has had its turn; a gateway that is killed or paused answers nobody.
      const isAnswered = await gateway.graphql(queryOf(number++)).then(
        ({ errors }) => !errors,
        () => false,
      );
      if (isAnswered) answered++;
      else await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const all = Array.from({ length: callers }, ask);
  return {
    answered: () => answered,
    async stop() {
      stopped = true;
      await Promise.all(all);
    },
  };
}

/** Another contact each time: nothing is answered from memory. */
const findContact = (number: number) =>
  `{ addressBook(id: "${BOOK}") { contactByExternalRef(externalRefId: "none-${number}") { id } } }`;
const readList = () =>
  `{ contactList(id: "gid://cxone/ContactList/${DEMO_IDS.contactLists.renewals}") { totalContactCount } }`;

/** Until each of the loads has got so many more answers. */
async function answeredMore(loads: readonly { answered(): number }[], count: number): Promise<void> {
  const before = loads.map(({ answered }) => answered());
  await vi.waitFor(
    () => {
      for (const [index, { answered }] of loads.entries())
        expect(answered() - (before[index] ?? 0)).toBeGreaterThanOrEqual(count);
    },
    { timeout: 90_000, interval: 100 },
  );
}

test('replicas that come, go and are killed under full load stay within one limit, and use it', {
  timeout: 300_000,
}, async () => {
  await using sandbox = await startSandbox({ limits: { addressBooks: LIMIT } });
  await using database = await freshDatabaseUrl('postgres');
  // So slow that the rate alone would have 28 calls of the book in flight.
  sandbox.control.fail({ method: 'GET', path: '/api/v2/addressbooks/{id}/contacts', delayMs: 700 });
  const env = { CXONE_LIMITS: JSON.stringify({ addressBooks: LIMIT }) };
  const start = async () => (await startGateways(1, { databaseUrl: database.url, sandbox, env }))[0] as GatewayProcess;
  await using cleanUp = new AsyncDisposableStack();

  const a = cleanUp.use(await start());
  const loads = [load(a, 30, findContact)];
  const b = cleanUp.use(await start());
  loads.push(load(b, 30, findContact));
  const c = cleanUp.use(await start());
  loads.push(load(c, 30, findContact));
  // All three get on.
  await answeredMore(loads, 15);

  await b.kill();
  await c.stop();
  // What the two had is the first one's again.
  await answeredMore(loads.slice(0, 1), 60);
  await Promise.all(loads.map((each) => each.stop()));

  const { peakPerSecond, peakInFlight, rateLimited, violations } = sandbox.control.requests();
  expect(peakPerSecond.addressBooks).toBeLessThanOrEqual(LIMIT);
  expect(peakInFlight.byAddressBook[DEMO_IDS.addressBooks.customers]).toBeLessThanOrEqual(MAX_IN_FLIGHT);
  expect(rateLimited.addressBooks).toBe(0);
  expect(violations).toEqual([]);
});

test('a limit smaller than the number of replicas: everybody gets on, and never more than it at once', async () => {
  await using sandbox = await startSandbox({ limits: { outbound: 2 } });
  await using database = await freshDatabaseUrl('postgres');
  const env = { CXONE_LIMITS: JSON.stringify({ outbound: 2 }) };
  await using cleanUp = new AsyncDisposableStack();
  const gateways = await startGateways(3, { databaseUrl: database.url, sandbox, env });
  for (const gateway of gateways) cleanUp.use(gateway);
  const loads = gateways.map((gateway) => load(gateway, 1, readList));
  await vi.waitFor(
    () => {
      for (const { answered } of loads) expect(answered()).toBeGreaterThan(1);
    },
    { timeout: 90_000, interval: 200 },
  );
  await Promise.all(loads.map((each) => each.stop()));
  expect(sandbox.control.requests()).toMatchObject({ rateLimited: { outbound: 0 }, violations: [] });
  expect(sandbox.control.requests().peakPerSecond.outbound).toBeLessThanOrEqual(2);
});

test('what one replica learns from a 429 all obey, also one that starts after it', async () => {
  await using sandbox = await startSandbox();
  await using database = await freshDatabaseUrl('postgres');
  await using cleanUp = new AsyncDisposableStack();
  const options = { databaseUrl: database.url, sandbox };
  const [a, b] = await startGateways(2, options);
  if (!a || !b) throw new Error('There are two.');
  cleanUp.use(a);
  cleanUp.use(b);
  const read = (gateway: GatewayProcess) => gateway.graphql(readList());
  sandbox.control.fail({
    method: 'GET',
    path: '/api/v2/outbound/contactlists/{id}',
    status: 429,
    retryAfter: 4,
    times: 1,
  });
  const waiting = read(a);
  const refused = await sandbox.control.waitFor(({ status }) => status === 429);
  // While another one starts, which takes longer than the news.
  const c = cleanUp.use((await startGateways(1, options))[0] as GatewayProcess);
  const answers = await Promise.all([waiting, read(b), read(c)]);
  for (const { errors } of answers) expect(errors).toBeUndefined();
  const after = sandbox.control
    .requestLog()
    .filter(({ number, route }) => number > refused.number && route.includes('contactlists'));
  expect(after.length).toBeGreaterThanOrEqual(3);
  expect(Math.min(...after.map(({ at }) => at)) - refused.at).toBeGreaterThanOrEqual(4_000);
});

test('the same upsert from three replicas at once makes one contact', async () => {
  await using sandbox = await startSandbox({ limits: { addressBooks: 500 } });
  await using database = await freshDatabaseUrl('postgres');
  await using cleanUp = new AsyncDisposableStack();
  const env = { CXONE_LIMITS: JSON.stringify({ addressBooks: 500 }) };
  const gateways = await startGateways(3, { databaseUrl: database.url, sandbox, env });
  for (const gateway of gateways) cleanUp.use(gateway);
  const partners = DEMO_IDS.addressBooks.partners;
  const before = sandbox.control.state.contactCount(partners);
  const outcomes = await Promise.all(
    Array.from({ length: 30 }, (_, index) =>
      dataOf(
        gateways[index % 3] as GatewayProcess,
        `mutation ($input: UpsertContactInput!) { upsertContact(input: $input) {
           ... on UpsertContactPayload { outcome contact { cxoneId } } ... on Error { message } } }`,
        {
          input: {
            addressBookId: `gid://cxone/AddressBook/${partners}`,
            contact: { firstName: 'Ada', customAttributes: { external_ref_id: 'CRM-994821' } },
          },
        },
      ),
    ),
  );
  expect(sandbox.control.state.contactCount(partners)).toBe(before + 1);
  expect(outcomes.filter(({ upsertContact }) => upsertContact.outcome === 'CREATED')).toHaveLength(1);
  expect(new Set(outcomes.map(({ upsertContact }) => upsertContact.contact.cxoneId)).size).toBe(1);
});
