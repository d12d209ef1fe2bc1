/** Segments and memberships: CXone's wire shapes (cxone-api.md, section 6) and ours. */
import { z } from 'zod';

export const wireSegment = z.object({
  id: z.string().min(1),
  name: z.string(),
  type: z.enum(['static', 'dynamic']),
  memberCount: z.int().nonnegative().nullish().catch(undefined),
});

export interface Segment {
  readonly id: string;
  readonly name: string;
  /** CXone computes the members of a dynamic one; writes to it are ignored. */
  readonly type: 'static' | 'dynamic';
  /** Null where CXone did not say. */
  readonly memberCount: number | null;
}

export function toSegment({ memberCount, ...rest }: z.infer<typeof wireSegment>): Segment {
  return { ...rest, memberCount: memberCount ?? null };
}

/**
 * NOT_MEMBER: the index does not show it, and this gateway knows of no write. WRITTEN: accepted, not yet seen in the
 * index. INDEXED: seen there. UNCONFIRMED: accepted, and not seen in the time that there was.
 */
export type MembershipState = 'NOT_MEMBER' | 'WRITTEN' | 'INDEXED' | 'UNCONFIRMED';

export interface Membership {
  readonly segment: Segment;
  readonly contactId: string;
  readonly state: MembershipState;
  /** Epoch milliseconds; null where the index does not show it, or not since when. */
  readonly addedAt: number | null;
}

/** What the index says of one contact. */
export interface IndexedMember {
  readonly isMember: boolean;
  readonly addedAt: number | null;
}
