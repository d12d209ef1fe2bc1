/** The event log as a subscription follows it: its cursor is judged before it begins. */
import { GatewayError } from '../errors.ts';
import type { EventLog } from './event-log.ts';
import type { EventFilter, StoredEvent } from './stored-event.ts';

/** From where to where a subscription follows the log. */
export interface LivePlace {
  /** The cursor to begin behind; without it, from now on. */
  readonly after?: number | undefined;
  /** Where to end: behind the cursor that this gives, which may grow meanwhile. Without it, not at all. */
  readonly until?: (() => number) | undefined;
  readonly signal: AbortSignal;
}

export interface LiveEvents {
  /** The cursor of the newest event; 0 where there has been none. */
  head(): Promise<number>;
  /**
   * The events at that place, without a gap or a repeat, until it ends or is aborted.
   *
   * @throws GatewayError CURSOR_EXPIRED where events after the cursor are no longer kept; BAD_USER_INPUT for one this log
   *   has not given out. Both also later, as the error of the iteration.
   */
  follow(options: EventFilter & LivePlace): Promise<AsyncIterable<StoredEvent>>;
}

export function createLiveEvents({ eventLog }: { eventLog: EventLog }): LiveEvents {
  async function startAt(after: number | undefined): Promise<number> {
    const head = await eventLog.head();
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
    head: eventLog.head,
    follow: async ({ after, ...rest }) => eventLog.tail({ ...rest, after: await startAt(after) }),
  };
}
