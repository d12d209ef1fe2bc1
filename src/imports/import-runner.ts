/**
 * Sends what imports have stored. One lane for each target with rows to send, each owned by one process at a time by
 * a lease; a lane first settles what a dead owner left behind, then sends batch after batch. The store is the truth:
 * the doorbell only makes a round come sooner.
 */
import type { BulkOperation } from '../bulk/bulk-operation.ts';
import type { ImportKind, ImportKindName } from '../bulk/import-kind.ts';
import type { Clock } from '../clock.ts';
import { type CallContext, newUpstreamTally } from '../cxone/call-context.ts';
import { GatewayError } from '../errors.ts';
import type { Database } from '../store/database.ts';
import type { ImportStore } from '../store/import-store.ts';
import type { Leases } from '../store/leases.ts';
import type { ImportBatchRow, ImportRow } from '../store/tables.ts';
import type { Log } from '../telemetry/log.ts';
import type { BatchSender, Fence } from './batch-sender.ts';
import { IMPORTS_CHANNEL, type ImportBooks, type Verification } from './import-books.ts';
import { optionsOf } from './model.ts';

/** Without a ring, the store is looked at this often. */
const POLL_MS = 1000;
/** A process that dies without a word is replaced after this long. */
const LEASE_MS = 6000;
/** Lanes a process runs at once; further targets wait for their turn. */
const MAX_LANES = 32;
/** How often uploads that never came are looked for. */
const EXPIRE_EVERY_MS = 60_000;
/** A list's count may lag behind what it took: it is read this often before a mismatch is believed. */
const COUNT_LOOKS = 5;

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
  kinds: ReadonlyMap<ImportKindName, ImportKind>;
  clock: Clock;
  log: Log;
}): ImportRunner {
  const { database, store, leases, books, sender, kinds, clock, log } = deps;
  const stopping = new AbortController();
  const cutOff = new AbortController();
  const lanes = new Map<string, Promise<void>>();
  const finishing = new Map<string, Promise<void>>();
  let rounds: Promise<void> | undefined;
  let expireAt = 0;
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

  async function round(): Promise<void> {
    await expireUploads();
    const due = (await store.openTargets()).filter(({ notBefore }) => notBefore <= clock.now());
    for (const { kind, targetId } of [...(await store.unsettledTargets()), ...due]) {
      if (lanes.size >= MAX_LANES || stopping.signal.aborted) break;
      const name = `${kind}:${targetId}`;
      if (!lanes.has(name))
        track(
          lanes,
          name,
          leased(`send:${name}`, (fence, signal) => lane(kind, targetId, fence, signal)),
        );
    }
    for (const row of await store.exhausted()) {
      if (!finishing.has(row.id))
        track(
          finishing,
          row.id,
          leased(`finish:${row.id}`, (_, signal) => finish(row, signal)),
        );
    }
  }

  async function expireUploads(): Promise<void> {
    if (clock.monotonic() < expireAt) return;
    expireAt = clock.monotonic() + EXPIRE_EVERY_MS;
    for (const row of await store.overdueUploads(clock.now())) await books.uploadExpired(row.id);
  }

  /** Keeps a piece of work in `running` while it lasts. Its failure is logged; the next round takes it up again. */
  function track(running: Map<string, Promise<void>>, name: string, work: Promise<void>): void {
    const done = work
      .catch((error: unknown) => {
        // Another process at the same work, or a database that is away: the next round looks again.
        const expected = cutOff.signal.aborted || (error instanceof GatewayError && error.code === 'UNAVAILABLE');
        log[expected ? 'debug' : 'warn']({ error, work: name }, 'import work stopped and will be taken up again');
      })
      .finally(() => {
        running.delete(name);
      });
    running.set(name, done);
  }

  async function leased(name: string, work: (fence: Fence, signal: AbortSignal) => Promise<void>): Promise<void> {
    await leases.withLease(name, { leaseMs: LEASE_MS, waitMs: 0, signal: cutOff.signal }, (lease, signal) =>
      work((tx) => leases.assertHeld(tx, lease), signal),
    );
  }

  async function lane(kind: ImportKindName, targetId: string, fence: Fence, signal: AbortSignal): Promise<void> {
    const operations = new Map<string, BulkOperation<unknown>>();
    const operation = (row: ImportRow) => {
      let known = operations.get(row.id);
      if (!known) {
        known = operationOf(row);
        operations.set(row.id, known);
      }
      return known;
    };

    for (const batch of await store.unsettled(kind, targetId)) {
      const row = await store.get(batch.import_id);
      if (row) await sender.resume(batch, operation(row), fence, signal);
    }

    const underWay = new Set<Promise<void>>();
    const taken = new Map<string, ImportBatchRow>();
    let paused = false;
    const stopped = () => stopping.signal.aborted || signal.aborted || paused;
    while (!stopped()) {
      const next = await nextBatch(kind, targetId, taken, signal);
      if (!next) break;
      const { row, batch } = next;
      const place = `${batch.import_id}/${batch.number}`;
      taken.set(place, batch);
      const one = sender
        .send(batch, operation(row), fence, signal)
        .then((outcome) => {
          // A lane that cannot go on ends; the round that finds its target due again starts another.
          if (outcome.status !== 'booked') paused = true;
        })
        .finally(() => {
          underWay.delete(one);
          taken.delete(place);
        });
      underWay.add(one);
      if (underWay.size >= operation(row).concurrency) await Promise.race(underWay);
    }
    await Promise.all(underWay);
    ring();
  }

  /** The oldest import's next batch: imports to the same target go one after another, so that each can be verified. */
  async function nextBatch(
    kind: ImportKindName,
    targetId: string,
    taken: ReadonlyMap<string, ImportBatchRow>,
    signal: AbortSignal,
  ): Promise<{ row: ImportRow; batch: ImportBatchRow } | undefined> {
    for (const target of await store.openTargets({ kind, targetId })) {
      if (target.notBefore > clock.now()) continue;
      const mine = [...taken.values()].filter((batch) => batch.import_id === target.importId);
      const batch = await store.nextPending(
        target.importId,
        targetId,
        mine.map((batch) => batch.number),
      );
      const row = batch && (await store.get(target.importId));
      if (!batch || row?.state !== 'RUNNING') continue;
      await begin(row, signal);
      return { row, batch };
    }
    return undefined;
  }

  async function begin(row: ImportRow, signal: AbortSignal): Promise<void> {
    if (row.begun === 1) return;
    const kind = kindOf(row);
    const countBefore = kind.count && row.target_id ? await kind.count(row.target_id, callOf(row.id, signal)) : null;
    await books.started(row.id, countBefore);
  }

  async function finish(row: ImportRow, signal: AbortSignal): Promise<void> {
    const problems = [...(await complete(row, signal)), ...(await confirm(row, signal))];
    await books.finished(row.id, await verify(row, signal), problems);
  }

  /** What is due at each target once all its rows are sent. Returns what could not be done, in words. */
  async function complete(row: ImportRow, signal: AbortSignal): Promise<string[]> {
    const kind = kindOf(row);
    const problems: string[] = [];
    for (const { target_id: targetId, succeeded } of kind.complete ? await store.targets(row.id) : []) {
      if (succeeded === 0) continue;
      try {
        await kind.complete?.(targetId, callOf(row.id, signal));
      } catch (error) {
        if (signal.aborted || !(error instanceof GatewayError)) throw error;
        problems.push(`${targetId}: ${error.message}`);
      }
    }
    return problems;
  }

  /** Waits for each target's index; targets wait side by side. Returns which did not show their rows in time. */
  async function confirm(row: ImportRow, signal: AbortSignal): Promise<string[]> {
    const kind = kindOf(row);
    const waiting = kind.confirm
      ? (await store.targets(row.id)).filter((target) => target.last_item_json !== null)
      : [];
    if (waiting.length === 0) return [];
    await books.confirming(row.id);
    const shown = await Promise.all(
      waiting.map(async ({ target_id: targetId, last_item_json: lastItem }) => {
        const isShown = await kind.confirm?.(targetId, JSON.parse(lastItem ?? 'null'), callOf(row.id, signal));
        return isShown ? [] : [`CXone's index does not show the last row written to ${targetId} yet.`];
      }),
    );
    return shown.flat();
  }

  async function verify(row: ImportRow, signal: AbortSignal): Promise<Verification | null> {
    const { count } = kindOf(row);
    if (!count || row.target_id === null || row.count_before === null) return null;
    const expectedAfter = row.count_before + row.created;
    for (let look = 1; ; look += 1) {
      const countAfter = await count(row.target_id, callOf(row.id, signal));
      if (countAfter === null) return null;
      if (countAfter === expectedAfter || look >= COUNT_LOOKS) return { countAfter, expectedAfter };
      await clock.sleep(POLL_MS, signal);
    }
  }

  async function run(): Promise<void> {
    const unsubscribe = database.onDoorbell(IMPORTS_CHANNEL, ring);
    try {
      while (!stopping.signal.aborted) {
        bell = Promise.withResolvers();
        try {
          await round();
        } catch (error) {
          log.warn({ error }, 'imports cannot be looked at right now');
        }
        await Promise.race([bell.promise, clock.sleep(POLL_MS, stopping.signal).catch(() => undefined)]);
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
      const working = () => Promise.allSettled([...lanes.values(), ...finishing.values()]);
      const over = new AbortController();
      await Promise.race([working(), clock.sleep(graceMs, over.signal).catch(() => undefined)]);
      over.abort();
      cutOff.abort(new Error('the gateway is stopping'));
      await working();
    },
  };
}

function placeOf(row: ImportRow) {
  return { targetId: row.target_id, campaignId: row.campaign_id };
}
