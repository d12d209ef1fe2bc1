import fc from 'fast-check';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import { describe, expect, test } from 'vitest';
import { coalesceProgress } from '../../src/imports/coalesce-progress.ts';
import type { ImportEvent } from '../../src/imports/import-events.ts';
import { createFakeClock } from '../support/clock.ts';
import { type Data, startGateway, type TestGateway } from '../support/gateway.ts';
import { assertAddsUp, outboundRow, startImport } from '../support/imports.ts';

const PROGRESS = `subscription ($id: ID!, $after: String) { importProgress(id: $id, after: $after) {
  cursor type import { id state } batch { number }
  progress { received valid rejected duplicates succeeded skipped failed unknown pending percent } } }`;

const rows = (count: number) => Array.from({ length: count }, (_, index) => outboundRow(index));

const WRITES = { method: 'POST', path: '/api/v2/contactlists/{listId}/records' };
const FAST = {
  sandbox: { limits: { records: 1000, outbound: 1000 } },
  env: { CXONE_LIMITS: '{"records":1000,"outbound":1000}' },
};

const records = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    contactId: `c-${index}`,
    phoneNumbers: [{ type: 'mobile', number: outboundRow(index).phone }],
    consentTimestamp: '2026-01-01T00:00:00Z',
    optInStatus: 'confirmed',
  }));

type Follow = (gateway: TestGateway, query: string, variables: Record<string, unknown>) => AsyncIterable<Data>;

const overWebSocket: Follow = async function* (gateway, query, variables) {
  const client = createWsClient({ url: `${gateway.url.replace(/^http/, 'ws')}/graphql`, retryAttempts: 0 });
  try {
    for await (const result of client.iterate({ query, variables })) yield result;
  } finally {
    await client.dispose();
  }
};

const overSse: Follow = async function* (gateway, query, variables) {
  const client = createSseClient({ url: `${gateway.url}/graphql`, retryAttempts: 0 });
  try {
    for await (const result of client.iterate({ query, variables })) yield result;
  } finally {
    client.dispose();
  }
};

describe('an import that is ended while calls are under way', () => {
  /** Resolves once it has begun, with all that will have come when it has ended by itself. */
  async function follow(gateway: TestGateway, id: string): Promise<{ all: Promise<Data[]> }> {
    const begun = Promise.withResolvers<void>();
    const all = (async () => {
      const events: Data[] = [];
      for await (const { data } of overWebSocket(gateway, PROGRESS, { id })) {
        events.push(data.importProgress);
        begun.resolve();
      }
      return events;
    })();
    await Promise.race([begun.promise, all]);
    return { all };
  }
  const progressNow = async (gateway: TestGateway, id: string) =>
    (
      await gateway.data(
        `query ($id: ID!) { import(id: $id) { state batches { nodes { state } } progress {
           received valid rejected duplicates succeeded skipped failed unknown pending percent } } }`,
        { id },
      )
    ).import;
  const cancel = (gateway: TestGateway, id: string) =>
    gateway.data('mutation ($id: ID!) { cancelImport(input: { id: $id }) { __typename } }', { id });

  test('by cancelling it, is followed until the last of them is answered', async () => {
    await using gateway = await startGateway(FAST);
    const answers = gateway.sandbox.control.hold(WRITES);
    const id = await startImport(gateway, records(300), { kind: 'RECORDS' });
    await expect.poll(answers.held, { timeout: 60_000 }).toBe(3);
    await cancel(gateway, id);
    const events = await follow(gateway, id);
    answers.release();
    const last = (await events.all).at(-1);
    const now = await progressNow(gateway, id);
    expect(now).toMatchObject({ state: 'CANCELLED', progress: { succeeded: 300, pending: 0 } });
    expect(last).toMatchObject({ type: 'BATCH_FINISHED', import: { state: 'CANCELLED' }, progress: now.progress });
  });

  test('by the failures it allows, is followed until the last of them is answered', async () => {
    await using gateway = await startGateway(FAST);
    const { control } = gateway.sandbox;
    control.fail({ ...WRITES, refuse: { every: 100, code: 'Refused' } });
    const answers = control.hold(WRITES);
    const options = { maxFailures: 0 };
    const id = await startImport(gateway, records(300), { kind: 'RECORDS', options });
    await expect.poll(answers.held, { timeout: 60_000 }).toBe(3);
    const events = await follow(gateway, id);
    answers.release();
    const all = await events.all;
    expect(await progressNow(gateway, id)).toMatchObject({ state: 'FAILED', progress: { succeeded: 297, failed: 3 } });
    expect(all.at(-1).progress).toMatchObject({ succeeded: 297, failed: 3, pending: 0 });
    expect(all.filter(({ type }) => type === 'FAILED')).toHaveLength(1);
  });

  test('is followed to the end also where nothing came of the last of them', async () => {
    await using gateway = await startGateway(FAST);
    const { control } = gateway.sandbox;
    const writes = { method: 'POST', path: '/api/v2/outbound/contactlists/{listId}/contacts' };
    control.fail({ ...writes, status: 503, applied: false });
    const answers = control.hold(writes);
    const id = await startImport(gateway, rows(10));
    await expect.poll(answers.held, { timeout: 60_000 }).toBe(1);
    await cancel(gateway, id);
    const events = await follow(gateway, id);
    answers.release();
    expect((await events.all).at(-1)).toMatchObject({ type: 'BATCH_FINISHED', batch: { number: 1 } });
    expect(await progressNow(gateway, id)).toMatchObject({
      state: 'CANCELLED',
      batches: { nodes: [{ state: 'CANCELLED' }] },
      progress: { pending: 10 },
    });
  });
});

describe.each([
  ['WebSocket', overWebSocket],
  ['SSE', overSse],
])('over %s', (_name, follow) => {
  test('an import is followed to its last event, by counts that only grow, and the subscription ends by itself', async () => {
    await using gateway = await startGateway();
    const id = await startImport(gateway, rows(4000));
    const events: Data[] = [];
    for await (const { data } of follow(gateway, PROGRESS, { id })) events.push(data.importProgress);
    expect(events.at(-1)).toMatchObject({
      type: 'FINISHED',
      import: { id, state: 'COMPLETED' },
      progress: { succeeded: 4000, percent: 100 },
    });
    let succeeded = 0;
    for (const { progress } of events) {
      assertAddsUp(progress);
      expect(progress.succeeded).toBeGreaterThanOrEqual(succeeded);
      succeeded = progress.succeeded;
    }
    expect(new Set(events.map(({ cursor }) => cursor)).size).toBe(events.length);
  });

  test('cut off after every event, it goes on from the cursor and hears nothing twice', async () => {
    await using gateway = await startGateway();
    const id = await startImport(gateway, rows(3000));
    const cursors: string[] = [];
    const types: string[] = [];
    let after: string | undefined;
    while (types.at(-1) !== 'FINISHED') {
      for await (const { data } of follow(gateway, PROGRESS, { id, after })) {
        after = data.importProgress.cursor as string;
        cursors.push(after);
        types.push(data.importProgress.type);
        break;
      }
    }
    // The first is the present state at the head of the log; each other one is an event of its own.
    expect(new Set(cursors.slice(1)).size).toBe(cursors.length - 1);
    for await (const _ of follow(gateway, PROGRESS, { id, after }))
      expect.unreachable('nothing follows the last event');
  });

  test('an import that is not there is a clear error, and so is a cursor that is none or was not given out', async () => {
    await using gateway = await startGateway();
    const id = await startImport(gateway, rows(1));
    const activity = 'subscription ($after: String) { importActivity(after: $after) { cursor } }';
    const codes: string[] = [];
    for (const [query, variables] of [
      [PROGRESS, { id: 'gid://cxone/Import/nothing' }],
      [PROGRESS, { id: 'gid://cxone/Import/nothing', after: '???' }],
      [PROGRESS, { id, after: 'e1.zzzzz' }],
      [activity, { after: '???' }],
      [activity, { after: 'e1.zzzzz' }],
    ] as const)
      for await (const { errors } of follow(gateway, query, variables)) codes.push(errors?.[0]?.extensions.code);
    expect(codes).toEqual(['NOT_FOUND', 'BAD_USER_INPUT', 'BAD_USER_INPUT', 'BAD_USER_INPUT', 'BAD_USER_INPUT']);
  });

  test('all imports are followed together, from a cursor as from now on', async () => {
    await using gateway = await startGateway();
    const first = await startImport(gateway, rows(10));
    const query = 'subscription ($after: String) { importActivity(after: $after) { cursor type import { id } } }';
    const seen: string[] = [];
    for await (const { data } of follow(gateway, query, { after: 'e1.0' })) {
      seen.push(`${data.importActivity.type} ${data.importActivity.import.id}`);
      if (data.importActivity.type === 'FINISHED') break;
    }
    expect(seen).toEqual(
      ['CREATED', 'RECEIVED', 'STARTED', 'BATCH_FINISHED', 'FINISHED'].map((type) => `${type} ${first}`),
    );
  });
});

describe('events of imports', () => {
  const event = (seq: number, at: number, type: ImportEvent['type'] = 'BATCH_FINISHED', importId = 'a') =>
    // What is told of one does not depend on what else it says.
    ({ seq, type, importId, at, batch: seq, progress: {} }) as unknown as ImportEvent;
  /** A third of a second, in which each import tells of its progress once. */
  const slot = (number: number) => number * 334;

  test('of progress within a third of a second only the newest is told, when it is over, and nothing overtakes it', async () => {
    const clock = createFakeClock();
    const source = createSource();
    const told = coalesceProgress(source.events, clock);
    const next = told.next();
    source.push(event(1, slot(9)));
    await clock.advance(100);
    for (const seq of [2, 3]) source.push(event(seq, slot(9) + 100));
    source.push(event(4, slot(9) + 100, 'PAUSED', 'b'));
    // Some come a little late.
    await clock.advance(233 + 100);
    expect(await Promise.race([next, 'nothing yet'])).toBe('nothing yet');
    await clock.advance(1);
    expect([await next, await told.next()].map(({ value }) => value?.seq)).toEqual([3, 4]);
    source.end();
    expect((await told.next()).done).toBe(true);
  });

  test('progress is told at once where something else of its import or later news follow, and at the end', async () => {
    const clock = createFakeClock();
    const source = createSource();
    source.push(event(1, slot(9)));
    source.push(event(2, slot(9) + 1, 'FINISHED'));
    source.push(event(3, slot(9) + 2, 'BATCH_FINISHED', 'b'));
    source.push(event(4, slot(10), 'CREATED', 'c'));
    source.push(event(5, slot(10) + 1, 'BATCH_FINISHED', 'b'));
    source.end();
    const told: number[] = [];
    for await (const { seq } of coalesceProgress(source.events, clock)) told.push(seq);
    expect(told).toEqual([1, 2, 3, 4, 5]);
  });

  const steps = fc.array(
    fc.record({
      type: fc.constantFrom<ImportEvent['type']>('BATCH_FINISHED', 'BATCH_FINISHED', 'BATCH_FINISHED', 'PAUSED'),
      importId: fc.constantFrom('a', 'b', 'c'),
      pauseMs: fc.constantFrom(0, 0, 0, 10, 100, 400),
    }),
    { maxLength: 60 },
  );

  /** The events of the steps; and those of them that are told, by the rule: all but progress that its import's next event supersedes. */
  function logOf(clockNow: number, taken: typeof steps extends fc.Arbitrary<infer Steps> ? Steps : never) {
    let at = clockNow;
    const events = taken.map(({ type, importId, pauseMs }, index) => {
      at += pauseMs;
      return event(index + 1, at, type, importId);
    });
    const expected = events.filter((one, index) => {
      const next = events.slice(index + 1).find(({ importId }) => importId === one.importId);
      const isSuperseded = next?.type === 'BATCH_FINISHED' && Math.floor(next.at / 334) === Math.floor(one.at / 334);
      return one.type !== 'BATCH_FINISHED' || !isSuperseded;
    });
    return { events, expected: expected.map(({ seq }) => seq) };
  }

  test('the same are told as they happen and of the past, from wherever a reader goes on, at most four a second', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.nat({ max: 60 }), async (taken, cut) => {
        const clock = createFakeClock();
        const { events, expected } = logOf(clock.now(), taken);
        const source = createSource();
        const live: { seq: number; at: number; type: string; importId: string }[] = [];
        const reading = (async () => {
          for await (const { seq, type, importId } of coalesceProgress(source.events, clock))
            live.push({ seq, type, importId, at: clock.monotonic() });
        })();
        for (const one of events) {
          await clock.advance(one.at - clock.now());
          source.push(one);
        }
        await clock.advance(1_000);
        source.end();
        await reading;
        expect(live.map(({ seq }) => seq)).toEqual(expected);
        for (const importId of ['a', 'b', 'c']) {
          const alone = events.every((one) => one.importId !== importId || one.type === 'BATCH_FINISHED');
          const times = live.flatMap((one) => (one.importId === importId && alone ? one.at : []));
          for (const [index, at] of times.entries())
            expect((times[index + 4] ?? Infinity) - at).toBeGreaterThanOrEqual(1_000);
        }

        const after = expected[cut] ?? 0;
        const past = createSource();
        for (const one of events) if (one.seq > after) past.push(one);
        past.end();
        const replayed: number[] = [];
        for await (const { seq } of coalesceProgress(past.events, clock)) replayed.push(seq);
        expect(replayed).toEqual(expected.filter((seq) => seq > after));
      }),
      { numRuns: 50 },
    );
  });
});

function createSource() {
  const waiting: ImportEvent[] = [];
  let bell = Promise.withResolvers<void>();
  let ended = false;
  async function* events(): AsyncGenerator<ImportEvent> {
    for (;;) {
      const event = waiting.shift();
      if (event) yield event;
      else if (ended) return;
      else {
        bell = Promise.withResolvers();
        await bell.promise;
      }
    }
  }
  return {
    events: events(),
    push(event: ImportEvent) {
      waiting.push(event);
      bell.resolve();
    },
    end() {
      ended = true;
      bell.resolve();
    },
  };
}
