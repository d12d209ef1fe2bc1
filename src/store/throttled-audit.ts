/**
 * Audit entries about what anybody can cause from outside, at a bounded rate: a flood must not fill the trail, but is
 * to be seen in it. The entry after some that were left out says how many they were.
 */
import type { Clock } from '../clock.ts';
import type { Log } from '../telemetry/log.ts';
import type { AuditLog, NewAuditEntry } from './audit-log.ts';

/** Entries at once, and then a second. */
const BURST = 200;
const PER_SECOND = 1;

export interface ThrottledAudit {
  /** Stores the entry, or counts it for the next that is stored (`suppressed` in its detail). Never rejects. */
  append(entry: NewAuditEntry): Promise<void>;
}

export function createThrottledAudit(deps: { audit: AuditLog; clock: Clock; log: Log }): ThrottledAudit {
  const { audit, clock, log } = deps;
  let places = BURST;
  let filledAt = clock.monotonic();
  let suppressed = 0;

  return {
    async append(entry) {
      const now = clock.monotonic();
      places = Math.min(BURST, places + ((now - filledAt) / 1000) * PER_SECOND);
      filledAt = now;
      if (places < 1) {
        suppressed += 1;
        return;
      }
      places -= 1;
      const detail = { ...entry.detail, ...(suppressed > 0 && { suppressed }) };
      suppressed = 0;
      try {
        await audit.note([{ ...entry, detail }]);
      } catch (error) {
        log.warn({ error, action: entry.action }, 'an audit entry could not be stored');
      }
    },
  };
}
