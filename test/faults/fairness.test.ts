/** faults.md, "Client abuse": one caller who asks for all that CXone gives does not keep the others waiting. */
import { expect, test } from 'vitest';
import { startGateway } from '../support/gateway.ts';
import { READS, type Read } from './reads.ts';

const CONTACT = READS.find(({ name }) => name === 'contact') as Read; // It is there: reads.ts.

const GREEDY = { authorization: 'Bearer greedy-key-1' };
const MODEST = { authorization: 'Bearer modest-key-1' };

test('another caller’s reads do not wait while one has dozens waiting', async () => {
  await using gateway = await startGateway({
    env: {
      GATEWAY_AUTH: '',
      GATEWAY_API_KEYS: 'greedy:reader:greedy-key-1,modest:reader:modest-key-1',
      CXONE_LIMITS: '{"addressBooks":30}',
    },
  });
  await gateway.graphql(CONTACT.query(190), {}, MODEST);
  // Two seconds' worth at 30 a second.
  const greedy = Array.from({ length: 60 }, (_, index) => gateway.graphql(CONTACT.query(index), {}, GREEDY));
  await gateway.sandbox.control.waitFor(({ number }) => number > 20);
  for (let index = 0; index < 3; index += 1) {
    const { errors, extensions } = await gateway.graphql(CONTACT.query(191 + index), {}, MODEST);
    expect(errors).toBeUndefined();
    // A place is there at once; without one kept free it would be up to a second.
    expect(extensions?.upstream.waitedMs).toBeLessThan(50);
  }
  const answers = await Promise.all(greedy);
  expect(answers.filter(({ errors }) => errors === undefined).length).toBe(60);
});
