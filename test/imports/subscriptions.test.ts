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
  const event = (seq: number, type: ImportEvent['type'] = 'BATCH_FINISHED', importId = 'a') =>
    // What is told of one does not depend on what it says.
    ({ seq, type, importId, at: 0, batch: seq, progress: {} }) as unknown as ImportEvent;

  test('of progress that comes faster than four times a second only the newest is told, and nothing overtakes it', async () => {
    const clock = createFakeClock();
    const source = createSource();
    const told = coalesceProgress(source.events, clock);
    source.push(event(1));
    expect((await told.next()).value?.seq).toBe(1);
    for (const seq of [2, 3, 4]) source.push(event(seq));
    source.push(event(5, 'BATCH_FINISHED', 'b'));
    source.push(event(6, 'FINISHED'));
    const next = told.next();
    await clock.advance(249);
    const early = await Promise.race([next, 'nothing yet']);
    expect(early).toBe('nothing yet');
    await clock.advance(1);
    expect([await next, await told.next(), await told.next()].map(({ value }) => value?.seq)).toEqual([4, 5, 6]);
    source.end();
    expect((await told.next()).done).toBe(true);
  });

  test('are told in their order, all but progress that newer progress of the same import supersedes, at the pace', async () => {
    const step = fc.record({
      type: fc.constantFrom<ImportEvent['type']>('BATCH_FINISHED', 'BATCH_FINISHED', 'BATCH_FINISHED', 'PAUSED'),
      importId: fc.constantFrom('a', 'b', 'c'),
      pauseMs: fc.constantFrom(0, 0, 0, 10, 100, 400),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const clock = createFakeClock();
        const source = createSource();
        const told: { event: ImportEvent; at: number }[] = [];
        const reading = (async () => {
          for await (const event of coalesceProgress(source.events, clock)) told.push({ event, at: clock.monotonic() });
        })();
        const events = steps.map(({ type, importId }, index) => event(index + 1, type, importId));
        for (const [index, { pauseMs }] of steps.entries()) {
          source.push(events[index] as ImportEvent); // There is one for each step.
          await clock.advance(pauseMs);
        }
        source.end();
        await clock.advance(1_000);
        await reading;

        const seqs = told.map((one) => one.event.seq);
        expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
        expect(new Set(seqs).size).toBe(seqs.length);
        for (const { seq, type, importId } of events.filter((one) => !seqs.includes(one.seq))) {
          expect(type).toBe('BATCH_FINISHED');
          expect(events.some((one) => one.seq > seq && one.type === type && one.importId === importId)).toBe(true);
        }
        for (const importId of ['a', 'b', 'c']) {
          const times = told.flatMap((one) =>
            one.event.type === 'BATCH_FINISHED' && one.event.importId === importId ? one.at : [],
          );
          for (const [index, at] of times.entries()) {
            if (index > 0) expect(at - (times[index - 1] ?? 0)).toBeGreaterThanOrEqual(250);
          }
        }
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
