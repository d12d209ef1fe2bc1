import { expect, test, vi } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startSandbox } from '../../src/sandbox/server.ts';
import { freshDatabaseUrl } from '../support/postgres.ts';
import { dataOf, laneOwner, soundRows, startGateways, untilFinished, uploadCsv, watchImport } from './processes.ts';

const LIST_ID = DEMO_IDS.contactLists.importTrial;
const ROWS = 25_000;
/** cxone-api.md, section 4: requests a second per organisation. */
const LIMIT = 50;
/** The lease runs out, the others look once a second; faults.md allows five seconds on top. */
const TAKEOVER_MS = 6_000 + 5_000;

test('one of three is killed in the middle of an import, another paused: every row once, no event lost, within one limit', async () => {
  await using sandbox = await startSandbox({ limits: { outbound: LIMIT } });
  await using database = await freshDatabaseUrl('postgres');
  // So slowly that there is a middle: a third of a second for each of the calls.
  sandbox.control.fail({ method: 'POST', path: '/api/v2/outbound/contactlists/{id}/contacts', delayMs: 300 });
  const gateways = await startGateways(3, { databaseUrl: database.url, sandbox });
  await using cleanUp = new AsyncDisposableStack();
  for (const gateway of gateways) cleanUp.use(gateway);
  const [a] = gateways;
  if (!a) throw new Error('There are three.');
  const { status } = await dataOf(a, '{ status: gatewayStatus { replicas } }');
  expect(status.replicas).toBe(3);

  const id = await uploadCsv(a, soundRows(ROWS));
  await vi.waitFor(async () => expect(await laneOwner(database.url, gateways)).toBeDefined(), 90_000);
  const first = await laneOwner(database.url, gateways);
  if (!first) throw new Error('Nobody sends.');
  const others = gateways.filter((gateway) => gateway !== first);
  // Each begins at another gateway, and can go on at the other.
  const watches = [watchImport(others, id), watchImport(others.toReversed(), id)];
  await vi.waitFor(() => expect(sandbox.control.state.contactList(LIST_ID).total).toBeGreaterThan(5_000), 90_000);

  await first.kill();
  const killedAt = performance.now();
  const second = await vi.waitFor(
    async () => {
      const owner = await laneOwner(database.url, others);
      if (!owner) throw new Error('Nobody has taken over.');
      return owner;
    },
    { timeout: TAKEOVER_MS, interval: 100 },
  );
  const takeoverMs = performance.now() - killedAt;
  expect(takeoverMs).toBeLessThan(TAKEOVER_MS);

  // Paused with a call under way: CXone takes it, and nobody is there to hear the answer.
  const sentBefore = sandbox.control.requests().total;
  await vi.waitFor(() => expect(sandbox.control.requests().total).toBeGreaterThan(sentBefore + 4), 90_000);
  second.child.kill('SIGSTOP');
  const third = others.find((gateway) => gateway !== second);
  if (!third) throw new Error('One is left.');
  await vi.waitFor(async () => expect(await laneOwner(database.url, [third])).toBe(third), {
    timeout: TAKEOVER_MS,
    interval: 100,
  });
  second.child.kill('SIGCONT');

  expect(await untilFinished(third, id)).toMatchObject({
    state: 'COMPLETED',
    progress: { received: ROWS, valid: ROWS, succeeded: ROWS, unknown: 0, failed: 0 },
    report: { verification: { matches: true } },
  });
  expect(sandbox.control.state.contactList(LIST_ID).total).toBe(ROWS);
  expect(sandbox.control.state.outboundDuplicates(LIST_ID)).toEqual([]);

  for (const { events, ended } of watches) {
    await ended;
    const cursors = events.map(({ cursor }) => cursor);
    expect(new Set(cursors).size).toBe(cursors.length);
    expect(events.at(-1)).toMatchObject({ type: 'FINISHED', progress: { succeeded: ROWS, pending: 0 } });
    const done = events.map(({ progress }) => progress.succeeded);
    expect(done).toEqual(done.toSorted((x, y) => x - y));
    expect(events.filter(({ type }) => type === 'BATCH_FINISHED').length).toBeGreaterThan(10);
  }

  const { peakPerSecond, rateLimited, violations } = sandbox.control.requests();
  expect(peakPerSecond.outbound).toBeLessThanOrEqual(LIMIT);
  expect(rateLimited.outbound).toBe(0);
  expect(violations).toEqual([]);
  // The one that was paused is a replica like any other again.
  expect((await dataOf(second, '{ status: gatewayStatus { replicas } }')).status.replicas).toBe(2);
});
