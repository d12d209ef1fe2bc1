import { expect, test } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';

const LIST = DEMO_IDS.contactLists.importTrial;

const REGISTER = `mutation ($input: RegisterEnrichmentWebhookInput!) { registerEnrichmentWebhook(input: $input) {
  __typename ... on RegisterEnrichmentWebhookPayload { webhookId url } ... on Error { message } } }`;

async function register(gateway: TestGateway, input: Record<string, unknown> = {}) {
  const { registerEnrichmentWebhook } = await gateway.data(REGISTER, { input });
  return registerEnrichmentWebhook;
}

test('from registering the webhook to what subscribers are told, everything is as CXone does it', async () => {
  await using gateway = await startGateway();
  const registered = await register(gateway);
  expect(registered).toMatchObject({
    __typename: 'RegisterEnrichmentWebhookPayload',
    url: `${gateway.url}/webhooks/cxone`,
  });
  expect(await register(gateway)).toEqual(registered);
  const registrations = gateway.sandbox.control.state.webhooks().filter(({ name }) => name === 'gateway_enrichment');
  expect(registrations.map(({ id }) => id)).toEqual([registered.webhookId]);

  const events = gateway.subscribe(
    `subscription { contactEnriched(after: "e1.0") { cursor type contactId late contactList { id name } attributes } }`,
  );
  const delivery = { contactListId: LIST, contactId: 'c-1', attributes: { score: 3 } };
  const answers = await gateway.sandbox.control.deliver(
    { id: 'evt_1', type: 'contact.enriched', ...delivery },
    { to: registered.url, times: 3 },
  );
  expect(answers.map(({ status }) => status)).toEqual([202, 200, 200]);
  await gateway.sandbox.control.deliver({ id: 'evt_2', type: 'contact.updated', ...delivery }, { to: registered.url });
  const told = [(await events.next()).value, (await events.next()).value].map((event) => event.contactEnriched);
  await events.return?.();
  expect(told).toMatchObject([
    { type: 'CONTACT_ENRICHED', contactId: 'c-1', late: false, attributes: { score: 3 } },
    { type: 'CONTACT_UPDATED', contactId: 'c-1', late: false },
  ]);
  expect(told[0].contactList).toEqual({ id: `gid://cxone/ContactList/${LIST}`, name: expect.any(String) });
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  expect(metrics).toContain('gateway_webhook_deliveries_total{outcome="accepted"} 2');
  expect(metrics).toContain('gateway_webhook_deliveries_total{outcome="repeated"} 2');
});

test('a contact that a webhook names is read anew', async () => {
  await using gateway = await startGateway();
  const bookId = DEMO_IDS.addressBooks.customers;
  const contactId = DEMO_IDS.contacts.firstCustomer;
  const read = async () => {
    const id = `gid://cxone/Contact/${bookId}/${contactId}`;
    return (await gateway.data('query ($id: ID!) { contact(id: $id) { firstName } }', { id })).contact.firstName;
  };
  const before = await read();
  gateway.sandbox.control.rivalWrite(bookId, contactId, { firstName: 'After' });
  expect(await read()).toBe(before);
  await gateway.sandbox.control.deliver(
    { type: 'contact.updated', contactListId: LIST, contactId, attributes: {} },
    { to: `${gateway.url}/webhooks/cxone` },
  );
  expect(await read()).toBe('After');
});

test('a webhook cannot be registered for a private address', async () => {
  await using gateway = await startGateway();
  for (const url of ['http://169.254.169.254/', 'https://127.0.0.1/', 'https://localhost/']) {
    expect((await register(gateway, { url })).__typename).toBe('ValidationError');
  }
  expect(gateway.sandbox.control.requests().total).toBe(0);
});
