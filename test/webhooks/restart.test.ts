/** A gateway that is killed, or stopped, while deliveries come and subscribers listen. */
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { freshDatabaseUrl } from '../support/postgres.ts';
import { createDeliveries, ENRICHED, type Follow, overSse, overWebSocket, seqOf, type Told } from './plain-clients.ts';

const SECRET = `whsec_${Buffer.alloc(24, 3).toString('base64')}`;
const EVENTS = 1_000;
const RECONNECT_MS = 50;

describe.each<[string, (gateway: GatewayProcess) => Promise<unknown>, (number | string)[]]>([
  ['killed', (gateway) => gateway.kill(), [1006, 'broken']],
  ['stopped', (gateway) => gateway.stop(), [1001, 'broken']],
])('%s while deliveries come', (_how, end, expectedEnds) => {
  test('it has all that it said it took once, and its subscribers are told each of them once', async () => {
    await using store = await freshDatabaseUrl('sqlite');
    using deliveries = createDeliveries(SECRET);
    const ends: (number | string)[] = [];
    let url: string | undefined;
    let isOver = false;

    /** Connects again and again, going on from the last cursor. */
    async function listen(follow: Follow, hears: PromiseWithResolvers<void>): Promise<Told[]> {
      const told: Told[] = [];
      while (!isOver && told.length < EVENTS) {
        await new Promise<void>((resolve) => {
          const begin = told.length;
          const connection = follow(url ?? 'http://127.0.0.1:1', ENRICHED, told.at(-1)?.cursor ?? 'e1.0', {
            take(event) {
              told.push(event);
              hears.resolve();
              if (told.length === EVENTS) connection.break();
            },
            ended(how) {
              if (told.length > begin && told.length < EVENTS) ends.push(how);
              resolve();
            },
          });
        });
        await delay(RECONNECT_MS);
      }
      return told;
    }

    /** As CXone does: until it is told that it was taken. */
    async function deliver(n: number): Promise<void> {
      for (;;) {
        const status = url && (await deliveries.deliver(url, `msg_${n}`, `contact-${n}`));
        if (status === 200 || status === 202) return;
        await delay(RECONNECT_MS);
      }
    }

    const start = () =>
      startGatewayProcess({ databaseUrl: store.url, env: { CXONE_WEBHOOK_SECRET: SECRET, GATEWAY_AUTH: 'none' } });
    try {
      await using first = await start();
      url = first.url;
      const hearing = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
      const listening = Promise.all([listen(overWebSocket, hearing[0]), listen(overSse, hearing[1])]);
      let next = 0;
      const half = Promise.withResolvers<void>();
      const work = async () => {
        while (next < EVENTS) {
          const n = next++;
          if (n === EVENTS / 2) half.resolve();
          await deliver(n);
        }
      };
      const delivering = Promise.all(Array.from({ length: 20 }, work));
      await Promise.all([half.promise, ...hearing.map(({ promise }) => promise)]);
      await end(first);
      url = undefined;
      await using second = await start();
      url = second.url;
      await delivering;
      for (const told of await listening) {
        expect(told.map(({ contactId }) => contactId).toSorted()).toEqual(
          Array.from({ length: EVENTS }, (_, n) => `contact-${n}`).toSorted(),
        );
        expect(told.map(seqOf)).toEqual(told.map(seqOf).toSorted((a, b) => a - b));
      }
      expect(ends.toSorted()).toEqual(expectedEnds);
    } finally {
      isOver = true;
    }
  });
});
