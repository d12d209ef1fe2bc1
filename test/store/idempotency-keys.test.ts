import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { GatewayError, OutcomeUnknownError } from '../../src/errors.ts';
import type { Database } from '../../src/store/database.ts';
import { createIdempotencyKeys, type IdempotentRequest } from '../../src/store/idempotency-keys.ts';
import { createLeases } from '../../src/store/leases.ts';
import { processOwner } from '../../src/store/process-owner.ts';
import { startChild } from './child-process.ts';
import { ENGINES, openFreshDatabase } from './open-database.ts';

const DAY_MS = 86_400_000;

function createKeys(database: Database, owner = 'a') {
  return createIdempotencyKeys({ database, leases: createLeases({ database, clock: systemClock, owner }) });
}

const request = (more: Partial<IdempotentRequest> = {}): IdempotentRequest => ({
  actor: 'alice',
  operation: 'createContact',
  key: 'k-1',
  input: { name: 'N', tags: ['a', 'b'] },
  ttlMs: DAY_MS,
  ...more,
});

describe.each(ENGINES)('idempotency keys on %s', (engine) => {
  test('the first result is kept and given again, in the same shape, to every later call', async () => {
    await using opened = await openFreshDatabase(engine);
    const keys = createKeys(opened.database);
    let runs = 0;
    const execute = async () => {
      runs++;
      return { at: new Date(0), missing: undefined, list: [1] };
    };
    const first = await keys.run<unknown>(request(), execute);
    const again = await keys.run<unknown>(request({ input: { tags: ['a', 'b'], name: 'N' } }), execute);
    expect(first).toEqual({ result: { at: '1970-01-01T00:00:00.000Z', list: [1] }, replayed: false });
    expect(again).toEqual({ result: first.result, replayed: true });
    expect(runs).toBe(1);
    // The lease is gone with the first call.
    expect(await opened.database.db.selectFrom('leases').selectAll().execute()).toEqual([]);
  });

  test('a result of nothing is a result', async () => {
    await using opened = await openFreshDatabase(engine);
    const keys = createKeys(opened.database);
    expect(await keys.run(request(), async () => {})).toEqual({ result: undefined, replayed: false });
    expect(await keys.run(request(), async () => 'never run')).toEqual({ result: undefined, replayed: true });
  });

  test('the same key with another input is a conflict; of another caller or operation it is another key', async () => {
    await using opened = await openFreshDatabase(engine);
    const keys = createKeys(opened.database);
    await keys.run(request(), async () => 1);
    for (const input of [{ name: 'M', tags: ['a', 'b'] }, { name: 'N', tags: ['b', 'a'] }, null, undefined]) {
      await expect(keys.run(request({ input }), async () => 2)).rejects.toMatchObject({
        code: 'CONFLICT',
        reason: 'IDEMPOTENCY_KEY_REUSED',
      });
    }
    expect(await keys.run(request({ actor: 'bob' }), async () => 3)).toEqual({ result: 3, replayed: false });
    expect(await keys.run(request({ operation: 'deleteContact' }), async () => 4)).toEqual({
      result: 4,
      replayed: false,
    });
    // The parts of a key cannot run into each other.
    expect(await keys.run(request({ actor: 'alicecreate', operation: 'Contact' }), async () => 5)).toMatchObject({
      result: 5,
    });
  });

  test('keys have 1 to 255 characters, and the key itself is not stored', async () => {
    await using opened = await openFreshDatabase(engine);
    const keys = createKeys(opened.database);
    for (const key of ['', 'x'.repeat(256)]) {
      await expect(keys.run(request({ key }), async () => 1)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    }
    const key = "x' --".repeat(51);
    await keys.run(request({ key }), async () => 1);
    const stored = await opened.database.db.selectFrom('idempotency_keys').selectAll().executeTakeFirstOrThrow();
    expect(stored.key).toMatch(/^[0-9a-f]{64}$/);
  });

  test('a call that comes while the first runs waits for it, also from another process', async () => {
    await using opened = await openFreshDatabase(engine);
    const keys = createKeys(opened.database);
    const otherKeys = createKeys(await opened.openAgain(), 'b');
    const finish = Promise.withResolvers<string>();
    const started = Promise.withResolvers<void>();
    const first = keys.run(request(), () => {
      started.resolve();
      return finish.promise;
    });
    await started.promise;
    const second = keys.run(request(), async () => 'second');
    const third = otherKeys.run(request(), async () => 'third');
    finish.resolve('first');
    expect(await Promise.all([first, second, third])).toEqual([
      { result: 'first', replayed: false },
      { result: 'first', replayed: true },
      { result: 'first', replayed: true },
    ]);
  });

  test('who waits can stop waiting', async () => {
    await using opened = await openFreshDatabase(engine);
    const keys = createKeys(opened.database);
    const finish = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const first = keys.run(request(), () => {
      started.resolve();
      return finish.promise;
    });
    await started.promise;
    const stop = new AbortController();
    const second = keys.run(request({ signal: stop.signal }), async () => 'second');
    stop.abort(new Error('hung up'));
    await expect(second).rejects.toThrow('hung up');
    finish.resolve();
    await first;
  });

  test('who runs after a runner that was cut short is told so, and nobody else is', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const keys = createKeys(database);
    const told: boolean[] = [];
    const fail = async (_signal: AbortSignal, { mayBeDone }: { mayBeDone: boolean }) => {
      told.push(mayBeDone);
      throw new Error('refused');
    };
    await expect(keys.run(request(), fail)).rejects.toThrow('refused');
    await expect(keys.run(request(), fail)).rejects.toThrow('refused');
    // Of a runner that died its lease is left.
    const died = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const cut = keys.run(request(), () => {
      started.resolve();
      return died.promise;
    });
    await started.promise;
    await database.db.updateTable('leases').set({ expires_at: 0 }).execute();
    expect(await createKeys(database, 'b').run(request(), async (_signal, { mayBeDone }) => mayBeDone)).toEqual({
      result: true,
      replayed: false,
    });
    expect(told).toEqual([false, false]);
    died.resolve();
    await expect(cut).rejects.toThrow(OutcomeUnknownError);
  });

  test('a failure leaves nothing behind: the next call runs', async () => {
    await using opened = await openFreshDatabase(engine);
    const keys = createKeys(opened.database);
    await expect(
      keys.run(request(), async () => {
        throw new Error('refused');
      }),
    ).rejects.toThrow('refused');
    expect(await keys.run(request(), async () => 'now')).toEqual({ result: 'now', replayed: false });
  });

  test('an unknown outcome is kept and told again, and nothing runs twice', async () => {
    await using opened = await openFreshDatabase(engine);
    const keys = createKeys(opened.database);
    const unknown = new OutcomeUnknownError('No answer came.', 'req-9');
    let runs = 0;
    for (let call = 0; call < 2; call++) {
      const outcome = keys.run(request(), async () => {
        runs++;
        throw unknown;
      });
      await expect(outcome).rejects.toMatchObject({
        name: 'OutcomeUnknownError',
        message: 'No answer came.',
        upstreamRequestId: 'req-9',
      });
    }
    expect(runs).toBe(1);
  });

  test('a result is forgotten after its time', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const keys = createKeys(database);
    await keys.run(request(), async () => 1);
    await keys.run(request({ key: 'k-2' }), async () => 1);
    expect(await keys.prune()).toBe(0);
    await database.db.updateTable('idempotency_keys').set({ expires_at: 1 }).execute();
    // Another input is no conflict with what is forgotten, pruned or not.
    expect(await keys.run(request({ input: 'other' }), async () => 2)).toEqual({ result: 2, replayed: false });
    expect(await keys.prune()).toBe(1);
    expect(await keys.run(request({ input: 'other' }), async () => 3)).toEqual({ result: 2, replayed: true });
  });

  test('a runner that was paused beyond its lease stores nothing over what its successor did', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const keys = createKeys(database);
    const successor = createKeys(database, 'b');
    const outcome = keys.run(request(), async () => {
      await database.db.updateTable('leases').set({ expires_at: 1 }).execute();
      expect(await successor.run(request(), async () => 'successor')).toEqual({ result: 'successor', replayed: false });
      return 'paused';
    });
    await expect(outcome).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    expect(await keys.run(request(), async () => 'third')).toEqual({ result: 'successor', replayed: true });
  });

  test('what was done while the database went away is told, also where that was not certain; the next call is told that it may be done', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    let isAway = false;
    /** Nothing can be stored in a transaction; the lease could be given back at once. */
    const failing: Database = {
      ...database,
      transaction: (run, options) => {
        if (isAway && !options?.lazily) throw new GatewayError('UNAVAILABLE', 'The database is away.');
        return database.transaction(run, options);
      },
    };
    const keys = createKeys(failing);
    const done = keys.run(request(), async () => {
      isAway = true;
      return 'done';
    });
    expect(await done).toEqual({ result: 'done', replayed: false });
    isAway = false;
    const uncertain = keys.run(request({ key: 'k-2' }), async () => {
      isAway = true;
      throw new OutcomeUnknownError('No answer came.');
    });
    await expect(uncertain).rejects.toThrow('No answer came.');
    isAway = false;
    await database.db.updateTable('leases').set({ expires_at: 0 }).execute();
    for (const key of ['k-1', 'k-2']) {
      const next = await createKeys(database, 'b').run(request({ key }), async (_signal, { mayBeDone }) => mayBeDone);
      expect(next).toEqual({ result: true, replayed: false });
    }
  });

  test('when the runner was killed, the next call runs at once', async () => {
    await using opened = await openFreshDatabase(engine);
    const keys = createKeys(opened.database, processOwner('test'));
    await using child = startChild('die-running.ts', opened.url);
    expect(await child.nextLine()).toBe('running');
    child.signal('SIGKILL');
    await child.ended();
    const call = { actor: 'a', operation: 'o', key: 'k', input: 1, ttlMs: DAY_MS };
    expect(await keys.run(call, async () => 'second')).toEqual({ result: 'second', replayed: false });
  });

  test('three processes with the same keys run each operation once and get the same results', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database, url } = opened;
    await sql`create table executions (n integer not null)`.execute(database.db);
    const children = ['a', 'b', 'c'].map(() => startChild('run-keys.ts', url, '15'));
    try {
      for (const child of children) expect(await child.nextLine()).toBe('ready');
      for (const child of children) child.send('go');
      const [a, b, c] = await Promise.all(children.map((child) => child.remainingLines()));
      expect(a).toHaveLength(15);
      expect(b).toEqual(a);
      expect(c).toEqual(a);
      const { rows } = await sql<{ n: number }>`select n from executions order by n`.execute(database.db);
      expect(rows.map(({ n }) => n)).toEqual(Array.from({ length: 15 }, (_, index) => index));
    } finally {
      for (const child of children) await child[Symbol.asyncDispose]();
    }
  });
});
