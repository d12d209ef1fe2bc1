/**
 * Contact lists as events name them. Thousands of events a minute may be about one list, for hundreds of subscribers: its
 * name and count are asked for once in five seconds at most.
 */
import { randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { agesBy, type Clock } from '../clock.ts';
import type { ContactListClient } from '../contact-lists/client.ts';
import type { ContactList } from '../contact-lists/model.ts';
import { newUpstreamTally } from '../cxone/call-context.ts';
import { INTERACTIVE_DEADLINE_MS } from '../cxone/limits.ts';

const MAX_LISTS = 1_000;
const MAX_AGE_MS = 5_000;

export interface RecentLists {
  /**
   * The list with this id. Only its id is known at once; what else of it is asked for is read then, and null where CXone
   * knows no such list.
   */
  listReference(listId: string): ContactList;
}

export function createRecentLists(deps: { client: Pick<ContactListClient, 'get'>; clock: Clock }): RecentLists {
  const { client, clock } = deps;
  const lists = new LRUCache<string, Promise<ContactList | null>>({
    max: MAX_LISTS,
    ttl: MAX_AGE_MS,
    ...agesBy(clock),
  });

  function get(listId: string): Promise<ContactList | null> {
    const known = lists.get(listId);
    if (known) return known;
    // On nobody's behalf: the subscriber who asks first may be gone before the others.
    const asked = client.get(listId, {
      requestId: randomUUID(),
      lane: { kind: 'interactive' },
      deadlineAt: clock.monotonic() + INTERACTIVE_DEADLINE_MS,
      tally: newUpstreamTally(),
    });
    lists.set(listId, asked);
    asked.catch(() => {
      if (lists.peek(listId) === asked) lists.delete(listId);
    });
    return asked;
  }

  return {
    listReference: (id) => ({
      id,
      // GraphQL waits for what a property promises; the type of a list has no promises, as every other list is whole.
      get name() {
        return get(id).then((list) => list?.name ?? null) as unknown as string | null;
      },
      get totalContactCount() {
        return get(id).then((list) => list?.totalContactCount ?? null) as unknown as number | null;
      },
    }),
  };
}
