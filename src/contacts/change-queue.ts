/**
 * Changes of contacts, one PUT at a time for each contact: those that wait together travel together, each caller with
 * its own answer. A PUT replaces the whole object (cxone-api.md, section 2), so every change is merged into a baseline
 * and sent on condition that the contact is still that baseline.
 */
import type { Clock } from '../clock.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { ConflictError, NotFoundError, OutcomeUnknownError, RateLimitedError, UpstreamError } from '../errors.ts';
import type { Leases } from '../store/leases.ts';
import type { ContactClient, Written } from './client.ts';
import { type Fold, type Foldable, fold } from './fold.ts';
import { applyPatch, type ContactPatch, changedAttributes, toPutBody } from './merge.ts';
import type { Contact, WireContact } from './model.ts';
import type { ContactReads } from './reads.ts';
import { shareCall } from './shared-call.ts';

export interface Change {
  readonly bookId: string;
  readonly contactId: string;
  readonly patch: ContactPatch;
  readonly ifVersion?: string | undefined;
  /** Looked at before anything is written: whether the contact is still the one that was meant. */
  readonly guard?: ((wire: WireContact) => boolean) | undefined;
  readonly call: CallContext;
}

export interface Changed {
  /** The contact after the change. */
  readonly contact: Contact;
  /** What the change made different; empty where nothing was sent for it. */
  readonly attributes: readonly string[];
  /** False where CXone gives no ETags, so that a rival's write between reading and writing may have gone unseen. */
  readonly verified: boolean;
  readonly upstreamRequestId: string | undefined;
  /** Of the PUT; undefined where there was none. */
  readonly latencyMs: number | undefined;
}

/** The contact is no longer the one that was meant: its guard does not hold. Nothing was changed. */
export class ContactMovedError extends Error {}

export interface ChangeQueue {
  /**
   * @throws NotFoundError; ConflictError VERSION_MISMATCH when `ifVersion` is outdated, or when the contact was changed
   *   by others in every one of six tries; ContactMovedError; OutcomeUnknownError when a PUT got no answer and the
   *   contact cannot be read back; RateLimitedError, UpstreamError: nothing was changed
   */
  submit(change: Change): Promise<Changed>;
}

/** Sends of one change: the first and five more (faults.md, section 3: "<= 6 PUTs, jittered"). */
const MAX_ATTEMPTS = 6;
/** First pause after a 412, in milliseconds; doubled each time and jittered, so that rivals part. */
const CONTENTION_BASE_MS = 20;
/** How long a PUT without an answer is looked after once its caller's time is over, in milliseconds (faults.md: "<= 12 s" in all). */
const SETTLE_MS = 2_500;
/** Changes that wait for one contact; the next is refused. */
const MAX_WAITING = 1_000;
/** For contacts without ETags: how long the lock outlives a process that died, and how long others wait for it. */
const LOCK = { leaseMs: 15_000, waitMs: 9_000 } as const;

interface Pending extends Foldable, Change {
  readonly ifVersion: string | undefined;
  readonly guard: ((wire: WireContact) => boolean) | undefined;
  attempts: number;
  alone: boolean;
  carried: readonly string[];
  /** The last PUT that carried it got no answer. */
  unanswered: OutcomeUnknownError | undefined;
  /** Until when to find out, on the monotonic clock; whatever time the caller had left. */
  settleBy: number | undefined;
  readonly resolve: (changed: Changed) => void;
  readonly reject: (error: unknown) => void;
}

interface Queue {
  readonly bookId: string;
  readonly contactId: string;
  waiting: Pending[];
  /** The cache is not to be asked for the next baseline. */
  readAgain: boolean;
}

/** A round: the baseline it starts from and what is known of it. */
interface Round {
  readonly queue: Queue;
  readonly baseline: Contact;
  /** The changes that were there before the baseline was read from CXone: of them it tells the truth. */
  readonly readFor: ReadonlySet<Pending>;
  readonly call: CallContext;
  /** Ends when the lock is lost. Undefined: no lock, the PUT is conditional. */
  readonly locked: AbortSignal | undefined;
}

export function createChangeQueue(deps: {
  client: ContactClient;
  reads: ContactReads;
  leases: Leases;
  /** A contact's global id, for errors. */
  contactGid: (bookId: string, contactId: string) => string;
  /** Told of every contact that was, or may have been, changed. */
  onWrite: (contactId: string) => void;
  clock: Clock;
  /** 0 to below 1. */
  random: () => number;
}): ChangeQueue {
  const { client, reads, leases, contactGid, onWrite, clock, random } = deps;
  const queues = new Map<string, Queue>();

  async function work(key: string, queue: Queue): Promise<void> {
    while (queue.waiting.length > 0) {
      const asked = new Set(queue.waiting);
      try {
        await startRound(queue);
      } catch (error) {
        // The contact could not be read or locked: that is the answer for all who waited for it.
        for (const change of takeOut(queue, (waiting) => asked.has(waiting))) {
          change.reject(change.unanswered ?? error);
        }
      }
    }
    queues.delete(key);
  }

  async function startRound(queue: Queue): Promise<void> {
    for (const change of takeOut(queue, hasLeft)) change.reject(leaveReason(change));
    if (queue.waiting.length === 0) return;
    using shared = shareCall(queue.waiting.map(callOf));
    const readFor = new Set(queue.waiting);
    const { bookId, contactId } = queue;
    // A baseline from the cache may be outdated: the ETag of the PUT finds out.
    const known = queue.readAgain ? undefined : reads.baseline(bookId, contactId, shared.call);
    const baseline = known ?? (await reads.getFresh(bookId, contactId, shared.call));
    if (baseline?.etag === null) {
      await runLocked(queue);
    } else if (baseline) {
      await runRound({ queue, baseline, readFor: known ? new Set() : readFor, call: shared.call, locked: undefined });
    } else {
      reject(
        takeOut(queue, (change) => readFor.has(change)),
        notFound(queue),
      );
    }
  }

  /** Without ETags nothing tells whether a rival came between, so at least no other replica does (section 2). */
  async function runLocked(queue: Queue): Promise<void> {
    const { bookId, contactId } = queue;
    await leases.withLease(`contact:${bookId}/${contactId}`, LOCK, async (_lease, locked) => {
      using shared = shareCall(queue.waiting.map(callOf));
      const readFor = new Set(queue.waiting);
      const baseline = await reads.getFresh(bookId, contactId, shared.call);
      if (baseline) await runRound({ queue, baseline, readFor, call: shared.call, locked });
      else
        reject(
          takeOut(queue, (change) => readFor.has(change)),
          notFound(queue),
        );
    });
  }

  async function runRound(round: Round): Promise<void> {
    const { queue, baseline, readFor } = round;
    const isCurrent = (change: Pending) => readFor.has(change);
    const isNew = ({ after }: Fold<Pending>) => changedAttributes(baseline.wire, after).length > 0;
    let folded = fold(baseline, queue.waiting, isCurrent);
    // "Nothing to change" is only said to those for whom the contact was just read.
    if (!isNew(folded)) folded = fold(baseline, queue.waiting.filter(isCurrent), isCurrent);
    const changes = folded.included.map(({ change }) => change);
    const taken = new Set([...changes, ...folded.outdated, ...folded.unfit]);
    takeOut(queue, (change) => taken.has(change));
    queue.readAgain = folded.undecided || taken.size === 0;
    reject(folded.outdated, outdated(queue, 'The contact has been changed since the version that was given.'));
    reject(folded.unfit, new ContactMovedError('The contact is no longer the one that was meant.'));
    if (isNew(folded)) {
      await send(round, folded, changes).catch((error: unknown) => reject(changes, error));
    } else {
      for (const { change } of folded.included) {
        const { carried } = change;
        change.resolve({
          contact: baseline,
          attributes: carried,
          verified: true,
          upstreamRequestId: undefined,
          latencyMs: undefined,
        });
      }
    }
  }

  async function send(round: Round, folded: Fold<Pending>, changes: readonly Pending[]): Promise<void> {
    const { queue, baseline, call, locked } = round;
    const carry = () => {
      for (const { change, attributes } of folded.included) if (attributes.length > 0) change.carried = attributes;
    };
    let reply: Written | 'stale' | 'gone';
    try {
      locked?.throwIfAborted();
      reply = await client.replace(baseline, toPutBody(folded.after), call);
    } catch (error) {
      if (error instanceof OutcomeUnknownError) {
        carry();
        const settleBy = clock.monotonic() + SETTLE_MS;
        for (const change of changes) {
          change.unanswered = error;
          change.settleBy ??= settleBy;
        }
        changedSomehow(queue);
        tryAgain(queue, changes, error);
      } else if (error instanceof UpstreamError && error.status === 400 && changes.length > 1) {
        // One of them is refused. Alone, each gets its own answer.
        for (const change of changes) change.alone = true;
        queue.waiting.unshift(...changes);
      } else {
        reject(changes, error);
      }
      return;
    }
    for (const change of changes) change.unanswered = undefined;
    if (reply === 'gone') {
      changedSomehow(queue);
      reject(changes, notFound(queue));
    } else if (reply === 'stale') {
      // Perhaps by an earlier try of this very PUT, whose answer was lost: then the contact will show it.
      carry();
      changedSomehow(queue);
      const pauseMs = CONTENTION_BASE_MS * 2 ** Math.max(...changes.map(({ attempts }) => attempts)) * (0.5 + random());
      tryAgain(
        queue,
        changes,
        outdated(queue, 'The contact is being changed by others all the time. Try again later.'),
      );
      if (queue.waiting.length > 0) await clock.sleep(pauseMs);
    } else {
      carry();
      await conclude(round, folded, reply);
    }
  }

  /** The PUT was taken: everybody is told, with the contact as CXone has it now. */
  async function conclude(round: Round, folded: Fold<Pending>, reply: Written): Promise<void> {
    const { queue, baseline, call, locked } = round;
    const { bookId, contactId } = queue;
    const sent: Contact = { bookId, id: contactId, wire: folded.after, etag: undefined };
    let contact = reply.contact;
    if (locked || !contact || changedAttributes(folded.after, contact.wire).length > 0) {
      reads.forget(contactId);
      // The change was made whether or not it can be looked at.
      contact = (await reads.getFresh(bookId, contactId, call).catch(() => null)) ?? sent;
    }
    const { wire } = contact;
    const overwritten = locked
      ? folded.included.filter(({ change }) => changedAttributes(wire, applyPatch(wire, change.patch)).length > 0)
      : [];
    reads.wrote(baseline.etag === null ? { ...contact, etag: null } : contact);
    onWrite(contactId);
    const lost = new Set(overwritten.map(({ change }) => change));
    for (const { change, attributes } of folded.included) {
      const { upstreamRequestId, latencyMs } = reply;
      if (!lost.has(change)) change.resolve({ contact, attributes, verified: !locked, upstreamRequestId, latencyMs });
    }
    if (lost.size > 0) queue.readAgain = true;
    tryAgain(
      queue,
      [...lost],
      outdated(queue, 'The contact is being changed by others all the time. Try again later.'),
    );
  }

  /** Puts changes back in front, where they were; those that have been sent often enough end with `error`. */
  function tryAgain(queue: Queue, changes: readonly Pending[], error: Error): void {
    for (const change of changes) change.attempts++;
    const [again, spent] = [
      changes.filter(({ attempts }) => attempts < MAX_ATTEMPTS),
      changes.filter(({ attempts }) => attempts >= MAX_ATTEMPTS),
    ];
    queue.waiting.unshift(...again);
    reject(spent, error);
  }

  function changedSomehow(queue: Queue): void {
    queue.readAgain = true;
    reads.forget(queue.contactId);
    onWrite(queue.contactId);
  }

  /** Whether nobody waits for the change any more. One that may have been made is looked after all the same. */
  function hasLeft({ call, settleBy }: Pending): boolean {
    if (settleBy !== undefined) return clock.monotonic() >= settleBy;
    return call.signal?.aborted === true || (call.deadlineAt !== undefined && clock.monotonic() >= call.deadlineAt);
  }

  function leaveReason({ call, unanswered }: Pending): unknown {
    if (unanswered) return unanswered;
    if (call.signal?.aborted) return call.signal.reason;
    return new UpstreamError('There was no time left to change the contact: changes before this one took too long.', {
      fault: 'timeout',
    });
  }

  function notFound({ bookId, contactId }: Queue): NotFoundError {
    return new NotFoundError('There is no such contact.', contactGid(bookId, contactId));
  }

  function outdated({ bookId, contactId }: Queue, message: string): ConflictError {
    return new ConflictError('VERSION_MISMATCH', message, contactGid(bookId, contactId));
  }

  return {
    submit(change) {
      const { bookId, contactId, call } = change;
      const key = JSON.stringify([bookId, contactId]);
      const queue = queues.get(key) ?? { bookId, contactId, waiting: [], readAgain: false };
      if (queue.waiting.length >= MAX_WAITING) {
        return Promise.reject(new RateLimitedError('Too many changes already wait for this contact.'));
      }
      const { promise, resolve, reject: refuse } = Promise.withResolvers<Changed>();
      queue.waiting.push({
        ...change,
        ifVersion: change.ifVersion,
        guard: change.guard,
        call,
        attempts: 0,
        alone: false,
        carried: [],
        unanswered: undefined,
        settleBy: undefined,
        resolve,
        reject: refuse,
      });
      if (!queues.has(key)) {
        queues.set(key, queue);
        void work(key, queue);
      }
      return promise;
    },
  };
}

function callOf({ call, settleBy }: Pending): CallContext {
  return settleBy === undefined ? call : { ...call, deadlineAt: settleBy };
}

function takeOut(queue: Queue, isTaken: (change: Pending) => boolean): Pending[] {
  const taken = queue.waiting.filter(isTaken);
  if (taken.length > 0) queue.waiting = queue.waiting.filter((change) => !isTaken(change));
  return taken;
}

function reject(changes: readonly Pending[], error: unknown): void {
  for (const change of changes) change.reject(error);
}
