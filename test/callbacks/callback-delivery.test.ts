import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { readAllowedHosts } from '../../src/callbacks/allowed-hosts.ts';
import { type CallbackDelivery, createCallbackDelivery } from '../../src/callbacks/callback-delivery.ts';
import { CALLBACK_TTL_MS } from '../../src/callbacks/callback-schedule.ts';
import { callbackStream } from '../../src/callbacks/callback-stream.ts';
import { resolveBySystem } from '../../src/callbacks/guarded-lookup.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import { createAuditLog } from '../../src/store/audit-log.ts';
import type { Engine } from '../../src/store/database.ts';
import { createOutbox } from '../../src/store/outbox.ts';
import { ENGINES, openFreshDatabase } from '../store/open-database.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { eventually, type Receiver, startReceiver } from './receiver.ts';

const SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;

interface Setup {
  engine?: Engine;
  clock?: Clock;
  receivers: readonly Receiver[];
}

async function open({ engine = 'sqlite', clock = systemClock, receivers }: Setup) {
  const opened = await openFreshDatabase(engine, clock);
  const { database } = opened;
  const outbox = createOutbox({ database });
  const audit = createAuditLog({ database });
  const logged: object[] = [];
  const log = {
    warn: (details: object) => void logged.push(details),
    debug: (details: object) => void logged.push(details),
  };
  const deliveries: CallbackDelivery[] = [];
  let sent = 0;
  return {
    outbox,
    audit,
    logged,
    deliver(): CallbackDelivery {
      const delivery = createCallbackDelivery({
        outbox,
        database,
        audit,
        secret: SECRET,
        allowedHosts: readAllowedHosts(receivers.map(({ host }) => host)),
        resolve: resolveBySystem,
        clock,
        random: () => 0.5,
        log,
      });
      deliveries.push(delivery);
      delivery.start();
      return delivery;
    },
    enqueue: (to: Receiver, body: string, { importId = 'imp-1', messageId = `msg_${++sent}`, url = to.url } = {}) =>
      database.transaction((tx) =>
        outbox.enqueue(tx, {
          messageId,
          stream: callbackStream(importId, Buffer.from(to.host).toString('hex')),
          url,
          body,
          ttlMs: CALLBACK_TTL_MS,
        }),
      ),
    isEmpty: () => eventually(async () => ((await outbox.nextDueInMs()) === undefined ? true : undefined)),
    async [Symbol.asyncDispose]() {
      for (const delivery of deliveries) await delivery[Symbol.asyncDispose]();
      await opened[Symbol.asyncDispose]();
    },
  };
}

/** Lets the loop look again, and time pass, until so many callbacks have come. */
async function advanceTo(receiver: Receiver, count: number, clock: FakeClock, stepMs: number, steps: number) {
  for (let step = 0; step < steps && receiver.received.length < count; step++) await clock.advance(stepMs);
  await receiver.waitFor(count);
}

const retryStored = (outbox: { nextDueInMs(): Promise<number | undefined> }, aboveMs: number) =>
  eventually(async () => {
    const inMs = await outbox.nextDueInMs();
    return inMs !== undefined && inMs > aboveMs ? inMs : undefined;
  });

describe.each(ENGINES)('callbacks over %s', (engine) => {
  test('arrive signed, once, and are gone from the outbox', async () => {
    await using receiver = await startReceiver();
    await using store = await open({ engine, receivers: [receiver] });
    await store.enqueue(receiver, '{"event":"x","text":"ä"}');
    store.deliver();
    const [callback] = await receiver.waitFor(1);
    await store.isEmpty();
    expect(receiver.received).toHaveLength(1);
    expect(callback?.headers['content-type']).toBe('application/json');
    expect(callback?.headers['webhook-id']).toBe('msg_1');
    const headers = callback?.headers as Record<string, string>; // Node gives each of these once, as text.
    expect(new Webhook(SECRET).verify(callback?.body ?? '', headers)).toEqual({ event: 'x', text: 'ä' });
  });

  test('of one import come in their order, each after the receipt of the one before', async () => {
    await using receiver = await startReceiver();
    await using store = await open({ engine, receivers: [receiver] });
    let underWay = 0;
    let most = 0;
    receiver.answer = (response) => {
      most = Math.max(most, ++underWay);
      setImmediate(() => {
        underWay--;
        response.writeHead(200).end('ok');
      });
    };
    store.deliver();
    for (let n = 1; n <= 20; n++) await store.enqueue(receiver, `${n}`);
    const received = await receiver.waitFor(20);
    await store.isEmpty();
    expect(received.map(({ body }) => Number(body))).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    expect(most).toBe(1);
  });
});

describe('a callback without a receipt', () => {
  test.each([
    ['500', 500],
    ['a redirect, which is not followed', 302],
    ['404', 404],
  ])('is sent again after five seconds and more: %s', async (_name, status) => {
    const clock = createFakeClock();
    await using receiver = await startReceiver();
    await using elsewhere = await startReceiver();
    await using store = await open({ clock, receivers: [receiver, elsewhere] });
    receiver.answer = (response, index) =>
      index === 0
        ? response.writeHead(status, { location: elsewhere.url }).end('secret of the receiver')
        : response.writeHead(202).end();
    await store.enqueue(receiver, '{}');
    store.deliver();
    await receiver.waitFor(1);
    expect(await retryStored(store.outbox, 0)).toBeLessThanOrEqual(30_000);
    await eventually(async () => ((await store.outbox.nextDueInMs()) === 5_500 ? true : undefined));
    await clock.advance(5_400);
    expect(receiver.received).toHaveLength(1);
    await advanceTo(receiver, 2, clock, 1_000, 5);
    await store.isEmpty();
    const [first, second] = receiver.received;
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    expect(second?.headers['webhook-timestamp']).not.toBe(first?.headers['webhook-timestamp']);
    expect(elsewhere.received).toHaveLength(0);
    expect(JSON.stringify(store.logged)).not.toContain('secret of the receiver');
  });

  test('for five seconds is given up for this time, and sent again', async () => {
    const clock = createFakeClock();
    await using receiver = await startReceiver();
    await using store = await open({ clock, receivers: [receiver] });
    receiver.answer = (response, index) => {
      if (index > 0) response.writeHead(200).end();
    };
    await store.enqueue(receiver, '{}');
    store.deliver();
    await receiver.waitFor(1);
    await clock.advance(4_999);
    expect(store.logged).toEqual([]);
    await clock.advance(1);
    await eventually(() => (JSON.stringify(store.logged).includes('timeout') ? true : undefined));
    await eventually(async () => ((await store.outbox.nextDueInMs()) === 5_500 ? true : undefined));
    await advanceTo(receiver, 2, clock, 1_000, 8);
    await store.isEmpty();
  });

  test('is not sent again before its Retry-After has passed', async () => {
    const clock = createFakeClock();
    await using receiver = await startReceiver();
    await using store = await open({ clock, receivers: [receiver] });
    receiver.answer = (response, index) =>
      index === 0 ? response.writeHead(429, { 'retry-after': '3600' }).end() : response.writeHead(200).end();
    await store.enqueue(receiver, '{}');
    store.deliver();
    await receiver.waitFor(1);
    await eventually(async () => ((await store.outbox.nextDueInMs()) === 3_600_000 ? true : undefined));
    await clock.advance(3_599_000);
    expect(receiver.received).toHaveLength(1);
    await advanceTo(receiver, 2, clock, 1_000, 5);
    await store.isEmpty();
  });

  test('holds back those after it, of its own import and destination only', async () => {
    const clock = createFakeClock();
    await using broken = await startReceiver();
    await using sound = await startReceiver();
    await using store = await open({ clock, receivers: [broken, sound] });
    broken.answer = (response) => response.writeHead(503).end();
    store.deliver();
    await store.enqueue(broken, '1');
    await store.enqueue(broken, '2');
    await store.enqueue(broken, 'other', { importId: 'imp-2' });
    await store.enqueue(sound, '1');
    await store.enqueue(sound, '2');
    await sound.waitFor(2);
    await broken.waitFor(2);
    expect(sound.received.map(({ body }) => body)).toEqual(['1', '2']);
    expect(broken.received.map(({ body }) => body).toSorted()).toEqual(['1', 'other']);
  });

  test('at 410 nothing of its import is sent there any more, with an audit entry; another import is', async () => {
    await using receiver = await startReceiver();
    await using store = await open({ receivers: [receiver] });
    receiver.answer = (response, index) => response.writeHead(index === 0 ? 410 : 200).end();
    await store.enqueue(receiver, '1', { url: `${receiver.url}?key=hidden` });
    await store.enqueue(receiver, '2');
    store.deliver();
    await receiver.waitFor(1);
    await store.isEmpty();
    await store.enqueue(receiver, '3');
    await store.enqueue(receiver, 'other', { importId: 'imp-2' });
    await receiver.waitFor(2);
    await store.isEmpty();
    expect(receiver.received.map(({ body }) => body)).toEqual(['1', 'other']);
    const { entries } = await store.audit.page({ first: 10 });
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({
      action: 'callback.abandon',
      subject: 'imp-1',
      outcome: 'FAILED',
      detail: { messageId: 'msg_1', host: receiver.host, attempts: 1, status: 410 },
    });
    expect(JSON.stringify([entries, store.logged])).not.toContain('hidden');
  });

  test('is given up after a day, with a last try at its end and an audit entry', async () => {
    const clock = createFakeClock();
    await using receiver = await startReceiver();
    await using store = await open({ clock, receivers: [receiver] });
    receiver.answer = (response) => response.writeHead(500).end();
    await store.enqueue(receiver, '{}');
    // The gateway was off for most of the day.
    await clock.advance(CALLBACK_TTL_MS - 120_000);
    store.deliver();
    await receiver.waitFor(1);
    await eventually(async () => ((await store.outbox.nextDueInMs()) === 5_500 ? true : undefined));
    await advanceTo(receiver, 2, clock, 1_000, 10);
    // The schedule says five minutes, the day two at most.
    const lastInMs = await retryStored(store.outbox, 100_000);
    expect(clock.monotonic() + lastInMs).toBe(CALLBACK_TTL_MS);
    await advanceTo(receiver, 3, clock, 2_000, 65);
    await store.isEmpty();
    const { entries } = await store.audit.page({ first: 10 });
    expect(entries.map(({ action, detail }) => [action, detail.attempts, detail.status])).toEqual([
      ['callback.abandon', 3, 500],
    ]);
  });

  test('because its process ended before the receipt was stored is sent again under the same id', async () => {
    const clock = createFakeClock();
    await using receiver = await startReceiver();
    await using store = await open({ clock, receivers: [receiver] });
    await store.enqueue(receiver, '{}');
    // Another process took it, sent it, and died.
    expect(await store.outbox.claimDue(10, 30_000)).toHaveLength(1);
    store.deliver();
    await clock.advance(29_000);
    expect(receiver.received).toHaveLength(0);
    await advanceTo(receiver, 1, clock, 1_000, 4);
    expect(receiver.received[0]?.headers['webhook-id']).toBe('msg_1');
    await store.isEmpty();
  });
});

test('receivers that hang take up sixteen tries at most, and no more than two seconds of the shutdown', async () => {
  const clock = createFakeClock();
  await using stack = new AsyncDisposableStack();
  const receivers = await Promise.all(Array.from({ length: 5 }, startReceiver));
  for (const receiver of receivers) stack.use(receiver);
  await using store = await open({ clock, receivers });
  for (const receiver of receivers) {
    receiver.answer = () => {};
    for (let n = 0; n < 4; n++) await store.enqueue(receiver, '{}', { importId: `imp-${n}` });
  }
  const delivery = store.deliver();
  const count = () => receivers.reduce((sum, { received }) => sum + received.length, 0);
  await eventually(() => (count() >= 16 ? true : undefined));
  await clock.settle();
  expect(count()).toBe(16);
  expect(await store.outbox.claimDue(100, 1)).toHaveLength(4);

  const ending = delivery[Symbol.asyncDispose]();
  await clock.advance(2_000);
  await ending;
  expect(await store.outbox.nextDueInMs()).toBeLessThanOrEqual(5_500);
});

test('an endless answer is a receipt by its status, and is not read', async () => {
  await using receiver = await startReceiver();
  await using store = await open({ receivers: [receiver] });
  let written = 0;
  receiver.answer = (response) => {
    response.writeHead(200);
    const block = Buffer.alloc(64 * 1024);
    const pour = () => {
      while (!response.destroyed && written < 512 * 1024 * 1024) {
        written += block.length;
        if (!response.write(block)) {
          response.once('drain', pour);
          return;
        }
      }
    };
    pour();
  };
  await store.enqueue(receiver, '{}');
  store.deliver();
  await receiver.waitFor(1);
  await store.isEmpty();
  expect(written).toBeLessThan(32 * 1024 * 1024);
});
