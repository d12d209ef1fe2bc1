import { expect, test } from 'vitest';
import { LIMIT_GROUPS } from '../../src/sandbox/options.ts';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startTestSandbox } from './client.ts';

const paths = {
  addressBooks: '/api/v2/addressbooks',
  records: `/api/v2/contactlists/${DEMO_IDS.contactLists.importTrial}/records/nobody`,
  outbound: '/api/v2/outbound/contactlists',
  enrichment: `/api/v2/contacts/lists/${DEMO_IDS.contactLists.importTrial}/schema`,
  segments: '/api/v2/segments',
};

test.each(LIMIT_GROUPS)(
  '%s: one request more than the limit within any second gets 429, the other groups do not',
  async (group) => {
    let nowMs = Date.now();
    await using sandbox = await startTestSandbox({ now: () => nowMs, limits: { [group]: 3 } });
    const ask = async (path: string) =>
      sandbox.call(path === paths.records ? 'PUT' : 'GET', path, path === paths.records ? { body: {} } : {});
    expect((await ask(paths[group])).status).not.toBe(429);
    nowMs += 600;
    for (let index = 0; index < 2; index += 1) expect((await ask(paths[group])).status).not.toBe(429);
    nowMs += 399;
    const refused = await ask(paths[group]);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('1');
    for (const other of LIMIT_GROUPS.filter((name) => name !== group)) {
      expect((await ask(paths[other])).status).not.toBe(429);
    }
    // The window slides: the first is a second old now, the two after it are not.
    nowMs += 1;
    expect((await ask(paths[group])).status).not.toBe(429);
    expect((await ask(paths[group])).status).toBe(429);
    expect(sandbox.control.requests().rateLimited[group]).toBe(2);
  },
);

test('the limits can be changed while it runs, and null turns one off', async () => {
  const nowMs = Date.now();
  await using sandbox = await startTestSandbox({ now: () => nowMs, limits: { segments: 1 } });
  const ask = async () => (await sandbox.call('GET', paths.segments)).status;
  expect([await ask(), await ask()]).toEqual([200, 429]);
  sandbox.control.configure({ limits: { segments: null } });
  expect([await ask(), await ask()]).toEqual([200, 200]);
  expect(sandbox.control.settings().limits.records).toBe(Number.POSITIVE_INFINITY);
});

test('a sixteenth call in flight for one address book gets 429 and breaks a rule; another book has its own fifteen', async () => {
  await using sandbox = await startTestSandbox();
  const { customers, prospects } = DEMO_IDS.addressBooks;
  const hold = sandbox.control.hold({ path: '/api/v2/addressbooks/*' });
  const read = (bookId: string) => sandbox.call('GET', `/api/v2/addressbooks/${bookId}`);
  const held = Array.from({ length: 15 }, () => read(customers));
  held.push(read(prospects));
  await sandbox.control.waitFor(({ number }) => number === 16);
  const refused = read(customers);
  await sandbox.control.waitFor(({ number }) => number === 17);
  hold.release();
  expect((await refused).status).toBe(429);
  expect((await Promise.all(held)).map(({ status }) => status)).toEqual(held.map(() => 200));
  expect((await read(customers)).status).toBe(200);
  expect(sandbox.violations()).toEqual({ 'in-flight-per-address-book': 1 });
  expect(sandbox.control.requests().peakInFlight).toEqual({
    total: 17,
    byAddressBook: { [customers]: 16, [prospects]: 1 },
  });
});
