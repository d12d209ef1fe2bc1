import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExecutionResult } from 'graphql';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createEventStreams } from '../../src/server/event-stream.ts';
import { createFakeClock } from '../support/clock.ts';
import { until } from './harness.ts';

const PING_INTERVAL_MS = 12_000;

const clock = createFakeClock();
const answer = createEventStreams({ pingIntervalMs: PING_INTERVAL_MS, clock });
const server = createServer((_request, response) => {
  const over = new AbortController();
  response.once('close', () => over.abort());
  const mask = (error: unknown) => {
    throw error;
  };
  void answer({ response, signal: over.signal, follow: async () => untilOver(over.signal), mask });
});

/** A subscription with nothing to tell. */
async function* untilOver(signal: AbortSignal): AsyncGenerator<ExecutionResult, void> {
  await once(signal, 'abort');
  yield {};
}

beforeEach(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function subscribe() {
  const { port } = server.address() as AddressInfo; // A listener on TCP always has one.
  const client = new AbortController();
  const { body } = await fetch(`http://127.0.0.1:${port}`, { signal: client.signal });
  const reader = body?.getReader();
  const next = async () => new TextDecoder().decode((await reader?.read())?.value);
  return { next, leave: () => client.abort() };
}

test('all open streams are kept in use, for as long as there is one', async () => {
  const [one, other] = [await subscribe(), await subscribe()];
  const bothHear = async () => expect(await Promise.all([one.next(), other.next()])).toEqual([':\n\n', ':\n\n']);
  await bothHear();
  for (let time = 0; time < 2; time++) {
    await clock.advance(PING_INTERVAL_MS);
    await bothHear();
  }
  one.leave();
  await clock.advance(PING_INTERVAL_MS);
  expect(await other.next()).toBe(':\n\n');
  other.leave();
  await until(() => clock.pendingSleeps === 0);

  const late = await subscribe();
  expect(await late.next()).toBe(':\n\n');
  await clock.advance(PING_INTERVAL_MS);
  expect(await late.next()).toBe(':\n\n');
});
