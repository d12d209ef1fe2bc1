/**
 * Thousands of requests that no careful client would send: no 500, no hang, and a gateway that is alive and right
 * afterwards. FUZZ_RUNS says how many of each kind (default 150), FUZZ_SEED which.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type GraphQLAnswer, startGateway, type TestGateway } from '../support/gateway.ts';
import { finished, outboundRow, startImport } from '../support/imports.ts';
import { createFuzz, type FuzzKind } from './fuzz.ts';
import { UNLIMITED } from './unlimited.ts';

const RUNS = Number(process.env.FUZZ_RUNS ?? 150);
const SEED = Number(process.env.FUZZ_SEED ?? 20261121);
const CONCURRENCY = 16;

let gateway: TestGateway;
let fuzz: ReturnType<typeof createFuzz>;
beforeAll(async () => {
  gateway = await startGateway({
    ...UNLIMITED,
    env: { ...UNLIMITED.env, LOG_LEVEL: 'error', SEGMENT_CONFIRM_MS: '200' },
  });
  fuzz = createFuzz({ ...gateway, webhookSecret: gateway.sandbox.webhookSecret });
});
afterAll(() => gateway[Symbol.asyncDispose]());

/** Runs some at a time. @returns what is wrong with those that went wrong, with what they were */
async function attempt<Input>({ inputs, send }: FuzzKind<Input>): Promise<string[]> {
  const wrong: string[] = [];
  const rest = fc.sample(inputs, { numRuns: RUNS, seed: SEED });
  const work = async () => {
    for (let input = rest.pop(); input !== undefined; input = rest.pop()) {
      const fault = await send(input).catch((error: unknown) => String(error));
      if (fault !== undefined) wrong.push(`${fault}: ${JSON.stringify(input).slice(0, 600)}`);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return wrong;
}

test('GraphQL requests', { timeout: 600_000 }, async () => {
  expect(await attempt(fuzz.graphql)).toEqual([]);
});

test('uploads', { timeout: 600_000 }, async () => {
  expect(await attempt(fuzz.uploads)).toEqual([]);
});

test('webhooks, signed and not', { timeout: 600_000 }, async () => {
  expect(await attempt(fuzz.webhooks)).toEqual([]);
});

test('paths, methods and headers', { timeout: 600_000 }, async () => {
  expect(await attempt(fuzz.requests)).toEqual([]);
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
