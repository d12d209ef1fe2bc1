/** Segments (cxone-api.md, section 6): writes show only once the index has caught up, or is told to. */
import { createHash } from 'node:crypto';
import type { Database } from './database.ts';
import type { Exchange, Reply, Route } from './exchange.ts';
import { isId, type JsonObject, requireArray } from './formats.ts';
import type { Settings } from './options.ts';
import { PAGE_PARAMETERS, page } from './pages.ts';
import { invalid, notFound, Refusal, type RefusalIssue } from './refusal.ts';

/** Contact ids a call may carry (section 6: best 50 to 200). */
const MAX_CONTACTS = 200;
/** Segments that may be written at the same time for one contact (section 6). */
const MAX_PARALLEL_SEGMENTS = 3;
/** Milliseconds between two refreshes of a segment (section 6). */
const REFRESH_INTERVAL_MS = 60 * 60 * 1000;
const MAX_KEY_LENGTH = 255;
const READ = ['segments:read'] as const;
const WRITE = ['segments:write'] as const;

interface SegmentRow {
  id: string;
  name: string;
  type: 'static' | 'dynamic';
  refreshed_at: number | null;
}

interface FailedContact {
  contactId: string;
  code: string;
  message?: string;
}

export interface SegmentDeps {
  db: Database;
  settings: Settings;
  now: () => number;
}

export function segmentRoutes(deps: SegmentDeps): Route[] {
  const { db, now } = deps;
  const watchParallel = createParallelWatch();
  const inGroup = { group: 'segments' } as const;
  return [
    {
      ...inGroup,
      method: 'GET',
      path: '/api/v2/segments',
      scopes: READ,
      takes: 'nothing',
      query: PAGE_PARAMETERS,
      handle: (exchange) =>
        page(exchange, {
          count: () => db.one<{ n: number }>('SELECT count(*) AS n FROM segments')?.n ?? 0,
          read: (limit, offset) =>
            db
              .all<SegmentRow>('SELECT * FROM segments ORDER BY seq LIMIT ? OFFSET ?', limit, offset)
              .map((row) => wireSegment(deps, row)),
        }),
    },
    {
      ...inGroup,
      method: 'GET',
      path: '/api/v2/segments/{segmentId}',
      scopes: READ,
      takes: 'nothing',
      handle: ({ params }) => ({ status: 200, body: wireSegment(deps, requireSegment(db, params.segmentId)) }),
    },
    {
      ...inGroup,
      method: 'POST',
      path: '/api/v2/segments/{segmentId}/contacts',
      scopes: WRITE,
      takes: 'json',
      countItems: (body) => (Array.isArray(body) ? body.length : 0),
      handle: (exchange) => {
        watchParallel(exchange);
        return addOnce(deps, exchange);
      },
    },
    {
      ...inGroup,
      method: 'GET',
      path: '/api/v2/segments/{segmentId}/contacts/{contactId}',
      scopes: READ,
      takes: 'nothing',
      handle: ({ params }) => {
        const { id } = requireSegment(db, params.segmentId);
        const contactId = params.contactId ?? '';
        const member = db.one<{ added_at: number }>(
          'SELECT added_at FROM segment_members WHERE segment_id = ? AND contact_id = ? AND visible_at <= ?',
          id,
          contactId,
          now(),
        );
        const addedAt = member && { addedAt: new Date(member.added_at).toISOString() };
        return { status: 200, body: { contactId, segmentId: id, isMember: member !== undefined, ...addedAt } };
      },
    },
    {
      ...inGroup,
      method: 'POST',
      path: '/api/v2/segments/{segmentId}/refresh',
      scopes: WRITE,
      takes: 'nothing',
      handle: ({ params }) => {
        refresh(deps, requireSegment(db, params.segmentId));
        return { status: 202 };
      },
    },
  ];
}

/** Counts a broken rule when more than three segments are being written for one contact. */
function createParallelWatch(): (exchange: Exchange) => void {
  const open = new Map<string, number>();
  return ({ body, onAnswered, violate }) => {
    const contactIds = new Set(Array.isArray(body) ? body : []);
    for (const id of contactIds) {
      const writes = (open.get(id) ?? 0) + 1;
      open.set(id, writes);
      if (writes > MAX_PARALLEL_SEGMENTS) violate('parallel-segments-of-a-contact');
    }
    onAnswered(() => {
      for (const id of contactIds) {
        const writes = (open.get(id) ?? 1) - 1;
        if (writes > 0) open.set(id, writes);
        else open.delete(id);
      }
    });
  };
}

/** The write under its idempotency key: the same key with the same segment and body gets the first answer again. */
function addOnce(deps: SegmentDeps, exchange: Exchange): Reply {
  const { db } = deps;
  const segment = requireSegment(db, exchange.params.segmentId);
  const key = exchange.headers['idempotency-key'];
  if (typeof key !== 'string' || key === '' || key.length > MAX_KEY_LENGTH) {
    throw new Refusal(400, 'IdempotencyKeyMissing', `Idempotency-Key must have 1 to ${MAX_KEY_LENGTH} characters.`, {
      violation: 'idempotency-key-missing',
    });
  }
  const bodyHash = createHash('sha256').update(exchange.raw).digest('hex');
  const earlier = db.one<{ segment_id: string; body_hash: string; status: number; answer_json: string }>(
    'SELECT * FROM idempotency_keys WHERE key = ?',
    key,
  );
  if (earlier) {
    if (earlier.segment_id === segment.id && earlier.body_hash === bodyHash) {
      return { status: earlier.status, body: JSON.parse(earlier.answer_json) };
    }
    throw new Refusal(
      409,
      'IdempotencyKeyReused',
      'This key was used for another segment or body; nothing was written.',
      {
        violation: 'idempotency-key-reused',
      },
    );
  }
  const reply = addContacts(deps, segment, exchange);
  db.run(
    'INSERT INTO idempotency_keys (key, segment_id, body_hash, status, answer_json) VALUES (?, ?, ?, ?, ?)',
    key,
    segment.id,
    bodyHash,
    reply.status,
    JSON.stringify(reply.body),
  );
  return reply;
}

function addContacts({ db, settings, now }: SegmentDeps, segment: SegmentRow, exchange: Exchange): Reply {
  const ids = checkIds(exchange.body);
  if (segment.type === 'dynamic') {
    exchange.violate('dynamic-segment-written');
    return { status: 200, body: { successCount: ids.length, failureCount: 0, failedContacts: [] } };
  }
  const seen = new Set<string>();
  const failedContacts: FailedContact[] = [];
  ids.forEach((contactId, index) => {
    const refused = exchange.refuseItem(contactId, index);
    if (seen.has(contactId)) {
      exchange.violate('duplicate-contact-in-batch');
      failedContacts.push({
        contactId,
        code: 'DuplicateContactInBatch',
        message: 'The contact is in the array twice.',
      });
    } else if (refused) {
      failedContacts.push({ contactId, ...refused });
    } else if (!insertMember(db, segment.id, contactId, now(), settings.indexLagMs)) {
      // Both spellings are in use (section 6), so both are met here.
      failedContacts.push({ contactId, code: `${index % 2 === 0 ? '' : '409 '}ContactAlreadyInSegment` });
    }
    seen.add(contactId);
  });
  const successCount = ids.length - failedContacts.length;
  return {
    status: failedContacts.length === 0 ? 201 : 200,
    body: { successCount, failureCount: failedContacts.length, failedContacts },
  };
}

function checkIds(body: unknown): string[] {
  const issues: RefusalIssue[] = [];
  const ids = requireArray(body, MAX_CONTACTS, '', 'batch-size').flatMap((id, index) => {
    if (isId(id)) return [id];
    issues.push({ path: `[${index}]`, message: 'must be a contact id' });
    return [];
  });
  if (issues.length > 0) throw invalid(issues, 'segment-contact-shape');
  return ids;
}

/** @returns false where the contact is in the segment already, visible or not */
export function insertMember(
  db: Database,
  segmentId: string,
  contactId: string,
  nowMs: number,
  lagMs: number,
): boolean {
  return (
    db.run(
      'INSERT OR IGNORE INTO segment_members (segment_id, contact_id, added_at, visible_at) VALUES (?, ?, ?, ?)',
      segmentId,
      contactId,
      nowMs,
      nowMs + lagMs,
    ) > 0
  );
}

function refresh({ db, now }: SegmentDeps, { id, refreshed_at }: SegmentRow): void {
  const waitMs = refreshed_at === null ? 0 : refreshed_at + REFRESH_INTERVAL_MS - now();
  if (waitMs > 0) {
    throw new Refusal(429, 'RefreshTooOften', 'A segment is refreshed at most once an hour.', {
      headers: { 'retry-after': String(Math.ceil(waitMs / 1000)) },
      violation: 'refresh-too-often',
    });
  }
  db.run('UPDATE segments SET refreshed_at = ? WHERE id = ?', now(), id);
  db.run('UPDATE segment_members SET visible_at = ? WHERE segment_id = ? AND visible_at > ?', now(), id, now());
}

/** @throws Refusal 404 */
export function requireSegment(db: Database, id = ''): SegmentRow {
  const row = db.one<SegmentRow>('SELECT * FROM segments WHERE id = ?', id);
  if (!row) throw notFound('segment', id);
  return row;
}

function wireSegment({ db, now }: SegmentDeps, { id, name, type }: SegmentRow): JsonObject {
  const members = db.one<{ n: number }>(
    'SELECT count(*) AS n FROM segment_members WHERE segment_id = ? AND visible_at <= ?',
    id,
    now(),
  );
  return { id, name, type, memberCount: members?.n ?? 0 };
}
