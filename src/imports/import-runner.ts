/**
 * Sends what imports have stored. One lane for each target with rows to send, each owned by one process at a time by
 * a lease; a lane first settles what a dead owner left behind, then sends batch after batch. The store is the truth:
 * the doorbell only makes a round come sooner.
 */
import type { BulkOperation } from '../bulk/bulk-operation.ts';
import type { ImportKind, ImportKindName } from '../bulk/import-kind.ts';
import type { Clock } from '../clock.ts';
import { type CallContext, newUpstreamTally } from '../cxone/call-context.ts';
import { GatewayError, UpstreamError } from '../errors.ts';
import type { Database, Transaction } from '../store/database.ts';
import { type BatchClass, takenItems } from '../store/import-sending.ts';
import type { ImportStore } from '../store/import-store.ts';
import type { Leases } from '../store/leases.ts';
import type { ImportBatchRow, ImportRow } from '../store/tables.ts';
import { waitForRing } from '../store/wait.ts';
import type { Log } from '../telemetry/log.ts';
import type { BatchSender, Fence } from './batch-sender.ts';
import { IMPORTS_CHANNEL, type ImportBooks, type Verification } from './import-books.ts';
import { optionsOf } from './model.ts';
import type { UploadTidying } from './upload-tidying.ts';

/** Without a ring, the store is looked at this often. */
const POLL_MS = 1000;
/** A process that dies without a word is replaced after this long. */
const LEASE_MS = 6000;
/** Lanes a process runs at once; further targets wait for their turn. */
const MAX_LANES = 32;
/** How often uploads that nobody is bringing any more are looked for. */
const TIDY_EVERY_MS = 60_000;
/** An isolated batch waits so long for nothing else to be under way; then this process makes it so. */
const ISOLATED_WAIT_MS = 600_000;
/** A list's count may lag behind what it took: it is read this often before a mismatch is believed. */
const COUNT_LOOKS = 5;

interface Target {
  readonly kind: ImportKindName;
  /** CXone's raw id. */
  readonly targetId: string;
}

export interface ImportRunner {
  start(): void;
  /** Starts nothing new, lets what is under way finish for `graceMs`, then cuts it off: it is settled by whoever comes next. */
  drain(graceMs: number): Promise<void>;
}

export function createImportRunner(deps: {
  database: Database;
  store: ImportStore;
  leases: Leases;
  books: ImportBooks;
  sender: BatchSender;
  uploads: UploadTidying;
  kinds: ReadonlyMap<ImportKindName, ImportKind>;
  /** How many processes share the work, this one among them. */
  replicas: () => number;
  /** How long a list's count is given to show what the list took, between two looks. */
  lookAgainMs: number;
  clock: Clock;
  log: Log;
}): ImportRunner {
  const { database, store, leases, books, sender, uploads, kinds, replicas, lookAgainMs, clock, log } = deps;
  const stopping = new AbortController();
  const cutOff = new AbortController();
  const lanes = new Map<string, Promise<void>>();
  /** Lanes that end after the batches they have under way, so that another replica can have their target. */
  const yielding = new Set<string>();
  const finishing = new Map<string, Promise<void>>();
  /** The lane of an isolated batch: at most one, and then nothing else. */
  const alone = new Map<string, Promise<void>>();
  let isolatedSince: number | undefined;
  let rounds: Promise<void> | undefined;
  let tidyAt = 0;
  let bell = Promise.withResolvers<void>();
  const ring = () => bell.resolve();

  function operationOf(row: ImportRow): BulkOperation<unknown> {
    const kind = kindOf(row);
    return kind.operation(placeOf(row), optionsOf(row));
  }

  function kindOf(row: ImportRow): ImportKind {
    const kind = kinds.get(row.kind);
    if (!kind) throw new Error(`no import kind ${row.kind}`);
    return kind;
  }

  function callOf(importId: string, signal: AbortSignal): CallContext {
    return { requestId: importId, lane: { kind: 'import', key: importId }, signal, tally: newUpstreamTally() };
  }

  /** @returns in how many milliseconds there may be more to do */
  async function round(): Promise<number> {
    await tidyUploads();
    const { due, waitMs } = await dueTargets('ordinary');
    const isolated = await dueTargets('isolated');
    isolatedSince = isolated.due.size === 0 ? undefined : (isolatedSince ?? clock.monotonic());
    const isOverdue = isolatedSince !== undefined && clock.monotonic() - isolatedSince >= ISOLATED_WAIT_MS;
    const isReserved = alone.size > 0 || isOverdue;
    // Rounded up, so that the shares of all replicas together are no fewer than there are targets.
    const share = isReserved ? 0 : Math.min(MAX_LANES, Math.ceil(due.size / replicas()));
    for (const [name, target] of due) {
      if (lanes.size >= share || stopping.signal.aborted) break;
      // One after the other: those that others have do not count.
      if (!lanes.has(name)) await openLane(lanes, name, target, 'ordinary');
    }
    const surplus = lanes.size - yielding.size - share;
    for (const name of [...lanes.keys()].reverse().slice(0, Math.max(0, surplus))) yielding.add(name);
    for (const row of isReserved ? [] : await store.exhausted()) {
      if (!finishing.has(row.id))
        track(finishing, row.id, leased(`finish:${row.id}`, (_, signal) => finish(row, signal)).done);
    }
    for (const [name, target] of due.size === 0 || isOverdue ? isolated.due : []) {
      if (lanes.size + finishing.size + alone.size > 0 || stopping.signal.aborted) break;
      await openLane(alone, name, target, 'isolated');
    }
    return Math.min(POLL_MS, waitMs, isolated.waitMs);
  }

  /** By name, and in how many milliseconds there may be more. */
  async function dueTargets(which: BatchClass): Promise<{ due: ReadonlyMap<string, Target>; waitMs: number }> {
    const targets = await store.openTargets(which);
    const due = [...(await store.unsettledTargets(which)), ...targets.filter(({ waitMs }) => waitMs <= 0)];
    return {
      due: new Map(due.map(({ kind, targetId }) => [`${kind}:${targetId}`, { kind, targetId }])),
      waitMs: Math.min(...targets.flatMap(({ waitMs }) => (waitMs > 0 ? [waitMs] : []))),
    };
  }

  /** Resolves once it is decided whether this process has the target. */
  async function openLane(
    running: Map<string, Promise<void>>,
    name: string,
    target: Target,
    which: BatchClass,
  ): Promise<void> {
    const { acquired, done } = leased(`send:${name}`, (fence, signal) => lane(name, target, which, fence, signal));
    track(running, name, done);
    await acquired;
  }

  async function tidyUploads(): Promise<void> {
    if (clock.monotonic() < tidyAt) return;
    tidyAt = clock.monotonic() + TIDY_EVERY_MS;
    await uploads.run();
  }

  /**
   * Keeps a piece of work in `running` while it lasts; where it changed something, the next round follows at once. Its
   * failure is logged, and a later round takes it up again.
   */
  function track(running: Map<string, Promise<void>>, name: string, work: Promise<boolean>): void {
    const done = work
      .finally(() => {
        running.delete(name);
        yielding.delete(name);
      })
      .then((isMore) => {
        if (isMore) ring();
      })
      .catch((error: unknown) => {
        // Another process at the same work, or a database that is away: the next round looks again.
        const expected = cutOff.signal.aborted || (error instanceof GatewayError && error.code === 'UNAVAILABLE');
        log[expected ? 'debug' : 'warn']({ error, work: name }, 'import work stopped and will be taken up again');
      });
    running.set(name, done);
  }

  /** `acquired` tells when it is decided whether this process has the lease. */
  function leased(
    name: string,
    work: (fence: Fence, signal: AbortSignal) => Promise<boolean>,
  ): { acquired: Promise<void>; done: Promise<boolean> } {
    const { promise: acquired, resolve } = Promise.withResolvers<void>();
    const request = { leaseMs: LEASE_MS, waitMs: 0, signal: cutOff.signal };
    const done = leases
      .withLease(name, request, (lease, signal) => {
        resolve();
        const fence = {
          assertHeld: (tx: Transaction) => leases.assertHeld(tx, lease),
          isHeld: () => leases.isHeld(lease),
        };
        return work(fence, signal);
      })
      .finally(resolve);
    return { acquired, done };
  }

  /** Of isolated batches, one: then there may be something else to do. */
  async function lane(
    name: string,
    { kind, targetId }: Target,
    which: BatchClass,
    fence: Fence,
    signal: AbortSignal,
  ): Promise<boolean> {
    const rows = new Map<string, ImportRow>();
    const operations = new Map<string, BulkOperation<unknown>>();
    const operation = (row: ImportRow) => {
      let known = operations.get(row.id);
      if (!known) {
        known = operationOf(row);
        operations.set(row.id, known);
      }
      return known;
    };

    let hasWorked = false;
    const isAlone = which === 'isolated';
    for (const batch of await store.unsettled(kind, targetId, which)) {
      const row = await store.get(batch.import_id);
      if (row) await sender.resume(batch, operation(row), fence, signal);
      hasWorked = true;
      if (isAlone) return hasWorked;
    }

    const underWay = new Set<Promise<void>>();
    const taken = new Map<string, ImportBatchRow>();
    let paused = false;
    const failures: unknown[] = [];
    const stopped = () =>
      stopping.signal.aborted || signal.aborted || yielding.has(name) || paused || failures.length > 0;
    while (!stopped()) {
      const next = await nextBatch({ kind, targetId }, which, taken, rows, signal);
      if (!next) break;
      hasWorked = true;
      const { row, batch } = next;
      const place = `${batch.import_id}/${batch.number}`;
      taken.set(place, batch);
      const one = sender
        .send(batch, operation(row), fence, signal)
        .then(
          (outcome) => {
            // A lane that cannot go on ends; the round that finds its target due again starts another.
            if (outcome.status !== 'booked') paused = true;
          },
          (error: unknown) => void failures.push(error),
        )
        .finally(() => {
          underWay.delete(one);
          taken.delete(place);
        });
      underWay.add(one);
      if (isAlone) break;
      if (underWay.size >= operation(row).concurrency) await Promise.race(underWay);
    }
    // Before the lease is given back: whoever has it next takes what is under way for left behind.
    await Promise.all(underWay);
    if (failures.length > 0) throw failures[0];
    return hasWorked;
  }

  async function nextBatch(
    { kind, targetId }: Target,
    which: BatchClass,
    taken: ReadonlyMap<string, ImportBatchRow>,
    rows: Map<string, ImportRow>,
    signal: AbortSignal,
  ): Promise<{ row: ImportRow; batch: ImportBatchRow } | undefined> {
    const next = await store.nextPending(kind, targetId, [...taken.values()], which);
    if (!next) return undefined;
    const { batch, begun } = next;
    // What a lane needs of an import stays as it is, but for whether it has begun.
    const row = (begun === 1 ? rows.get(batch.import_id) : undefined) ?? (await store.get(batch.import_id));
    if (!row) return undefined;
    rows.set(row.id, row);
    if (begun === 0 && !(await begin(row, signal))) return undefined;
    return { row, batch };
  }

  /** @returns false where it cannot begin, and has failed with that */
  async function begin(row: ImportRow, signal: AbortSignal): Promise<boolean> {
    const kind = kindOf(row);
    try {
      const countBefore = kind.count && row.target_id ? await kind.count(row.target_id, callOf(row.id, signal)) : null;
      await books.started(row.id, countBefore);
      return true;
    } catch (error) {
      if (signal.aborted || !isLasting(error)) throw error;
      await books.importFailed(row.id, error.message);
      return false;
    }
  }

  async function finish(row: ImportRow, signal: AbortSignal): Promise<boolean> {
    const problems = [...(await complete(row, signal)), ...(await confirm(row, signal))];
    const verified = await verify(row, signal);
    if (typeof verified === 'string') problems.push(verified);
    await books.finished(row.id, typeof verified === 'object' ? verified : null, problems);
    return true;
  }

  /** What is due at each target once all its rows are sent. Returns what could not be done, in words. */
  async function complete(row: ImportRow, signal: AbortSignal): Promise<string[]> {
    const kind = kindOf(row);
    const problems: string[] = [];
    for (const { target_id: targetId, succeeded } of kind.complete ? await store.targets(row.id) : []) {
      if (succeeded === 0) continue;
      try {
        await kind.complete?.(targetId, succeeded, callOf(row.id, signal));
      } catch (error) {
        if (signal.aborted || !(error instanceof GatewayError) || error.code === 'UNAVAILABLE') throw error;
        problems.push(`${targetId}: ${error.message}`);
      }
    }
    return problems;
  }

  /** Waits for each target's index; targets wait side by side. Returns which did not show their rows in time. */
  async function confirm(row: ImportRow, signal: AbortSignal): Promise<string[]> {
    const kind = kindOf(row);
    const targets = kind.confirm ? await store.targets(row.id) : [];
    // Those that an earlier run wrote to, or that were shown before a restart, are through.
    const waiting = targets.filter(
      ({ state, recent_json }) => recent_json !== null && (state === 'RUNNING' || state === 'CONFIRMING'),
    );
    if (waiting.length === 0) return [];
    const since = await books.confirming(row.id);
    const waitedMs = Math.max(0, clock.now() - since);
    const problems = await Promise.all(
      waiting.map(async ({ target_id: targetId, recent_json }) => {
        const isShown = await kind.confirm?.(targetId, takenItems(recent_json), waitedMs, callOf(row.id, signal));
        if (isShown) await books.targetShown(row.id, targetId);
        return isShown ? [] : [`CXone's index does not show the last rows written to ${targetId} yet.`];
      }),
    );
    return problems.flat();
  }

  /** Counts the list again until it shows what it took. Undefined where CXone counts nothing; a problem, in words, where it cannot. */
  async function verify(row: ImportRow, signal: AbortSignal): Promise<Verification | string | undefined> {
    const { count } = kindOf(row);
    if (!count || row.target_id === null || row.count_before === null) return undefined;
    const expectedAfter = row.count_before + row.created;
    for (let look = 1; ; look += 1) {
      const isLast = look >= COUNT_LOOKS;
      try {
        const countAfter = await count(row.target_id, callOf(row.id, signal));
        if (countAfter === null) return undefined;
        if (countAfter === expectedAfter || isLast) return { countAfter, expectedAfter };
      } catch (error) {
        if (signal.aborted || !(error instanceof GatewayError) || error.code === 'UNAVAILABLE') throw error;
        if (isLast || isLasting(error)) return `The list could not be counted again: ${error.message}`;
      }
      await clock.sleep(lookAgainMs, signal);
    }
  }

  async function run(): Promise<void> {
    const unsubscribe = database.onDoorbell(IMPORTS_CHANNEL, ring);
    try {
      while (!stopping.signal.aborted) {
        bell = Promise.withResolvers();
        let waitMs = POLL_MS;
        try {
          waitMs = await round();
        } catch (error) {
          log.warn({ error }, 'imports cannot be looked at right now');
        }
        await waitForRing(clock, waitMs, bell.promise, stopping.signal);
      }
    } finally {
      unsubscribe();
    }
  }

  return {
    start() {
      rounds ??= run();
    },
    async drain(graceMs) {
      stopping.abort(new Error('the gateway is stopping'));
      await rounds;
      const working = () => Promise.allSettled([...lanes.values(), ...finishing.values(), ...alone.values()]);
      const over = new AbortController();
      await Promise.race([working(), clock.sleep(graceMs, over.signal).catch(() => undefined)]);
      over.abort();
      cutOff.abort(new Error('the gateway is stopping'));
      await working();
    },
  };
}

/** CXone's last word, which asking again does not change. */
function isLasting(error: unknown): error is UpstreamError {
  return error instanceof UpstreamError && !error.retryable;
}

function placeOf(row: ImportRow) {
  return { targetId: row.target_id, campaignId: row.campaign_id };
}
