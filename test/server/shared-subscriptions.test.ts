/** Subscriptions that ask for the same with the same rights: one source, one execution an event, everybody told. */
import { createClient as createSseClient } from 'graphql-sse';
import { createClient } from 'graphql-ws';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { INTERNAL_ERROR } from '../../src/errors.ts';
import type { Builder } from '../../src/graphql/builder.ts';
import type { Actor } from '../../src/graphql/context.ts';
import { liveWhen } from '../../src/graphql/live-subscription.ts';
import { type Harness, SECRET, startHarness, until } from './harness.ts';

/** What happens: each source that is open is told of it. */
interface News {
  tell(text: string): void;
  /** Ends every source with an error. */
  fail(): void;
  sources(): number;
  /** How often an event was resolved. */
  executions(): number;
}

function createNews(): News & { addTypes(builder: Builder): void } {
  const open = new Set<(text: string | Error) => void>();
  let executions = 0;

  async function* follow(signal: AbortSignal): AsyncGenerator<string> {
    const waiting: (string | Error)[] = [];
    let wake = () => {};
    const take = (text: string | Error) => {
      waiting.push(text);
      wake();
    };
    const stop = () => wake();
    open.add(take);
    signal.addEventListener('abort', stop);
    try {
      while (!signal.aborted) {
        const text = waiting.shift();
        if (text instanceof Error) throw text;
        if (text !== undefined) yield text;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      open.delete(take);
    }
  }

  return {
    tell: (text) => {
      for (const take of [...open]) take(text);
    },
    fail: () => {
      for (const take of [...open]) take(new Error(SECRET));
    },
    sources: () => open.size,
    executions: () => executions,
    addTypes(builder) {
      builder.subscriptionField('news', (t) =>
        t.string({
          args: { after: t.arg.string(), about: t.arg.string() },
          extensions: liveWhen(({ after }: { after?: string | null }) => !after),
          subscribe: (_root, _args, { call }) => follow(call.signal ?? new AbortController().signal),
          resolve: (text, { about }, { actor }) => {
            executions += 1;
            if (text === 'bug') throw new Error(SECRET);
            return `${about ?? ''}${String(text)} for ${actor?.role}`;
          },
        }),
      );
    },
  };
}

const ROLES: Record<string, Actor> = {
  reader: { name: 'a reader', role: 'reader' },
  admin: { name: 'an admin', role: 'admin' },
};

let news: ReturnType<typeof createNews>;
let harness: Harness;
beforeEach(async () => {
  news = createNews();
  harness = await startHarness(
    { authenticate: async ({ authorization = 'reader' }) => ROLES[authorization] ?? null },
    news.addTypes,
  );
});
afterEach(async () => {
  await harness[Symbol.asyncDispose]();
});

interface Follower {
  readonly results: { data?: { news: string } | null; errors?: readonly { extensions?: object; message: string }[] }[];
  isOver(): boolean;
  leave(): void;
}

const transports = ['WebSocket', 'SSE'] as const;

function follow(
  transport: (typeof transports)[number],
  query = 'subscription { news }',
  role = 'reader',
  variables = {},
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
      next: (result) => void results.push(result as Follower['results'][number]),
      error: (errors) => {
        if (Array.isArray(errors)) results.push({ errors });
        done();
      },
      complete: done,
    },
  );
  return { results, isOver: () => over, leave };
}

const told = ({ results }: Follower) => results.map(({ data }) => data?.news);

describe.each(transports)('over %s', (transport) => {
  test('many are told everything in order, and each event is executed once', async () => {
    const followers = Array.from({ length: 20 }, () => follow(transport));
    await until(() => harness.subscriptions() === 20);
    await until(() => news.sources() === 1);
    for (let n = 0; n < 50; n++) news.tell(`n${n}`);
    await until(() => followers.every(({ results }) => results.length === 50));
    for (const follower of followers) {
      expect(told(follower)).toEqual(Array.from({ length: 50 }, (_, n) => `n${n} for reader`));
      follower.leave();
    }
    expect(news.executions()).toBe(50);
    await until(() => news.sources() === 0 && harness.subscriptions() === 0);
  });

  test('other rights and other arguments are not shared with', async () => {
    const followers = [
      follow(transport),
      follow(transport, 'subscription { news }', 'admin'),
      follow(transport, 'subscription { news(about: "x") }'),
      ...['y', 'z'].map((about) =>
        follow(transport, 'subscription($about: String) { news(about: $about) }', 'reader', { about }),
      ),
    ];
    await until(() => harness.subscriptions() === 5 && news.sources() === 5);
    news.tell('it');
    await until(() => followers.every(({ results }) => results.length === 1));
    expect(followers.map(told)).toEqual([
      ['it for reader'],
      ['it for admin'],
      ['xit for reader'],
      ['yit for reader'],
      ['zit for reader'],
    ]);
    for (const { leave } of followers) leave();
    await until(() => news.sources() === 0);
  });

  test('who comes and goes changes nothing for those who stay, and the last one ends the source', async () => {
    const first = follow(transport);
    await until(() => news.sources() === 1);
    const second = follow(transport);
    await until(() => harness.subscriptions() === 2);
    news.tell('a');
    await until(() => first.results.length === 1 && second.results.length === 1);
    first.leave();
    await until(() => harness.subscriptions() === 1);
    news.tell('b');
    await until(() => second.results.length === 2);
    expect(told(first)).toEqual(['a for reader']);
    second.leave();
    await until(() => news.sources() === 0);
    const third = follow(transport);
    await until(() => news.sources() === 1);
    news.tell('c');
    await until(() => third.results.length === 1);
    expect(told(third)).toEqual(['c for reader']);
    third.leave();
  });

  test('an event that breaks is masked for all, and the next one is told', async () => {
    const followers = [follow(transport), follow(transport)];
    await until(() => harness.subscriptions() === 2 && news.sources() === 1);
    news.tell('bug');
    news.tell('fine');
    await until(() => followers.every(({ results }) => results.length === 2));
    for (const { results, leave } of followers) {
      expect(results[0]?.errors?.[0]?.extensions).toMatchObject({ code: 'INTERNAL_SERVER_ERROR' });
      expect(JSON.stringify(results)).not.toContain('hunter2');
      expect(results[1]?.data).toEqual({ news: 'fine for reader' });
      leave();
    }
    expect(harness.lines.filter((line) => line.includes(SECRET))).toHaveLength(1);
  });

  test('a source that breaks is the last that all are told, and the next subscriber gets a new one', async () => {
    const followers = [follow(transport), follow(transport)];
    await until(() => harness.subscriptions() === 2 && news.sources() === 1);
    news.fail();
    await until(() => followers.every(({ isOver }) => isOver()));
    for (const { results } of followers) {
      expect(results.at(-1)?.errors?.[0]).toMatchObject({ message: INTERNAL_ERROR });
    }
    await until(() => harness.subscriptions() === 0);
    const next = follow(transport);
    await until(() => news.sources() === 1);
    news.tell('again');
    await until(() => next.results.length === 1);
    next.leave();
  });

  test('who may not subscribe does not get in with those who may', async () => {
    const reader = follow(transport);
    await until(() => news.sources() === 1);
    const nobody = follow(transport, 'subscription { news }', 'nobody');
    await until(() => nobody.isOver());
    expect(nobody.results.at(-1)?.errors?.[0]?.extensions).toMatchObject({ code: 'UNAUTHENTICATED' });
    news.tell('secret');
    await until(() => reader.results.length === 1);
    expect(told(nobody)).toEqual([undefined]);
    reader.leave();
  });

  test('one with a cursor has a source of its own', async () => {
    const followers = [follow(transport), follow(transport, 'subscription { news(after: "1") }')];
    await until(() => harness.subscriptions() === 2 && news.sources() === 2);
    news.tell('it');
    await until(() => followers.every(({ results }) => results.length === 1));
    for (const { leave } of followers) leave();
    await until(() => news.sources() === 0);
  });
});

test('an SSE reader who does not read is told so, and holds nobody up', async () => {
  const healthy = follow('WebSocket');
  const response = await fetch(harness.graphql, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', authorization: 'reader' },
    body: '{"query":"subscription { news }"}',
  });
  await until(() => harness.subscriptions() === 2 && news.sources() === 1);
  const long = 'x'.repeat(500_000);
  for (let n = 0; n < 40; n++) {
    news.tell(`${n} ${long}`);
    await until(() => healthy.results.length === n + 1);
  }
  const text = await response.text();
  expect(text).toContain('"code":"SLOW_CONSUMER"');
  expect(text).toContain('event: complete');
  const got = [...text.matchAll(/"news":"(\d+) /g)].map(([, n]) => Number(n));
  expect(got.length).toBeLessThan(40);
  expect(got).toEqual(got.map((_, index) => index));
  expect(news.executions()).toBe(40);
  healthy.leave();
  await until(() => news.sources() === 0);
});
