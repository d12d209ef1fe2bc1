import { serverAudits } from 'graphql-http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Harness, startHarness } from './harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(async () => {
  await harness[Symbol.asyncDispose]();
});

describe('the GraphQL over HTTP specification, as graphql-http audits it', () => {
  const audits = serverAudits({ url: () => harness.graphql });

  test('has the audits we know of', () => {
    expect(audits.length).toBe(61);
  });

  for (const audit of audits) {
    test(`${audit.id} ${audit.name}`, async () => {
      const result = await audit.fn();
      expect(result.status, JSON.stringify(result)).toBe('ok');
    });
  }
});
