/** Segments (cxone-api.md, section 6): writes show only once the index has caught up, or is told to. */
import type { Database } from './database.ts';
import type { Route } from './exchange.ts';
import type { JsonObject } from './formats.ts';
import { PAGE_PARAMETERS, page } from './pages.ts';
import { notFound, Refusal } from './refusal.ts';
import { createSegmentWriter, type SegmentDeps, type SegmentRow } from './segment-writes.ts';

/** Milliseconds between two refreshes of a segment (section 6). */
const REFRESH_INTERVAL_MS = 60 * 60 * 1000;
const READ = ['segments:read'] as const;
const WRITE = ['segments:write'] as const;

/** The routes of segments. */
export function segmentRoutes(deps: SegmentDeps): Route[] {
  const { db, now } = deps;
  const writeMembers = createSegmentWriter(deps);
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
      handle: (exchange) => writeMembers(requireSegment(db, exchange.params.segmentId), exchange),
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
