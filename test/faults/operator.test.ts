/** What whoever runs the gateway is told when something is wrong, without reading code. */
import { expect, test } from 'vitest';
import { type Data, startGateway, type TestGateway } from '../support/gateway.ts';
import { freshDatabaseUrl } from '../support/postgres.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { ask, READS, type Read } from './reads.ts';
import { UNLIMITED } from './unlimited.ts';

const CONTACT = READS.find(({ name }) => name === 'contact') as Read; // It is there: reads.ts.
const STATUS = '{ gatewayStatus { problems upstream { group circuit } } }';

async function ready(gateway: TestGateway): Promise<{ status: number; body: Data }> {
  const response = await fetch(`${gateway.url}/health/ready`);
  return { status: response.status, body: await response.json() };
}
const metric = async (gateway: TestGateway, name: string): Promise<string[]> =>
  (await (await fetch(`${gateway.url}/metrics`)).text()).split('\n').filter((line) => line.startsWith(name));

test('all is well: no problems', async () => {
  await using gateway = await startGateway(UNLIMITED);
  await ask(gateway, CONTACT);
  expect(await ready(gateway)).toEqual({ status: 200, body: { status: 'ok', checks: { store: 'ok' }, problems: [] } });
  expect((await gateway.data(STATUS)).gatewayStatus.problems).toEqual([]);
});

test('credentials that CXone does not accept: named with their variables; still ready, for no replica would do better', async () => {
  await using gateway = await startGateway(UNLIMITED);
  gateway.sandbox.control.fail({ path: '/oauth2/token', status: 401, json: { error: 'invalid_client' } });
  expect((await ask(gateway, CONTACT)).code).toBe('UPSTREAM_ERROR');
  const { status, body } = await ready(gateway);
  expect(status).toBe(200);
  expect(body.problems).toEqual([expect.stringMatching(/credentials.*CXONE_CLIENT_ID/)]);
  expect((await gateway.data(STATUS)).gatewayStatus.problems).toEqual(body.problems);
  expect((await metric(gateway, 'gateway_upstream_calls_total')).join()).toMatch(/group="addressBooks",outcome="auth"/);

  gateway.sandbox.control.clearFaults();
  await expect.poll(async () => (await ask(gateway, CONTACT)).code, { timeout: 5000 }).toBe('OK');
  expect((await ready(gateway)).body.problems).toEqual([]);
});

test('a group of endpoints that keeps failing: named, with how, while its circuit is open', async () => {
  await using gateway = await startGateway(UNLIMITED);
  gateway.sandbox.control.fail({ method: 'GET', path: CONTACT.path, status: 503 });
  for (let index = 0; index < 3; index += 1) await ask(gateway, CONTACT, index);
  const { gatewayStatus } = await gateway.data(STATUS);
  expect(gatewayStatus.upstream).toContainEqual({ group: 'addressBooks', circuit: 'OPEN' });
  expect(gatewayStatus.problems).toEqual([expect.stringMatching(/addressBooks.*status 503/)]);
  expect(await metric(gateway, 'gateway_upstream_circuit_open')).toContain(
    'gateway_upstream_circuit_open{group="addressBooks"} 1',
  );
  expect((await ready(gateway)).body.problems).toEqual(gatewayStatus.problems);
});

test('wrong credentials of clients are counted by reason', async () => {
  await using gateway = await startGateway({ env: { GATEWAY_AUTH: '', GATEWAY_API_KEYS: 'ops:admin:ops-key-1' } });
  for (let index = 0; index < 12; index += 1)
    await gateway.graphql('{ __typename }', {}, { authorization: `Bearer wrong-${index}` });
  expect(await metric(gateway, 'gateway_auth_refusals_total')).toEqual([
    'gateway_auth_refusals_total{reason="unknownKey"} 10',
    'gateway_auth_refusals_total{reason="rateLimited"} 2',
  ]);
});

test('a store that is gone: not ready, every request that needs it says so before CXone is asked, and it comes back by itself', async () => {
  await using database = await freshDatabaseUrl('postgres');
  const direct = new URL(database.url);
  await using wire = await startTcpProxy({ host: direct.hostname, port: Number(direct.port) });
  const through = new URL(database.url);
  through.hostname = '127.0.0.1';
  through.port = String(wire.port);
  await using gateway = await startGateway({ ...UNLIMITED, databaseUrl: through.href });
  const create = `mutation { createAddressBook(input: {name: "Kept", idempotencyKey: "once"}) { __typename ... on Error { message } } }`;
  await ask(gateway, CONTACT);

  await wire.cut();
  const { status, body } = await ready(gateway);
  expect(status).toBe(503);
  expect(body).toMatchObject({
    status: 'unavailable',
    reason: 'Not ready: store.',
    checks: { store: expect.stringMatching(/database/) },
  });
  gateway.sandbox.control.resetRequests();
  for (const query of [create, '{ gatewayStatus { importsRunning } }', '{ imports { nodes { id } } }'])
    expect((await gateway.graphql(query)).errors?.[0]?.extensions.code).toBe('UNAVAILABLE');
  expect(gateway.sandbox.control.requests().total).toBe(0);
  // What needs no store is told on.
  expect((await gateway.data(STATUS)).gatewayStatus.upstream).toHaveLength(5);

  await wire.mend();
  await expect.poll(async () => (await ready(gateway)).status, { timeout: 60_000 }).toBe(200);
  expect((await gateway.data(create)).createAddressBook.__typename).toBe('CreateAddressBookPayload');
});
