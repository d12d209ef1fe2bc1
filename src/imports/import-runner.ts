/**
 * Sends what imports have stored. One lane for each target with rows to send, shared out among the replicas, and further
 * ones where several replicas may send to it; each owned by one process at a time by a lease. The store is the truth: the
 * doorbell only makes a round come sooner.
 */
import type { ImportKind, ImportKindName } from '../bulk/import-kind.ts';
import type { Clock } from '../clock.ts';
import { GatewayError, isUnavailable } from '../errors.ts';
import type { Database, Transaction } from '../store/database.ts';
import { type BatchClass, type Lane, takenItems } from '../store/import-sending.ts';
import type { ImportStore } from '../store/import-store.ts';
import type { Leases } from '../store/leases.ts';
import type { ImportRow } from '../store/tables.ts';
import { waitForRing } from '../store/wait.ts';
import type { Log } from '../telemetry/log.ts';
import type { BatchSender, Fence } from './batch-sender.ts';
import { IMPORTS_CHANNEL, type ImportBooks, type Verification } from './import-books.ts';
import { importCall } from './import-call.ts';
import { createSendLane, isLasting } from './send-lane.ts';
import type { UploadTidying } from './upload-tidying.ts';

/** Without a ring, the store is looked at this often. */
const POLL_MS = 1000;
/** A process that dies without a word is replaced after this long. */
const LEASE_MS = 6000;
/** Lanes a process runs at once; further targets wait for their turn. */
const MAX_LANES = 32;
/** Replicas that send to a target beside its first: more of them would be in each other's way. */
const MAX_HELPERS = 7;
/** How often uploads that nobody is bringing any more are looked for. */
const TIDY_EVERY_MS = 60_000;
/** An isolated batch waits so long for nothing else to be under way; then this process makes it so. */
const ISOLATED_WAIT_MS = 600_000;
/** A list's count may lag behind what it took: it is read this often before a mismatch is believed. */
const COUNT_LOOKS = 5;

/** Pieces of work by name, each until it has ended. */
type Running = Map<string, Promise<void>>;

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
  const lanes: Running = new Map();
  /** Lanes that end after the batches they have under way, so that another replica can have their target. */
  const yielding = new Set<string>();
  /** Lanes to targets that another replica sends to. */
  const helping = new Set<string>();
  const finishing: Running = new Map();
  /** The lane of an isolated batch: at most one, and then nothing else. */
  const alone: Running = new Map();
  let isolatedSince: number | undefined;
  let rounds: Promise<void> | undefined;
  let tidyAt = 0;
  let bell = Promise.withResolvers<void>();
  const ring = () => bell.resolve();
  const sendLane = createSendLane({ store, books, sender, kindOf });

  function kindOf(row: ImportRow): ImportKind {
    const kind = kinds.get(row.kind);
    if (!kind) throw new Error(`no import kind ${row.kind}`);
    return kind;
  }

  /** @returns in how many milliseconds there may be more to do */
  async function round(): Promise<number> {
    await tidyUploads();
    const ordinary = await dueLanes('ordinary');
    const isolated = await dueLanes('isolated');
    isolatedSince = isolated.due.size === 0 ? undefined : (isolatedSince ?? clock.monotonic());
    const isOverdue = isolatedSince !== undefined && clock.monotonic() - isolatedSince >= ISOLATED_WAIT_MS;
    const isReserved = alone.size > 0 || isOverdue;
    // Rounded up, so that the shares of all replicas together are no fewer than there are targets.
    const share = isReserved ? 0 : Math.min(MAX_LANES, Math.ceil(ordinary.due.size / replicas()));
    for (const [name, lane] of ordinary.due) {
      if (lanes.size - helping.size >= share) break;
      await tryLane(lanes, name, lane, 'ordinary');
    }
    for (const lane of isReserved ? [] : ordinary.unsettled) {
      if (lane.number > 0) await tryLane(lanes, helpName(lane), lane, 'ordinary');
    }
    for (const lane of ordinary.due.values()) {
      if (isReserved || lanes.size >= MAX_LANES) break;
      if (kinds.get(lane.kind)?.severalSenders) await help(lane);
    }
    yieldSurplus(share, isReserved ? 0 : MAX_LANES);
    for (const row of isReserved ? [] : await store.exhausted()) {
      if (!finishing.has(row.id))
        void track(finishing, row.id, leased(`finish:${row.id}`, (_, signal) => finish(row, signal)).done);
    }
    for (const [name, lane] of ordinary.due.size === 0 || isOverdue ? isolated.due : []) {
      if (lanes.size + finishing.size + alone.size > 0) break;
      await tryLane(alone, name, lane, 'isolated');
    }
    return Math.min(POLL_MS, ordinary.waitMs, isolated.waitMs);
  }

  /** Of first lanes `share` go on at most, and of all lanes `most`; those that came last make room. */
  function yieldSurplus(share: number, most: number): void {
    const staying = [...lanes.keys()].filter((name) => !yielding.has(name)).reverse();
    const helpers = staying.filter((name) => helping.has(name));
    const firsts = staying.filter((name) => !helping.has(name));
    const given = firsts.slice(0, Math.max(0, firsts.length - share));
    for (const name of [...given, ...helpers.slice(0, Math.max(0, staying.length - given.length - most))])
      yielding.add(name);
  }

  /** The first lanes of the targets with something to do, by name, and in how many milliseconds there may be more. */
  async function dueLanes(which: BatchClass) {
    const unsettled = await store.unsettledLanes(which);
    const targets = await store.openTargets(which);
    const due = [...unsettled, ...targets.filter(({ waitMs }) => waitMs <= 0)];
    return {
      unsettled,
      due: new Map(due.map(({ kind, targetId }) => firstLane(kind, targetId))),
      waitMs: Math.min(...targets.flatMap(({ waitMs }) => (waitMs > 0 ? [waitMs] : []))),
    };
  }

  /** A target that another replica sends to is sent to from here as well. */
  async function help({ kind, targetId }: Lane): Promise<void> {
    const numbers = Array.from({ length: Math.min(MAX_HELPERS, replicas() - 1) }, (_, index) => index + 1);
    const own = [firstLane(kind, targetId)[0], ...numbers.map((number) => helpName({ kind, targetId, number }))];
    if (own.some((name) => lanes.has(name))) return;
    for (const number of numbers) {
      const lane = { kind, targetId, number };
      if (await tryLane(lanes, helpName(lane), lane, 'ordinary')) return;
    }
  }

  /** @returns once it is decided, whether this process has the lane now */
  async function tryLane(running: Running, name: string, lane: Lane, which: BatchClass): Promise<boolean> {
    if (running.has(name) || stopping.signal.aborted) return running.has(name);
    const { acquired, done } = leased(name, (fence, signal) =>
      sendLane(lane, which, { fence, signal, stopped: () => stopping.signal.aborted || yielding.has(name) }),
    );
    if (lane.number > 0) helping.add(name);
    const tracked = track(running, name, done);
    const isOwn = await acquired;
    // Those that others have do not count.
    if (!isOwn) await tracked;
    return isOwn;
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
  function track(running: Running, name: string, work: Promise<boolean>): Promise<void> {
    const done = work
      .finally(() => {
        running.delete(name);
        yielding.delete(name);
        helping.delete(name);
      })
      .then((isMore) => {
        if (isMore) ring();
      })
      .catch((error: unknown) => {
        // Another process at the same work, or a database that is away: the next round looks again.
        const expected = cutOff.signal.aborted || isUnavailable(error);
        log[expected ? 'debug' : 'warn']({ error, work: name }, 'import work stopped and will be taken up again');
      });
    running.set(name, done);
    return done;
  }

  /** `acquired` tells, as soon as it is decided, whether this process has the lease. */
  function leased(
    name: string,
    work: (fence: Fence, signal: AbortSignal) => Promise<boolean>,
  ): { acquired: Promise<boolean>; done: Promise<boolean> } {
    const { promise: acquired, resolve } = Promise.withResolvers<boolean>();
    const request = { leaseMs: LEASE_MS, waitMs: 0, signal: cutOff.signal };
    const done = leases
      .withLease(name, request, (lease, signal) => {
        resolve(true);
        const fence = {
          assertHeld: (tx: Transaction) => leases.assertHeld(tx, lease),
          isHeld: () => leases.isHeld(lease),
        };
        return work(fence, signal);
      })
      .finally(() => resolve(false));
    return { acquired, done };
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
        await kind.complete?.(targetId, succeeded, importCall(row.id, signal));
      } catch (error) {
        if (signal.aborted || !(error instanceof GatewayError) || isUnavailable(error)) throw error;
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
        const isShown = await kind.confirm?.(targetId, takenItems(recent_json), waitedMs, importCall(row.id, signal));
        if (isShown) await books.targetShown(row.id, targetId);
        return isShown ? [] : [`CXone's index does not show the last rows written to ${targetId} yet.`];
      }),
    );
    return problems.flat();
  }

  /**
   * Counts the list again until it shows what it took, of this import and meanwhile of others. Undefined where CXone
   * counts nothing; a problem, in words, where it cannot.
   */
  async function verify(row: ImportRow, signal: AbortSignal): Promise<Verification | string | undefined> {
    const { count } = kindOf(row);
    if (!count || row.target_id === null || row.count_before === null) return undefined;
    for (let look = 1; ; look += 1) {
      const isLast = look >= COUNT_LOOKS;
      try {
        const before = await store.othersAt(row);
        const countAfter = await count(row.target_id, importCall(row.id, signal));
        if (countAfter === null) return undefined;
        const after = await store.othersAt(row);
        // Of what others had under way while it was counted, nobody knows how much is in the count.
        const ofThis = row.count_before + row.created - (row.others_before ?? before.created);
        const [least, most] = [ofThis + before.created, ofThis + after.created + after.underWay];
        const expectedAfter = Math.min(Math.max(countAfter, least), most);
        if (countAfter === expectedAfter || isLast) return { countAfter, expectedAfter };
      } catch (error) {
        if (signal.aborted || !(error instanceof GatewayError) || isUnavailable(error)) throw error;
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

/** The lane to a target that is there whoever else sends to it, by the name of its lease. */
function firstLane(kind: ImportKindName, targetId: string): [string, Lane] {
  return [`send:${kind}:${targetId}`, { kind, targetId, number: 0 }];
}

function helpName({ kind, targetId, number }: Lane): string {
  return `help:${kind}:${number}:${targetId}`;
}
