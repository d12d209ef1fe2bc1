/** An event of the log, before and after it is stored. */
import type { EventRow } from './tables.ts';

export interface NewEvent {
  /** The stream's kind, as `import`. */
  topic: string;
  /** What it is about: an import's or a list's id. */
  subject: string;
  type: string;
  /** Anything JSON can hold. */
  data: unknown;
}

export interface StoredEvent extends Readonly<NewEvent> {
  /** The cursor after this event. */
  readonly seq: number;
  /** Epoch milliseconds. */
  readonly at: number;
  /** As JSON made it. All readers of a process share it: not to be changed. */
  readonly data: unknown;
}

export interface EventFilter {
  topics?: readonly string[] | undefined;
  subject?: string | undefined;
}

export function toStoredEvent({ seq, at, topic, subject, type, data_json }: EventRow): StoredEvent {
  return { seq, at, topic, subject, type, data: JSON.parse(data_json) };
}

export function matchesFilter(event: StoredEvent, { topics, subject }: EventFilter): boolean {
  return (!topics || topics.includes(event.topic)) && (subject === undefined || event.subject === subject);
}
