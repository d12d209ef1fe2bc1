/**
 * Delivers callbacks out of the outbox, signed by Standard Webhooks: at least once, in order for each import and
 * destination, at most so many at a time, and beside the imports, which never wait for it.
 */
import { Webhook } from 'standardwebhooks';
import type { Clock } from '../clock.ts';
import type { AuditLog } from '../store/audit-log.ts';
import type { Database } from '../store/database.ts';
import { type ClaimedMessage, OUTBOX_CHANNEL, type Outbox } from '../store/outbox.ts';
import { waitForRing } from '../store/wait.ts';
import type { AllowedHosts } from './allowed-hosts.ts';
import { createCallbackPost, type PostOutcome, RECEIPT_TIMEOUT_MS } from './callback-post.ts';
import { nextTryInMs } from './callback-schedule.ts';
import { importOfStream } from './callback-stream.ts';
import type { ResolveHost } from './guarded-lookup.ts';

/** Tries under way at a time. Receivers that hang hold up the others by their number at most, for five seconds. */
const MAX_IN_FLIGHT = 16;
/** A process that has not told by then how its try ended is taken for dead, in milliseconds. */
const CLAIM_MS = 6 * RECEIPT_TIMEOUT_MS;
/** What tries under way still have when delivery is ended, in milliseconds. */
const GRACE_MS = 2_000;
/** How late a message can be whose ring was lost, in milliseconds. */
const POLL_MS = 2_000;
/** Between two looks at an outbox whose due messages somebody else is just taking, in milliseconds. */
const MIN_POLL_MS = 50;

/** The receiver wants nothing more (Standard Webhooks 1.0.0; faults.md): nothing of this import is sent there any more. */
const GONE = 410;

export interface CallbackDelivery {
  /** Begins to deliver. */
  start(): void;
  /** Begins no more tries and gives those under way two seconds. What is cut off then is sent again, under its id. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * @param deps.secret `whsec_…`
 * @param deps.allowedHosts may be http and on private addresses (interface.md)
 * @param deps.random 0 to below 1
 */
export function createCallbackDelivery(deps: {
  outbox: Outbox;
  database: Database;
  audit: AuditLog;
  secret: string;
  allowedHosts: AllowedHosts;
  resolve: ResolveHost;
  clock: Clock;
  random: () => number;
  log: { warn(details: object, message: string): void; debug(details: object, message: string): void };
}): CallbackDelivery {
  const { outbox, database, audit, secret, allowedHosts, resolve, clock, random, log } = deps;
  const signer = new Webhook(secret);
  const receivers = createCallbackPost({ allowedHosts, resolve, clock });
  const stop = new AbortController();
  const inFlight = new Set<Promise<void>>();
  let bell = Promise.withResolvers<void>();
  let running: Promise<void> | undefined;

  async function deliverForever(): Promise<void> {
    const unsubscribe = database.onDoorbell(OUTBOX_CHANNEL, () => bell.resolve());
    let failing = false;
    while (!stop.signal.aborted) {
      // Before looking: what rings meanwhile is looked at again at once.
      bell = Promise.withResolvers<void>();
      let waitMs = POLL_MS;
      try {
        waitMs = await takeDue();
        failing = false;
      } catch (error) {
        if (!failing) log.warn({ error }, 'callbacks cannot be read from the outbox; trying on');
        failing = true;
      }
      await waitForRing(clock, waitMs, bell.promise, stop.signal);
    }
    unsubscribe();
  }

  /** Begins as many tries as there is room for. @returns milliseconds until it is worth looking again */
  async function takeDue(): Promise<number> {
    const room = MAX_IN_FLIGHT - inFlight.size;
    // A try that ends rings.
    if (room === 0) return POLL_MS;
    const messages = await outbox.claimDue(room, CLAIM_MS);
    for (const message of messages) begin(message);
    if (messages.length === room) return POLL_MS;
    const dueInMs = await outbox.nextDueInMs();
    return dueInMs === undefined ? POLL_MS : Math.max(MIN_POLL_MS, Math.min(dueInMs, POLL_MS));
  }

  function begin(message: ClaimedMessage): void {
    const trying = deliver(message)
      .catch((error: unknown) => {
        // Whether it arrived is not on record: its claim runs out and it is sent again, under the same id.
        log.warn({ error, messageId: message.messageId }, 'the outcome of a callback could not be stored');
      })
      .finally(() => {
        inFlight.delete(trying);
        bell.resolve();
      });
    inFlight.add(trying);
  }

  async function deliver(message: ClaimedMessage): Promise<void> {
    const { id, messageId, attempts, createdAt } = message;
    const outcome = await attempt(message);
    const ended = describe(outcome);
    log.debug({ messageId, attempts, ...ended }, 'a callback was sent');
    if (outcome.kind === 'answer' && outcome.status >= 200 && outcome.status < 300) {
      await outbox.delivered(id);
    } else if (outcome.kind === 'answer' && outcome.status === GONE) {
      await giveUp(message, ended, outbox.close);
    } else if (message.isExpired) {
      await giveUp(message, ended, outbox.giveUp);
    } else {
      const retryAfterMs = outcome.kind === 'answer' ? outcome.retryAfterMs : undefined;
      const ageMs = clock.now() - createdAt;
      await outbox.retryLater(message, nextTryInMs({ attempts, ageMs, retryAfterMs, random: random() }));
    }
  }

  async function attempt({ messageId, url, body }: ClaimedMessage): Promise<PostOutcome> {
    const sentAt = new Date(clock.now());
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'cxone-gateway',
      'webhook-id': messageId,
      'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1000)),
      'webhook-signature': signer.sign(messageId, sentAt, body),
    };
    return await receivers.post(url, headers, body);
  }

  /** The audit first: a stop in between tells of it twice, and never not at all. */
  async function giveUp(
    { id, messageId, stream, url, attempts }: ClaimedMessage,
    ended: object,
    drop: (id: number) => Promise<unknown>,
  ): Promise<void> {
    const importId = importOfStream(stream) ?? stream;
    const detail = { messageId, host: URL.parse(url)?.host ?? '', attempts, ...ended };
    await audit.append(database.db, {
      actor: 'gateway',
      action: 'callback.abandon',
      subject: importId,
      outcome: 'FAILED',
      detail,
    });
    log.warn({ importId, ...detail }, 'a callback was given up');
    await drop(id);
  }

  return {
    start() {
      running ??= deliverForever();
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      const ended = Promise.all(inFlight).then(() => undefined);
      await waitForRing(clock, GRACE_MS, ended);
      await receivers[Symbol.asyncDispose]();
      await ended;
    },
  };
}

function describe(outcome: PostOutcome): { status: number } | { reason: string } {
  return outcome.kind === 'answer' ? { status: outcome.status } : { reason: outcome.reason };
}
