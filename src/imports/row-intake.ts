/**
 * Rows in, numbered batches out: checks each row, drops repeats, groups by target. Holds no more than the batches that
 * are being filled; whoever feeds it takes what is complete and stores it.
 */
import type { RowCheck } from '../bulk/import-kind.ts';
import { type Issue, ValidationError } from '../errors.ts';
import type { ReceivedCounts, StagedRejection } from '../store/import-receiving.ts';
import type { StagedBatch } from '../store/import-rows.ts';
import { createDedupeTable } from './dedupe-table.ts';
import type { SourceRow } from './reading/source-row.ts';

/** Rows waiting in half-filled batches, over all targets, before all of them are cut as they are. */
const MAX_WAITING_ROWS = 50_000;

/** Rows written as JSON at once: it costs less than one at a time, and the text of so many is not long yet. */
const ROWS_PER_PIECE = 100;

interface FillingBatch {
  targetId: string;
  rows: number[];
  /** What is not JSON yet: of the rows that are being added. Kept for longer, they would keep the text they were cut from. */
  items: unknown[];
  sources: string[];
  /** Those before them (JsonPieces). */
  itemsJson: string[];
  sourcesJson: string[];
}

export interface RowIntake {
  /** As many as are at hand: the more, the less each of them costs. */
  add(rows: readonly SourceRow[]): void;
  /** What is complete since the last call; with `all`, the half-filled batches too. */
  take(all: boolean): { batches: StagedBatch[]; rejections: StagedRejection[]; counts: ReceivedCounts };
}

export function createRowIntake(deps: {
  map: (record: SourceRow['record']) => Record<string, unknown>;
  check: (row: Record<string, unknown>) => RowCheck<unknown>;
  maxBatchSize: number;
  /** Batches are numbered on from here. */
  lastNumber: number;
  /** Whether batches are kept; a validation alone needs none. */
  keepRows: boolean;
}): RowIntake {
  const { map, check, maxBatchSize, lastNumber, keepRows } = deps;
  const seen = createDedupeTable();
  const filling = new Map<string, FillingBatch>();
  let waiting = 0;
  let batches: StagedBatch[] = [];
  let rejections: StagedRejection[] = [];
  const counts: ReceivedCounts = {
    received: 0,
    rejected: 0,
    duplicates: 0,
    valid: 0,
    batches: 0,
    totalFields: 0,
    filledFields: 0,
  };

  const reject = (
    row: SourceRow,
    stage: 'VALIDATION' | 'DUPLICATE',
    issues: readonly Issue[],
    targetId: string | null,
  ) => {
    rejections.push({
      row: row.row,
      stage,
      targetId,
      issuesJson: JSON.stringify(issues),
      dataJson: JSON.stringify(row.record),
    });
  };

  const mapAndCheck = (record: SourceRow['record']): RowCheck<unknown> => {
    try {
      return check(map(record));
    } catch (error) {
      // A JSON row that cannot be mapped is that row's fault alone.
      if (error instanceof ValidationError) return { issues: [...error.issues] };
      throw error;
    }
  };

  const batchFor = (targetId: string): FillingBatch => {
    let batch = filling.get(targetId);
    if (!batch) {
      batch = { targetId, rows: [], items: [], sources: [], itemsJson: [], sourcesJson: [] };
      filling.set(targetId, batch);
    }
    return batch;
  };

  const cut = (batch: FillingBatch) => {
    writeJson(batch);
    counts.batches += 1;
    waiting -= batch.rows.length;
    batches.push({
      number: lastNumber + counts.batches,
      targetId: batch.targetId,
      size: batch.rows.length,
      rows: batch.rows,
      items: batch.itemsJson,
      sources: batch.sourcesJson,
    });
    filling.delete(batch.targetId);
  };

  const cutAll = () => {
    for (const batch of filling.values()) cut(batch);
  };

  const addOne = (row: SourceRow, added: Set<FillingBatch>) => {
    counts.received += 1;
    const checked = row.issues ? { issues: row.issues } : mapAndCheck(row.record);
    if ('issues' in checked) {
      counts.rejected += 1;
      reject(row, 'VALIDATION', checked.issues, null);
      return;
    }
    if (!seen.add(checked.dedupeKey)) {
      counts.duplicates += 1;
      reject(row, 'DUPLICATE', [REPEATED], checked.target);
      return;
    }
    counts.valid += 1;
    if (checked.fields) {
      counts.totalFields += checked.fields.total;
      counts.filledFields += checked.fields.filled;
    }
    if (!keepRows) return;
    const batch = batchFor(checked.target);
    batch.rows.push(row.row);
    batch.items.push(checked.item);
    batch.sources.push(row.json ?? JSON.stringify(row.record));
    added.add(batch);
    waiting += 1;
    if (batch.items.length >= ROWS_PER_PIECE) writeJson(batch);
    if (batch.rows.length >= maxBatchSize) cut(batch);
    else if (waiting >= MAX_WAITING_ROWS) cutAll();
  };

  return {
    add(rows) {
      const added = new Set<FillingBatch>();
      for (const row of rows) addOne(row, added);
      for (const batch of added) writeJson(batch);
    },

    take(all) {
      if (all) cutAll();
      const taken = { batches, rejections, counts: { ...counts } };
      batches = [];
      rejections = [];
      return taken;
    },
  };
}

function writeJson(batch: FillingBatch): void {
  if (batch.items.length === 0) return;
  batch.itemsJson.push(JSON.stringify(batch.items).slice(1, -1));
  batch.sourcesJson.push(batch.sources.join());
  batch.items = [];
  batch.sources = [];
}

const REPEATED: Issue = { path: [], code: 'DUPLICATE_ROW', message: 'This repeats an earlier row of this import.' };
