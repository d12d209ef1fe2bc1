/** Holds back the answers of a route until they are let go: tests wait for events, not for time. */
import { compilePattern, type RequestPattern } from './path-pattern.ts';

export interface Hold {
  readonly id: string;
  /** How many requests have taken effect and wait for their answer. */
  held(): number;
  /** Lets go of what is held; nothing more is held by it. */
  release(): void;
}

export interface Holds {
  add(pattern: RequestPattern): Hold;
  find(id: string): Hold | undefined;
  /** Resolves at once where nothing holds such a request, and when the signal is aborted. */
  pass(method: string, path: string, signal: AbortSignal): Promise<void> | undefined;
  releaseAll(): void;
}

interface OpenHold extends Hold {
  matches: (method: string, path: string) => boolean;
  waiting: Set<() => void>;
}

/** Nothing is held at first. */
export function createHolds(): Holds {
  const open = new Map<string, OpenHold>();
  let lastId = 0;
  return {
    add: (pattern) => {
      lastId += 1;
      const id = `hold-${lastId}`;
      const waiting = new Set<() => void>();
      const hold: OpenHold = {
        id,
        waiting,
        matches: compilePattern(pattern),
        held: () => waiting.size,
        release: () => {
          open.delete(id);
          for (const letGo of [...waiting]) letGo();
        },
      };
      open.set(id, hold);
      return hold;
    },
    find: (id) => open.get(id),
    pass: (method, path, signal) => {
      const hold = open.values().find(({ matches }) => matches(method, path));
      if (!hold || signal.aborted) return undefined;
      return new Promise((resolve) => {
        const letGo = () => {
          hold.waiting.delete(letGo);
          signal.removeEventListener('abort', letGo);
          resolve();
        };
        hold.waiting.add(letGo);
        signal.addEventListener('abort', letGo, { once: true });
      });
    },
    releaseAll: () => {
      for (const hold of [...open.values()]) hold.release();
    },
  };
}
