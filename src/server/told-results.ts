/** What is told at any time, as an iteration for who takes it at a pace of their own: within a bound. */
import type { ExecutionResult } from 'graphql';
import type { Told } from './shared-subscriptions.ts';

export interface ToldResults {
  push(told: Told): void;
  /** Ends the iteration when what waits has been taken. */
  end(): void;
  readonly results: AsyncGenerator<ExecutionResult, void>;
}

/**
 * @param deps.maxWaitingCharacters of JSON that wait for a reader; one who is further behind is too slow
 * @param deps.tooSlow what that one is told last
 * @param deps.onReturn called when the reader has had enough, or is too slow
 */
export function createToldResults(deps: {
  readonly maxWaitingCharacters: number;
  readonly tooSlow: () => ExecutionResult;
  readonly onReturn: () => void;
}): ToldResults {
  const { maxWaitingCharacters, tooSlow, onReturn } = deps;
  const waiting: Told[] = [];
  let waitingCharacters = 0;
  let last: ExecutionResult | undefined;
  let isOver = false;
  let wake = () => {};
  const end = () => {
    isOver = true;
    wake();
  };

  async function* take(): AsyncGenerator<ExecutionResult, void> {
    try {
      for (;;) {
        const told = waiting.shift();
        if (told) {
          waitingCharacters -= told.json.length;
          yield told.result;
        } else if (isOver) {
          if (last) yield last;
          return;
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      isOver = true;
      onReturn();
    }
  }

  return {
    push(told) {
      if (isOver) return;
      if (waitingCharacters > maxWaitingCharacters) {
        last = tooSlow();
        end();
        onReturn();
        return;
      }
      waiting.push(told);
      waitingCharacters += told.json.length;
      wake();
    },
    end,
    results: take(),
  };
}
