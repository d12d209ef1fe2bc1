/** A log in memory, and a live subscription to it: what the server shares, without a store. */
import { GatewayError } from '../../src/errors.ts';
import type { Builder } from '../../src/graphql/builder.ts';
import { encodeEventCursor } from '../../src/graphql/event-cursors.ts';
import { followLive, LIVE_FIELD } from '../../src/graphql/live-subscription.ts';
import type { LivePlace } from '../../src/store/live-events.ts';
import { SECRET } from './harness.ts';

export interface News {
  readonly seq: number;
  readonly text: string;
}

export interface NewsLog {
  append(text: string): void;
  head(): Promise<number>;
  /** As LiveEvents does. The text 'end' ends it, and 'break' breaks it. */
  follow(place: LivePlace): Promise<AsyncIterable<News>>;
  /** From now on no cursor below is taken. */
  keepFrom(seq: number): void;
  /** How many are being followed. */
  sources(): number;
}

export function createNewsLog(): NewsLog {
  const log: News[] = [];
  const waiting = new Set<() => void>();
  let sources = 0;
  let kept = 0;

  async function* read({ after = log.length, until = () => Number.POSITIVE_INFINITY, signal }: LivePlace) {
    sources += 1;
    try {
      for (let seq = after + 1; seq <= until() && !signal.aborted; ) {
        const news = log[seq - 1];
        if (news?.text === 'end') return;
        if (news?.text === 'break') throw new Error(SECRET);
        if (news) {
          seq += 1;
          yield news;
        } else await change(signal);
      }
    } finally {
      sources -= 1;
    }
  }

  function change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  return {
    append(text) {
      log.push({ seq: log.length + 1, text });
      for (const wake of waiting) wake();
    },
    head: async () => log.length,
    async follow(place) {
      const after = place.after ?? log.length;
      if (after < kept) throw new GatewayError('CURSOR_EXPIRED', 'Gone.');
      if (after > log.length) throw new GatewayError('BAD_USER_INPUT', 'Not given out.');
      return read({ ...place, after });
    },
    keepFrom: (seq) => {
      kept = seq;
    },
    sources: () => sources,
  };
}

/** `news(after, about)`, resolved to a text of the event, of what is asked for and of who asks. */
export function addNewsField(builder: Builder, log: NewsLog, onExecution: () => void): void {
  const type = builder.objectRef<News>('News').implement({
    description: 'Something new.',
    fields: (t) => ({
      cursor: t.string({ description: 'Behind it.', resolve: ({ seq }) => encodeEventCursor(seq) }),
      text: t.string({
        description: 'What.',
        args: { about: t.arg.string({ description: 'Said with it.' }) },
        resolve({ text }, { about }, { actor }) {
          onExecution();
          if (text === 'bug') throw new Error(SECRET);
          return `${about ?? ''}${text} for ${actor?.role}`;
        },
      }),
      loaded: t.int({
        description: 'How many events this loader has seen.',
        resolve(_news, _args, { loaders, call }) {
          const counted = loaders.loader('news.count', () => ({ count: 0 }));
          counted.count += 1;
          call.tally.calls += 1;
          return counted.count;
        },
      }),
    }),
  });
  builder.subscriptionField('news', (t) =>
    t.field({
      type,
      description: 'What is new.',
      args: { after: t.arg.string({ description: 'A cursor.' }), about: t.arg.string({ description: 'Anything.' }) },
      extensions: LIVE_FIELD,
      subscribe: (_root, { after }, context) => followLive(context, after, log.follow),
      resolve: (news) => news,
    }),
  );
}
