/** The attributes that lists define, remembered: asked for once however many wait, and again where something does not fit. */
import { LRUCache } from 'lru-cache';
import { agesBy, type Clock } from '../clock.ts';
import type { ContactListClient } from '../contact-lists/client.ts';
import type { AttributeDefinition } from '../contact-lists/model.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { UpstreamError } from '../errors.ts';

/** Definitions seldom change, and a mismatch has them read again. */
const TTL_MS = 5 * 60_000;
const MAX_LISTS = 1000;

export interface ListAttributes {
  /**
   * The list's definitions; null where there is no such list.
   *
   * @param options.readSince not older than this, monotonic milliseconds
   */
  get(
    listId: string,
    call: CallContext,
    options?: { readSince: number },
  ): Promise<readonly AttributeDefinition[] | null>;
}

interface Known {
  readonly definitions: readonly AttributeDefinition[];
  /** When it was asked for. */
  readonly readAt: number;
}

export function createListAttributes({ lists, clock }: { lists: ContactListClient; clock: Clock }): ListAttributes {
  const known = new LRUCache<string, Known>({
    max: MAX_LISTS,
    ttl: TTL_MS,
    ...agesBy(clock),
  });
  const asking = new Map<string, { readAt: number; answer: Promise<Known | null> }>();

  async function ask(listId: string, readAt: number, call: CallContext): Promise<Known | null> {
    try {
      // Others may be waiting for this answer by the time its first caller goes away.
      const definitions = await lists.attributes(listId, { ...call, signal: undefined });
      const found = { definitions, readAt };
      known.set(listId, found);
      return found;
    } catch (error) {
      if (error instanceof UpstreamError && error.status === 404) return null;
      throw error;
    } finally {
      if (asking.get(listId)?.readAt === readAt) asking.delete(listId);
    }
  }

  return {
    async get(listId, call, { readSince } = { readSince: Number.NEGATIVE_INFINITY }) {
      const remembered = known.get(listId);
      if (remembered && remembered.readAt >= readSince) {
        call.tally.cacheHits++;
        return remembered.definitions;
      }
      let question = asking.get(listId);
      if (!question || question.readAt < readSince) {
        const readAt = clock.monotonic();
        question = { readAt, answer: ask(listId, readAt, call) };
        asking.set(listId, question);
      }
      return (await question.answer)?.definitions ?? null;
    },
  };
}
