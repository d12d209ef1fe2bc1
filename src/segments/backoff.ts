/** When contacts that a segment did not take are sent again (cxone-api.md, section 6). */

/** Tries of one contact together with others; a last one is made alone. */
export const MAX_TRIES = 5;
const FACTOR = 1.5;
const LONGEST_DELAY_MS = 30_000;

/**
 * The delay after so many failed tries, and how much later it may be: 2 s, times 1.5, 30 s at most, and up to 1 s of
 * jitter, where the first delay is 2 s; in proportion where it is not.
 */
export function retryDelayMs(baseMs: number, failedTries: number): { least: number; jitter: number } {
  return { least: Math.min(baseMs * FACTOR ** (failedTries - 1), LONGEST_DELAY_MS), jitter: baseMs / 2 };
}
