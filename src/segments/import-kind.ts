/** Imports of kind SEGMENT_MEMBERS: contacts into static segments, each row naming both. */
import type { BulkOperation, BulkResult, ItemOutcome } from '../bulk/bulk-operation.ts';
import { dedupeKey } from '../bulk/dedupe-key.ts';
import type { ImportKind } from '../bulk/import-kind.ts';
import { notAnId, readRowId } from '../bulk/row-ids.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { ConflictError, type Issue, NotFoundError, UpstreamError } from '../errors.ts';
import type { Memberships } from './memberships.ts';
import type { Segment } from './model.ts';

/**
 * Batches of one segment under way at once. Almost all of them wait: a batch in which contacts failed has them sent
 * again for 16 s, and others shall not wait for it.
 */
const BATCHES_UNDER_WAY = 16;
/** From this many new members on, the index is refreshed as soon as they are written. */
const LARGE_IMPORT = 1000;

export function createMemberImportKind(deps: {
  /** Sends failed contacts again by itself. */
  operation: BulkOperation<string>;
  /** @throws NotFoundError; ConflictError DYNAMIC_SEGMENT */
  requireStatic: (segmentId: string, call: CallContext) => Promise<Segment>;
  memberships: Memberships;
  /** Refreshes the index where the hour's quota allows. */
  refresh: (segmentId: string, call: CallContext) => Promise<unknown>;
}): ImportKind<string> {
  const { operation, requireStatic, memberships, refresh } = deps;

  async function checked(
    send: BulkOperation<string>['send'],
    [target, items, attempt, call]: Parameters<BulkOperation<string>['send']>,
  ): Promise<BulkResult> {
    // One segment that is not there or cannot be written is the fault of its own rows alone.
    const issue = await requireStatic(target, call).then(
      () => undefined,
      (error: unknown) => issueOf(error),
    );
    if (issue) return refused(items, issue);
    let result: BulkResult;
    try {
      result = await send(target, items, attempt, call);
    } catch (error) {
      // It was there a moment ago.
      if (!(error instanceof UpstreamError && error.status === 404)) throw error;
      return refused(items, { path: ['segmentId'], code: 'NOT_FOUND', message: 'There is no such segment any more.' });
    }
    result.outcomes.forEach(({ status }, index) => {
      if (status === 'created' || status === 'skipped') memberships.wrote(target, items[index] as string);
    });
    return result;
  }

  const importOperation: BulkOperation<string> = {
    ...operation,
    concurrency: BATCHES_UNDER_WAY,
    send: (...batch) => checked(operation.send, batch),
    settle: async (...batch) => {
      const [target, , , call] = batch;
      await requireStatic(target, call);
      return await operation.settle(...batch);
    },
  };

  return {
    name: 'SEGMENT_MEMBERS',
    targetType: null,
    takesCampaign: false,
    defaultOnDuplicate: 'SKIP',
    severalSenders: true,
    columns: { known: ['contactId', 'segmentId'], aliases: {}, rest: null },

    open: async () => (row) => {
      const issues: Issue[] = [];
      const read = (field: 'contactId' | 'segmentId', type: string) => {
        const given = row[field];
        const id = readRowId(given, type);
        if (id !== null) return id;
        const missing = given === undefined || given === null || given === '';
        const message = missing ? `A ${field} is required.` : notAnId(type);
        issues.push({ path: [field], code: missing ? 'REQUIRED' : 'INVALID_ID', message });
        return '';
      };
      const contactId = read('contactId', 'Contact');
      const segmentId = read('segmentId', 'Segment');
      if (issues.length > 0) return { issues };
      return { item: contactId, target: segmentId, dedupeKey: dedupeKey(JSON.stringify([segmentId, contactId])) };
    },

    operation: () => importOperation,

    async complete(target, succeeded, call) {
      if (succeeded >= LARGE_IMPORT) await refresh(target, call);
    },

    confirm: (target, taken, waitedMs, call) => {
      const contactIds = taken.map(({ item }) => item);
      return memberships.confirmImported(target, contactIds, { writtenAt: taken[0]?.at ?? 0, waitedMs }, call);
    },
  };
}

function refused(items: readonly string[], issue: Issue): BulkResult {
  const outcomes = items.map((): ItemOutcome => ({ status: 'failed', issue }));
  return { outcomes, upstreamRequestId: undefined, latencyMs: 0 };
}

/** Why the rows of a segment fail. @throws what is no verdict on the segment */
function issueOf(error: unknown): Issue {
  if (error instanceof NotFoundError) return { path: ['segmentId'], code: 'NOT_FOUND', message: error.message };
  if (error instanceof ConflictError) return { path: ['segmentId'], code: error.reason, message: error.message };
  throw error;
}
