/**
 * Live subscriptions, shared: the news of those that ask for the same with the same rights are run once, turned into text
 * once and told to all. What came before the news each is given by a run of its own, at the pace of its reader; whose
 * reader is slow for a moment goes on from the newest results, which are kept, or from the log.
 */
import { setImmediate } from 'node:timers/promises';
import type { ExecutionResult } from 'graphql';
import type { Clock } from '../clock.ts';
import type { LiveRun } from '../graphql/live-subscription.ts';
import { type CharacterBudget, createRecentResults, type RecentResults, type Told } from './recent-results.ts';

/** Who is told: a client, as its transport reaches it. */
export interface Reader {
  /** Sends them at once. What the client does not take yet waits. */
  tell(results: readonly Told[]): void;
  /** Whether something waits for the client. */
  isBusy(): boolean;
  /** Resolves when the client has taken all that waits, or is gone. Only to be asked for while it is busy. */
  drained(): Promise<void>;
  /** It is too slow: to be ended, with a word of how to go on. */
  cutOff(): void;
}

/** Runs a part of a live subscription. Never rejects; what it gives ends with the signal. */
export type RunLive = (live: LiveRun, signal: AbortSignal) => Promise<ExecutionResult | AsyncIterable<ExecutionResult>>;

export interface Following {
  /** The same for all who can be told the same. */
  readonly key: string;
  /** With the rights of the one who asks. */
  readonly runOwn: RunLive;
  /** With those of all who have this key. */
  readonly runNews: RunLive;
  readonly reader: Reader;
  readonly signal: AbortSignal;
}

export interface SharedSubscriptions {
  /**
   * Why there is nothing to follow; or what has been, to be iterated, and while the iteration waits the reader is told
   * what is new. It ends with the signal, when the subscription ends by itself, or with the error that it ends with.
   */
  follow(options: Following): Promise<ExecutionResult | AsyncIterable<ExecutionResult>>;
}

interface Group {
  readonly members: Set<Member>;
  readonly stop: AbortController;
  /** Why there are no news; or the newest of them. */
  readonly opened: Promise<{ refusal: ExecutionResult } | { recent: RecentResults }>;
  /** Nothing comes after what is recent. */
  isOver: boolean;
}

interface Member {
  readonly reader: Reader;
  /** The cursor behind what it has been told. */
  at: number;
  /** It is told all news as they come. */
  isLive: boolean;
  /** Since when it is not any more, by the monotonic clock, and how many results it has missed. */
  behind: { readonly since: number; missed: number } | undefined;
  /** Has it look around: something has changed for it. */
  wake(): void;
}

interface Past {
  readonly results: ExecutionResult | AsyncIterable<ExecutionResult>;
  /** The cursor behind what has been told; Infinity where it has failed. */
  at(): number;
  /** Lets go of what was needed to run it. */
  end(): void;
}

/** What one subscriber has to do with a group. */
interface Part {
  readonly group: Group;
  readonly recent: RecentResults;
  readonly member: Member;
  readonly runPast: (after: number) => Promise<Past>;
  readonly signal: AbortSignal;
  leave(): void;
}

/** Told at once. What comes faster than it can be sent one by one goes out in one write. */
const MAX_BATCH = { results: 100, characters: 64 * 1024 };
/** Members that are told something in a row before other work gets its turn. */
const TURN = 250;
/** A reader is too slow that has missed so many results and has not caught up for so long. */
const TOO_SLOW = { missed: 1_000, forMs: 3_000 };
/** What all together keep of the newest results. */
const RECENT_CHARACTERS = 16 * 1024 * 1024;

export function createSharedSubscriptions({ clock }: { readonly clock: Clock }): SharedSubscriptions {
  const groups = new Map<string, Group>();
  const budget: CharacterBudget = { left: RECENT_CHARACTERS };

  function openGroup(key: string, after: number, runNews: RunLive): Group {
    const news: LiveRun = { part: 'news', after, at: after };
    const stop = new AbortController();
    const members = new Set<Member>();
    const forget = () => {
      if (groups.get(key) === group) groups.delete(key);
    };
    const tell = async (results: AsyncIterable<ExecutionResult>, recent: RecentResults) => {
      await tellNews(members, { news, results, recent });
      group.isOver = true;
      forget();
      for (const member of members) member.wake();
      if (members.size === 0) recent.clear();
    };
    const opened = runNews(news, stop.signal).then((results) => {
      if (!isIterable(results)) return { refusal: results };
      const recent = createRecentResults(news.at, budget);
      void tell(results, recent);
      return { recent };
    });
    const group: Group = { members, stop, opened, isOver: false };
    groups.set(key, group);
    stop.signal.addEventListener('abort', forget, { once: true });
    return group;
  }

  async function tellNews(
    members: ReadonlySet<Member>,
    { news, results, recent }: { news: LiveRun; results: AsyncIterable<ExecutionResult>; recent: RecentResults },
  ): Promise<void> {
    let toldTo = recent.to;
    let telling: Promise<void> | undefined;

    async function tellAll(): Promise<void> {
      await setImmediate(); // What is ready by then is one batch.
      while (toldTo < recent.to) {
        const batch = recent.after(toldTo, MAX_BATCH);
        toldTo = batch.at(-1)?.at ?? recent.to;
        await tellBatch(members, batch);
        recent.trim(toldTo);
      }
      telling = undefined;
    }

    for await (const result of results) {
      recent.add({ at: news.at, json: JSON.stringify(result) });
      telling ??= tellAll();
      // No more is taken from the source than can be told in one batch.
      if (recent.after(toldTo, MAX_BATCH).at(-1)?.at !== recent.to) await telling;
    }
    await telling;
  }

  async function tellBatch(members: ReadonlySet<Member>, batch: readonly Told[]): Promise<void> {
    let count = 0;
    for (const member of members) {
      if (member.isLive) tellLive(member, batch);
      else if (member.behind) watch(member, member.behind, batch);
      count += 1;
      if (count % TURN === 0) await setImmediate();
    }
  }

  function tellLive(member: Member, batch: readonly Told[]): void {
    // Who has joined meanwhile has been told some of them from what is recent.
    const known = batch.findIndex(({ at }) => at > member.at);
    const news = known === 0 ? batch : batch.slice(known);
    const last = news.at(-1);
    if (known === -1 || !last) return;
    if (member.reader.isBusy()) {
      member.isLive = false;
      member.behind = { since: clock.monotonic(), missed: news.length };
      member.wake();
    } else {
      member.at = last.at;
      member.reader.tell(news);
    }
  }

  function watch({ reader }: Member, behind: NonNullable<Member['behind']>, missed: readonly Told[]): void {
    behind.missed += missed.length;
    const isTooSlow = behind.missed > TOO_SLOW.missed && clock.monotonic() - behind.since > TOO_SLOW.forMs;
    if (isTooSlow) reader.cutOff();
  }

  return {
    async follow({ key, runOwn, runNews, reader, signal }) {
      let recent: RecentResults | undefined;
      const runPast = async (after?: number): Promise<Past & { readonly begin: number }> => {
        let end = 0;
        const until = () => {
          end = recent?.from ?? Number.POSITIVE_INFINITY;
          return end;
        };
        const run: LiveRun = { part: 'past', after, until, at: 0 };
        // A signal of its own: all that listens to the subscriber's stays for as long as the subscription.
        const over = new AbortController();
        const cancel = () => over.abort();
        signal.addEventListener('abort', cancel, { once: true });
        const results = await runOwn(run, over.signal);
        return {
          results,
          begin: run.at,
          at: () => Math.max(run.at, end),
          end() {
            signal.removeEventListener('abort', cancel);
            over.abort();
          },
        };
      };

      const past = await runPast();
      if (!isIterable(past.results) || signal.aborted) {
        past.end();
        return past.results;
      }
      const group = groups.get(key) ?? openGroup(key, past.begin, runNews);
      const member: Member = { reader, at: 0, isLive: false, behind: undefined, wake: () => undefined };
      const leave = () => {
        signal.removeEventListener('abort', leave);
        member.isLive = false;
        member.wake();
        group.members.delete(member);
        if (group.members.size > 0) return;
        group.stop.abort();
        if (group.isOver) recent?.clear();
      };
      group.members.add(member);
      signal.addEventListener('abort', leave, { once: true });
      const opened = await group.opened;
      if ('refusal' in opened) {
        leave();
        return opened.refusal;
      }
      recent = opened.recent;
      return takePart(past, { group, recent, member, runPast, signal, leave });
    },
  };
}

/** @param first let go as soon as it has been told: what has been may be much */
async function* takePart(first: Past | undefined, part: Part): AsyncGenerator<ExecutionResult, void> {
  const { recent, member, runPast, signal, leave } = part;
  try {
    for (let past = first; past; past = await runPast(member.at)) {
      first = undefined;
      if (isIterable(past.results)) yield* past.results;
      else yield past.results;
      member.at = isIterable(past.results) ? past.at() : Number.POSITIVE_INFINITY;
      past.end();
      past = undefined;
      await followNews(part);
      if (signal.aborted || member.at >= recent.from) return;
    }
  } finally {
    leave();
  }
}

/** From what is recent to what is new, until it is over, or what the member lacks is not recent any more. */
async function followNews({ group, recent, member, signal }: Part): Promise<void> {
  const { reader } = member;
  while (!signal.aborted && member.at >= recent.from) {
    if (member.at < recent.to) {
      if (reader.isBusy()) {
        await reader.drained();
        continue;
      }
      const batch = recent.after(member.at, MAX_BATCH);
      member.at = batch.at(-1)?.at ?? recent.to;
      reader.tell(batch);
    } else if (group.isOver || member.at === Number.POSITIVE_INFINITY) {
      return;
    } else {
      member.isLive = true;
      member.behind = undefined;
      await new Promise<void>((resolve) => {
        member.wake = resolve;
      });
      member.isLive = false;
    }
  }
}

function isIterable(
  results: ExecutionResult | AsyncIterable<ExecutionResult>,
): results is AsyncIterable<ExecutionResult> {
  return Symbol.asyncIterator in results;
}
