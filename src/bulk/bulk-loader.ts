/**
 * Single items in, shared bulk calls out: a DataLoader for each operation and target, for the life of the process and
 * without a cache. Each caller gets its own item's outcome; its deadline and its giving up are its own too. A loader
 * belongs to one client, and so to one pair of credentials: items of different ones never share a call.
 */
import { randomUUID } from 'node:crypto';
import DataLoader from 'dataloader';
import type { Clock } from '../clock.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { INTERACTIVE_DEADLINE_MS } from '../cxone/limits.ts';
import { GatewayError, OutcomeUnknownError, RateLimitedError, UpstreamError } from '../errors.ts';
import type { Attempt, BulkOperation, BulkResult, ItemOutcome } from './bulk-operation.ts';
import { createGathering, type Gathering, type GatheringLane } from './gathering.ts';
import { type SharedCall, shareCall } from './shared-call.ts';

/** How long somebody alone waits for company, milliseconds. */
const WINDOW_MS = 2;
/** Items that wait, over all operations. */
const MAX_WAITING_ITEMS = 10_000;
/** Sends of one batch, each but the first after it was found out that the one before took no effect. */
const MAX_SENDS = 3;
/** Tries of a call that is to find out, or that repeats what was tried before: with those 4 tries, 6 in all (faults.md, section 3). */
const SETTLE_ATTEMPTS = 2;
/** Beyond a call's deadline, milliseconds: to find out what became of it. */
const SETTLE_MS = 2000;

/** On whose behalf an item is written. */
export interface BulkCaller {
  /** The name that stands in the audit. */
  readonly actor: string;
  readonly call: CallContext;
}

/** The call an item travelled in, and how many items shared it. */
export interface BulkCall {
  readonly id: string;
  readonly size: number;
}

/** A bulk operation as single items use it: with the names its writes have in the audit. */
export interface SharedWrite<Item> {
  readonly operation: BulkOperation<Item>;
  /** As `segment.addContact`. */
  readonly action: string;
  /** The global id of a target. */
  subject(target: string): string;
  /** The id of an item. */
  idOf(item: Item): string;
}

export interface LoadedItem {
  readonly outcome: ItemOutcome;
  readonly bulkCall: BulkCall;
  readonly upstreamRequestId: string | undefined;
}

/** One bulk call that is over, for the audit. */
export interface BulkCallReport {
  readonly action: string;
  readonly subject: string;
  readonly bulkCall: BulkCall;
  readonly requestId: string;
  readonly items: readonly { readonly id: string; readonly actor: string; readonly requestId: string }[];
  /** One outcome for each item, or what ended the call. */
  readonly end: { readonly result: BulkResult } | { readonly error: unknown };
  /** From its departure, waiting for CXone's limits included. */
  readonly durationMs: number;
}

export interface BulkLoader extends AsyncDisposable {
  /**
   * Writes one item, together with those of others.
   *
   * @param options.isRetry the item was sent before and refused: counts as a retry of its operation
   * @throws RateLimitedError, UpstreamError, GatewayError UNAVAILABLE: it took no effect. OutcomeUnknownError: nothing tells whether it did.
   *   The reason of the caller's signal: it gave up; after the call has left, the item may take effect all the same.
   */
  load<Item>(
    write: SharedWrite<Item>,
    target: string,
    item: Item,
    caller: BulkCaller,
    options?: { isRetry?: boolean },
  ): Promise<LoadedItem>;
}

interface Entry<Item> {
  readonly item: Item;
  readonly actor: string;
  readonly call: CallContext;
  readonly isRetry: boolean;
  readonly deadlineAt: number | undefined;
  /** The call it left with. */
  sharedCall: SharedCall | undefined;
  gaveUp: boolean;
}

interface Lane<Item> {
  readonly loader: DataLoader<Entry<Item>, LoadedItem>;
  readonly gathering: GatheringLane;
}

/**
 * @param beforeCall asked before every call; where it throws, nothing is sent and the items fail with what it throws
 * @param onCall told of every call that was begun, before its callers are; it must not throw
 * @param windowMs how long somebody alone waits for company
 */
export function createBulkLoader(deps: {
  clock: Clock;
  beforeCall: () => Promise<void>;
  onCall: (report: BulkCallReport) => Promise<void>;
  windowMs?: number;
  maxWaitingItems?: number;
}): BulkLoader {
  const { clock, beforeCall, onCall, windowMs = WINDOW_MS, maxWaitingItems = MAX_WAITING_ITEMS } = deps;
  const gatherings = new Map<string, Gathering>();
  // The values' Item is that of their key.
  const lanes = new Map<SharedWrite<never>, Map<string, Lane<never>>>();
  const running = new Set<Promise<unknown>>();
  let waiting = 0;
  let stopped = false;

  function tracked<T>(work: Promise<T>): Promise<T> {
    running.add(work);
    const ended = () => running.delete(work);
    work.then(ended, ended);
    return work;
  }

  function gatheringOf(operation: BulkOperation<never>): Gathering {
    let gathering = gatherings.get(operation.name);
    if (!gathering) {
      gathering = createGathering({ windowMs, clock });
      gatherings.set(operation.name, gathering);
    }
    return gathering;
  }

  function laneOf<Item>(write: SharedWrite<Item>, target: string, maxItems: number): Lane<Item> {
    let ofWrite = lanes.get(write) as Map<string, Lane<Item>> | undefined;
    if (!ofWrite) {
      ofWrite = new Map();
      lanes.set(write, ofWrite);
    }
    // A bound that changes (a campaign's) has new items gather apart from those gathered under the old one.
    const key = `${maxItems}:${target}`;
    let lane = ofWrite.get(key);
    if (!lane) {
      const forget = () => {
        ofWrite.delete(key);
        if (ofWrite.size === 0) lanes.delete(write);
      };
      lane = createLane(write, target, maxItems, forget);
      ofWrite.set(key, lane);
    }
    return lane;
  }

  function createLane<Item>(
    write: SharedWrite<Item>,
    target: string,
    maxItems: number,
    onIdle: () => void,
  ): Lane<Item> {
    const { concurrency } = write.operation;
    const gathering = gatheringOf(write.operation).lane({ maxItems, concurrency, onIdle });
    /** What the batch that was dispatched last comes to: the loader itself tells only the callers. */
    let answers: Promise<unknown> = Promise.resolve();
    const loader = new DataLoader<Entry<Item>, LoadedItem>(
      (entries) => {
        const sent = tracked(sendTogether(write, target, entries));
        answers = sent;
        return sent;
      },
      {
        cache: false,
        maxBatchSize: maxItems,
        batchScheduleFn: (dispatch) =>
          gathering.open(() => {
            dispatch(); // Calls the function above before it returns.
            return answers;
          }),
      },
    );
    return { loader, gathering };
  }

  async function sendTogether<Item>(
    write: SharedWrite<Item>,
    target: string,
    entries: readonly Entry<Item>[],
  ): Promise<(LoadedItem | Error)[]> {
    const refusal = await beforeCall().then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    const members = entries.filter(({ gaveUp }) => !gaveUp);
    waiting -= members.length;
    if (refusal) throw refusal.error;
    if (members.length === 0) return entries.map(() => new Error('Everybody gave up.'));
    const bulkCall = { id: randomUUID(), size: members.length };
    const shared = shareCall(members);
    for (const member of members) member.sharedCall = shared;
    const startedAt = clock.monotonic();
    const end = await deliver(write.operation, target, members, shared.context).then(
      (result) => ({ result }),
      (error: unknown) => ({ error }),
    );
    shared.settle(bulkCall);
    await onCall({
      action: write.action,
      subject: write.subject(target),
      bulkCall,
      requestId: shared.context.requestId,
      items: members.map(({ item, actor, call }) => ({ id: write.idOf(item), actor, requestId: call.requestId })),
      end,
      durationMs: clock.monotonic() - startedAt,
    });
    const answers = new Map(members.map((member, index) => [member, answerOf(end, index, bulkCall)]));
    return entries.map((entry) => answers.get(entry) ?? new Error('It gave up.'));
  }

  /** Sends a batch until it is known what became of it, or certain that this cannot be known. */
  async function deliver<Item>(
    operation: BulkOperation<Item>,
    target: string,
    members: readonly Entry<Item>[],
    call: CallContext,
  ): Promise<BulkResult> {
    const items = members.map(({ item }) => item);
    const checkpoint = await operation.checkpoint?.(target, call);
    for (let sends = 1; ; sends++) {
      const attempt = { id: randomUUID(), checkpoint };
      try {
        return await operation.send(target, items, attempt, call);
      } catch (error) {
        if (!(error instanceof OutcomeUnknownError)) throw sends > 1 ? notTaken(error) : error;
        const settled = await settle(operation, { target, items, attempt, call, lost: error });
        if (settled) return settled;
        if (sends === MAX_SENDS)
          throw new UpstreamError(`CXone did not take it in ${MAX_SENDS} tries. Try again later.`, {
            fault: 'unavailable',
          });
      }
    }
  }

  /** @returns undefined where nothing of it took effect @throws OutcomeUnknownError */
  async function settle<Item>(
    operation: BulkOperation<Item>,
    sent: { target: string; items: readonly Item[]; attempt: Attempt; call: CallContext; lost: OutcomeUnknownError },
  ): Promise<BulkResult | undefined> {
    const { target, items, attempt, call, lost } = sent;
    const deadlineAt = Math.max(call.deadlineAt ?? Number.POSITIVE_INFINITY, clock.monotonic() + SETTLE_MS);
    const context = { ...call, maxAttempts: SETTLE_ATTEMPTS, ...(Number.isFinite(deadlineAt) && { deadlineAt }) };
    // CXone cannot be asked: what was known before stays all that is known.
    const settlement = await operation.settle(target, items, attempt, context).catch(() => {
      throw lost;
    });
    if (settlement.verdict === 'settled') return settlement.result;
    if (settlement.verdict === 'notApplied') return undefined;
    throw new OutcomeUnknownError(`${settlement.reason} ${lost.message}`, lost.upstreamRequestId, {
      cause: lost,
    });
  }

  /** Waits for the answer, or until the caller has had enough. */
  async function untilGivenUp<Item>(answer: Promise<LoadedItem>, entry: Entry<Item>, leave: () => void) {
    const { signal } = entry.call;
    const gaveUp = Promise.withResolvers<never>();
    const giveUp = (reason: unknown) => {
      entry.gaveUp = true;
      if (entry.sharedCall) entry.sharedCall.gaveUp();
      else {
        waiting--;
        leave();
      }
      gaveUp.reject(reason);
    };
    const onAbort = () => giveUp(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const cancel = atDeadline(entry, giveUp);
    try {
      return await Promise.race([answer, gaveUp.promise]);
    } finally {
      signal?.removeEventListener('abort', onAbort);
      cancel();
    }
  }

  /** Gives somebody up whose time is over, unless the function returned is called before; whose item has left waits on for what can be found out. */
  function atDeadline(entry: Entry<unknown>, giveUp: (reason: GatewayError) => void): () => void {
    if (entry.deadlineAt === undefined) return () => {};
    const leftMs = Math.max(0, Math.ceil(entry.deadlineAt - clock.monotonic()));
    let cancel = clock.after(leftMs, () => {
      if (!entry.sharedCall) giveUp(outOfTime());
      else cancel = clock.after(SETTLE_MS, () => giveUp(unanswered()));
    });
    return () => cancel();
  }

  async function join<Item>(
    write: SharedWrite<Item>,
    target: string,
    { item, caller: { actor, call }, isRetry }: { item: Item; caller: BulkCaller; isRetry: boolean },
  ): Promise<LoadedItem> {
    waiting++;
    let lane: Lane<Item>;
    try {
      lane = laneOf(write, target, await write.operation.maxBatchSize(target, call));
      if (stopped) throw stopping();
    } catch (error) {
      waiting--;
      throw error;
    }
    const ownDeadline = call.lane.kind === 'interactive' ? clock.monotonic() + INTERACTIVE_DEADLINE_MS : undefined;
    const deadlineAt = call.deadlineAt ?? ownDeadline;
    const entry: Entry<Item> = { item, actor, call, isRetry, deadlineAt, sharedCall: undefined, gaveUp: false };
    const answer = lane.loader.load(entry);
    return await untilGivenUp(answer, entry, lane.gathering.joined());
  }

  return {
    async load(write, target, item, caller, { isRetry = false } = {}) {
      if (stopped) throw stopping();
      caller.call.signal?.throwIfAborted();
      if (waiting >= maxWaitingItems) {
        throw new RateLimitedError(
          `${maxWaitingItems} items already wait for their bulk calls. Try again in a moment.`,
          1000,
        );
      }
      return await tracked(join(write, target, { item, caller, isRetry }));
    },

    async [Symbol.asyncDispose]() {
      stopped = true;
      for (const gathering of gatherings.values()) gathering.hurry();
      while (running.size > 0) await Promise.allSettled(running);
      for (const gathering of gatherings.values()) gathering[Symbol.dispose]();
    },
  };
}

/** What was sent before took no effect; that there was no time to send it again says it too weakly. */
function notTaken(error: unknown): unknown {
  if (!(error instanceof UpstreamError) || error.fault !== 'timeout') return error;
  return new UpstreamError(
    'CXone gave no answer in the time there was, and did not take it.',
    { fault: 'timeout' },
    { cause: error },
  );
}

function stopping(): GatewayError {
  return new GatewayError('UNAVAILABLE', 'The gateway is stopping. Try again in a moment.');
}

function answerOf(end: BulkCallReport['end'], index: number, bulkCall: BulkCall): LoadedItem | Error {
  if ('error' in end)
    return end.error instanceof Error ? end.error : new Error('The bulk call broke.', { cause: end.error });
  const { outcomes, upstreamRequestId } = end.result;
  const outcome = outcomes[index];
  return outcome
    ? { outcome, bulkCall, upstreamRequestId }
    : new Error('The bulk operation gave no outcome for an item.');
}

function outOfTime(): RateLimitedError {
  return new RateLimitedError(
    'There was no room for this in the time it had; nothing was sent. Try again in a moment.',
    1000,
  );
}

function unanswered(): OutcomeUnknownError {
  return new OutcomeUnknownError('It was sent to CXone, and no answer came in time. Look before sending it again.');
}
