/** The news of contacts that CXone enriched or changed, as subscriptions read them. */
import { z } from 'zod';
import type { LiveEvents, LivePlace } from '../store/live-events.ts';
import type { StoredEvent } from '../store/stored-event.ts';
import { ENRICHMENT_EVENT_TYPES, ENRICHMENT_TOPIC, type EnrichmentEventType } from './model.ts';

const content = z.object({
  contactId: z.string(),
  occurredAt: z.number(),
  late: z.boolean(),
  attributes: z.record(z.string(), z.unknown()),
});

const eventType = z.enum(ENRICHMENT_EVENT_TYPES);

export interface EnrichmentEvent {
  readonly seq: number;
  /** When the gateway took it, epoch milliseconds. */
  readonly at: number;
  readonly type: EnrichmentEventType;
  /** When it happened, by CXone's clock, epoch milliseconds. */
  readonly occurredAt: number;
  /** A change of the same contact that happened later had been told before. */
  readonly late: boolean;
  readonly contactListId: string;
  readonly contactId: string;
  readonly attributes: Record<string, unknown>;
}

export interface EnrichmentFeed {
  /**
   * Of one list or of all.
   * @throws as LiveEvents.follow
   */
  follow(contactListId: string | undefined, place: LivePlace): Promise<AsyncIterable<EnrichmentEvent>>;
}

export function createEnrichmentFeed({ liveEvents }: { liveEvents: LiveEvents }): EnrichmentFeed {
  /** All subscribers are given the same event: it is read once for all. */
  const read = new WeakMap<StoredEvent, EnrichmentEvent>();

  function toEnrichmentEvent(stored: StoredEvent): EnrichmentEvent {
    const known = read.get(stored);
    if (known) return known;
    const { seq, at, subject, type, data } = stored;
    const event = { seq, at, type: eventType.parse(type), contactListId: subject, ...content.parse(data) };
    read.set(stored, event);
    return event;
  }

  return {
    async follow(contactListId, place) {
      const stored = await liveEvents.follow({ ...place, topics: [ENRICHMENT_TOPIC], subject: contactListId });
      return (async function* () {
        for await (const event of stored) yield toEnrichmentEvent(event);
      })();
    },
  };
}
