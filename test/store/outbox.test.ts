import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import type { Database } from '../../src/store/database.ts';
import {
  type ClaimedMessage,
  createOutbox,
  type NewMessage,
  OUTBOX_CHANNEL,
  type Outbox,
} from '../../src/store/outbox.ts';
import { ENGINES, openFreshDatabase } from './open-database.ts';

const LEASE_MS = 60_000;

const message = (stream: string, body: string, more: Partial<NewMessage> = {}): NewMessage => ({
  messageId: randomUUID(),
  stream,
  url: 'https://crm.example/hook',
  body,
  ttlMs: 86_400_000,
  ...more,
});

async function enqueue(database: Database, outbox: Outbox, ...messages: NewMessage[]): Promise<void> {
  await database.transaction(async (tx) => {
    for (const each of messages) await outbox.enqueue(tx, each);
  });
}

const bodies = (claimed: readonly ClaimedMessage[]) => claimed.map(({ body }) => body).sort();

/** As if the claims made so far had run out. */
async function runOut(database: Database): Promise<void> {
  const horizon = Number.MAX_SAFE_INTEGER;
  await database.db.updateTable('outbox').set({ next_attempt_at: 1 }).where('next_attempt_at', '<', horizon).execute();
}

describe.each(ENGINES)('the outbox on %s', (engine) => {
  test('gives out of each stream the oldest message only, and the next once that one is delivered or given up', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const outbox = createOutbox({ database });
    const sent = message('a', 'a1');
    await enqueue(database, outbox, sent, message('a', 'a2'), message('b', 'b1'), message('a', 'a3'));
    const first = await outbox.claimDue(10, LEASE_MS);
    expect(bodies(first)).toEqual(['a1', 'b1']);
    const a1 = first.find(({ body }) => body === 'a1');
    expect(a1).toMatchObject({ messageId: sent.messageId, stream: 'a', url: sent.url, attempts: 1, isExpired: false });
    expect(await outbox.claimDue(10, LEASE_MS)).toEqual([]);
    await outbox.delivered(a1?.id ?? 0);
    const [a2] = await outbox.claimDue(10, LEASE_MS);
    expect(a2?.body).toBe('a2');
    await outbox.giveUp(a2?.id ?? 0);
    expect(bodies(await outbox.claimDue(10, LEASE_MS))).toEqual(['a3']);
    // Delivered twice, as after a claim that ran out: no harm.
    await outbox.delivered(a1?.id ?? 0);
    expect(await outbox.claimDue(10, LEASE_MS)).toEqual([]);
  });

  test('of a stream that was closed nothing is given out any more, until the closing is forgotten', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const outbox = createOutbox({ database });
    await enqueue(database, outbox, message('a', 'a1'), message('a', 'a2'), message('a', 'a3'), message('b', 'b1'));
    const a1 = (await outbox.claimDue(10, LEASE_MS)).find(({ body }) => body === 'a1');
    expect(await outbox.close(a1?.id ?? 0)).toBe(2);
    expect(await outbox.close(a1?.id ?? 0)).toBe(0);
    await enqueue(database, outbox, message('a', 'a4'), message('c', 'c1'));
    expect(bodies(await outbox.claimDue(10, LEASE_MS))).toEqual(['c1']);
    expect(await outbox.prune(60_000)).toBe(0);
    expect(await outbox.prune(-60_000)).toBe(1);
    await enqueue(database, outbox, message('a', 'a5'));
    expect(bodies(await outbox.claimDue(10, LEASE_MS))).toEqual(['a5']);
  });

  test('a failed try comes again after its delay, and its stream waits for it', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const outbox = createOutbox({ database });
    await enqueue(database, outbox, message('a', 'a1'), message('a', 'a2'));
    const [first] = await outbox.claimDue(1, LEASE_MS);
    if (!first) throw new Error('Nothing was due.');
    await outbox.retryLater(first, 3_600_000);
    expect(await outbox.claimDue(10, LEASE_MS)).toEqual([]);
    expect(await outbox.nextDueInMs()).toBeGreaterThan(3_500_000);
    await outbox.retryLater(first, -1);
    const [second] = await outbox.claimDue(10, LEASE_MS);
    expect(second).toMatchObject({ body: 'a1', attempts: 2, messageId: first.messageId });
    // Whoever had it before and comes back late does not move it any more.
    await outbox.retryLater(first, -1);
    expect(await outbox.claimDue(10, LEASE_MS)).toEqual([]);
  });

  test('what was claimed by somebody who died is given out again after the lease', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const outbox = createOutbox({ database });
    await enqueue(database, outbox, message('a', 'a1'), message('a', 'a2'));
    await outbox.claimDue(10, LEASE_MS);
    await runOut(database);
    expect(await outbox.claimDue(10, LEASE_MS)).toMatchObject([{ body: 'a1', attempts: 2 }]);
  });

  test('gives out as many as asked for, those due longest first', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const outbox = createOutbox({ database });
    for (const stream of ['a', 'b', 'c']) await enqueue(database, outbox, message(stream, stream));
    await database.db.updateTable('outbox').set({ next_attempt_at: 5 }).where('stream', '=', 'c').execute();
    expect(bodies(await outbox.claimDue(1, LEASE_MS))).toEqual(['c']);
    expect(bodies(await outbox.claimDue(5, LEASE_MS))).toEqual(['a', 'b']);
  });

  test('says of a message whose time is over that it is', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const outbox = createOutbox({ database });
    await enqueue(database, outbox, message('a', 'late', { ttlMs: -1 }));
    expect(await outbox.claimDue(10, LEASE_MS)).toMatchObject([{ body: 'late', isExpired: true }]);
  });

  test('tells when the next message is due, and rings when one becomes due sooner', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const outbox = createOutbox({ database });
    expect(await outbox.nextDueInMs()).toBeUndefined();
    await enqueue(database, outbox, message('a', 'a1'), message('a', 'a2'));
    expect(await outbox.nextDueInMs()).toBe(0);
    const [first] = await outbox.claimDue(10, LEASE_MS);
    expect(await outbox.nextDueInMs()).toBeGreaterThan(LEASE_MS / 2);
    const rung = new Promise<void>((resolve) => database.onDoorbell(OUTBOX_CHANNEL, resolve));
    await outbox.delivered(first?.id ?? 0);
    await rung;
    expect(await outbox.nextDueInMs()).toBe(0);
  });

  test('a message of a transaction that fails is not there', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const outbox = createOutbox({ database });
    await expect(
      database.transaction(async (tx) => {
        await outbox.enqueue(tx, message('a', 'a1'));
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    await enqueue(database, outbox, message('a', 'a2'));
    expect(bodies(await outbox.claimDue(10, LEASE_MS))).toEqual(['a2']);
  });

  test('several who deliver at once get each message once and each stream in order', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const outbox = createOutbox({ database });
    const streams = ['a', 'b', 'c', 'd'];
    for (let n = 0; n < 8; n++) await enqueue(database, outbox, ...streams.map((stream) => message(stream, `${n}`)));
    const delivered = new Map<string, string[]>(streams.map((stream) => [stream, []]));
    const deliver = async (at: Outbox) => {
      while ((await at.nextDueInMs()) !== undefined) {
        for (const claimed of await at.claimDue(2, LEASE_MS)) {
          delivered.get(claimed.stream)?.push(claimed.body);
          await at.delivered(claimed.id);
        }
      }
    };
    const others = await Promise.all([opened.openAgain(), opened.openAgain()]);
    await Promise.all([outbox, ...others.map((other) => createOutbox({ database: other }))].map(deliver));
    const inOrder = ['0', '1', '2', '3', '4', '5', '6', '7'];
    expect([...delivered.values()]).toEqual(streams.map(() => inOrder));
  });
});

describe('the outbox on postgres', () => {
  test('a later message of a stream waits for an earlier one whose transaction is still open; other streams do not', async () => {
    await using opened = await openFreshDatabase('postgres');
    const { database } = opened;
    const other = await opened.openAgain();
    const outbox = createOutbox({ database });
    const otherOutbox = createOutbox({ database: other });
    const enqueued = Promise.withResolvers<void>();
    const commit = Promise.withResolvers<void>();
    const slow = database.transaction(async (tx) => {
      await outbox.enqueue(tx, message('a', 'a1'));
      enqueued.resolve();
      await commit.promise;
    });
    await enqueued.promise;
    const fast = enqueue(other, otherOutbox, message('a', 'a2'));
    await enqueue(other, otherOutbox, message('b', 'b1'));
    const waiting = sql<{ n: number }>`select count(*) as n from pg_locks where not granted`;
    await expect.poll(async () => (await waiting.execute(other.db)).rows[0]?.n).toBe(1);
    expect(bodies(await otherOutbox.claimDue(10, LEASE_MS))).toEqual(['b1']);
    commit.resolve();
    await Promise.all([slow, fast]);
    expect(bodies(await otherOutbox.claimDue(10, LEASE_MS))).toEqual(['a1']);
  });

  test('a message that somebody is just claiming is passed over, not waited for', async () => {
    await using opened = await openFreshDatabase('postgres');
    const { database } = opened;
    const outbox = createOutbox({ database });
    await enqueue(database, outbox, message('a', 'a1'), message('b', 'b1'));
    const other = await opened.openAgain();
    await database.transaction(async (tx) => {
      await database.forUpdate(tx.selectFrom('outbox').selectAll().where('body', '=', 'a1')).execute();
      expect(bodies(await createOutbox({ database: other }).claimDue(10, LEASE_MS))).toEqual(['b1']);
    });
  });
});
