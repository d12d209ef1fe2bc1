/**
 * At most four progress events a second for each import: each holds the whole progress, so of those in a row that happened
 * in one slot of time only the newest is told. Which that is the log alone decides: whoever was cut off and resumes is told
 * what he would have been told without. What follows one that is held back waits with it, so that cursors only grow.
 */
import type { Clock } from '../clock.ts';
import type { ImportEvent } from './import-events.ts';

/** No second touches more than four of these slots. */
const SLOT_MS = 334;
/** How much later than others an event may come to be told with its slot, milliseconds: the way through the log is not always as long. */
const LATE_MS = 100;

/** Events that may wait; with so many, no more are taken from the source. */
const MAX_WAITING = 1_000;

interface Waiting {
  readonly event: ImportEvent;
  /** When all that happened in its slot has come, monotonic milliseconds. */
  readonly closesAt: number;
}

/** Ends when `events` ends or is ended; ends `events` when it is ended itself. */
export async function* coalesceProgress(
  events: AsyncIterable<ImportEvent>,
  clock: Clock,
): AsyncGenerator<ImportEvent, void, undefined> {
  const source = events[Symbol.asyncIterator]();
  const waiting: Waiting[] = [];
  let newest: ImportEvent | undefined;
  let next: Promise<IteratorResult<ImportEvent>> | undefined;
  let isOver = false;

  const take = (event: ImportEvent) => {
    newest = event;
    const before = waiting.findLastIndex((other) => other.event.importId === event.importId);
    const last = waiting[before];
    if (last && isProgress(last.event) && isProgress(event) && slotOf(last.event) === slotOf(event))
      waiting.splice(before, 1);
    waiting.push({ event, closesAt: clock.monotonic() + SLOT_MS - (event.at % SLOT_MS) + LATE_MS });
  };

  /** Whether nothing can supersede it any more. */
  const isSettled = ({ event, closesAt }: Waiting) =>
    !isProgress(event) ||
    isOver ||
    (newest !== undefined && slotOf(newest) > slotOf(event)) ||
    waiting.some((other) => other.event !== event && other.event.importId === event.importId) ||
    closesAt <= clock.monotonic();

  try {
    while (!isOver || waiting.length > 0) {
      const [first] = waiting;
      if (first && isSettled(first)) {
        waiting.shift();
        yield first.event;
        continue;
      }
      if (!isOver && waiting.length < MAX_WAITING) next ??= source.next();
      const result = first ? await sooner(next, first.closesAt, clock) : await next;
      if (!result || result === 'due') continue;
      next = undefined;
      if (result.done) isOver = true;
      else take(result.value);
    }
  } finally {
    await source.return?.();
  }
}

function isProgress({ type }: ImportEvent): boolean {
  return type === 'BATCH_FINISHED';
}

function slotOf({ at }: ImportEvent): number {
  return Math.floor(at / SLOT_MS);
}

/** What comes first: the next event, or the moment at which one that is held back is due. */
async function sooner<T>(next: Promise<T> | undefined, dueAt: number, clock: Clock): Promise<T | 'due'> {
  const waiting = new AbortController();
  const due = clock
    .sleep(Math.max(0, dueAt - clock.monotonic()), waiting.signal)
    .then(() => 'due' as const)
    .catch(() => 'due' as const);
  try {
    return await Promise.race(next === undefined ? [due] : [next, due]);
  } finally {
    waiting.abort();
  }
}
