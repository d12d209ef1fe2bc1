/**
 * Upserts, one at a time for each key: CXone has none, and two callers who both look, find nothing and create would
 * make two contacts. In this process those that wait together share one look; among replicas a lease on the key decides.
 */
import type { CallContext } from '../cxone/call-context.ts';
import { ConflictError, NotFoundError, RateLimitedError } from '../errors.ts';
import type { Leases } from '../store/leases.ts';
import { type ChangeQueue, ContactMovedError } from './change-queue.ts';
import type { ContactCreation } from './creation.ts';
import { keyDigest, matchesKey, type UpsertKey } from './keys.ts';
import type { ContactLookup } from './lookup.ts';
import type { ContactPatch } from './merge.ts';
import type { Contact } from './model.ts';
import { shareCall } from './shared-call.ts';

export interface Upsert {
  readonly bookId: string;
  readonly key: UpsertKey;
  /** What a new contact is made of. */
  readonly creation: ContactPatch;
  /** What a contact that is there is changed by. */
  readonly patch: ContactPatch;
  /** What happens to a contact that is there. */
  readonly onDuplicate: 'UPDATE' | 'SKIP' | 'FAIL';
  readonly call: CallContext;
}

export interface Upserted {
  readonly outcome: 'CREATED' | 'UPDATED' | 'UNCHANGED' | 'SKIPPED';
  readonly contact: Contact;
  readonly attributes: readonly string[];
  readonly verified: boolean;
  readonly upstreamRequestId: string | undefined;
  readonly latencyMs: number | undefined;
}

export interface UpsertQueue {
  /**
   * @throws ConflictError DUPLICATE when several contacts have the key already, or one has and `onDuplicate` is FAIL;
   *   NotFoundError no such book; what creating and changing throw
   */
  submit(upsert: Upsert): Promise<Upserted>;
}

interface Pending extends Upsert {
  /** Looks after which the contact that was found had gone or changed its key. */
  misses: number;
  readonly resolve: (upserted: Upserted) => void;
  readonly reject: (error: unknown) => void;
}

/** How long a key stays locked by a process that died, and how long others wait for it, in milliseconds. */
const LOCK = { leaseMs: 15_000, waitMs: 9_000 } as const;
/** Upserts that share one look. */
const MAX_BATCH = 100;
/** Upserts that wait for one key; the next is refused. */
const MAX_WAITING = 1_000;
const MAX_MISSES = 3;

export function createUpsertQueue(deps: {
  changes: ChangeQueue;
  creation: ContactCreation;
  lookup: ContactLookup;
  leases: Leases;
  contactGid: (bookId: string, contactId: string) => string;
}): UpsertQueue {
  const { changes, creation, lookup, leases, contactGid } = deps;
  const queues = new Map<string, Pending[]>();

  async function work(digest: string, waiting: Pending[]): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, MAX_BATCH);
      try {
        await leases.withLease(`contact-key:${digest}`, LOCK, async (_lease, held) => {
          waiting.unshift(...(await run(batch, held)));
        });
      } catch (error) {
        for (const upsert of batch) upsert.reject(error);
      }
    }
    queues.delete(digest);
  }

  /** @returns those for which it has to be looked again */
  async function run(batch: readonly Pending[], held: AbortSignal): Promise<Pending[]> {
    const waiting = batch.filter(({ call }) => !call.signal?.aborted);
    for (const { call, reject } of batch) if (call.signal?.aborted) reject(call.signal.reason);
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const found = await look([next, ...waiting]);
      const [contact] = found;
      if (found.length > 1) {
        for (const upsert of [next, ...waiting]) upsert.reject(several(found));
        return [];
      }
      if (contact) return await settleAll(contact, [next, ...waiting]);
      held.throwIfAborted();
      const made = await make(next);
      if (made) return await settleAll(made, waiting);
    }
    return [];
  }

  async function look(upserts: readonly [Pending, ...Pending[]]): Promise<Contact[]> {
    using shared = shareCall(upserts.map(({ call }) => call));
    return await lookup.find(upserts[0].bookId, upserts[0].key, shared.call);
  }

  /** The new contact; undefined where it could not be made, which its caller has been told. */
  async function make({ bookId, creation: patch, key, call, resolve, reject }: Pending): Promise<Contact | undefined> {
    try {
      const created = await creation.create(bookId, patch, { key, isFree: true }, { call });
      resolve({ ...created, outcome: 'CREATED', verified: true });
      return created.contact;
    } catch (error) {
      reject(error);
      return undefined;
    }
  }

  /** What is to become of a contact that is there. @returns those that missed it: it has gone, or changed its key */
  async function settleAll(contact: Contact, upserts: readonly Pending[]): Promise<Pending[]> {
    const missed: Pending[] = [];
    await Promise.all(
      upserts.map(async (upsert) => {
        try {
          upsert.resolve(await settle(contact, upsert));
        } catch (error) {
          const isMiss = error instanceof ContactMovedError || error instanceof NotFoundError;
          if (isMiss && ++upsert.misses < MAX_MISSES) missed.push(upsert);
          else upsert.reject(isMiss ? moving() : error);
        }
      }),
    );
    return missed;
  }

  async function settle(contact: Contact, upsert: Pending): Promise<Upserted> {
    const { bookId, key, patch, onDuplicate, call } = upsert;
    if (onDuplicate === 'FAIL') throw several([contact]);
    if (onDuplicate === 'SKIP') {
      const untouched = { attributes: [], verified: true, upstreamRequestId: undefined, latencyMs: undefined };
      return { outcome: 'SKIPPED', contact, ...untouched };
    }
    const guard = (wire: Contact['wire']) => matchesKey(wire, key);
    const changed = await changes.submit({ bookId, contactId: contact.id, patch, guard, call });
    return { ...changed, outcome: changed.attributes.length > 0 ? 'UPDATED' : 'UNCHANGED' };
  }

  function several(found: readonly Contact[]): ConflictError {
    const ids = found.map(({ bookId, id }) => contactGid(bookId, id));
    const message =
      ids.length === 1
        ? `There is a contact with this key already: ${ids[0]}.`
        : `${ids.length} contacts have this key: ${ids.slice(0, 10).join(', ')}. Nothing was written: update the right one by its id.`;
    return new ConflictError('DUPLICATE', message, ids[0]);
  }

  function moving(): ConflictError {
    return new ConflictError(
      'VERSION_MISMATCH',
      'Others keep changing the contact with this key. Try again in a moment.',
    );
  }

  return {
    submit(upsert) {
      const digest = keyDigest(upsert.bookId, upsert.key);
      const waiting = queues.get(digest) ?? [];
      if (waiting.length >= MAX_WAITING) {
        return Promise.reject(
          new RateLimitedError('Too many upserts already wait for this key. Try again in a moment.'),
        );
      }
      const { promise, resolve, reject } = Promise.withResolvers<Upserted>();
      waiting.push({ ...upsert, misses: 0, resolve, reject });
      if (!queues.has(digest)) {
        queues.set(digest, waiting);
        void work(digest, waiting);
      }
      return promise;
    },
  };
}
