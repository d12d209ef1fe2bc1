/** faults.md, "Upstream faults": answers that would lead the gateway elsewhere, fill its memory or never end. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { ask, READS, type Read } from './reads.ts';
import { UNLIMITED } from './unlimited.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway(UNLIMITED);
});
afterAll(() => gateway[Symbol.asyncDispose]());

const readNamed = (wanted: string): Read => {
  const read = READS.find(({ name }) => name === wanted);
  if (!read) throw new Error(`no read is named ${wanted}`);
  return read;
};
const CONTACT = readNamed('contact');
const BOOKS = readNamed('addressBooks');

describe('a redirect', () => {
  test.each([301, 302, 303, 307, 308])(
    '%i to another origin is not followed, of reads, writes and tokens alike',
    async (status) => {
      await using canary = await startCanary();
      const redirectTo = `${canary.url}/elsewhere`;
      gateway.sandbox.control.fail({ status, redirectTo });
      const read = await ask(gateway, CONTACT, status);
      const { data } = await gateway.graphql(
        `mutation { createAddressBook(input: {name: "Redirected ${status}"}) { __typename ... on Error { message } } }`,
      );
      gateway.sandbox.control.clearFaults();
      expect(read.code).toBe('UPSTREAM_ERROR');
      expect(data.createAddressBook.__typename).toMatch(/^(UpstreamError|OutcomeUnknownError)$/);
      expect(canary.hits()).toBe(0);
    },
  );

  test('of the token endpoint is not followed either: no secret leaves', async () => {
    await using canary = await startCanary();
    await using fresh = await startGateway(UNLIMITED);
    fresh.sandbox.control.fail({ path: '/oauth2/token', status: 307, redirectTo: `${canary.url}/oauth2/token` });
    expect(await ask(fresh, CONTACT)).toMatchObject({ code: 'UPSTREAM_ERROR' });
    expect(canary.hits()).toBe(0);
  });
});

async function startCanary() {
  let hits = 0;
  const server = createServer((_request, response) => {
    hits += 1;
    response.end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // It listens on TCP.
  return {
    url: `http://127.0.0.1:${port}`,
    hits: () => hits,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}

describe('a body that is too much', () => {
  test.each([
    ['512 MiB', 21, { padBytes: 512 * 1024 * 1024 }],
    ['a bomb of 128 MiB', 22, { padBytes: 128 * 1024 * 1024, gzip: true }],
  ])('%s is cut off: UPSTREAM_ERROR, and no memory for it', async (_name, index, fault) => {
    const before = process.memoryUsage().rss;
    let highest = before;
    const watching = setInterval(() => {
      highest = Math.max(highest, process.memoryUsage().rss);
    }, 5);
    const programmed = gateway.sandbox.control.fail({ method: 'GET', path: CONTACT.path, ...fault });
    const { code } = await ask(gateway, CONTACT, index);
    clearInterval(watching);
    gateway.sandbox.control.clearFaults();
    expect(code).toBe('UPSTREAM_ERROR');
    expect(programmed.hits).toBeLessThanOrEqual(4);
    // The sandbox, which is in this process too, has its part in this.
    expect(highest - before).toBeLessThanOrEqual(96 * 1024 * 1024);
    await expect.poll(() => gateway.sandbox.control.requests().inFlight, { timeout: 2000 }).toBe(0);
    expect(await ask(gateway, CONTACT, index)).toMatchObject({ code: 'OK' });
  });
});

describe('pages that have no end', () => {
  test('a list whose every page names a next one ends', async () => {
    gateway.sandbox.control.fail({ method: 'GET', path: BOOKS.path, endlessPages: true });
    const seen = new Set<string>();
    let after: string | null = null;
    let pages = 0;
    do {
      const { data, errors } = await gateway.graphql(
        'query ($after: String) { addressBooks(first: 250, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }',
        { after },
      );
      expect(errors).toBeUndefined();
      for (const { id } of data.addressBooks.nodes) seen.add(id);
      after = data.addressBooks.pageInfo.hasNextPage ? data.addressBooks.pageInfo.endCursor : null;
      pages += 1;
    } while (after !== null && pages < 1000);
    gateway.sandbox.control.clearFaults();
    expect(pages).toBeLessThan(10);
    expect(seen.size).toBeLessThan(100);
  });

  test('a field that needs a whole list ends within its deadline', async () => {
    const read = readNamed('AddressBook.groupReferences');
    const programmed = gateway.sandbox.control.fail({ method: 'GET', path: read.path, endlessPages: true });
    const { code } = await ask(gateway, read);
    gateway.sandbox.control.clearFaults();
    expect(['OK', 'UPSTREAM_ERROR']).toContain(code);
    expect(programmed.hits).toBeLessThanOrEqual(1000);
  });
});
