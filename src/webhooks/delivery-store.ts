/**
 * Deliveries in the store: each taken once, however often it comes, and told in the event log by the transaction that
 * takes it.
 */
import type { Database, Transaction } from '../store/database.ts';
import type { EventLog } from '../store/event-log.ts';
import type { NewEvent } from '../store/stored-event.ts';
import { type ContactChange, type DeliveryContent, ENRICHMENT_TOPIC, UNKNOWN_TOPIC } from './model.ts';

/** Standard Webhooks sends again for up to 75 hours; ids are kept for longer (faults.md: 7 days), in milliseconds. */
export const MIN_KEPT_MS = 7 * 24 * 3_600_000;

export interface Delivery {
  /** The `webhook-id`. */
  readonly id: string;
  readonly content: DeliveryContent;
}

export interface DeliveryStore {
  /** Takes those that are new, in one transaction. @returns for each whether it was new */
  takeAll(deliveries: readonly Delivery[]): Promise<boolean[]>;
  /** Forgets ids older than `olderThanMs` milliseconds, and never those younger than seven days. @returns how many */
  prune(olderThanMs: number): Promise<number>;
}

export function createDeliveryStore(deps: { database: Database; eventLog: EventLog }): DeliveryStore {
  const { database, eventLog } = deps;

  /** @returns the ids that were new */
  async function insert(tx: Transaction, deliveries: readonly Delivery[]): Promise<Set<string>> {
    const inserted = await tx
      .insertInto('webhook_deliveries')
      .values(
        deliveries.map(({ id, content }) => {
          const change = content.kind === 'contact' ? content.change : undefined;
          return {
            id,
            received_at: database.nowMs(),
            contact_list_id: change?.contactListId ?? null,
            contact_id: change?.contactId ?? null,
            occurred_at: change?.occurredAt ?? null,
          };
        }),
      )
      .onConflict((conflict) => conflict.column('id').doNothing())
      .returning('id')
      .execute();
    return new Set(inserted.map(({ id }) => id));
  }

  /** When the newest known change of each contact happened. */
  async function newestChanges(tx: Transaction, deliveries: readonly Delivery[]): Promise<Map<string, number>> {
    const contactIds = new Set(
      deliveries.flatMap(({ content }) => (content.kind === 'contact' ? content.change.contactId : [])),
    );
    if (contactIds.size === 0) return new Map();
    const rows = await tx
      .selectFrom('webhook_deliveries')
      .select(['contact_list_id', 'contact_id', (eb) => eb.fn.max('occurred_at').as('newest')])
      .where('contact_id', 'in', [...contactIds])
      .groupBy(['contact_id', 'contact_list_id'])
      .execute();
    return new Map(rows.map((row) => [contactKey(row.contact_list_id, row.contact_id), row.newest ?? 0]));
  }

  return {
    async takeAll(deliveries) {
      const first = new Map(deliveries.toReversed().map((delivery) => [delivery.id, delivery]));
      return await database.transaction(async (tx) => {
        // One group at a time, in all replicas: so whether something is late is never judged too early.
        await database.serialize(tx, 'webhook-deliveries');
        const newest = await newestChanges(tx, deliveries);
        const inserted = await insert(tx, [...first.values()]);
        const taken = deliveries.map((delivery) => first.get(delivery.id) === delivery && inserted.has(delivery.id));
        const events = deliveries
          .filter((_delivery, index) => taken[index])
          .map((delivery) => toEvent(delivery, newest));
        await eventLog.appendAll(tx, events);
        return taken;
      });
    },

    async prune(olderThanMs) {
      const keptMs = Math.max(olderThanMs, MIN_KEPT_MS);
      const { numDeletedRows } = await database.db
        .deleteFrom('webhook_deliveries')
        .where((eb) => eb('received_at', '<', eb(database.nowMs(), '-', keptMs)))
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    },
  };
}

/** @param newest is brought up to date with it */
function toEvent({ id, content }: Delivery, newest: Map<string, number>): NewEvent {
  if (content.kind === 'unknown') {
    return { topic: UNKNOWN_TOPIC, subject: id, type: 'UNKNOWN', data: { type: content.type, body: content.body } };
  }
  const { type, contactListId, contactId, occurredAt, attributes }: ContactChange = content.change;
  const key = contactKey(contactListId, contactId);
  const late = occurredAt < (newest.get(key) ?? occurredAt);
  if (!late) newest.set(key, occurredAt);
  return { topic: ENRICHMENT_TOPIC, subject: contactListId, type, data: { contactId, occurredAt, late, attributes } };
}

function contactKey(contactListId: string | null, contactId: string | null): string {
  return JSON.stringify([contactListId, contactId]);
}
