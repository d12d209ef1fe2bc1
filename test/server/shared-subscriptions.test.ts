/** Live subscriptions that ask for the same with the same rights: one source, one execution an event, everybody told. */
import { createClient as createSseClient } from 'graphql-sse';
import { createClient } from 'graphql-ws';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { newUpstreamTally } from '../../src/cxone/call-context.ts';
import { INTERNAL_ERROR } from '../../src/errors.ts';
import type { Actor, GraphQLContext } from '../../src/graphql/context.ts';
import { createRequestLoaders } from '../../src/graphql/context.ts';
import { encodeEventCursor } from '../../src/graphql/event-cursors.ts';
import { createSchema } from '../../src/schema.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { type Harness, SECRET, startHarness, until } from './harness.ts';
import { addNewsField, createNewsLog, type NewsLog } from './news-log.ts';

const ROLES: Record<string, Actor> = {
  reader: { name: 'a reader', role: 'reader' },
  another: { name: 'another reader', role: 'reader' },
  admin: { name: 'an admin', role: 'admin' },
};

let news: NewsLog;
let clock: FakeClock;
let harness: Harness;
let executions: number;
beforeEach(async () => {
  news = createNewsLog();
  clock = createFakeClock();
  executions = 0;
  harness = await startHarness(
    {
      clock,
      authenticate: async ({ authorization = 'reader' }) => ROLES[authorization] ?? null,
      makeContext: ({ actor, requestId, signal }) => ({
        // Live subscriptions need no other service.
        services: { liveEvents: news } as unknown as GraphQLContext['services'],
        actor,
        requestId,
        call: { requestId, lane: { kind: 'interactive' }, signal, tally: newUpstreamTally() },
        loaders: createRequestLoaders(),
      }),
    },
    (builder) =>
      addNewsField(builder, news, () => {
        executions += 1;
      }),
  );
});
afterEach(async () => {
  await harness[Symbol.asyncDispose]();
});

interface Result {
  data?: { news: { text: string; cursor?: string; loaded?: number } } | null;
  errors?: readonly { message: string; extensions?: Record<string, unknown> }[];
  extensions?: Record<string, unknown>;
}

interface Follower {
  readonly results: Result[];
  isOver(): boolean;
  leave(): void;
}

const transports = ['WebSocket', 'SSE'] as const;
const NEWS = 'subscription { news { text } }';
const NEWS_AFTER = 'subscription ($after: String) { news(after: $after) { text } }';

function follow(
  transport: (typeof transports)[number],
  query = NEWS,
  role = 'reader',
  variables: Record<string, unknown> = {},
): Follower {
  const results: Follower['results'] = [];
  let over = false;
  const client =
    transport === 'SSE'
      ? createSseClient({ url: harness.graphql, retryAttempts: 0, headers: { authorization: role } })
      : createClient({ url: harness.ws, retryAttempts: 0, connectionParams: { authorization: role } });
  const done = () => {
    over = true;
  };
  const leave = client.subscribe(
    { query, variables },
    {
      next: (result) => void results.push(result as Result),
      error: (errors) => {
        if (Array.isArray(errors)) results.push({ errors });
        done();
      },
      complete: done,
    },
  );
  return { results, isOver: () => over, leave };
}

const told = ({ results }: Follower) => results.map(({ data }) => data?.news.text);
const codeOf = ({ results }: Follower) => results.at(-1)?.errors?.[0]?.extensions?.code;
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => `n${from + n} for reader`);
const append = (from: number, to: number) => {
  for (let n = from; n <= to; n++) news.append(`n${n}`);
};
/** Until so many are there and follow the news. */
const joined = async (followers: number, sources = 1) => {
  await until(() => harness.subscriptions() === followers && news.sources() === sources);
};

describe.each(transports)('over %s', (transport) => {
  test('many are told everything in order, and each event is executed once', async () => {
    const followers = Array.from({ length: 20 }, (_, n) => follow(transport, NEWS, n % 2 ? 'reader' : 'another'));
    await joined(20);
    append(1, 50);
    await until(() => followers.every(({ results }) => results.length === 50));
    for (const follower of followers) {
      expect(told(follower)).toEqual(numbers(1, 50));
      follower.leave();
    }
    expect(executions).toBe(50);
    await until(() => news.sources() === 0 && harness.subscriptions() === 0);
  });

  test('those who come back with a cursor are told what they missed, and share what is new', async () => {
    append(1, 5_000);
    const places: [string, string | undefined, number][] = [
      [NEWS_AFTER, encodeEventCursor(4_990), 4_991],
      [NEWS_AFTER, encodeEventCursor(0), 1],
      [NEWS_AFTER, encodeEventCursor(5_000), 5_001],
      [NEWS_AFTER, undefined, 5_001],
      [`subscription { news(after: "${encodeEventCursor(4_000)}") { text } }`, undefined, 4_001],
      [`subscription { news(after: "${encodeEventCursor(3_000)}") { text } }`, undefined, 3_001],
      ['subscription ($after: String) { news(after: $after) { text(about: $after) } }', undefined, 5_001],
    ];
    const followers = places.map(([query, after]) => follow(transport, query, 'reader', { after }));
    // Three kinds of text, whatever the cursor: it is a variable, it is written out, or it is used for something else as well.
    await joined(7, 3);
    await until(() => followers.every(({ results }, index) => results.length >= 5_001 - (places[index]?.[2] ?? 0)));
    const before = executions;
    append(5_001, 5_100);
    await until(() => followers.every(({ results }, index) => results.length === 5_101 - (places[index]?.[2] ?? 0)));
    for (const [index, follower] of followers.entries()) {
      expect(told(follower)).toEqual(numbers(places[index]?.[2] ?? 0, 5_100));
      follower.leave();
    }
    expect(executions - before).toBe(3 * 100);
    await joined(0, 0);
  });

  test('cut off again and again while events come, each resumes without a gap or a repeat', async () => {
    const total = 3_000;
    const witness = follow('WebSocket');
    await joined(1);
    const appending = (async () => {
      for (let n = 1; n <= total; n += 10) {
        append(n, n + 9);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const seen: (string | undefined)[] = [];
    let after = encodeEventCursor(0);
    for (let cut = 1; seen.length < total; cut++) {
      const query = 'subscription ($after: String) { news(after: $after) { text cursor } }';
      const follower = follow(transport, query, 'reader', { after });
      const enough = Math.min(1 + ((cut * 37) % 190), total - seen.length);
      await until(() => follower.results.length >= enough);
      follower.leave();
      seen.push(...told(follower));
      after = follower.results.at(-1)?.data?.news.cursor ?? after;
    }
    await appending;
    expect(seen).toEqual(numbers(1, total));
    witness.leave();
    await joined(0, 0);
  });

  test('who comes back with a cursor that is none, too old or not given out is told at once', async () => {
    append(1, 10);
    news.keepFrom(5);
    const healthy = follow(transport, NEWS_AFTER, 'reader', { after: encodeEventCursor(8) });
    await joined(1);
    for (const [after, code] of [
      ['nonsense', 'BAD_USER_INPUT'],
      [encodeEventCursor(4), 'CURSOR_EXPIRED'],
      [encodeEventCursor(11), 'BAD_USER_INPUT'],
      [5, 'BAD_USER_INPUT'],
    ]) {
      const refused = follow(transport, NEWS_AFTER, 'reader', { after });
      await until(() => refused.isOver());
      expect([after, refused.results.length, codeOf(refused)]).toEqual([after, 1, code]);
    }
    append(11, 11);
    await until(() => healthy.results.length === 3);
    expect(told(healthy)).toEqual(numbers(9, 11));
    healthy.leave();
    await joined(0, 0);
  });

  test('other rights and other arguments are not shared with', async () => {
    const followers = [
      follow(transport),
      follow(transport, NEWS, 'admin'),
      follow(transport, 'subscription { news { text(about: "x") } }'),
      ...['y', 'z'].map((about) =>
        follow(transport, 'subscription($about: String) { news { text(about: $about) } }', 'reader', { about }),
      ),
    ];
    await joined(5, 5);
    news.append('it');
    await until(() => followers.every(({ results }) => results.length === 1));
    expect(followers.map(told)).toEqual([
      ['it for reader'],
      ['it for admin'],
      ['xit for reader'],
      ['yit for reader'],
      ['zit for reader'],
    ]);
    for (const { leave } of followers) leave();
    await joined(0, 0);
  });

  test('who comes and goes changes nothing for those who stay, and the last one ends the source', async () => {
    const first = follow(transport);
    await joined(1);
    const second = follow(transport);
    await joined(2);
    news.append('a');
    await until(() => first.results.length === 1 && second.results.length === 1);
    first.leave();
    await joined(1);
    news.append('b');
    await until(() => second.results.length === 2);
    expect(told(first)).toEqual(['a for reader']);
    second.leave();
    await joined(0, 0);
    const third = follow(transport);
    await joined(1);
    news.append('c');
    await until(() => third.results.length === 1);
    expect(told(third)).toEqual(['c for reader']);
    third.leave();
  });

  test('an event that breaks is masked for all, and the next one is told', async () => {
    const followers = [follow(transport), follow(transport)];
    await joined(2);
    news.append('bug');
    news.append('fine');
    await until(() => followers.every(({ results }) => results.length === 2));
    for (const { results, leave } of followers) {
      expect(results[0]?.errors?.[0]?.extensions).toMatchObject({ code: 'INTERNAL_SERVER_ERROR' });
      expect(JSON.stringify(results)).not.toContain('hunter2');
      expect(results[1]?.data?.news.text).toEqual('fine for reader');
      leave();
    }
    expect(harness.lines.filter((line) => line.includes(SECRET))).toHaveLength(1);
  });

  test('what one event cost and loaded is not told of the next one', async () => {
    const follower = follow(transport, 'subscription { news { text loaded } }');
    await joined(1);
    append(1, 3);
    await until(() => follower.results.length === 3);
    expect(follower.results.map(({ data }) => data?.news.loaded)).toEqual([1, 1, 1]);
    expect(follower.results.map(({ extensions }) => extensions?.upstream)).toMatchObject(
      [1, 1, 1].map((calls) => ({ calls })),
    );
    follower.leave();
  });

  test('a source that breaks is the last that all are told, and the next subscriber gets a new one', async () => {
    const followers = [follow(transport), follow(transport)];
    await joined(2);
    append(1, 1);
    news.append('break');
    await until(() => followers.every(({ isOver }) => isOver()));
    for (const { results } of followers) {
      expect(results[0]?.data?.news.text).toBe('n1 for reader');
      expect(results[1]?.errors?.[0]).toMatchObject({ message: INTERNAL_ERROR });
      expect(results).toHaveLength(2);
    }
    await joined(0, 0);
    const next = follow(transport);
    await joined(1);
    news.append('again');
    await until(() => next.results.length === 1);
    next.leave();
  });

  test('a source that ends is the end for all, whenever they came', async () => {
    const followers = [follow(transport), follow(transport, NEWS_AFTER, 'reader', { after: encodeEventCursor(0) })];
    await joined(2, 2);
    append(1, 3);
    news.append('end');
    await until(() => followers.every(({ isOver }) => isOver()));
    for (const follower of followers) expect(told(follower)).toEqual(numbers(1, 3));
    await joined(0, 0);
  });

  test('who may not subscribe does not get in with those who may', async () => {
    const reader = follow(transport);
    await joined(1);
    const nobody = follow(transport, NEWS, 'nobody');
    await until(() => nobody.isOver());
    expect(codeOf(nobody)).toBe('UNAUTHENTICATED');
    news.append('secret');
    await until(() => reader.results.length === 1);
    expect(told(nobody)).toEqual([undefined]);
    reader.leave();
  });
});

describe('a reader who does not read', () => {
  const body = JSON.stringify({ query: 'subscription { news { text cursor } }' });
  async function openSocket(): Promise<WebSocket> {
    const socket = new WebSocket(harness.ws, 'graphql-transport-ws');
    await new Promise((resolve) => socket.once('open', resolve));
    const acknowledged = new Promise((resolve) => socket.once('message', resolve));
    socket.send('{"type":"connection_init"}');
    await acknowledged;
    socket.send(`{"id":"1","type":"subscribe","payload":${body}}`);
    return socket;
  }

  /** More than the kernel takes for a reader. */
  const FILLING = 120;
  const fill = async (healthy: Follower) => {
    for (let n = 0; n < FILLING; n++) {
      news.append(`${n} ${'x'.repeat(100_000)}`);
      if (n % 10 === 0) await until(() => healthy.results.length === n + 1);
    }
    await until(() => healthy.results.length === FILLING);
  };
  const miss = async (healthy: Follower, count: number) => {
    const before = healthy.results.length;
    append(1, count);
    await until(() => healthy.results.length === before + count);
  };

  test('over SSE is told so with the last of what it gets, goes on from there, and holds nobody up', async () => {
    const healthy = follow('WebSocket');
    const response = await fetch(harness.graphql, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream', authorization: 'reader' },
      body,
    });
    await joined(2, 2);
    await fill(healthy);
    await miss(healthy, 1_500);
    await clock.advance(4_000);
    await miss(healthy, 10);
    const text = await response.text();
    expect(text).toMatch(/"code":"SLOW_CONSUMER".*\n\nevent: complete\ndata:\n\n$/);
    const cursors = [...text.matchAll(/"cursor":"([^"]+)"/g)].map(([, cursor]) => cursor);
    expect(cursors.length).toBeLessThan(FILLING);
    expect(cursors).toEqual(cursors.map((_, index) => encodeEventCursor(index + 1)));
    const resumed = follow('SSE', NEWS_AFTER, 'reader', { after: cursors.at(-1) });
    await until(() => resumed.results.length === FILLING + 1_510 - cursors.length);
    healthy.leave();
    resumed.leave();
    await until(() => news.sources() === 0);
  });

  test('over WebSocket is cut off with 4290, which it finds behind what it was sent', async () => {
    const healthy = follow('SSE');
    const socket = await openSocket();
    const messages: string[] = [];
    socket.on('message', (data) => messages.push(String(data)));
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    await joined(2, 2);
    socket.pause();
    await fill(healthy);
    await miss(healthy, 1_500);
    await clock.advance(4_000);
    await miss(healthy, 10);
    expect(harness.subscriptions()).toBe(1);
    socket.resume();
    expect(await closed).toBe(4290);
    const cursors = messages.flatMap((message) => /"cursor":"([^"]+)"/.exec(message)?.[1] ?? []);
    expect(cursors.length).toBeLessThan(FILLING);
    expect(cursors).toEqual(cursors.map((_, index) => encodeEventCursor(index + 1)));
    healthy.leave();
    await until(() => news.sources() === 0);
  });

  test.each(transports)('for a while, over %s, loses nothing', async (transport) => {
    const healthy = follow(transport === 'SSE' ? 'WebSocket' : 'SSE');
    const cursors: (string | undefined)[] = [];
    let rest = '';
    const take = (text: string) => {
      rest += text;
      const end = rest.lastIndexOf('}}}') + 1;
      for (const [, cursor] of rest.slice(0, end).matchAll(/"cursor":"([^"]+)"/g)) cursors.push(cursor);
      rest = rest.slice(end);
    };
    let goOn = () => {};
    if (transport === 'SSE') {
      const response = await fetch(harness.graphql, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'text/event-stream', authorization: 'reader' },
        body,
      });
      const read = async () => {
        for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) take(chunk);
      };
      goOn = () => void read().catch(() => undefined);
    } else {
      const socket = await openSocket();
      socket.on('message', (data) => take(String(data)));
      socket.pause();
      goOn = () => socket.resume();
    }
    await joined(2, 2);
    await fill(healthy);
    // Beyond what is recent, so that it has to go on from the log.
    await miss(healthy, 3_000);
    expect(cursors.length).toBeLessThan(FILLING);
    goOn();
    await until(() => cursors.length === FILLING + 3_000);
    const before = executions;
    await miss(healthy, 10);
    await until(() => cursors.length === FILLING + 3_010);
    expect(cursors).toEqual(Array.from({ length: FILLING + 3_010 }, (_, n) => encodeEventCursor(n + 1)));
    expect(executions - before).toBe(20);
    healthy.leave();
  });
});

test('all subscriptions of the gateway are shared', () => {
  const fields = Object.values(createSchema().getSubscriptionType()?.getFields() ?? {});
  expect(fields.map(({ name, extensions }) => [name, extensions.isLive]).toSorted()).toEqual([
    ['contactEnriched', true],
    ['importActivity', true],
    ['importProgress', true],
  ]);
});
