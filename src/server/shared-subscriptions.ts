/**
 * Live subscriptions, shared: those that ask for the same with the same rights are one, whose results are turned into
 * text once and told to all of them.
 */
import { setImmediate } from 'node:timers/promises';
import type { ExecutionResult } from 'graphql';

/** One result; the same object for all who are told it. */
export interface Told {
  readonly result: ExecutionResult;
  readonly json: string;
}

/** Opens the one subscription that all of a group share; it ends with the signal. Never rejects. */
export type OpenSubscription = (signal: AbortSignal) => Promise<ExecutionResult | AsyncIterable<ExecutionResult>>;

export interface SharedSubscriptions {
  /**
   * Follows the subscription with this key, which is opened where nobody follows it yet. `tell` is given every result at
   * once: of what happens from now on, and perhaps of a moment before.
   * @returns why there is nothing to follow; or when it is over, with the signal or by itself
   */
  follow(options: {
    readonly key: string;
    readonly open: OpenSubscription;
    readonly signal: AbortSignal;
    readonly tell: (told: Told) => void;
  }): Promise<ExecutionResult | { readonly over: Promise<void> }>;
  /** Subscriptions that are open on behalf of others. */
  count(): number;
}

interface Group {
  readonly members: Set<Member>;
  readonly stop: AbortController;
  /** Why it could not be opened; undefined where it could. */
  readonly refusal: Promise<ExecutionResult | undefined>;
}

interface Member {
  readonly tell: (told: Told) => void;
  leave(): void;
}

/** Members that are told something in a row before other work gets its turn. */
const TURN = 500;

export function createSharedSubscriptions(): SharedSubscriptions {
  const groups = new Map<string, Group>();

  function openGroup(key: string, open: OpenSubscription): Group {
    const stop = new AbortController();
    const opened = open(stop.signal);
    const refusal = opened.then((result) => (Symbol.asyncIterator in result ? undefined : result));
    const group: Group = { members: new Set(), stop, refusal };
    const end = () => {
      if (groups.get(key) === group) groups.delete(key);
      for (const member of [...group.members]) member.leave();
    };
    groups.set(key, group);
    stop.signal.addEventListener('abort', end, { once: true });
    void opened.then(async (results) => {
      if (Symbol.asyncIterator in results) for await (const result of results) await tellAll(group, result);
      end();
    });
    return group;
  }

  return {
    count: () => groups.size,
    async follow({ key, open, signal, tell }) {
      const group = groups.get(key) ?? openGroup(key, open);
      const over = join(group, signal, tell);
      return (await group.refusal) ?? { over };
    },
  };
}

async function tellAll({ members }: Group, result: ExecutionResult): Promise<void> {
  const told: Told = { result, json: JSON.stringify(result) };
  let count = 0;
  for (const { tell } of members) {
    tell(told);
    count += 1;
    if (count % TURN === 0) await setImmediate();
  }
}

/** One more member, until its signal is aborted or the group ends. The last one to go ends the group. */
function join(group: Group, signal: AbortSignal, tell: (told: Told) => void): Promise<void> {
  return new Promise((resolve) => {
    const member: Member = {
      tell,
      leave() {
        if (!group.members.delete(member)) return;
        signal.removeEventListener('abort', member.leave);
        if (group.members.size === 0) group.stop.abort();
        resolve();
      },
    };
    group.members.add(member);
    if (signal.aborted) member.leave();
    else signal.addEventListener('abort', member.leave, { once: true });
  });
}
