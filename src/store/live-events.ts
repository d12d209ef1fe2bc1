/**
 * The event log as a subscription follows it: its cursor is judged before it begins, and a reader that is too slow to
 * keep up is told so, instead of trailing further and further behind at the cost of the table.
 */
import type { Clock } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import type { EventLog } from './event-log.ts';
import type { EventFilter, StoredEvent } from './stored-event.ts';

/**
 * How many events of the log a reader that has once kept up may fall behind. A little more than the ring of newest events
 * holds (event-tail.ts): from there on every page of it is a query.
 */
const MAX_BEHIND = 5_000;
/** How old the knowledge of the log's head may be, in milliseconds. */
const HEAD_AGE_MS = 1_000;

export interface LiveEvents {
  /**
   * Events after the cursor `after`, or from now on, until aborted. A reader that begins far behind may take its time to
   * catch up; one that had caught up and has fallen behind by thousands gets SLOW_CONSUMER at its next event, which it has
   * not lost: it goes on from the cursor of the last one it got.
   *
   * @throws GatewayError CURSOR_EXPIRED where events after the cursor are no longer kept; BAD_USER_INPUT for one this log
   *   has not given out. Both also later, as the error of the iteration.
   */
  follow(
    options: EventFilter & { after?: number | undefined; signal: AbortSignal },
  ): Promise<AsyncIterable<StoredEvent>>;
}

export function createLiveEvents(deps: { eventLog: EventLog; clock: Clock }): LiveEvents {
  const { eventLog, clock } = deps;
  let knownHead = 0;
  let knownAt = Number.NEGATIVE_INFINITY;

  async function readHead(): Promise<number> {
    knownAt = clock.monotonic();
    const head = await eventLog.head();
    knownHead = Math.max(knownHead, head);
    return head;
  }

  /** The head as of a moment ago. One query a second for all readers, and none while nothing is read. */
  function recentHead(): number {
    if (clock.monotonic() - knownAt > HEAD_AGE_MS) {
      // The database is away for a moment: nobody is further behind for it.
      readHead().catch(() => undefined);
    }
    return knownHead;
  }

  /** The cursor to begin after. The head is read in any case, so that it is known before the first event is weighed. */
  async function startAt(after: number | undefined): Promise<number> {
    const head = await readHead();
    if (after === undefined) return head;
    if (after < (await eventLog.oldest())) {
      throw new GatewayError('CURSOR_EXPIRED', 'Events after this cursor are no longer kept. Start without one.');
    }
    if (after > head) {
      throw new GatewayError(
        'BAD_USER_INPUT',
        'This cursor is ahead of the event log, which did not give it out. Start without one.',
      );
    }
    return after;
  }

  return {
    async follow({ after, signal, ...filter }) {
      const tail = eventLog.tail({ ...filter, after: await startAt(after), signal });
      return {
        [Symbol.asyncIterator]() {
          const source = tail[Symbol.asyncIterator]();
          let keptUp = false;
          return {
            // No generator: its `return` would first wait for the event it waits for.
            return: async () => (await source.return?.()) ?? { done: true, value: undefined },
            async next() {
              const result = await source.next();
              if (result.done) return result;
              const isBehind = recentHead() - result.value.seq > MAX_BEHIND;
              if (keptUp && isBehind) {
                await source.return?.();
                throw new GatewayError(
                  'SLOW_CONSUMER',
                  'Events came faster than they were read. Subscribe again with the cursor of the last one as `after`.',
                );
              }
              keptUp ||= !isBehind;
              return result;
            },
          };
        },
      };
    },
  };
}
