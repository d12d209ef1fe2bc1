/** Ids that sort by the time they were made, so that "newest first" is an index on the id alone. */
import { randomBytes } from 'node:crypto';

/** Nine base-36 digits of the milliseconds since the epoch (enough until the year 5188), then 80 random bits. */
export function newSortableId(nowMs: number): string {
  return nowMs.toString(36).padStart(9, '0') + randomBytes(10).toString('hex');
}
