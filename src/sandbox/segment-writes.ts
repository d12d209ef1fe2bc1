/** Writing members into a segment (cxone-api.md, section 6): under an idempotency key, each contact with its own outcome. */
import { createHash } from 'node:crypto';
import type { Database } from './database.ts';
import type { Exchange, Reply } from './exchange.ts';
import { isId, requireArray } from './formats.ts';
import type { Settings } from './options.ts';
import { invalid, Refusal, type RefusalIssue } from './refusal.ts';

/** Contact ids a call may carry (section 6: best 50 to 200). */
const MAX_CONTACTS = 200;
/** Segments that may be written at the same time for one contact (section 6). */
const MAX_PARALLEL_SEGMENTS = 3;
/** Characters an idempotency key may have (A). */
const MAX_KEY_LENGTH = 255;

export interface SegmentRow {
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

/** @returns the handler of writes to a segment */
export function createSegmentWriter(deps: SegmentDeps): (segment: SegmentRow, exchange: Exchange) => Reply {
  // By contact: the segment of every write that is not answered yet.
  const open = new Map<string, string[]>();
  const watchParallel = (segmentId: string, { body, onAnswered, violate }: Exchange) => {
    const contactIds = new Set<string>(Array.isArray(body) ? body.filter(isId) : []);
    for (const id of contactIds) {
      const segments = [...(open.get(id) ?? []), segmentId];
      open.set(id, segments);
      if (new Set(segments).size > MAX_PARALLEL_SEGMENTS) violate('parallel-segments-of-a-contact');
    }
    onAnswered(() => {
      for (const id of contactIds) {
        const segments = open.get(id) ?? [];
        const others = segments.toSpliced(segments.indexOf(segmentId), 1);
        if (others.length > 0) open.set(id, others);
        else open.delete(id);
      }
    });
  };
  return (segment, exchange) => {
    watchParallel(segment.id, exchange);
    return addOnce(deps, segment, exchange);
  };
}

/** The write under its idempotency key: the same key with the same segment and body gets the first answer again. */
function addOnce(deps: SegmentDeps, segment: SegmentRow, exchange: Exchange): Reply {
  const { db } = deps;
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
