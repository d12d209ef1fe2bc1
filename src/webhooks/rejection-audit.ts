/** Refused deliveries in the audit, at a bounded rate: a flood of forgeries must not fill it, but is to be seen in it. */
import type { Clock } from '../clock.ts';
import type { AuditLog } from '../store/audit-log.ts';
import type { Database } from '../store/database.ts';

/** Entries at once, and then a second, for each kind of sender. */
const BURST = 200;
const PER_SECOND = 1;

export interface Rejection {
  /** A stable word. */
  readonly reason: string;
  /** The `webhook-id`, where the signature shows that it is CXone's; undefined of somebody else's. */
  readonly signedId?: string | undefined;
  /** What does not fit, in words that repeat nothing of it. */
  readonly fault?: string | undefined;
  readonly requestId: string;
}

export interface RejectionAudit {
  /** Stores an entry, or counts it for the next that is stored. Never rejects. */
  note(rejection: Rejection): Promise<void>;
}

export function createRejectionAudit(deps: {
  database: Database;
  audit: AuditLog;
  clock: Clock;
  log: { warn(details: object, message: string): void };
}): RejectionAudit {
  const { database, audit, clock, log } = deps;
  // What is signed has a bucket of its own: forgeries must not hide what is wrong with the real ones.
  const buckets = { signed: createBucket(clock), unsigned: createBucket(clock) };

  return {
    async note({ reason, signedId, fault, requestId }) {
      const bucket = signedId === undefined ? buckets.unsigned : buckets.signed;
      const suppressed = bucket.take();
      if (suppressed === undefined) return;
      try {
        await audit.append(database.db, {
          actor: signedId === undefined ? 'unknown' : 'cxone',
          action: 'webhook.rejected',
          subject: signedId ?? 'unsigned',
          outcome: 'REJECTED',
          requestId,
          detail: { reason, ...(fault === undefined ? {} : { fault }), ...(suppressed === 0 ? {} : { suppressed }) },
        });
      } catch (error) {
        log.warn({ error, reason }, 'a rejected webhook could not be audited');
      }
    },
  };
}

/** A token bucket that counts what it refused since it last gave. */
function createBucket(clock: Clock): { take(): number | undefined } {
  let tokens = BURST;
  let filledAt = clock.monotonic();
  let refused = 0;
  return {
    take() {
      const now = clock.monotonic();
      tokens = Math.min(BURST, tokens + ((now - filledAt) / 1000) * PER_SECOND);
      filledAt = now;
      if (tokens < 1) {
        refused++;
        return undefined;
      }
      tokens--;
      const suppressed = refused;
      refused = 0;
      return suppressed;
    },
  };
}
