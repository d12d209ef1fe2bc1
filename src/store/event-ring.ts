/** The newest events of the log in memory, without gaps, bounded in number and size. */
import type { EventFilter, StoredEvent } from './stored-event.ts';
import { matchesFilter, toStoredEvent } from './stored-event.ts';
import type { EventRow } from './tables.ts';

export interface EventRing {
  /** Every event with `from < seq <= to` is here. */
  readonly from: number;
  readonly to: number;
  /** Takes the events that follow `to`, and drops the oldest beyond the bounds. */
  extend(rows: readonly EventRow[]): void;
  /** The first event after `cursor` that fits; `cursor` must not be below `from`. */
  firstAfter(cursor: number, filter: EventFilter): StoredEvent | undefined;
}

/** @param bounds `maxChars` counts the events' JSON, in UTF-16 units */
export function createEventRing(head: number, bounds: { maxEvents: number; maxChars: number }): EventRing {
  let from = head;
  let to = head;
  let chars = 0;
  const events: { event: StoredEvent; chars: number }[] = [];

  function trim(): void {
    if (events.length <= bounds.maxEvents && chars <= bounds.maxChars) return;
    // A quarter more than needed, as moving the rest forward costs the same for one as for many.
    let count = 0;
    while (events.length - count > bounds.maxEvents * 0.75 || chars > bounds.maxChars * 0.75) {
      const oldest = events[count];
      if (!oldest) break;
      chars -= oldest.chars;
      from = oldest.event.seq;
      count++;
    }
    events.splice(0, count);
  }

  return {
    get from() {
      return from;
    },
    get to() {
      return to;
    },
    extend(rows) {
      for (const row of rows) {
        events.push({ event: toStoredEvent(row), chars: row.data_json.length });
        chars += row.data_json.length;
        to = row.seq;
      }
      trim();
    },
    firstAfter(cursor, filter) {
      for (let index = firstIndexAfter(events, cursor); index < events.length; index++) {
        const event = events[index]?.event;
        if (event && matchesFilter(event, filter)) return event;
      }
      return undefined;
    },
  };
}

function firstIndexAfter(events: readonly { event: StoredEvent }[], cursor: number): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((events[middle]?.event.seq ?? 0) > cursor) high = middle;
    else low = middle + 1;
  }
  return low;
}
