/**
 * Changes of contacts, one PUT at a time for each contact: those that wait together travel together, each caller with
 * its own answer. A PUT replaces the whole object (cxone-api.md, section 2), so every change is merged into a baseline
 * and sent on condition that the contact is still that baseline.
 */
import type { Clock } from '../clock.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { ConflictError, NotFoundError, OutcomeUnknownError, RateLimitedError, UpstreamError } from '../errors.ts';
import type { Leases } from '../store/leases.ts';
import type { ContactClient, TagForm, Written } from './client.ts';
import { type Fold, fold } from './fold.ts';
import { applyPatch, type ContactPatch, changedAttributes, toPutBody } from './merge.ts';
import type { Contact, WireContact } from './model.ts';
import {
  type ChangeLine,
  callOf,
  hasLeft,
  leaveReason,
  markUnanswered,
  type PendingChange,
  rejectAll,
  takeOut,
  tryAgain,
} from './pending-changes.ts';
import type { ContactReads } from './reads.ts';
import { shareCall } from './shared-call.ts';

export interface Change {
  readonly bookId: string;
  readonly contactId: string;
  readonly patch: ContactPatch;
  readonly ifVersion?: string | undefined;
  /** Looked at before anything is written: whether the contact is still the one that was meant. */
  readonly guard?: ((wire: WireContact) => boolean) | undefined;
  /** An earlier run of the same call may have made it: `ifVersion` is not held against what that one did. */
  readonly mayBeDone?: boolean | undefined;
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

/** First pause after a 412, in milliseconds; doubled each time and jittered, so that rivals part. */
const CONTENTION_BASE_MS = 20;
/** The same after a PUT that got no answer: CXone may need to recover. Six tries take 2 s or so. */
const UNANSWERED_BASE_MS = 50;
/** Changes that wait for one contact; the next is refused. */
const MAX_WAITING = 1_000;
/** For contacts without ETags: how long the lock outlives a process that died, and how long others wait for it. */
const LOCK = { leaseMs: 15_000, waitMs: 9_000 } as const;

/** A round: the baseline it starts from and what is known of it. */
interface Round {
  readonly line: ChangeLine;
  readonly baseline: Contact;
  /** The changes that were there before the baseline was read from CXone: of them it tells the truth. */
  readonly readFor: ReadonlySet<PendingChange>;
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
  const lines = new Map<string, ChangeLine>();
  /** The form that CXone has taken last. */
  let usualTagForm: TagForm = 'strong';

  async function work(key: string, line: ChangeLine): Promise<void> {
    while (line.waiting.length > 0) {
      const asked = new Set(line.waiting);
      try {
        await startRound(line);
      } catch (error) {
        // The contact could not be read or locked: that is the answer for all who waited for it.
        for (const change of takeOut(line, (waiting) => asked.has(waiting))) {
          change.reject(change.unanswered ?? error);
        }
      }
    }
    lines.delete(key);
  }

  async function startRound(line: ChangeLine): Promise<void> {
    for (const change of takeOut(line, (waiting) => hasLeft(waiting, clock))) change.reject(leaveReason(change));
    if (line.waiting.length === 0) return;
    using shared = shareCall(line.waiting.map(callOf));
    const readFor = new Set(line.waiting);
    const { bookId, contactId } = line;
    // A baseline from the cache may be outdated: the ETag of the PUT finds out.
    const known = line.readAgain ? undefined : reads.baseline(bookId, contactId, shared.call);
    const baseline = known ?? (await reads.getFresh(bookId, contactId, shared.call));
    if (baseline?.etag === null) {
      await runLocked(line);
    } else if (baseline) {
      await runRound({ line, baseline, readFor: known ? new Set() : readFor, call: shared.call, locked: undefined });
    } else {
      rejectAll(
        takeOut(line, (change) => readFor.has(change)),
        notFound(line),
      );
    }
  }

  /** Without ETags nothing tells whether a rival came between, so at least no other replica does (section 2). */
  async function runLocked(line: ChangeLine): Promise<void> {
    const { bookId, contactId } = line;
    await leases.withLease(`contact:${bookId}/${contactId}`, LOCK, async (_lease, locked) => {
      using shared = shareCall(line.waiting.map(callOf));
      const readFor = new Set(line.waiting);
      const baseline = await reads.getFresh(bookId, contactId, shared.call);
      if (baseline) await runRound({ line, baseline, readFor, call: shared.call, locked });
      else
        rejectAll(
          takeOut(line, (change) => readFor.has(change)),
          notFound(line),
        );
    });
  }

  async function runRound(round: Round): Promise<void> {
    const { line, baseline, readFor } = round;
    const isCurrent = (change: PendingChange) => readFor.has(change);
    const isNew = ({ after }: Fold<PendingChange>) => changedAttributes(baseline.wire, after).length > 0;
    let folded = fold(baseline, line.waiting, isCurrent);
    // "Nothing to change" is only said to those for whom the contact was just read.
    if (!isNew(folded)) folded = fold(baseline, line.waiting.filter(isCurrent), isCurrent);
    const changes = folded.included.map(({ change }) => change);
    const taken = new Set([...changes, ...folded.outdated, ...folded.unfit]);
    takeOut(line, (change) => taken.has(change));
    line.readAgain = folded.undecided || taken.size === 0;
    rejectAll(
      folded.outdated,
      outdated(
        line,
        'The contact has been changed since the version that was given. Read it, and change what is there now.',
      ),
    );
    rejectAll(folded.unfit, new ContactMovedError('The contact is no longer the one that was meant.'));
    if (isNew(folded)) {
      await send(round, folded, changes).catch((error: unknown) => rejectAll(changes, error));
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

  async function send(round: Round, folded: Fold<PendingChange>, changes: readonly PendingChange[]): Promise<void> {
    const { line, baseline, call, locked } = round;
    const carry = () => {
      for (const { change, attributes } of folded.included) if (attributes.length > 0) change.carried = attributes;
    };
    const tagForm = tagFormFor(line, baseline);
    let reply: Written | 'stale' | 'gone';
    try {
      locked?.throwIfAborted();
      reply = await client.replace(baseline, toPutBody(folded.after), call, tagForm);
    } catch (error) {
      if (error instanceof OutcomeUnknownError) {
        carry();
        markUnanswered(changes, error, clock);
        changedSomehow(line);
        await pauseBefore(line, changes, error, UNANSWERED_BASE_MS);
      } else if (error instanceof UpstreamError && error.status === 400 && changes.length > 1) {
        // One of them is refused. Alone, each gets its own answer.
        for (const change of changes) change.alone = true;
        line.waiting.unshift(...changes);
      } else {
        rejectAll(changes, error);
      }
      return;
    }
    for (const change of changes) change.unanswered = undefined;
    if (reply === 'gone') {
      changedSomehow(line);
      rejectAll(changes, notFound(line));
    } else if (reply === 'stale') {
      // Perhaps by an earlier try of this very PUT, whose answer was lost: then the contact will show it.
      carry();
      line.refused = { etag: baseline.etag, tagForm };
      changedSomehow(line);
      await pauseBefore(line, changes, contended(line), CONTENTION_BASE_MS);
    } else {
      carry();
      usualTagForm = tagForm;
      await conclude(round, folded, changes, reply);
    }
  }

  /** An ETag that was refused and is still the contact's may have been sent in a form that CXone does not know again. */
  function tagFormFor({ refused }: ChangeLine, baseline: Contact): TagForm {
    if (typeof baseline.etag !== 'string' || refused?.etag !== baseline.etag) return usualTagForm;
    return refused.tagForm === 'strong' ? 'asSent' : 'strong';
  }

  /** Puts the changes back, and waits longer each time before the next round; those sent often enough end with `error`. */
  async function pauseBefore(
    line: ChangeLine,
    changes: readonly PendingChange[],
    error: Error,
    baseMs: number,
  ): Promise<void> {
    const pauseMs = baseMs * 2 ** Math.max(...changes.map(({ attempts }) => attempts)) * (0.5 + random());
    tryAgain(line, changes, error);
    if (line.waiting.length > 0) await clock.sleep(pauseMs);
  }

  /** The PUT was taken: everybody is told, with the contact as CXone has it now. */
  async function conclude(
    round: Round,
    folded: Fold<PendingChange>,
    changes: readonly PendingChange[],
    reply: Written,
  ): Promise<void> {
    const { line, baseline, call, locked } = round;
    const { bookId, contactId } = line;
    const sent: Contact = { bookId, id: contactId, wire: folded.after, etag: undefined };
    let contact = reply.contact;
    if (locked || !contact || changedAttributes(folded.after, contact.wire).length > 0) {
      reads.forget(contactId);
      const shown = await reads.getFresh(bookId, contactId, call).catch(() => null);
      if (shown && !locked && shown.etag === baseline.etag && changedAttributes(shown.wire, folded.after).length > 0) {
        // CXone said yes and did nothing.
        line.readAgain = true;
        await pauseBefore(line, changes, notShown(reply), UNANSWERED_BASE_MS);
        return;
      }
      // Otherwise the change was made, whether or not it can be looked at.
      contact = shown ?? sent;
    }
    reads.wrote(baseline.etag === null ? { ...contact, etag: null } : contact);
    onWrite(contactId);
    const again = folded.included.reduce((wire, { change }) => applyPatch(wire, change.patch), contact.wire);
    if (locked && changedAttributes(contact.wire, again).length > 0) {
      // Somebody wrote over it, and there was no ETag to keep them from it.
      line.readAgain = true;
      tryAgain(line, changes, contended(line));
      return;
    }
    const { upstreamRequestId, latencyMs } = reply;
    for (const { change, attributes } of folded.included) {
      change.resolve({ contact, attributes, verified: !locked, upstreamRequestId, latencyMs });
    }
  }

  function changedSomehow(line: ChangeLine): void {
    line.readAgain = true;
    reads.forget(line.contactId);
    onWrite(line.contactId);
  }

  function notFound({ bookId, contactId }: ChangeLine): NotFoundError {
    return new NotFoundError('There is no such contact. Check its id.', contactGid(bookId, contactId));
  }

  function notShown({ upstreamRequestId }: Written): UpstreamError {
    return new UpstreamError('CXone took the change of the contact, but did not make it. Try again in a moment.', {
      fault: 'badResponse',
      upstreamRequestId,
      retryable: true,
    });
  }

  function contended(line: ChangeLine): ConflictError {
    return outdated(line, 'Others keep changing this contact. Try again in a moment.');
  }

  function outdated({ bookId, contactId }: ChangeLine, message: string): ConflictError {
    return new ConflictError('VERSION_MISMATCH', message, contactGid(bookId, contactId));
  }

  return {
    submit(change) {
      const { bookId, contactId, call } = change;
      const key = JSON.stringify([bookId, contactId]);
      const line = lines.get(key) ?? { bookId, contactId, waiting: [], readAgain: false, refused: undefined };
      if (line.waiting.length >= MAX_WAITING) {
        return Promise.reject(
          new RateLimitedError('Too many changes already wait for this contact. Try again in a moment.'),
        );
      }
      const { promise, resolve, reject } = Promise.withResolvers<Changed>();
      line.waiting.push({
        ...change,
        ifVersion: change.ifVersion,
        guard: change.guard,
        call,
        attempts: 0,
        alone: false,
        carried: [],
        unanswered: undefined,
        settling: undefined,
        resolve,
        reject,
      });
      if (!lines.has(key)) {
        lines.set(key, line);
        void work(key, line);
      }
      return promise;
    },
  };
}
