/**
 * At most four progress events a second for each import: of those that come faster only the newest is told, since each
 * holds the whole progress. Events of any other type are told at once, after what was held back of their import.
 */
import type { Clock } from '../clock.ts';
import type { ImportEvent } from './import-events.ts';

/** Between two progress events of one import. */
const GAP_MS = 250;

interface Held {
  event: ImportEvent;
  dueAt: number;
}

/** Ends when `events` ends or is ended; ends `events` when it is ended itself. */
export async function* coalesceProgress(
  events: AsyncIterable<ImportEvent>,
  clock: Clock,
): AsyncGenerator<ImportEvent, void, undefined> {
  const source = events[Symbol.asyncIterator]();
  const lastToldAt = new Map<string, number>();
  const held = new Map<string, Held>();
  let next: Promise<IteratorResult<ImportEvent>> | undefined;

  const tell = (event: ImportEvent) => {
    held.delete(event.importId);
    lastToldAt.set(event.importId, clock.monotonic());
    // Imports that have been silent for a while need no gap: the map holds the busy ones only.
    if (lastToldAt.size > 1000) lastToldAt.clear();
    return event;
  };

  try {
    for (;;) {
      next ??= source.next();
      const first = earliest(held);
      const result = first ? await sooner(next, first.dueAt, clock) : await next;
      if (result === 'due') {
        if (first) yield tell(first.event);
        continue;
      }
      next = undefined;
      if (result.done) {
        for (const { event } of [...held.values()].sort((a, b) => a.event.seq - b.event.seq)) yield event;
        return;
      }
      const event = result.value;
      const dueAt = (lastToldAt.get(event.importId) ?? -GAP_MS) + GAP_MS;
      if (event.type === 'BATCH_FINISHED' && dueAt > clock.monotonic()) {
        held.set(event.importId, { event, dueAt });
        continue;
      }
      const before = held.get(event.importId);
      if (before && event.type !== 'BATCH_FINISHED') yield tell(before.event);
      yield tell(event);
    }
  } finally {
    await source.return?.();
  }
}

function earliest(held: ReadonlyMap<string, Held>): Held | undefined {
  let first: Held | undefined;
  for (const candidate of held.values()) if (!first || candidate.dueAt < first.dueAt) first = candidate;
  return first;
}

/** What comes first: the next event, or the moment at which one that is held back is due. */
async function sooner<T>(next: Promise<T>, dueAt: number, clock: Clock): Promise<T | 'due'> {
  const waiting = new AbortController();
  const due = clock
    .sleep(Math.max(0, dueAt - clock.monotonic()), waiting.signal)
    .then(() => 'due' as const)
    .catch(() => 'due' as const);
  try {
    return await Promise.race([next, due]);
  } finally {
    waiting.abort();
  }
}
