import { expect, test, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startGateway } from '../support/gateway.ts';
import { finished, outboundRow, startImport } from '../support/imports.ts';

const LIST_ID = DEMO_IDS.contactLists.importTrial;
const POST = 'POST /api/v2/outbound/contactlists/{listId}/contacts';

test('a sender that was paused beyond its lease right before a call does not make it, but finds out first how things stand', async () => {
  // The process is stopped and continued: time has passed, and no timer has told anybody of it yet.
  let pausedMs = 0;
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + pausedMs };
  await using gateway = await startGateway({ clock });
  const { control } = gateway.sandbox;
  const looking = control.hold({ method: 'GET', path: `/api/v2/outbound/contactlists/${LIST_ID}` });
  const starting = startImport(gateway, [outboundRow(1), outboundRow(2)]);
  // The import looks whether the list is there; then its first batch, how many contacts that holds.
  await vi.waitFor(() => expect(looking.held()).toBe(1));
  looking.release();
  const id = await starting;
  const counting = control.hold({ method: 'GET', path: `/api/v2/outbound/contactlists/${LIST_ID}` });
  await vi.waitFor(() => expect(counting.held()).toBe(1), 90_000);
  pausedMs = 20_000;
  counting.release();

  expect(await finished(gateway, id)).toMatchObject({ state: 'COMPLETED', progress: { succeeded: 2, unknown: 0 } });
  expect(control.state.outboundDuplicates(LIST_ID)).toEqual([]);
  const routes = control.requestLog().map(({ route }) => route);
  // Twice it looked at the count to see whether the call had been made, and only then made it.
  const before = routes.slice(0, routes.indexOf(POST)).filter((route) => route.startsWith('GET'));
  expect(before.length).toBeGreaterThanOrEqual(4);
  expect(routes.filter((route) => route === POST)).toHaveLength(1);
});
