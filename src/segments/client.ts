/** The endpoints of segments (cxone-api.md, section 6), one call each. */
import { z } from 'zod';
import type { CallContext } from '../cxone/call-context.ts';
import type { CxoneAnswer, CxoneClient } from '../cxone/client.ts';
import { wireCode } from '../cxone/error-body.ts';
import type { Page } from '../cxone/pages.ts';
import { RateLimitedError, UpstreamError } from '../errors.ts';
import { type IndexedMember, type Segment, toSegment, wireSegment } from './model.ts';

const wireAdded = z.object({
  successCount: z.number(),
  failureCount: z.number(),
  failedContacts: z.array(z.object({ contactId: z.string(), code: wireCode, message: z.string().nullish() })).nullish(),
});
export type WireAdded = z.infer<typeof wireAdded>;

const wireMembership = z.object({
  contactId: z.string(),
  segmentId: z.string(),
  isMember: z.boolean(),
  addedAt: z.string().nullish().catch(undefined),
});

export interface SegmentClient {
  /** Null where CXone knows no such segment. */
  get(segmentId: string, call: CallContext): Promise<Segment | null>;
  page(page: number, pageSize: number, call: CallContext): Promise<Page<Segment>>;
  /**
   * Adds contacts, no one twice. Repeatable: the same key with the same body takes effect once.
   *
   * @param body the contact ids as a JSON array, as it is sent
   * @param idempotencyKey never used for another segment or body
   */
  addContacts(
    segmentId: string,
    body: string,
    idempotencyKey: string,
    call: CallContext,
  ): Promise<CxoneAnswer<WireAdded>>;
  /** What the index says; it says of a contact that it does not know that it is no member. */
  membership(segmentId: string, contactId: string, call: CallContext): Promise<IndexedMember>;
  /**
   * Rebuilds the index, which CXone does at most once an hour. Repeatable: nothing changes but the index. `found` is
   * false where there is no such segment.
   */
  refresh(
    segmentId: string,
    call: CallContext,
  ): Promise<{ found: boolean; upstreamRequestId: string | undefined; latencyMs: number }>;
}

const SEGMENTS = ['api', 'v2', 'segments'] as const;

export function createSegmentClient(cxone: CxoneClient): SegmentClient {
  return {
    async get(segmentId, call) {
      const answer = await cxone.send(
        { group: 'segments', method: 'GET', path: [...SEGMENTS, segmentId], answer: wireSegment, accept: [404] },
        call,
      );
      if (answer.status === 404) return null;
      const segment = toSegment(answer.body);
      if (segment.id === segmentId) return segment;
      throw otherThanAsked('segment', answer.upstreamRequestId);
    },

    async page(page, pageSize, call) {
      const { entities, ...rest } = await cxone.page(
        { group: 'segments', path: SEGMENTS, entity: wireSegment, page, pageSize },
        call,
      );
      return { entities: entities.map(toSegment), ...rest };
    },

    addContacts: (segmentId, body, idempotencyKey, call) =>
      cxone.send(
        {
          group: 'segments',
          method: 'POST',
          path: [...SEGMENTS, segmentId, 'contacts'],
          headers: { 'idempotency-key': idempotencyKey },
          body: { json: body },
          answer: wireAdded,
          repeatable: 'always',
        },
        call,
      ),

    async membership(segmentId, contactId, call) {
      const answer = await cxone.send(
        {
          group: 'segments',
          method: 'GET',
          path: [...SEGMENTS, segmentId, 'contacts', contactId],
          answer: wireMembership,
          accept: [404],
        },
        call,
      );
      if (answer.status === 404) return { isMember: false, addedAt: null };
      const { body } = answer;
      if (body.contactId !== contactId || body.segmentId !== segmentId) {
        throw otherThanAsked('membership', answer.upstreamRequestId);
      }
      const addedAt = Date.parse(body.addedAt ?? '');
      return { isMember: body.isMember, addedAt: body.isMember && Number.isFinite(addedAt) ? addedAt : null };
    },

    async refresh(segmentId, call) {
      const { status, upstreamRequestId, retryAfterMs, latencyMs } = await cxone.send(
        {
          group: 'segments',
          method: 'POST',
          path: [...SEGMENTS, segmentId, 'refresh'],
          answer: z.unknown(),
          repeatable: 'always',
          // Once an hour for each segment (section 6): a 429 is about this one, whoever refreshed it.
          accept: [404, 429],
        },
        call,
      );
      if (status === 429)
        throw new RateLimitedError('CXone refreshed this segment within the hour. Try again later.', retryAfterMs);
      return { found: status !== 404, upstreamRequestId, latencyMs };
    },
  };
}

/** An answer about another thing must never be shown, counted or cached as this one. */
function otherThanAsked(thing: string, upstreamRequestId: string | undefined): UpstreamError {
  return new UpstreamError(`CXone answered with another ${thing} than the one asked for. Try again in a moment.`, {
    fault: 'badResponse',
    upstreamRequestId,
  });
}
