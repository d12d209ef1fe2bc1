/**
 * Takes an import's rows in, from the first byte to the moment everything is stored and sending may start. Either the
 * whole input is taken or none of it: a broken upload leaves nothing behind but the right to try again.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ImportKind, ImportKindName } from '../bulk/import-kind.ts';
import type { Clock } from '../clock.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { ConflictError, GatewayError, isUnavailable, NotFoundError, ValidationError } from '../errors.ts';
import type { Database } from '../store/database.ts';
import type { ReceivedCounts } from '../store/import-receiving.ts';
import type { ImportStore } from '../store/import-store.ts';
import type { Leases } from '../store/leases.ts';
import type { ImportRow } from '../store/tables.ts';
import type { ImportBooks, NewImport } from './import-books.ts';
import { optionsOf, targetGlobalId } from './model.ts';
import { FileTooLargeError, UnreadableFileError } from './reading/file-errors.ts';
import { createRowMapper } from './reading/row-mapper.ts';
import { createRowReader } from './reading/row-reader.ts';
import { createRowIntake, type RowIntake } from './row-intake.ts';

/** Bounds of one upload: what the table of seen rows may take in memory (268 MB at ten million), and a disk. */
export const MAX_UPLOAD_ROWS = 10_000_000;
export const MAX_UPLOAD_BYTES = 4 * 1024 ** 3;
/** A longer record is rejected, and not held in memory. */
const MAX_RECORD_BYTES = 1024 * 1024;

/** Rows between two commits: a commit waits for the disk and holds up the event loop while it does. */
const ROWS_PER_COMMIT = 2000;
/** Rows checked before other work of the process gets its turn. */
const ROWS_PER_TURN = 500;
/** A process that dies while receiving gives the upload back after this long. */
const UPLOAD_LEASE_MS = 10_000;
/** Whoever tries again at once comes before it was noticed that the connection of the first try had broken. */
const UPLOAD_WAIT_MS = 3000;

/** Held by whoever receives the upload. */
export const uploadLeaseName = (importId: string) => `upload:${importId}`;

export class UploadExpiredError extends GatewayError {
  constructor(message: string) {
    super('CONFLICT', message);
  }
}

export interface ReceivedUpload {
  bytes: number;
  rows: number;
}

export interface ImportIntake {
  /**
   * Looks at the target, and gives what takes rows for it: of a file with this header (null for JSON), in batches
   * numbered on from `lastNumber`.
   *
   * @throws NotFoundError where the target does not exist, ConflictError where it takes no rows
   */
  open(
    row: NewImport,
    call: CallContext,
  ): Promise<(header: readonly string[] | null, lastNumber?: number) => RowIntake>;
  /** Rows given in the call itself: stored and sealed in the transaction that creates the import. */
  inline(row: NewImport, rows: readonly Record<string, unknown>[], call: CallContext): Promise<ImportRow>;
  /**
   * Streams an upload in, as fast as it can be stored.
   *
   * @throws NotFoundError; ConflictError where bytes were already received or are being received; UploadExpiredError;
   *   UnreadableFileError and FileTooLargeError, after which the import has failed; anything else leaves it awaiting its upload.
   */
  upload(
    importId: string,
    body: AsyncIterable<Uint8Array>,
    options: { contentEncoding: 'identity' | 'gzip'; call: CallContext },
  ): Promise<ReceivedUpload>;
}

export function createImportIntake(deps: {
  database: Database;
  store: ImportStore;
  leases: Leases;
  books: ImportBooks;
  kinds: ReadonlyMap<ImportKindName, ImportKind>;
  clock: Clock;
}): ImportIntake {
  const { database, store, leases, books, kinds, clock } = deps;

  /** `header` is not known before the first rows are read: the mapper is made when it is. */
  async function openIntake(
    row: NewImport,
    call: CallContext,
  ): Promise<(header: readonly string[] | null, lastNumber?: number) => RowIntake> {
    const kind = kinds.get(row.kind);
    if (!kind) throw new Error(`no import kind ${row.kind}`);
    const options = optionsOf(row);
    const place = { targetId: row.target_id, campaignId: row.campaign_id };
    const check = await kind.open(place, options, call);
    if (check === null) throw noTarget(row);
    const maxBatchSize = await kind.operation(place, options).maxBatchSize(row.target_id ?? '', call);
    return (header, lastNumber = 0) => {
      const mapper = createRowMapper({ header, fieldMapping: options.fieldMapping, ...kind.columns });
      return createRowIntake({ map: mapper.map, check, maxBatchSize, lastNumber, keepRows: !options.validateOnly });
    };
  }

  async function upload(
    row: ImportRow,
    body: AsyncIterable<Uint8Array>,
    contentEncoding: 'identity' | 'gzip',
    call: CallContext,
    signal: AbortSignal,
  ): Promise<ReceivedUpload> {
    const attempt = await database.transaction((tx) => store.beginReceiving(tx, row.id, clock.now()));
    if (attempt === null) throw refusal(await store.get(row.id), clock.now());
    const options = optionsOf(row);
    const reader = createRowReader({
      format: row.format ?? 'CSV',
      encoding: options.encoding,
      invalidText: options.invalidText,
      contentEncoding,
      maxBytes: MAX_UPLOAD_BYTES,
      maxRows: MAX_UPLOAD_ROWS,
      maxRecordBytes: MAX_RECORD_BYTES,
    });

    const stage = async (intake: RowIntake, all: boolean): Promise<ReceivedCounts> => {
      const staged = intake.take(all);
      // Should the power fail, all of it has to come again: what is durable is that it was received, with all before it.
      const current = await database.transaction((tx) => store.stage(tx, row.id, attempt, staged), { lazily: true });
      if (!current) throw refusal(await store.get(row.id), clock.now());
      return staged.counts;
    };

    try {
      const makeIntake = await openIntake(row, call);
      let intake: RowIntake | undefined;
      let uncommitted = 0;
      for await (const chunk of reader.chunks(body)) {
        signal.throwIfAborted();
        intake ??= makeIntake(reader.header);
        intake.add(chunk);
        uncommitted += chunk.length;
        if (uncommitted < ROWS_PER_COMMIT) continue;
        await stage(intake, false);
        uncommitted = 0;
      }
      const counts = await stage(intake ?? makeIntake(reader.header), true);
      await books.received(row.id, attempt, {
        bytes: reader.bytes,
        header: reader.header,
        encoding: options.encoding,
        replacements: reader.replacements,
        validateOnly: options.validateOnly,
      });
      return { bytes: reader.bytes, rows: counts.received };
    } catch (error) {
      const unusable =
        error instanceof UnreadableFileError || error instanceof FileTooLargeError || error instanceof ValidationError;
      await books.notReceived(row.id, attempt, unusable ? error.message : null);
      throw error;
    }
  }

  return {
    open: openIntake,

    async inline(row, rows, call) {
      const makeIntake = await openIntake(row, call);
      const intake = makeIntake(null);
      for (let from = 0; from < rows.length; from += ROWS_PER_TURN) {
        if (from > 0) await nextTurn();
        const some = rows.slice(from, from + ROWS_PER_TURN);
        intake.add(some.map((record, index) => ({ row: from + index + 1, record })));
      }
      const { encoding, validateOnly } = optionsOf(row);
      const input = { bytes: 0, header: null, encoding, replacements: 0, validateOnly };
      return books.createdWithRows(row, call.requestId, intake.take(true), input);
    },

    async upload(importId, body, { contentEncoding, call }) {
      const row = await store.get(importId);
      const refused = refusal(row, clock.now());
      if (!row || (row.state !== 'AWAITING_UPLOAD' && row.state !== 'RECEIVING')) throw refused;
      if (row.upload_expires_at !== null && row.upload_expires_at <= clock.now()) throw refused;
      const lease = { leaseMs: UPLOAD_LEASE_MS, waitMs: UPLOAD_WAIT_MS, signal: call.signal };
      let begun = false;
      try {
        return await leases.withLease(uploadLeaseName(importId), lease, (_, signal) => {
          begun = true;
          return upload(row, body, contentEncoding, call, signal);
        });
      } catch (error) {
        const isBusy = !begun && isUnavailable(error);
        throw isBusy ? refusal(await store.get(importId), clock.now()) : error;
      }
    },
  };
}

/** Why an import takes no bytes. */
function noTarget({ kind, target_id }: NewImport): NotFoundError {
  const name = kind === 'CONTACTS' ? 'address book' : 'contact list';
  return new NotFoundError(`There is no such ${name}. Check its id.`, targetGlobalId(kind, target_id ?? ''));
}

function refusal(row: ImportRow | undefined, nowMs: number): GatewayError {
  if (!row || row.format === null) return new NotFoundError('There is no such upload. Check its id.');
  if (row.state === 'CANCELLED') return new UploadExpiredError('The import was cancelled. Create another upload.');
  const overdue = row.upload_expires_at !== null && row.upload_expires_at <= nowMs;
  if (overdue && (row.received === 0 || row.state === 'RECEIVING'))
    return new UploadExpiredError('The upload link has expired: create another upload.');
  return new ConflictError(
    'NOT_IN_THIS_STATE',
    'The bytes of this import were already received, or are just being received. Another file needs another upload.',
  );
}
