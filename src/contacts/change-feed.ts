/**
 * News of contacts that changed, over the event log: what this process wrote is told to the other replicas, and what
 * they or CXone's webhooks tell of makes this process forget what it knew.
 */
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import type { Database } from '../store/database.ts';
import type { EventLog } from '../store/event-log.ts';
import type { StoredEvent } from '../store/stored-event.ts';
import { waitForRing } from '../store/wait.ts';

/** The stream of this room: subject is the contact's id, or empty for all contacts. */
const CONTACT_TOPIC = 'contact';
/** The stream of CXone's webhooks, which name the contact in their data. */
const ENRICHMENT_TOPIC = 'enrichment';

export interface ChangeFeed {
  /** Tells the other replicas soon, and in one transaction with what else is to be told then. */
  announce(contactId: string, madeForDigest?: string): void;
  /** Tells them that any contact may have changed or gone. */
  announceAll(): void;
  /**
   * Resolves when what was announced so far can be read by the others, or half a second later: the database may be away.
   * At once on a store of one process. Never rejects.
   */
  told(): Promise<void>;
  /** Tells what is still to be told, and ends. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ChangeListener {
  /** The contact may have changed or gone. */
  onChanged(contactId: string): void;
  /** The contact was made for the key of this digest. */
  onMade(contactId: string, digest: string): void;
  /** Changes may have been missed. */
  onGap(): void;
}

/** The contacts told of in one transaction. */
const MAX_BATCH = 500;
/** After this, the log is tried again where it failed, in milliseconds. */
const RETRY_MS = 1_000;
/** Who made a change waits so long at most until it is told, in milliseconds. */
const TELLING_MS = 500;

/** No contact has an empty id (cxone-api.md, section 1). */
const ALL = '';

const contactNews = z.object({ origin: z.string(), madeForDigest: z.string().optional() });
const enrichmentNews = z.object({ contactId: z.string() });

/** Contacts that are told of together, each with the digest of the key it was made for; and when that is done. */
interface News {
  readonly contacts: Map<string, string | undefined>;
  readonly told: PromiseWithResolvers<void>;
}

function nothingYet(): News {
  return { contacts: new Map(), told: Promise.withResolvers() };
}

/**
 * Listens from here on: what was read before is not told of.
 *
 * @param deps.origin names this run of the process: its own news is no news to it
 */
export async function createChangeFeed(deps: {
  database: Database;
  events: EventLog;
  origin: string;
  listener: ChangeListener;
  clock: Clock;
  log: { warn(details: object, message: string): void };
}): Promise<ChangeFeed> {
  const { database, events, origin, listener, clock, log } = deps;
  const stop = new AbortController();
  let toTell = nothingYet();
  /** When what was announced last is told. */
  let lastTold = Promise.resolve();
  let telling: Promise<void> | undefined;

  async function tell(): Promise<void> {
    // What changes in this turn of the event loop is told together.
    await setImmediate();
    while (toTell.contacts.size > 0) {
      const { contacts, told } = toTell;
      toTell = nothingYet();
      for (let rest = [...contacts]; rest.length > 0; rest = rest.slice(MAX_BATCH)) {
        await store(rest.slice(0, MAX_BATCH));
      }
      told.resolve();
    }
    telling = undefined;
  }

  async function store(contacts: readonly [id: string, madeForDigest: string | undefined][]): Promise<void> {
    const news = contacts.map(([subject, madeForDigest]) => ({
      topic: CONTACT_TOPIC,
      subject,
      type: madeForDigest === undefined ? 'CHANGED' : 'CREATED',
      data: { origin, madeForDigest },
    }));
    try {
      await database.transaction(async (tx) => void (await events.appendAll(tx, news)));
    } catch (error) {
      // Others learn of it late, by the age of their entries or by the ETag of a PUT.
      log.warn({ contacts: contacts.length, error }, 'other replicas could not be told of changed contacts');
    }
  }

  async function follow(start: number): Promise<void> {
    const topics = [CONTACT_TOPIC, ENRICHMENT_TOPIC];
    for (let after: number | undefined = start; !stop.signal.aborted; after = undefined) {
      try {
        if (after === undefined) {
          after = await events.head();
          listener.onGap();
        }
        for await (const event of events.tail({ topics, after, signal: stop.signal })) hear(event);
      } catch (error) {
        const isOvertaken = error instanceof GatewayError && error.code === 'CURSOR_EXPIRED';
        if (!isOvertaken) log.warn({ error }, 'the news of changed contacts cannot be read; trying on');
        await clock.sleep(RETRY_MS, stop.signal).catch(() => {});
      }
    }
  }

  function hear({ topic, subject, data }: StoredEvent): void {
    if (topic === ENRICHMENT_TOPIC) {
      const { contactId } = enrichmentNews.safeParse(data).data ?? {};
      if (contactId !== undefined) listener.onChanged(contactId);
      return;
    }
    const news = contactNews.safeParse(data).data;
    if (!news || news.origin === origin) return;
    if (subject === ALL) listener.onGap();
    else listener.onChanged(subject);
    if (news.madeForDigest !== undefined) listener.onMade(subject, news.madeForDigest);
  }

  const following = follow(await events.head());

  function announce(contactId: string, madeForDigest?: string): void {
    const { contacts, told } = toTell;
    lastTold = told.promise;
    contacts.set(contactId, madeForDigest ?? contacts.get(contactId));
    telling ??= tell();
  }

  return {
    announce,
    announceAll: () => announce(ALL),
    async told() {
      if (!telling || database.engine !== 'postgres') return;
      await waitForRing(clock, TELLING_MS, lastTold);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await telling;
      await following;
    },
  };
}
