/** Imports as their users know them: start one, feed it, watch it, steer it, read what became of its rows. */
import { z } from 'zod';
import type { ImportKind, ImportKindName } from '../bulk/import-kind.ts';
import type { Clock } from '../clock.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { ConflictError, type Issue, NotFoundError, ValidationError } from '../errors.ts';
import { isCountry } from '../phone-numbers.ts';
import { newSortableId } from '../sortable-id.ts';
import type { ImportPageFilter } from '../store/import-reading.ts';
import type { ImportStore } from '../store/import-store.ts';
import type {
  ImportBatchRow,
  ImportRejectionRow,
  ImportRow,
  ImportStateColumn,
  ImportTargetRow,
} from '../store/tables.ts';
import { untilBack } from '../store/until-back.ts';
import type { ImportBooks, NewImport } from './import-books.ts';
import type { ImportEvent, ImportEventType } from './import-events.ts';
import type { ImportIntake, ReceivedUpload } from './import-intake.ts';
import type { ImportRetry } from './import-retry.ts';
import type { LinkTokens, LinkUse } from './link-tokens.ts';
import {
  type ImportOptions,
  type ImportProgress,
  type ImportReport,
  importGlobalId,
  importOptions,
  isFinal,
  progressOf,
  reportOf,
} from './model.ts';
import { createRowMapper } from './reading/row-mapper.ts';

/** More rows than this go through an upload (contract.graphql, StartImportInput). */
export const MAX_INLINE_ROWS = 10_000;
/** Memberships that assignContactsToSegments makes at once. */
export const MAX_ASSIGNMENTS = 100_000;
/** How long an upload may be begun after it was announced. */
const UPLOAD_LIFETIME_MS = 24 * 3_600_000;
/** How long a link to the rejected rows holds; asking for the import gives a fresh one. */
const REJECTIONS_LINK_LIFETIME_MS = 7 * 24 * 3_600_000;

export interface ImportRequest {
  kind: ImportKindName;
  /** CXone's raw id, of the type the kind writes to; null for kinds whose rows name their target. */
  targetId: string | null;
  campaignId: string | null;
  options: Partial<ImportOptions>;
  /** Where the same call may come again: what it made the first time is given again. */
  callKey?: string | undefined;
}

/** `after`: the number of the last batch or row seen. */
export interface RowPage {
  first: number;
  after?: number | undefined;
}

export interface Imports {
  /** @throws ValidationError, NotFoundError (no such target), and what reading the target from CXone throws */
  start(
    request: ImportRequest & { rows: readonly Record<string, unknown>[] },
    actor: string,
    call: CallContext,
  ): Promise<ImportRow>;
  /**
   * Every contact into every segment: an import of kind SEGMENT_MEMBERS.
   *
   * @param request.contactIds CXone's raw ids, as `segmentIds` are
   */
  assign(
    request: {
      contactIds: readonly string[];
      segmentIds: readonly string[];
      callKey?: string | undefined;
    },
    actor: string,
    call: CallContext,
  ): Promise<ImportRow>;
  /** Announces an upload. The link is to be used before `expiresAt`. */
  createUpload(
    request: ImportRequest & { format: 'CSV' | 'NDJSON' },
    actor: string,
    call: CallContext,
  ): Promise<{ row: ImportRow; url: string; expiresAt: number }>;
  receive(
    importId: string,
    body: AsyncIterable<Uint8Array>,
    options: { contentEncoding: 'identity' | 'gzip'; call: CallContext },
  ): Promise<ReceivedUpload>;
  checkLink(token: string, importId: string, use: LinkUse): ReturnType<LinkTokens['check']>;
  rejectionsUrl(importId: string): string;

  get(id: string): Promise<ImportRow | null>;
  page(options: { first: number; after?: string | undefined; filter?: ImportPageFilter }): Promise<ImportRow[]>;
  targets(importId: string): Promise<ImportTargetRow[]>;
  batches(importId: string, options: RowPage): Promise<ImportBatchRow[]>;
  rejections(importId: string, options: RowPage): Promise<ImportRejectionRow[]>;
  progress(row: ImportRow): ImportProgress;
  /** Null while the import is under way. */
  report(row: ImportRow): Promise<ImportReport | null>;
  /** The import that an event is about, as it is now. A database that is away makes it late, until the signal ends it. */
  importOf(event: ImportEvent, signal: AbortSignal | undefined): Promise<ImportRow | null>;
  /** The batch that an event is about, likewise. */
  batchOf(event: ImportEvent, signal: AbortSignal | undefined): Promise<ImportBatchRow | null>;
  /** How many send, and how many wait for their rows or for somebody to go on. */
  activity(): Promise<{ running: number; waiting: number }>;

  /** @throws NotFoundError; ConflictError NOT_IN_THIS_STATE */
  pause(importId: string, actor: string, requestId: string): Promise<ImportRow>;
  resume(importId: string, actor: string, requestId: string): Promise<ImportRow>;
  cancel(importId: string, actor: string, requestId: string): Promise<ImportRow>;
  /** Sends failed and unknown rows again, and what a failed import had not sent yet. */
  retry: ImportRetry['retry'];
}

export function createImports(deps: {
  store: ImportStore;
  books: ImportBooks;
  intake: ImportIntake;
  tokens: LinkTokens;
  retry: ImportRetry;
  kinds: ReadonlyMap<ImportKindName, ImportKind>;
  /** @throws ValidationError where nothing may be sent to the URL; `path` is where it stands in the input */
  checkCallbackUrl: (url: string, path: readonly string[]) => void;
  /** The address of links: scheme, host and port. */
  publicUrl: () => string;
  clock: Clock;
}): Imports {
  const { store, books, intake, tokens, retry, kinds, checkCallbackUrl, publicUrl, clock } = deps;

  function newImport(request: ImportRequest, actor: string): NewImport {
    const kind = kinds.get(request.kind);
    if (!kind)
      throw new ValidationError([
        { path: ['kind'], code: 'UNKNOWN_KIND', message: 'There is no such kind of import.' },
      ]);
    const options = importOptions.parse({ onDuplicate: kind.defaultOnDuplicate, ...given(request.options) });
    const issues = [...placeIssues(kind, request), ...optionIssues(options)];
    if (issues.length > 0) throw new ValidationError(issues);
    if (options.callbackUrl !== undefined) checkCallbackUrl(options.callbackUrl, ['options', 'callbackUrl']);
    // Throws where a mapping cannot be followed; what hangs on the columns of a file shows when it comes.
    createRowMapper({ header: null, fieldMapping: options.fieldMapping, ...kind.columns });
    const now = clock.now();
    return {
      id: newSortableId(now),
      kind: request.kind,
      state: 'RECEIVING',
      target_id: request.targetId,
      campaign_id: request.campaignId,
      format: null,
      options_json: JSON.stringify(options),
      created_by: actor,
      call_key: request.callKey ?? null,
      created_at: now,
      upload_expires_at: null,
    };
  }

  async function steer(
    importId: string,
    actor: string,
    requestId: string,
    change: { from: readonly ImportStateColumn[]; to: ImportStateColumn; event: ImportEventType; action: string },
  ): Promise<ImportRow> {
    const { from, to: state, event, action } = change;
    // A run that goes on looks anew at what its target holds: others may have written to it meanwhile.
    const to = { state, ...(isFinal(state) ? { finished_at: clock.now() } : { begun: 0 }) };
    const row = await books.changeState({ importId, from, to, event, action, actor, requestId });
    if (row) return row;
    const current = await store.get(importId);
    if (!current) throw new NotFoundError('There is no such import. Check its id.', importGlobalId(importId));
    const allowed = from.join(' or ');
    throw new ConflictError(
      'NOT_IN_THIS_STATE',
      `The import is ${current.state}; this can be done while it is ${allowed}.`,
      importGlobalId(importId),
    );
  }

  const link = (path: string, importId: string, use: LinkUse, expiresAt: number) =>
    `${publicUrl()}${path}?token=${tokens.sign(importId, use, expiresAt)}`;

  return {
    async start({ rows, ...request }, actor, call) {
      if (rows.length > MAX_INLINE_ROWS) {
        const message = `These are ${rows.length} rows; at most ${MAX_INLINE_ROWS} are taken in one call. Send more through createImportUpload.`;
        throw new ValidationError([{ path: ['rows'], code: 'TOO_MANY', message }]);
      }
      return intake.inline(newImport(request, actor), rows, call);
    },

    assign({ contactIds, segmentIds, callKey }, actor, call) {
      const issues: Issue[] = [];
      if (contactIds.length === 0)
        issues.push({ path: ['contactIds'], code: 'REQUIRED', message: 'At least one contact is required.' });
      if (segmentIds.length === 0)
        issues.push({ path: ['segmentIds'], code: 'REQUIRED', message: 'At least one segment is required.' });
      const count = contactIds.length * segmentIds.length;
      if (count > MAX_ASSIGNMENTS) {
        const message = `These contacts times the segments make ${count} memberships; at most ${MAX_ASSIGNMENTS} are taken in one call. Send more through createImportUpload.`;
        issues.push({ path: ['contactIds'], code: 'TOO_MANY', message });
      }
      if (issues.length > 0) throw new ValidationError(issues);
      const rows = segmentIds.flatMap((segmentId) => contactIds.map((contactId) => ({ contactId, segmentId })));
      const request = { kind: 'SEGMENT_MEMBERS', targetId: null, campaignId: null, options: {}, callKey } as const;
      return intake.inline(newImport(request, actor), rows, call);
    },

    async createUpload({ format, ...request }, actor, call) {
      const row = newImport(request, actor);
      await intake.open(row, call);
      const expiresAt = row.created_at + UPLOAD_LIFETIME_MS;
      const upload = { ...row, state: 'AWAITING_UPLOAD' as const, format, upload_expires_at: expiresAt };
      const stored = await books.created(upload, call.requestId);
      const until = stored.upload_expires_at ?? expiresAt;
      return { row: stored, url: link(`/uploads/${stored.id}`, stored.id, 'upload', until), expiresAt: until };
    },

    receive: (importId, body, options) => intake.upload(importId, body, options),
    checkLink: tokens.check,
    rejectionsUrl: (importId) =>
      link(`/imports/${importId}/rejections.csv`, importId, 'rejections', clock.now() + REJECTIONS_LINK_LIFETIME_MS),

    get: async (id) => (await store.get(id)) ?? null,
    page: store.page,
    targets: store.targets,
    batches: store.batches,
    rejections: store.rejections,
    progress: (row) => progressOf(row, clock.now()),
    report: async (row) =>
      isFinal(row.state) ? reportOf(row, row.p95_latency_ms ?? (await store.p95LatencyMs(row.id))) : null,
    importOf: async ({ importId }, signal) => (await untilBack(() => store.get(importId), { clock, signal })) ?? null,
    batchOf: async ({ importId, batch }, signal) =>
      (batch !== null && (await untilBack(() => store.batch(importId, batch), { clock, signal }))) || null,
    async activity() {
      const running = await store.countByState(['RUNNING', 'CONFIRMING']);
      return { running, waiting: await store.countByState(['AWAITING_UPLOAD', 'RECEIVING', 'PAUSED']) };
    },

    pause: (importId, actor, requestId) =>
      steer(importId, actor, requestId, { from: ['RUNNING'], to: 'PAUSED', event: 'PAUSED', action: 'import.pause' }),
    resume: (importId, actor, requestId) =>
      steer(importId, actor, requestId, {
        from: ['PAUSED'],
        to: 'RUNNING',
        event: 'RESUMED',
        action: 'import.resume',
      }),
    cancel: (importId, actor, requestId) =>
      steer(importId, actor, requestId, {
        from: ['AWAITING_UPLOAD', 'RECEIVING', 'RUNNING', 'PAUSED', 'CONFIRMING'],
        to: 'CANCELLED',
        event: 'CANCELLED',
        action: 'import.cancel',
      }),
    retry: retry.retry,
  };
}

/** GraphQL gives null for what was written as null: the same as left out. */
function given(options: Partial<ImportOptions>): Partial<ImportOptions> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== null));
}

function placeIssues(kind: ImportKind, { targetId, campaignId }: ImportRequest): Issue[] {
  const issues: Issue[] = [];
  const issue = (path: string, code: string, message: string) => issues.push({ path: [path], code, message });
  if (kind.targetType !== null && targetId === null)
    issue('targetId', 'REQUIRED', `Imports of kind ${kind.name} write to one ${kind.targetType}. Give its id.`);
  if (kind.targetType === null && targetId !== null)
    issue('targetId', 'NOT_ALLOWED', `The rows of kind ${kind.name} name their target themselves. Leave this out.`);
  if (!kind.takesCampaign && campaignId !== null)
    issue('campaignId', 'NOT_ALLOWED', `Imports of kind ${kind.name} have no campaign. Leave this out.`);
  return issues;
}

const maxFailures = z.int().nonnegative();

function optionIssues(options: ImportOptions): Issue[] {
  const issues: Issue[] = [];
  const issue = (path: string, code: string, message: string) =>
    issues.push({ path: ['options', path], code, message });
  if (options.defaultCountry !== undefined && !isCountry(options.defaultCountry))
    issue('defaultCountry', 'UNKNOWN_COUNTRY', 'This is not an ISO 3166-1 alpha-2 code, such as US.');
  if (options.maxFailures !== undefined && !maxFailures.safeParse(options.maxFailures).success)
    issue('maxFailures', 'OUT_OF_RANGE', 'This must not be negative.');
  return issues;
}
