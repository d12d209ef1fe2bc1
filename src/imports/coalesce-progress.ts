/**
 * At most four progress events a second for each import: of those that come faster only the newest is told, since each
 * holds the whole progress. What follows one that is held back waits with it, so that cursors only grow.
 */
import type { Clock } from '../clock.ts';
import type { ImportEvent } from './import-events.ts';

/** Between two progress events of one import. */
const GAP_MS = 250;

/** Events that may wait; with so many, no more are taken from the source. */
const MAX_WAITING = 1_000;

/** Ends when `events` ends or is ended; ends `events` when it is ended itself. */
export async function* coalesceProgress(
  events: AsyncIterable<ImportEvent>,
  clock: Clock,
): AsyncGenerator<ImportEvent, void, undefined> {
  const source = events[Symbol.asyncIterator]();
  const lastProgressAt = new Map<string, number>();
  const waiting: ImportEvent[] = [];
  let next: Promise<IteratorResult<ImportEvent>> | undefined;
  let isOver = false;

  const dueAt = ({ type, importId }: ImportEvent) =>
    type === 'BATCH_FINISHED' ? (lastProgressAt.get(importId) ?? Number.NEGATIVE_INFINITY) + GAP_MS : 0;

  const take = (event: ImportEvent) => {
    const isSuperseded = ({ type, importId }: ImportEvent) => type === event.type && importId === event.importId;
    const before = event.type === 'BATCH_FINISHED' ? waiting.findIndex(isSuperseded) : -1;
    if (before !== -1) waiting.splice(before, 1);
    waiting.push(event);
  };

  try {
    while (!isOver || waiting.length > 0) {
      const [first] = waiting;
      if (first && dueAt(first) <= clock.monotonic()) {
        waiting.shift();
        if (first.type === 'BATCH_FINISHED') {
          // Imports that have been silent for a while need no gap: the map holds the busy ones only.
          if (lastProgressAt.size >= MAX_WAITING) lastProgressAt.clear();
          lastProgressAt.set(first.importId, clock.monotonic());
        }
        yield first;
        continue;
      }
      if (!isOver && waiting.length < MAX_WAITING) next ??= source.next();
      const result = first ? await sooner(next, dueAt(first), clock) : await next;
      if (!result || result === 'due') continue;
      next = undefined;
      if (result.done) isOver = true;
      else take(result.value);
    }
  } finally {
    await source.return?.();
  }
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
