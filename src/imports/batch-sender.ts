/**
 * Sends one batch of an import and books what became of each of its rows. Notes durably that it is about to send
 * before it does, so that whoever finds the note after a crash first finds out whether the call went through.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Attempt, BulkOperation, BulkResult, ItemOutcome, Settlement } from '../bulk/bulk-operation.ts';
import type { Clock } from '../clock.ts';
import {
  GatewayError,
  type Issue,
  isUnavailable,
  OutcomeUnknownError,
  RateLimitedError,
  UpstreamError,
} from '../errors.ts';
import type { Condition, Database, Transaction } from '../store/database.ts';
import type { BatchClass, BatchCrashes, BatchOutcome } from '../store/import-sending.ts';
import type { ImportStore } from '../store/import-store.ts';
import type { ImportBatchRow } from '../store/tables.ts';
import type { Log } from '../telemetry/log.ts';
import { createGroupBooking } from './group-booking.ts';
import type { ImportBooks } from './import-books.ts';
import { importCall } from './import-call.ts';

/** How often a batch is sent before its rows count as failed. Waiting for a limit or an open circuit costs none of them. */
const MAX_SENDS = 6;
/** A batch that so many processes died at may be what they died of: from then on it goes last, and alone. */
const ISOLATED_AFTER = 3;
/** After so many, half of them alone with it, it certainly is: its rows are given up as unknown. */
const MAX_CRASHES = 6;
/** How often CXone is asked what became of a batch while it is out of reach, before its rows are given up as unknown. */
const MAX_SETTLE_TRIES = 100;
/** Batches of all lanes of a process whose answers wait for the database. */
const MAX_UNBOOKED = 256;
const LONGEST_PAUSE_MS = 30_000;

/**
 * What the lane does next. released: nothing of it took effect, and it is tried again later. isolated: too many processes
 * died at it, so that it is settled when nothing else is to be done. notRunning: the import cannot go on, or the lane is
 * somebody else's now.
 */
export type SendOutcome = 'booked' | 'released' | 'isolated' | 'notRunning';

/** A batch that nobody else sends, of which is noted that it is about to be sent. */
export interface TakenBatch {
  readonly batch: ImportBatchRow;
  readonly note: AttemptNote;
}

/** None: no batch is pending, the import was paused, cancelled or stopped, or the lane is somebody else's now. */
export type TakeOutcome = readonly TakenBatch[] | 'released' | 'notRunning';

/** Proves that this process still owns the lane: nobody else has it until the transaction ends. */
export interface Fence {
  /** @throws LeaseLostError */
  assertHeld(tx: Transaction): Promise<void>;
  /** The same for a single statement. */
  isHeld(): Condition;
}

export interface BatchSender {
  /** Takes the next batches of the import to the target for a lane, `most` of them; one where settling goes by a checkpoint. */
  take(
    from: { importId: string; targetId: string; lane: number; which: BatchClass; most: number },
    operation: BulkOperation<unknown>,
    fence: Fence,
    signal: AbortSignal,
  ): Promise<TakeOutcome>;
  /** Sends it and books what became of it. */
  send(taken: TakenBatch, operation: BulkOperation<unknown>, fence: Fence, signal: AbortSignal): Promise<SendOutcome>;
  /** A batch whose sender died: finds out what became of it, and sends it (again) only where nothing did. */
  resume(
    batch: ImportBatchRow,
    operation: BulkOperation<unknown>,
    fence: Fence,
    signal: AbortSignal,
  ): Promise<SendOutcome>;
}

/** Of batches that were taken together. `sender`: the process that has them under way, as long as it has not let go of them. */
const attemptNote = z.object({ id: z.string(), checkpoint: z.unknown().optional(), sender: z.string().optional() });
type AttemptNote = z.infer<typeof attemptNote>;
const jsonArray = z.array(z.unknown());
const rowNumbers = z.array(z.number());

export function createBatchSender(deps: {
  database: Database;
  store: ImportStore;
  books: ImportBooks;
  /** This process, and whether another, named in the same way, certainly still runs. */
  owner: string;
  livesOn: (owner: string) => boolean;
  clock: Clock;
  log: Log;
  /** First pause after a try that failed; doubled with each further one, up to LONGEST_PAUSE_MS. */
  firstPauseMs: number;
}): BatchSender {
  const { database, store, books, owner, livesOn, clock, log, firstPauseMs } = deps;
  const booking = createGroupBooking({ books });

  /** Answers that could not be booked, by the attempt's id: for as long as this process may come to settle it itself. */
  const unbooked = new Map<string, BulkResult>();

  const waitFor = (error: RateLimitedError) => Math.max(error.retryAfterMs ?? 0, firstPauseMs);
  const pauseMs = (tries: number) => Math.min(firstPauseMs * 2 ** Math.min(tries - 1, 10), LONGEST_PAUSE_MS);

  async function release(batch: ImportBatchRow, fence: Fence, waitMs: number): Promise<SendOutcome> {
    await database.transaction(async (tx) => {
      await fence.assertHeld(tx);
      await books.batchReleased(tx, crashesOf(batch));
      await store.deferTarget(tx, { importId: batch.import_id, targetId: batch.target_id }, waitMs);
    });
    return 'released';
  }

  async function book(
    batch: ImportBatchRow,
    items: readonly unknown[],
    result: BulkResult,
    fence: Fence,
  ): Promise<SendOutcome> {
    await booking.book({ outcome: outcomeOf(batch, items, result), discrepancy: result.discrepancy }, fence);
    return 'booked';
  }

  /** Where the database is away the answer is kept, and booked when it is back: unless another process has settled it. */
  async function bookAnswer(
    batch: ImportBatchRow,
    items: readonly unknown[],
    attemptId: string,
    result: BulkResult,
    fence: Fence,
  ): Promise<SendOutcome> {
    unbooked.set(attemptId, result);
    if (unbooked.size > MAX_UNBOOKED) unbooked.delete(unbooked.keys().next().value ?? '');
    const outcome = await book(batch, items, result, fence);
    unbooked.delete(attemptId);
    return outcome;
  }

  const bookAll = (batch: ImportBatchRow, status: 'failed' | 'unknown', issue: Issue, fence: Fence) =>
    book(
      batch,
      [],
      { outcomes: uniform(batch.size, { status, issue }), upstreamRequestId: undefined, latencyMs: 0 },
      fence,
    );

  const giveUp = (batch: ImportBatchRow, fence: Fence) => {
    const message = `${batch.crashes} processes died while this was under way. Look before sending it again.`;
    return bookAll(batch, 'unknown', { path: [], code: 'NO_ANSWER', message }, fence);
  };

  /** Where this process is stopped or cut off, whoever finds the batch shall not take it for one that died at it. */
  async function lettingGo<T>(batch: ImportBatchRow, note: AttemptNote, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      const { sender: _, ...rest } = note;
      const notes = { fromJson: JSON.stringify(note), toJson: JSON.stringify(rest) };
      await store.letGo({ importId: batch.import_id, number: batch.number }, notes).catch(() => undefined);
      throw error;
    }
  }

  /** A refusal that would meet every other batch as well ends the import rather than fail its rows one batch at a time. */
  function concernsWholeImport(error: UpstreamError): boolean {
    return error.fault === 'auth' || error.status === 401 || error.status === 403 || error.status === 404;
  }

  async function afterFailure(
    batch: ImportBatchRow,
    sends: number,
    error: unknown,
    fence: Fence,
    signal: AbortSignal,
  ): Promise<SendOutcome> {
    // Draining, the lease is gone or the database is away: the note stays, and whoever comes next settles it.
    if (signal.aborted || isUnavailable(error)) throw error;
    if (error instanceof RateLimitedError) return release(batch, fence, waitFor(error));
    if (error instanceof UpstreamError && concernsWholeImport(error)) {
      await release(batch, fence, 0);
      await books.importFailed(batch.import_id, error.message);
      return 'notRunning';
    }
    if (error instanceof UpstreamError && error.retryable && sends < MAX_SENDS)
      return release(batch, fence, pauseMs(sends));
    if (error instanceof UpstreamError)
      return bookAll(
        batch,
        'failed',
        { path: [], code: error.upstreamCode ?? error.code, message: error.message },
        fence,
      );
    // A fault of our own: whether it struck before or after the call, nobody can tell.
    log.error({ importId: batch.import_id, batch: batch.number, error }, 'a batch broke');
    return bookAll(
      batch,
      'unknown',
      {
        path: [],
        code: 'INTERNAL',
        message: 'The gateway failed while this was under way. Look before sending it again.',
      },
      fence,
    );
  }

  /** Until something tells what became of the batch. Each question that CXone cannot answer now is asked again later. */
  async function settle(
    batch: ImportBatchRow,
    operation: BulkOperation<unknown>,
    attempt: Attempt,
    sends: number,
    fence: Fence,
    signal: AbortSignal,
  ): Promise<SendOutcome> {
    const items = jsonArray.parse(JSON.parse(batch.items_json ?? '[]'));
    const settlement = await askUntilTold(batch, operation, items, attempt, signal);
    if (settlement.verdict === 'settled') return book(batch, items, settlement.result, fence);
    if (settlement.verdict === 'unknown')
      return bookAll(
        batch,
        'unknown',
        { path: [], code: 'NO_ANSWER', message: `${settlement.reason} Look before sending it again.` },
        fence,
      );
    if (batch.crashes >= MAX_CRASHES) return giveUp(batch, fence);
    if (sends < MAX_SENDS) return release(batch, fence, pauseMs(sends));
    const issue = {
      path: [],
      code: 'NO_ANSWER',
      message: `CXone took none of it in ${sends} tries. Retry the import later.`,
    };
    return bookAll(batch, 'failed', issue, fence);
  }

  /** Each question that CXone cannot answer now is asked again later. */
  async function askUntilTold(
    batch: ImportBatchRow,
    operation: BulkOperation<unknown>,
    items: readonly unknown[],
    attempt: Attempt,
    signal: AbortSignal,
  ): Promise<Settlement> {
    for (let tries = 1; ; tries += 1) {
      try {
        const call = importCall(batch.import_id, signal, batch.number);
        return await operation.settle(batch.target_id, items, attempt, call);
      } catch (error) {
        if (signal.aborted) throw error;
        // Settling may be repeated as often as need be: also where it is done by sending again and got no answer
        // itself, or where something of ours broke. Only CXone's refusal to say anything is its last word.
        const askAgain =
          !(error instanceof GatewayError) ||
          isUnavailable(error) ||
          error instanceof RateLimitedError ||
          error instanceof OutcomeUnknownError ||
          (error instanceof UpstreamError && error.retryable);
        if (!askAgain || !(error instanceof GatewayError))
          log.warn({ importId: batch.import_id, batch: batch.number, error }, 'a batch cannot be settled');
        if (!askAgain || tries >= (isUnusable(error) ? MAX_SENDS : MAX_SETTLE_TRIES))
          return { verdict: 'unknown', reason: 'CXone could not say whether it took effect.' };
        await clock.sleep(pauseMs(tries), signal);
      }
    }
  }

  async function sendTaken(
    { batch, note }: TakenBatch,
    operation: BulkOperation<unknown>,
    fence: Fence,
    signal: AbortSignal,
  ): Promise<SendOutcome> {
    const sends = batch.attempts - batch.crashes;
    const attempt = attemptAt(batch, note);
    const items = jsonArray.parse(JSON.parse(batch.items_json ?? '[]'));
    let result: BulkResult;
    try {
      const call = importCall(batch.import_id, signal, batch.number);
      result = await operation.send(batch.target_id, items, attempt, call);
    } catch (error) {
      if (error instanceof OutcomeUnknownError && !signal.aborted)
        return settle(batch, operation, attempt, sends, fence, signal);
      return afterFailure(batch, sends, error, fence, signal);
    }
    // Outside of the try: what cannot be booked now is not a failed batch, it is settled by whoever comes next.
    return bookAnswer(batch, items, attempt.id, result, fence);
  }

  return {
    async take(from, operation, fence, signal) {
      const { importId, targetId } = from;
      const defer = async (waitMs: number): Promise<TakeOutcome> => {
        await store.deferTarget(database.db, { importId, targetId }, waitMs);
        return 'released';
      };
      let note: AttemptNote;
      try {
        const checkpoint = await operation.checkpoint?.(targetId, importCall(importId, signal));
        note = { id: randomUUID(), checkpoint, sender: owner };
      } catch (error) {
        if (signal.aborted) throw error;
        // Nothing was sent yet: neither a batch nor its tries are touched.
        if (error instanceof UpstreamError && concernsWholeImport(error)) {
          await books.importFailed(importId, error.message);
          return 'notRunning';
        }
        if (error instanceof RateLimitedError) return defer(waitFor(error));
        if (error instanceof UpstreamError) return defer(firstPauseMs);
        throw error;
      }
      const batches = await store.takeBatches(database.db, from, JSON.stringify(note), fence.isHeld());
      return batches.map((batch) => ({ batch, note }));
    },

    send: (taken, operation, fence, signal) =>
      lettingGo(taken.batch, taken.note, sendTaken(taken, operation, fence, signal)),

    async resume(leftBehind, operation, fence, signal) {
      // Written with the state in which the batch was found: a note that is missing or cannot be read is a bug.
      const found = attemptNote.parse(JSON.parse(leftBehind.attempt_json ?? 'null'));
      const { sender, ...rest } = found;
      const attempt = attemptAt(leftBehind, found);
      const answer = unbooked.get(attempt.id);
      if (answer) {
        const items = jsonArray.parse(JSON.parse(leftBehind.items_json ?? '[]'));
        return bookAnswer(leftBehind, items, attempt.id, answer, fence);
      }
      const hasDied = sender !== undefined && !livesOn(sender);
      const batch = { ...leftBehind, crashes: leftBehind.crashes + Number(hasDied) };
      const settled = () => settle(batch, operation, attempt, 0, fence, signal);
      // Only looked at: that is what nobody dies of.
      if (operation.checkpoint) return settled();
      const { isolated } = crashesOf(batch);
      const isTooEarly = isolated && leftBehind.isolated === 0;
      const note = isTooEarly ? rest : { ...rest, sender: owner };
      const taken = await store.takeOver(crashesOf(batch), JSON.stringify(note), fence.isHeld());
      if (!taken) return 'notRunning';
      if (isTooEarly) return 'isolated';
      if (batch.crashes >= MAX_CRASHES) return giveUp(batch, fence);
      return lettingGo(batch, note, settled());
    },
  };
}

/** Batches that were taken together share a note, and each has an attempt of its own. */
function attemptAt({ number }: ImportBatchRow, { id, checkpoint }: AttemptNote): Attempt {
  return { id: `${id}-${number}`, checkpoint };
}

function crashesOf({ import_id: importId, number, crashes }: ImportBatchRow): BatchCrashes {
  return { importId, number, crashes, isolated: crashes >= ISOLATED_AFTER };
}

function uniform(size: number, outcome: ItemOutcome): ItemOutcome[] {
  return Array.from({ length: size }, () => outcome);
}

/** CXone answered, but not what can be understood: waiting longer is not what helps. */
function isUnusable(error: unknown): boolean {
  const told = error instanceof OutcomeUnknownError ? error.cause : error;
  return told instanceof UpstreamError && told.fault === 'badResponse';
}

/** The counts of a batch, and its failed and unknown rows as they came. */
function outcomeOf(batch: ImportBatchRow, items: readonly unknown[], result: BulkResult): BatchOutcome {
  const rows = rowNumbers.parse(JSON.parse(batch.rows_json ?? '[]'));
  const counts = { succeeded: 0, created: 0, skipped: 0, failed: 0, unknown: 0 };
  const rejections: BatchOutcome['rejections'][number][] = [];
  let sources: unknown[] | undefined;
  let firstIssue: Issue | undefined;
  rows.forEach((row, index) => {
    const outcome = result.outcomes[index] ?? NO_OUTCOME;
    if (outcome.status === 'skipped') counts.skipped += 1;
    else if (!('issue' in outcome)) {
      counts.succeeded += 1;
      if (outcome.status === 'created') counts.created += 1;
    } else {
      counts[outcome.status] += 1;
      firstIssue ??= outcome.issue;
      sources ??= jsonArray.parse(JSON.parse(batch.sources_json ?? '[]'));
      rejections.push({
        row,
        stage: outcome.status === 'failed' ? 'UPSTREAM' : 'UNKNOWN',
        issuesJson: JSON.stringify([outcome.issue]),
        dataJson: JSON.stringify(sources[index] ?? {}),
      });
    }
  });
  return {
    importId: batch.import_id,
    number: batch.number,
    targetId: batch.target_id,
    ...counts,
    latencyMs: result.latencyMs,
    upstreamRequestId: result.upstreamRequestId ?? null,
    error: firstIssue ? firstIssue.message : null,
    rejections,
    taken: result.lastTaken ? { item: items[result.lastTaken.index], at: result.lastTaken.at } : null,
  };
}

const NO_OUTCOME: ItemOutcome = {
  status: 'unknown',
  issue: {
    path: [],
    code: 'NO_ANSWER',
    message: 'CXone did not say what became of this row. Look before sending it again.',
  },
};
