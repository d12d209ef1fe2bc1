/** Segments: reading them, adding contacts in shared bulk calls, following memberships into CXone's index. */
import { LRUCache } from 'lru-cache';
import type { Audited } from '../bulk/audited.ts';
import type { BulkCall, BulkCaller, BulkLoader, LoadedItem, SharedWrite } from '../bulk/bulk-loader.ts';
import type { ImportKind } from '../bulk/import-kind.ts';
import { isWorthAnotherTry, takenAs } from '../bulk/item-outcome.ts';
import { agesBy, type Clock } from '../clock.ts';
import type { CallContext } from '../cxone/call-context.ts';
import type { CxoneClient } from '../cxone/client.ts';
import { readWindow } from '../cxone/page-window.ts';
import { ConflictError, NotFoundError, RateLimitedError, UpstreamError } from '../errors.ts';
import type { IdempotencyKeys } from '../store/idempotency-keys.ts';
import { MAX_TRIES } from './backoff.ts';
import { createSegmentClient } from './client.ts';
import { createMemberImportKind } from './import-kind.ts';
import { createIndexLooks } from './index-looks.ts';
import { createIndexPolls } from './index-polls.ts';
import { createMemberOperation } from './member-bulk.ts';
import { createMemberships } from './memberships.ts';
import type { Membership, Segment } from './model.ts';
import { createParallelWrites } from './parallel-writes.ts';
import { createRefreshQuota } from './refresh-quota.ts';
import { retryingFailed } from './retry-failed.ts';
import { createRetryRounds } from './retry-rounds.ts';

export interface AddedContact {
  readonly membership: Membership;
  readonly alreadyMember: boolean;
  readonly bulkCall: BulkCall;
}

export interface Segments extends Disposable {
  /** As CXone has it now; null where it knows no such segment. */
  get(segmentId: string, call: CallContext): Promise<Segment | null>;
  /** `first` segments from the place `offset` on, in CXone's order. */
  page(
    window: { offset: number; first: number },
    call: CallContext,
  ): Promise<{ items: Segment[]; hasNextPage: boolean }>;
  /** A segment that takes members; not older than a minute. @throws NotFoundError; ConflictError DYNAMIC_SEGMENT */
  requireStatic(segmentId: string, call: CallContext): Promise<Segment>;
  /**
   * Adds a contact, five tries together with others and a last one alone.
   *
   * @param request.confirm whether to wait until the index shows it, about 30 s
   * @throws NotFoundError; ConflictError DYNAMIC_SEGMENT; UpstreamError: CXone would not take it; what `BulkLoader.load` throws
   */
  addContact(
    request: { segmentId: string; contactId: string; confirm: boolean },
    caller: BulkCaller,
  ): Promise<AddedContact>;
  /** @throws NotFoundError: no such segment */
  membership(segmentId: string, contactId: string, call: CallContext): Promise<Membership>;
  /** Rebuilds the index. @throws NotFoundError; RateLimitedError within an hour of the last time */
  refresh(segmentId: string, caller: BulkCaller): Promise<Segment>;
  readonly importKind: ImportKind<string>;
}

/** Whether a segment is dynamic is not asked before every write. */
const SEGMENT_TTL_MS = 60_000;
const MAX_SEGMENTS = 10_000;

export function createSegments(deps: {
  cxone: CxoneClient;
  loader: BulkLoader;
  idempotencyKeys: IdempotencyKeys;
  audited: Audited;
  globalId: (type: string, id: string) => string;
  /** Milliseconds between two looks at the index, and how long it is looked at before a refresh is asked for. */
  pollMs: number;
  confirmMs: number;
  /** First delay before failed contacts are sent again. */
  retryBaseMs: number;
  clock: Clock;
  /** 0 to below 1. */
  random: () => number;
  log: { warn(fields: object, message: string): void };
}): Segments {
  const { cxone, loader, idempotencyKeys, audited, globalId, pollMs, confirmMs, retryBaseMs, clock, random, log } =
    deps;
  const client = createSegmentClient(cxone);
  const gid = (segmentId: string) => globalId('Segment', segmentId);
  const notFound = (segmentId: string) => new NotFoundError('There is no such segment. Check its id.', gid(segmentId));

  const known = new LRUCache<string, { segment: Segment | null }, CallContext>({
    max: MAX_SEGMENTS,
    ttl: SEGMENT_TTL_MS,
    ...agesBy(clock),
    // A newer answer that comes meanwhile ends nobody's waiting for this one.
    ignoreFetchAbort: true,
    async fetchMethod(segmentId, _outdated, { context }) {
      // Others may be waiting for this answer by the time its first caller goes away.
      return { segment: await client.get(segmentId, { ...context, signal: undefined }) };
    },
  });

  async function get(segmentId: string, call: CallContext): Promise<Segment | null> {
    const segment = await client.get(segmentId, call);
    known.set(segmentId, { segment });
    return segment;
  }

  /** @throws NotFoundError */
  async function require(segmentId: string, call: CallContext): Promise<Segment> {
    const segment = (await known.fetch(segmentId, { context: call }))?.segment;
    if (segment) return segment;
    known.delete(segmentId);
    throw notFound(segmentId);
  }

  async function requireStatic(segmentId: string, call: CallContext): Promise<Segment> {
    const segment = await require(segmentId, call);
    if (segment.type === 'static') return segment;
    throw new ConflictError(
      'DYNAMIC_SEGMENT',
      'The segment is dynamic: CXone computes its members, and ignores what is written to it. Choose a static one.',
      gid(segmentId),
    );
  }

  const quota = createRefreshQuota({ client, idempotencyKeys, globalId, clock });
  /** Where the quota allows; never throws. @returns when the index was refreshed last, epoch milliseconds */
  async function refreshIfAllowed(segmentId: string, call: CallContext): Promise<number | undefined> {
    try {
      const about = { action: 'segment.refresh', subject: gid(segmentId) };
      return await audited({ actor: 'gateway', call }, about, async () => {
        const { refreshedAtMs, isNew } = await quota.refresh(segmentId, call);
        return { result: refreshedAtMs, detail: { refreshed: isNew } };
      });
    } catch (error) {
      log.warn({ error, requestId: call.requestId }, 'the index of a segment was not refreshed');
      return undefined;
    }
  }

  const polls = createIndexPolls({ client, pollMs, clock });
  const looks = createIndexLooks({ client, pollMs, clock });
  const memberships = createMemberships({ polls, looks, confirmMs, refresh: refreshIfAllowed, clock });
  const writes = createParallelWrites({ clock });
  const rounds = createRetryRounds({ baseMs: retryBaseMs, clock, random });
  const operation = createMemberOperation({ client, writes });
  const together: SharedWrite<string> = {
    operation,
    action: 'segment.addContact',
    subject: gid,
    idOf: (contactId) => contactId,
  };
  const alone = { ...together, operation: createMemberOperation({ client, writes, maxBatchSize: 1 }) };

  /** Sends the contact until CXone takes it, or has refused it often enough. */
  async function send(segmentId: string, contactId: string, caller: BulkCaller): Promise<LoadedItem> {
    let loaded = await loader.load(together, segmentId, contactId, caller);
    for (let tries = 1; isWorthAnotherTry(loaded.outcome) && tries <= MAX_TRIES; tries++) {
      const isLast = tries === MAX_TRIES;
      if (!isLast && !(await rounds.next(segmentId, tries, caller.call))) break;
      loaded = await loader.load(isLast ? alone : together, segmentId, contactId, caller, { isRetry: true });
    }
    return loaded;
  }

  return {
    get,
    page: (window, call) => readWindow((page, pageSize) => client.page(page, pageSize, call), window),
    requireStatic,

    async addContact({ segmentId, contactId, confirm }, caller) {
      const segment = await requireStatic(segmentId, caller.call);
      const loaded = await send(segmentId, contactId, caller).catch((error: unknown) => {
        if (!(error instanceof UpstreamError && error.status === 404)) throw error;
        known.delete(segmentId);
        throw notFound(segmentId);
      });
      const alreadyMember = takenAs(loaded, 'contact') === 'skipped';
      memberships.wrote(segmentId, contactId);
      const state = confirm
        ? await memberships.confirm(segmentId, contactId, caller.call)
        : ({ state: 'WRITTEN', addedAt: null } as const);
      return { membership: { segment, contactId, ...state }, alreadyMember, bulkCall: loaded.bulkCall };
    },

    async membership(segmentId, contactId, call) {
      const segment = await require(segmentId, call);
      return { segment, contactId, ...(await memberships.read(segmentId, contactId, call)) };
    },

    async refresh(segmentId, caller) {
      return await audited(caller, { action: 'segment.refresh', subject: gid(segmentId) }, async () => {
        const { isNew, againAtMs } = await quota.refresh(segmentId, caller.call);
        if (!isNew) {
          const waitMs = Math.max(1, againAtMs - clock.now());
          throw new RateLimitedError(
            `A segment is refreshed at most once an hour. Try again in ${Math.ceil(waitMs / 60_000)} min.`,
            waitMs,
          );
        }
        const segment = await get(segmentId, caller.call);
        if (!segment) throw notFound(segmentId);
        return { result: segment };
      });
    },

    importKind: createMemberImportKind({
      operation: retryingFailed(operation, { baseMs: retryBaseMs, clock, random }),
      requireStatic,
      memberships,
      refresh: refreshIfAllowed,
    }),

    [Symbol.dispose]() {
      polls[Symbol.dispose]();
    },
  };
}
